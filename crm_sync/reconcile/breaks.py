"""A break as one value: what each side says, what it may cost and how old it is."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
import polars as pl

from crm_sync.reconcile.schema import DAY_US, BreakClass, Kind, Side, Status


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What one side says: its first row, with the sums of amounts if it has several."""

    rows: int
    ref: str
    id: str
    kind: Kind
    amount_minor: int
    currency: str
    at_us: int
    status: Status = Status.DONE
    client_id: str = ""
    login: str = ""
    provider: str = ""
    fee_minor: int | None = None
    platform_ref: str = ""
    credit_minor: int | None = None
    credit_currency: str = ""
    rate: float | None = None


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong; a side that says nothing of it is None.

    ``id`` is the same in every run. ``side`` is where the fault is. ``amount_minor`` may be lost;
    ``usd_at_risk`` is None where its currency has no price. ``at_us`` is when it began.
    """

    id: str
    break_class: BreakClass
    side: Side
    ref: str
    client_id: str
    login: str
    currency: str
    amount_minor: int
    usd_at_risk: float | None
    at_us: int
    provider: Facts | None = None
    ledger: Facts | None = None
    platform: Facts | None = None


class Age(StrEnum):
    """How long a break is known, in days."""

    DAY = "0-1"
    DAYS = "1-3"
    WEEK = "3-7"
    MONTH = "7-30"
    OLDER = "30+"


_UPTO_DAYS = ((1, Age.DAY), (3, Age.DAYS), (7, Age.WEEK), (30, Age.MONTH))


def age_of(since_us: int, now_us: int) -> Age:
    """Return the age bucket of something that began at a time; its end belongs to the next."""
    days = (now_us - since_us) / DAY_US
    return next((age for upto, age in _UPTO_DAYS if days < upto), Age.OLDER)


def breaks_of(frame: pl.DataFrame) -> list[Break]:
    """Return the breaks of a frame with the columns ``facts.BREAKS``."""
    named = frame.rename({"class": "break_class"})
    return [msgspec.convert(_told(row), Break) for row in named.iter_rows(named=True)]


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _without_nothing(value) for name, value in row.items()}


def _without_nothing(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: said for name, said in value.items() if said is not None}
