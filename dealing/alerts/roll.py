"""Who and what a case is about: the largest with all their figures, the others by name and USD.

Counts and sums are over all of them. What is not shown is kept small, because a storm makes a case
of ten thousand and the case is written down whenever it changes.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from typing import Final

import msgspec

from dealing.alerts.model import Brief, Case, Member, Reading, Severity

MOST_SHOWN: Final = 20


class Roll:
    """The members of one case."""

    def __init__(self) -> None:
        self._shown: dict[str, Member] = {}
        self._others: dict[str, Brief] = {}

    @classmethod
    def of(cls, case: Case) -> Roll:
        """Return the members that a case was kept with."""
        roll = cls()
        roll._shown = {member.subject: member for member in case.members}
        roll._others = {brief.subject: brief for brief in case.memory.others}
        return roll

    def __len__(self) -> int:
        return len(self._shown) + len(self._others)

    def __iter__(self) -> Iterator[Member | Brief]:
        yield from self._shown.values()
        yield from self._others.values()

    def __contains__(self, subject: object) -> bool:
        return subject in self._shown or subject in self._others

    @property
    def active_count(self) -> int:
        """How many still hold."""
        return sum(one.active for one in self)

    @property
    def total_usd(self) -> float:
        """The USD at stake of all."""
        return math.fsum(one.at_stake_usd for one in self)

    def is_active(self, subject: str) -> bool:
        """Whether the state of a member holds."""
        held = self._shown.get(subject) or self._others.get(subject)
        return held is not None and held.active

    def put(self, reading: Reading, severity: Severity, now_us: int, *, active: bool) -> bool:
        """Take the newest figures of a member, known or not, and return whether any is new."""
        new = _member(reading, severity, now_us, active=active)
        shown = self._shown.get(reading.subject)
        if shown is not None:
            if active and _figures(shown) == _figures(new):
                return False
            self._shown[new.subject] = _since(new, shown.first_us)
            return True
        brief = self._others.get(reading.subject)
        if brief is not None:
            if active and brief.active and brief.at_stake_usd == new.at_stake_usd:
                return False
            del self._others[new.subject]
            new = _since(new, brief.first_us)
        self._shown[new.subject] = new
        return True

    def end(self, subject: str, now_us: int) -> bool:
        """Note that the state of a member is over, and return whether it held until now."""
        if not self.is_active(subject):
            return False
        shown = self._shown.get(subject)
        if shown is not None:
            self._shown[subject] = msgspec.structs.replace(
                shown, active=False, at_stake_usd=0.0, last_us=now_us
            )
        else:
            brief = self._others[subject]
            self._others[subject] = Brief(subject, 0.0, active=False, first_us=brief.first_us)
        return True

    def settle(self) -> tuple[Member, ...]:
        """Return the largest, and keep little of all the others."""
        largest = heapq.nlargest(MOST_SHOWN, self, key=_rank)
        shown = {one.subject: _whole(one) for one in largest}
        for subject, member in self._shown.items():
            if subject not in shown:
                self._others[subject] = _brief(member)
        for subject in shown:
            self._others.pop(subject, None)
        self._shown = shown
        return tuple(shown.values())

    def others(self) -> tuple[Brief, ...]:
        """Return those that are not shown."""
        return tuple(self._others.values())


def known_usd(value: float) -> float:
    """Return an amount that sums can be made of: what is no number, or below zero, counts as 0."""
    return value if math.isfinite(value) and value > 0.0 else 0.0


def known_value(value: float) -> float:
    """Return a value that can be written down: what is no number counts as 0."""
    return value if math.isfinite(value) else 0.0


def _member(reading: Reading, severity: Severity, now_us: int, *, active: bool) -> Member:
    return Member(
        subject=reading.subject,
        severity=severity,
        value=known_value(reading.value),
        at_stake_usd=known_usd(reading.at_stake_usd),
        headline=reading.headline,
        first_us=now_us,
        last_us=now_us,
        active=active,
        client_id=next((one.client_id for one in reading.offers if one.client_id), ""),
    )


def _figures(member: Member) -> tuple[object, ...]:
    return (
        member.severity, member.value, member.at_stake_usd, member.headline, member.active,
        member.client_id,
    )  # fmt: skip


def _since(member: Member, first_us: int) -> Member:
    return msgspec.structs.replace(member, first_us=first_us)


def _rank(one: Member | Brief) -> tuple[float, bool, str]:
    return (one.at_stake_usd, one.active, one.subject)


def _brief(member: Member) -> Brief:
    return Brief(member.subject, member.at_stake_usd, member.active, member.first_us)


def _whole(one: Member | Brief) -> Member:
    if isinstance(one, Member):
        return one
    return Member(
        subject=one.subject,
        severity=Severity.INFO,
        value=0.0,
        at_stake_usd=one.at_stake_usd,
        headline="",
        first_us=one.first_us,
        last_us=one.first_us,
        active=one.active,
    )
