"""A routing policy as a file: YAML, checked as a whole, every problem with its line and key.

The schema and what each key means: docs/routing.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bookrouting.policy import (
    HOUR_NS,
    Caps,
    CoolDown,
    Evidence,
    Override,
    Place,
    Policy,
    Pricing,
    Risk,
    place_of,
)
from bookrouting.segments import Segment, Span
from dealing.layers import KeyPath, Layer, merged, yaml_layer
from dealing.layers import place_of as written_at
from exposure.errors import ConfigError
from exposure.model.books import Book

Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Names = Annotated[tuple[Name, ...], Field(strict=False)]
Ratio = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Count = Annotated[float, Field(ge=0.0, le=1e9, allow_inf_nan=False)]
Usd = Annotated[float, Field(ge=0.0, le=1e15, allow_inf_nan=False)]

_NO_LIMIT: Final = float("inf")


def _check_thresholds(above: float, below: float) -> None:
    if not below < above:
        raise ValueError(
            f"keep_below ({below:g}) must be below hedge_above ({above:g}), or clients go to and "
            "fro"
        )


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class EvidenceSection(_Section):
    """How sure one has to be."""

    hedge_above: Ratio = Evidence().hedge_above
    keep_below: Ratio = Evidence().keep_below
    least_n: Annotated[float, Field(ge=1.0, le=1e9)] = Evidence().least_n
    urgent_n: Annotated[float, Field(ge=1.0, le=1e9)] = Evidence().urgent_n
    urgent_e_value: Annotated[float, Field(ge=1.0, le=1e300)] = Evidence().urgent_e_value
    urgent_flags: Names = Evidence().urgent_flags

    @model_validator(mode="after")
    def _leaves_room(self) -> EvidenceSection:
        _check_thresholds(self.hedge_above, self.keep_below)
        return self


class CoolDownSection(_Section):
    """How long a client stays after a change."""

    trades: Annotated[int, Field(ge=0, le=1_000_000)] = CoolDown().trades
    hours: Annotated[float, Field(ge=0.0, le=8_784.0, allow_inf_nan=False)] = 24.0

    def plain(self) -> CoolDown:
        """Return it as the policy computes with it."""
        return CoolDown(self.trades, round(self.hours * HOUR_NS))


class CapsSection(_Section):
    """What is limited whatever the evidence says."""

    daily_ratio: Ratio = Caps().daily_ratio
    daily_least: Annotated[int, Field(ge=0, le=1_000_000)] = Caps().daily_least
    client_ratio: Annotated[float, Field(gt=0.0, le=1.0)] = Caps().client_ratio
    new_client_n: Count = Caps().new_client_n
    new_client_usd: Usd = Caps().new_client_usd


class RiskSection(_Section):
    """What keeping risk costs."""

    risk_aversion: Annotated[float, Field(ge=0.0, le=1e12, allow_inf_nan=False)] = 0.0
    ratio_step: Annotated[float, Field(gt=0.0, le=1.0)] = Risk().ratio_step
    least_change: Ratio = Risk().least_change


class PricingSection(_Section):
    """When better prices are the answer."""

    flags: Names = Pricing().flags
    least_n: Annotated[float, Field(ge=1.0, le=1e9)] = Pricing().least_n


class SpanSection(_Section):
    """From ``least`` (included) up to ``below`` (not included)."""

    least: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    below: Annotated[float, Field(allow_inf_nan=False)] | None = None

    def plain(self) -> Span:
        """Return it as the policy computes with it."""
        return Span(self.least, _NO_LIMIT if self.below is None else self.below)


class MatchSection(_Section):
    """Whom a segment means; what is left out means everybody."""

    countries: Names = ()
    groups: Names = ()
    ibs: Names = ()
    symbol_classes: Names = ()
    flags: Names = ()
    in_cluster: bool | None = None
    n: SpanSection = SpanSection()
    score: SpanSection = SpanSection()

    def plain(self) -> dict[str, Any]:
        """Return it as fields of a Segment."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return {**fields, "n": self.n.plain(), "score": self.score.plain()}


