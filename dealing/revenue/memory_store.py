"""A RevenueStore that forgets everything when its process ends: for tests and small tools."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date

from dealing.revenue.facts import (
    Booking,
    Control,
    ControlKey,
    Dimension,
    Fact,
    FactKey,
    Mark,
    control_key,
    fact_key,
    placed,
)
from dealing.revenue.frames import controls_frame, facts_frame, totals_frame
from dealing.revenue.ports import DayBooks, DayState, KeptMark, Period, Seal, Summary
from dealing.revenue.totals import summed


class MemoryRevenueStore:
    """Facts and controls by key, days by date."""

    def __init__(self, now_ns: Callable[[], int] = lambda: 0) -> None:
        """Take the wall clock, ns UTC."""
        self._now_ns = now_ns
        self._facts: dict[FactKey, Fact] = {}
        self._controls: dict[ControlKey, Control] = {}
        self._closing: dict[date, Seal | None] = {}
        self._openings: dict[date, KeptMark] = {}
        self._mark: KeptMark | None = None

    def add(self, booking: Booking) -> None:
        """Keep a booking, all of it or nothing."""
        closed_until = max(self._closing, default=None)
        for fact in booking.facts:
            self._facts.setdefault(fact_key(fact), placed(fact, closed_until, booking.now))
        for control in booking.controls:
            kept = placed(control, closed_until, booking.now)
            self._controls.setdefault(control_key(control), kept)
        for opening in booking.openings:
            self._openings.setdefault(opening.day, self._kept(opening.mark))
        if booking.mark is not None:
            self._mark = self._kept(booking.mark)

    def now(self) -> KeptMark | None:
        """Return the newest mark."""
        return self._mark

    def summary(self, period: Period, dimension: Dimension) -> Summary:
        """Return a period's totals by one dimension, and what the house was worth around it."""
        inside = [fact for fact in self._facts.values() if period.first <= fact.day <= period.last]
        by_name: defaultdict[tuple[str, str], int] = defaultdict(int)
        for key, amount in summed(inside, (dimension,)).items():
            by_name[key.name, key.component] += amount
        rows = [(dimension, *names, amount) for names, amount in by_name.items()]
        return Summary(
            totals=totals_frame(rows).drop("dimension"),
            opening=self._opening(lambda day: period.first <= day <= period.last),
            closing=self._opening(lambda day: day > period.last),
            now=self._mark,
        )

    def days(self) -> list[DayState]:
        """Return every day that has a fact, a control or a seal, oldest first."""
        known = {fact.day for fact in self._facts.values()} | set(self._closing)
        known |= {control.day for control in self._controls.values()}
        return [
            DayState(day, day in self._closing, self._closing.get(day)) for day in sorted(known)
        ]

    def books(self, day: date) -> DayBooks:
        """Return everything of a day as it is at one moment."""
        inside = [fact for fact in self._facts.values() if fact.day == day]
        sums = summed(inside).items()
        return DayBooks(
            facts=facts_frame(inside),
            controls=controls_frame(c for c in self._controls.values() if c.day == day),
            totals=totals_frame([(k.dimension, k.name, k.component, usd) for k, usd in sums]),
        )

    def openings(self) -> list[tuple[date, KeptMark]]:
        """Return the opening of every day that has one, oldest first."""
        return sorted(self._openings.items())

    def begin_closing(self, before: date) -> list[date]:
        """Let every earlier day take no more, and return those without a seal."""
        for state in self.days():
            if state.day < before:
                self._closing.setdefault(state.day, None)
        return [day for day, seal in sorted(self._closing.items()) if seal is None]

    def seal(self, day: date, seal: Seal) -> None:
        """Say what a day held that takes no more; a sealed day keeps its first seal."""
        if self._closing[day] is None:
            self._closing[day] = seal

    def _kept(self, mark: Mark) -> KeptMark:
        facts = sum(
            fact.amount_micro_usd for fact in self._facts.values() if fact.position <= mark.position
        )
        return KeptMark(mark, facts, self._now_ns())

    def _opening(self, wanted: Callable[[date], bool]) -> KeptMark | None:
        days = sorted(filter(wanted, self._openings))
        return self._openings[days[0]] if days else None
