"""What is kept of the house's revenue, and where in the calendar it belongs.

The engine says what it booked; here every fact and control gets its server day and hour and the
name of the desk. A closed day is never edited: what comes too late for it is booked now, and says
which day it corrects.

Units: ``*_micro_usd`` whole millionths of a USD, + is earned; ``ts_event`` ns UTC.
Source: semantics.md section 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import polars as pl

from dealing.server_day import DAY, DayHour, ServerDay
from exposure.model.events import CashBooked, RevenueBooked

Booked = RevenueBooked | CashBooked


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One signed amount that the house earned.

    ``position``, ``component``, ``login``, ``symbol`` and ``book`` are its key. ``corrects_day`` is
    the closed day that it came too late for.
    """

    position: int
    component: str
    login: str
    symbol: str
    book: str
    day: date
    hour: int
    ts_event: int
    amount_micro_usd: int
    client_id: str
    underlying: str
    asset_class: str
    ib: str
    desk: str
    region: str
    deal_id: str
    corrects_day: date | None = None


class Control(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one event moved in one currency: its facts add up to its controls.

    ``position`` and ``currency`` are its key.
    """

    position: int
    currency: str
    day: date
    hour: int
    ts_event: int
    client_net_micro_usd: int
    lp_net_micro_usd: int
    bonus_micro_usd: int
    adjustments_micro_usd: int
    corrects_day: date | None = None


Entry = TypeVar("Entry", Fact, Control)


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What the house was worth at one position of the engine, measured without any fact.

    ``booked_usd`` is all cash that was ever booked as revenue, as the engine itself sums it up.
    """

    position: int
    ts_event: int
    floating_usd: float
    booked_usd: float


class DayOpening(msgspec.Struct, frozen=True):
    """The last that was measured before a server day; the first one that is kept counts."""

    day: date
    mark: Mark


class Booking(NamedTuple):
    """What is kept at once, all of it or nothing.

    ``now`` is where the engine stands in the calendar; ``mark`` is kept as the newest one.
    """

    now: DayHour
    facts: Sequence[Fact] = ()
    controls: Sequence[Control] = ()
    openings: Sequence[DayOpening] = ()
    mark: Mark | None = None


class Dimension(StrEnum):
    """What totals are kept by."""

    DAY = "day"
    HOUR = "hour"
    SYMBOL = "symbol"
    UNDERLYING = "underlying"
    ASSET_CLASS = "asset_class"
    CLIENT = "client_id"
    IB = "ib"
    BOOK = "book"
    REGION = "region"
    DESK = "desk"


_MINUTE_NS: Final = 60_000_000_000
_MINUTES_KEPT: Final = 4_096

_TEXT: Final = pl.String()
_MICRO: Final = pl.Int64()
_TIME: Final = pl.Datetime("ns", "UTC")

FACT_KEY: Final = ("position", "component", "login", "symbol", "book")
CONTROL_KEY: Final = ("position", "currency")

FACT_SCHEMA: Final[dict[str, Any]] = {
    "position": pl.Int64(),
    "component": _TEXT,
    "login": _TEXT,
    "symbol": _TEXT,
    "book": _TEXT,
    "day": pl.Date(),
    "hour": pl.Int8(),
    "ts_event": _TIME,
    "amount_micro_usd": _MICRO,
    "client_id": _TEXT,
    "underlying": _TEXT,
    "asset_class": _TEXT,
    "ib": _TEXT,
    "desk": _TEXT,
    "region": _TEXT,
    "deal_id": _TEXT,
    "corrects_day": pl.Date(),
}
"""Columns of a frame of facts, sorted by FACT_KEY."""

CONTROL_SCHEMA: Final[dict[str, Any]] = {
    "position": pl.Int64(),
    "currency": _TEXT,
    "day": pl.Date(),
    "hour": pl.Int8(),
    "ts_event": _TIME,
    "client_net_micro_usd": _MICRO,
    "lp_net_micro_usd": _MICRO,
    "bonus_micro_usd": _MICRO,
    "adjustments_micro_usd": _MICRO,
    "corrects_day": pl.Date(),
}
"""Columns of a frame of controls, sorted by CONTROL_KEY."""

TOTAL_SCHEMA: Final[dict[str, Any]] = {
    "dimension": _TEXT,
    "name": _TEXT,
    "component": _TEXT,
    "amount_micro_usd": _MICRO,
}
"""Columns of the totals of one day."""


class Bookkeeper:
    """Gives what the engine booked its place: a server day, an hour and a desk."""

    def __init__(self, day: ServerDay, desk: str) -> None:
        """Take the calendar and this desk's name."""
        self.day = day
        self._desk = desk
        # no zone changes its clocks within a minute
        self._at = lru_cache(maxsize=_MINUTES_KEPT)(lambda minute: day.at(minute * _MINUTE_NS))

    def facts(self, booked: Iterable[Booked]) -> list[Fact]:
        """Return the facts among what the engine booked."""
        return [self._fact(event) for event in booked if isinstance(event, RevenueBooked)]

    def controls(self, booked: Iterable[Booked]) -> list[Control]:
        """Return the controls among what the engine booked."""
        return [self._control(event) for event in booked if isinstance(event, CashBooked)]

    def _fact(self, event: RevenueBooked) -> Fact:
        at = self._at(event.ts_event // _MINUTE_NS)
        return Fact(
            position=event.position,
            component=event.component,
            login=_kept(event.login),
            symbol=_kept(event.symbol),
            book=event.book,
            day=at.day,
            hour=at.hour,
            ts_event=event.ts_event,
            amount_micro_usd=event.amount_micro_usd,
            client_id=_kept(event.client_id),
            underlying=_kept(event.underlying),
            asset_class=_kept(event.asset_class),
            ib=_kept(event.ib),
            desk=self._desk,
            region=_kept(event.region),
            deal_id=_kept(event.deal_id),
        )

    def _control(self, event: CashBooked) -> Control:
        at = self._at(event.ts_event // _MINUTE_NS)
        return Control(
            position=event.position,
            currency=_kept(event.currency),
            day=at.day,
            hour=at.hour,
            ts_event=event.ts_event,
            client_net_micro_usd=event.client_net_micro_usd,
            lp_net_micro_usd=event.lp_net_micro_usd,
            bonus_micro_usd=event.bonus_micro_usd,
            adjustments_micro_usd=event.adjustments_micro_usd,
        )


FactKey = tuple[int, str, str, str, str]
ControlKey = tuple[int, str]


def fact_key(fact: Fact) -> FactKey:
    """Return what no other fact has."""
    return fact.position, fact.component, fact.login, fact.symbol, fact.book


def control_key(control: Control) -> ControlKey:
    """Return what no other control has."""
    return control.position, control.currency


def placed(entry: Entry, closed_until: date | None, now: DayHour) -> Entry:
    """Return an entry where it may still be booked: a closed day is never edited.

    Args:
        entry: A fact or a control in its own day.
        closed_until: The newest closed day, None before the first one.
        now: Where the engine stands.
    """
    if closed_until is None or entry.day > closed_until:
        return entry
    still_open = now if now.day > closed_until else DayHour(closed_until + DAY, 0)
    return msgspec.structs.replace(
        entry, day=still_open.day, hour=still_open.hour, corrects_day=entry.day
    )


def _kept(text: str) -> str:
    # no database keeps a zero byte in a text
    return text.replace("\0", "\ufffd") if "\0" in text else text