class PlaceSection(_Section):
    """A book; C needs a hedge_ratio, A and B have theirs."""

    book: Book | None = Field(default=None, strict=False)
    hedge_ratio: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None

    @model_validator(mode="after")
    def _belongs_together(self) -> PlaceSection:
        if (self.book is Book.C) != (self.hedge_ratio is not None):
            raise ValueError("book C, and no other, needs a hedge_ratio between 0 and 1")
        return self

    def place(self) -> Place | None:
        """Return the place that is meant, None without a book."""
        return None if self.book is None else place_of(self.book.hedge_ratio(self.hedge_ratio or 0))


class SegmentSection(PlaceSection):
    """Who is meant, and what is different for him."""

    name: Name
    match: MatchSection = MatchSection()
    hedge_above: Ratio | None = None
    keep_below: Ratio | None = None
    watched: bool = False

    @model_validator(mode="after")
    def _means_something(self) -> SegmentSection:
        if not (self.watched or self.book or self.hedge_above or self.keep_below):
            raise ValueError("needs a book, a hedge_above, a keep_below or watched: true")
        if self.watched and self.book:
            raise ValueError("who is only watched goes to no book: leave out book or watched")
        defaults = Evidence()
        _check_thresholds(
            self.hedge_above or defaults.hedge_above, self.keep_below or defaults.keep_below
        )
        return self

    def plain(self) -> Segment:
        """Return it as the policy computes with it."""
        place = self.place()
        return Segment(
            name=self.name,
            hedge_ratio=None if place is None else place.hedge_ratio,
            hedge_above=self.hedge_above,
            keep_below=self.keep_below,
            watched=self.watched,
            **self.match.plain(),
        )


class OverrideSection(PlaceSection):
    """Somebody's decision, until it expires."""

    book: Book = Field(strict=False)
    client_id: Name
    expires: Annotated[AwareDatetime, Field(strict=False)]
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)]

    def plain(self) -> Override:
        """Return it as the policy computes with it."""
        place = place_of(self.book.hedge_ratio(self.hedge_ratio or 0.0))
        expires_ns = round(self.expires.timestamp() * 1e6) * 1_000
        return Override(self.client_id, place, expires_ns, self.reason)


class PolicyFile(_Section):
    """One policy file."""

    name: Name
    version: Annotated[int, Field(ge=1)]
    evidence: EvidenceSection = EvidenceSection()
    cool_down: CoolDownSection = CoolDownSection()
    caps: CapsSection = CapsSection()
    risk: RiskSection = RiskSection()
    pricing: PricingSection = PricingSection()
    segments: Annotated[tuple[SegmentSection, ...], Field(strict=False)] = ()
    overrides: Annotated[tuple[OverrideSection, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _names_once(self) -> PolicyFile:
        _check_once("segment", [segment.name for segment in self.segments])
        _check_once("override", [override.client_id for override in self.overrides])
        return self

    def plain(self) -> Policy:
        """Return it as decisions compute with it."""
        return Policy(
            name=self.name,
            version=self.version,
            evidence=Evidence(**_fields(self.evidence)),
            cool_down=self.cool_down.plain(),
            caps=Caps(**_fields(self.caps)),
            risk=Risk(**_fields(self.risk)),
            pricing=Pricing(**_fields(self.pricing)),
            segments=tuple(segment.plain() for segment in self.segments),
            overrides=tuple(override.plain() for override in self.overrides),
        )


def load_routing_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        ConfigError: With every problem, each with its line and key.
    """
    layer = yaml_layer(path)
    try:
        return PolicyFile.model_validate(merged([layer])).plain()
    except ValidationError as e:
        raise ConfigError([_problem(path, dict(error), layer) for error in e.errors()]) from e


def _fields(section: BaseModel) -> dict[str, Any]:
    return {name: getattr(section, name) for name in type(section).model_fields}


def _check_once(what: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{what} {', '.join(repeated)} is there twice")


def _problem(path: Path, error: dict[str, Any], layer: Layer) -> str:
    key: KeyPath = tuple(str(part) for part in error["loc"])
    place = written_at(key, [layer]) if key else None
    where = f"{place or path}: {'.'.join(key)}" if key else str(path)
    return f"{where}: {_complaint(error)}"


def _complaint(error: dict[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "there is no such key (docs/routing.md lists them)"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            message = str(error["msg"]).replace("Input should", "must")
            return f"{message[0].lower()}{message[1:]}, was {str(error['input'])[:80]!r}"
