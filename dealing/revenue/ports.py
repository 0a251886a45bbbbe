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

    def facts(self, day: date) -> pl.DataFrame:
        """Return a day's facts (columns FACT_SCHEMA), sorted by their key."""
        ...

    def controls(self, day: date) -> pl.DataFrame:
        """Return a day's controls (columns CONTROL_SCHEMA), sorted by their key."""
        ...

    def totals(self, day: date) -> pl.DataFrame:
        """Return a day's totals of all dimensions (columns TOTAL_SCHEMA), sorted."""
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
