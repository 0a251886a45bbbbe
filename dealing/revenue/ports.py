"""Where revenue is kept, by need and not by technology.

Every method blocks, so whoever has an event loop asks from a thread; every one raises StorageError
when the store cannot be reached or used.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple, Protocol

import polars as pl

from dealing.revenue.facts import Booking, Dimension, Mark


class Period(NamedTuple):
    """Server days, both ends included."""

    first: date
    last: date


class KeptMark(NamedTuple):
    """A mark as it is kept.

    ``facts_micro_usd`` is the sum of all facts up to its position, whatever their day; ``kept_at``
    is wall-clock ns UTC.
    """

    mark: Mark
    facts_micro_usd: int
    kept_at: int


class Summary(NamedTuple):
    """A period at one glance: everything in it was read at the same moment.

    ``totals`` has name, component and amount_micro_usd. ``opening`` is the first opening of the
    period's days, ``closing`` the first one behind them, None where there is none yet. ``now`` is
    the newest mark of all.
    """

    totals: pl.DataFrame
    opening: KeptMark | None
    closing: KeptMark | None
    now: KeptMark | None


class Seal(NamedTuple):
    """What a closed day held when it was closed, so that a later change shows."""

    facts: int
    controls: int
    amount_micro_usd: int
    facts_digest: str
    controls_digest: str


class DayState(NamedTuple):
    """One server day; ``closing`` from the moment that it takes no more, ``seal`` when done."""

    day: date
    closing: bool
    seal: Seal | None


class DayBooks(NamedTuple):
    """A day's facts, controls and totals (columns FACT_SCHEMA, CONTROL_SCHEMA, TOTAL_SCHEMA).

    Facts and controls are sorted by their keys, totals by all that they are of.
    """

    facts: pl.DataFrame
    controls: pl.DataFrame
    totals: pl.DataFrame


class RevenueStore(Protocol):
    """Keeps facts, controls, totals, marks and closed days."""

    def add(self, booking: Booking) -> None:
        """Keep a booking, all of it or nothing.

        What is kept already stays as it is, so a booking may come again. An entry of a closed day
        is booked into the day that is open now (``placed``).
        """
        ...

    def now(self) -> KeptMark | None:
        """Return the newest mark."""
        ...

    def summary(self, period: Period, dimension: Dimension) -> Summary:
        """Return a period's totals by one dimension, and what the house was worth around it."""
        ...

    def days(self) -> list[DayState]:
        """Return every day that has a fact, a control or a seal, oldest first."""
        ...

    def books(self, day: date) -> DayBooks:
        """Return everything of a day as it is at one moment."""
        ...

    def openings(self) -> list[tuple[date, KeptMark]]:
        """Return the opening of every day that has one, oldest first."""
        ...

    def begin_closing(self, before: date) -> list[date]:
        """Let every earlier day take no more, and return those without a seal, oldest first.

        A day without facts and controls is not closed. Those whose closing was begun and never
        ended are returned again.
        """
        ...

    def seal(self, day: date, seal: Seal) -> None:
        """Say what a day held that takes no more; a sealed day keeps its first seal."""
        ...
