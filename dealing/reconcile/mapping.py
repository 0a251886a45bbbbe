"""A mapping file: how the columns of somebody else's statement become those of a side.

It says which column is which, how amounts, signs and times are written, and what their words for
kinds and statuses mean. What it cannot turn into a value is set aside like any other bad row.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from crm_sync.reconcile.schema import COLUMNS, Kind, Side, Status
from dealing.layers import Layer, merged, place_of, yaml_layer
from exposure.errors import ConfigError

SKIP: Final = "skip"
"""What a kind may mean: such rows are no payments and are left out."""


class Unit(StrEnum):
    """What amounts count: cents, or whole units with decimals."""

    MINOR = "minor"
    MAJOR = "major"


class Sign(StrEnum):
    """Whose sign amounts have.

    ``client``: a deposit is positive. ``reversed``: a deposit is negative. ``by_kind``: amounts
    have no sign of their own, and withdrawals, refunds and chargebacks are taken as negative.
    """

    CLIENT = "client"
    REVERSED = "reversed"
    BY_KIND = "by_kind"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Amounts(_Section):
    """How amounts are written."""

    unit: Unit = Unit.MINOR
    sign: Sign = Sign.CLIENT
    thousands: str = Field(default="", max_length=1)
    decimal: str = Field(default=".", min_length=1, max_length=1)


class Times(_Section):
    """How times are written: a format of strptime, or epoch_us, epoch_ms or epoch_s."""

    format: str = "epoch_us"
    zone: str = "UTC"

    @field_validator("zone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as e:
            raise ValueError(f"there is no time zone {zone[:80]}") from e
        return zone

    @field_validator("format")
    @classmethod
    def _is_format(cls, text: str) -> str:
        if text not in {"epoch_us", "epoch_ms", "epoch_s"} and "%" not in text:
            raise ValueError("must be epoch_us, epoch_ms, epoch_s or hold %Y, %m, %d and so on")
        return text


class Mapping(_Section):
    """One mapping file. ``columns`` and ``constants`` go by the names of the side's columns."""

    columns: dict[str, str]
    constants: dict[str, str] = {}
    amounts: Amounts = Amounts()
    times: Times = Times()
    kinds: dict[str, str] = {}
    statuses: dict[str, str] = {}

    @field_validator("kinds")
    @classmethod
    def _are_kinds(cls, kinds: dict[str, str]) -> dict[str, str]:
        return _words(kinds, [*Kind, SKIP])

    @field_validator("statuses")
    @classmethod
    def _are_statuses(cls, statuses: dict[str, str]) -> dict[str, str]:
        return _words(statuses, list(Status))

    def problems(self, side: Side) -> list[str]:
        """Return what keeps it from describing this side, a sentence each."""
        known = {column.name for column in COLUMNS[side]}
        named = {*self.columns, *self.constants}
        unknown = [f"the {side} has no column {name}" for name in sorted(named - known)]
        required = {column.name for column in COLUMNS[side] if column.required}
        missing = [f"column {name} is missing" for name in sorted(required - named)]
        both = sorted(set(self.columns) & set(self.constants))
        return [*unknown, *missing, *(f"{name} is a column and a constant" for name in both)]


def load_mapping(path: Path, side: Side) -> Mapping:
    """Read a mapping file.

    Raises:
        ConfigError: With every problem, each with its place.
    """
    layer = yaml_layer(path)
    try:
        mapping = Mapping.model_validate(merged([layer]))
    except ValidationError as e:
        raise ConfigError([_problem(path, dict(error), layer) for error in e.errors()]) from e
    problems = mapping.problems(side)
    if problems:
        raise ConfigError([f"{path}: {problem}" for problem in problems])
    return mapping


def _words(words: dict[str, str], known: list[str]) -> dict[str, str]:
    wrong = sorted({word for word in words.values() if word not in known})
    if wrong:
        raise ValueError(f"'{wrong[0][:80]}' is not one of {', '.join(known)}")
    return {theirs.casefold(): ours for theirs, ours in words.items()}


def _problem(path: Path, error: dict[str, Any], layer: Layer) -> str:
    key = tuple(str(part) for part in error["loc"])
    where = f"{place_of(key, [layer]) or path}: {'.'.join(key)}" if key else str(path)
    match error["type"]:
        case "missing":
            return f"{where}: is missing"
        case "extra_forbidden":
            return f"{where}: there is no such key (docs/backoffice.md lists them)"
        case "value_error":
            return f"{where}: {error['ctx']['error']}"
        case _:
            message = str(error["msg"]).replace("Input should", "must")
            return f"{where}: {message[0].lower()}{message[1:]}, was {str(error['input'])[:80]!r}"
