"""Rules look at readings: what begins, goes on, is over, or happened once.

A lasting state begins where it reaches ``fires_at``, if it holds for ``for_s``, and is over once it
is back at ``clears_at``: in between it stays what it was, so a figure that trembles makes no noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from dealing.alerts.model import Change, ChangeKind, Look, Reading
from dealing.alerts.policy import AlertPolicy, Hours, RulePolicy, severity_of, us
from dealing.alerts.roll import known_usd

MOST_KEYS: Final = 100_000
"""How many happenings of a rule are remembered, so that none counts twice."""

ADOPTED_WITHIN_US: Final = 60_000_000
"""How long a source has, after a start, to mention what holds by the cases that were kept."""

IsOpen = Callable[[str, int], bool]
"""Whether the market of a symbol is open at a moment (wall clock, microseconds UTC)."""


def always_open(_symbol: str, _at_us: int) -> bool:
    """Say that the market is open: for a desk that does not know sessions."""
    return True


class _Held(NamedTuple):
    """What a source said of a subject; "" before any did, in this process."""

    source: str
    reading: Reading


class _Since(NamedTuple):
    source: str
    at_us: int


class Watch:
    """The rules of a policy, and what they saw so far.

    Several sources may measure a rule: each sees all of its own subjects, and no other one's.
    """

    def __init__(
        self,
        policy: AlertPolicy,
        active: Iterable[Reading] = (),
        is_open: IsOpen = always_open,
    ) -> None:
        """Take the policy, what holds by the open cases, and who knows the markets' hours."""
        self._policy = policy
        self._is_open = is_open
        self._active: dict[str, dict[str, _Held]] = {}
        self._since: dict[str, dict[str, _Since]] = {}
        self._seen: dict[str, dict[str, None]] = {}
        self._first_us: dict[str, int] = {}
        for reading in active:
            self._active.setdefault(reading.rule, {})[reading.subject] = _Held("", reading)

    def look(self, look: Look) -> list[Change]:
        """Return what is new, and what still holds, in what a source saw."""
        found = []
        mentioned: dict[str, set[str]] = {rule: set() for rule in look.measured}
        for reading in look.readings:
            change = self._of(reading, look)
            found += [] if change is None else [change]
            if reading.rule in mentioned and self._policy.rule(reading.rule).enabled:
                mentioned[reading.rule].add(reading.subject)
        for rule, subjects in sorted(mentioned.items()):
            found += self._end_others(rule, subjects, look)
        return found

    def _of(self, reading: Reading, look: Look) -> Change | None:
        rule = self._policy.rules.get(reading.rule)
        if rule is None or not rule.enabled:
            return None
        is_closed = rule.hours is Hours.MARKET and not self._is_open(reading.symbol, look.at_us)
        if reading.key:
            return None if is_closed else self._happened(rule, reading)
        if reading.subject in self._active.get(rule.name, {}):
            return self._goes_on(rule, _Held(look.source, reading), is_closed=is_closed)
        return self._begins(rule, reading, look, is_closed=is_closed)

    def _happened(self, rule: RulePolicy, reading: Reading) -> Change | None:
        seen = self._seen.setdefault(rule.name, {})
        if reading.key in seen or not rule.fires(reading.value, reading.symbol):
            return None
        seen[reading.key] = None
        if len(seen) > MOST_KEYS:
            del seen[next(iter(seen))]
        return _change(ChangeKind.HAPPENED, rule, reading)

    def _goes_on(self, rule: RulePolicy, new: _Held, *, is_closed: bool) -> Change | None:
        reading, active = new.reading, self._active[rule.name]
        if is_closed or not rule.holds(reading.value, reading.symbol):
            del active[reading.subject]
            return _change(ChangeKind.CLEARED, rule, reading)
        if not math.isfinite(reading.value):
            active[reading.subject] = active[reading.subject]._replace(source=new.source)
            return None
        active[reading.subject] = new
        return _change(ChangeKind.GOES_ON, rule, reading)

    def _begins(
        self, rule: RulePolicy, reading: Reading, look: Look, *, is_closed: bool
    ) -> Change | None:
        waiting, subject = self._since.setdefault(rule.name, {}), reading.subject
        if is_closed or not rule.fires(reading.value, reading.symbol):
            waiting.pop(subject, None)
            return None
        since = waiting.setdefault(subject, _Since(look.source, look.at_us))
        if look.at_us - since.at_us < us(rule.for_s):
            return None
        del waiting[subject]
        self._active.setdefault(rule.name, {})[subject] = _Held(look.source, reading)
        return _change(ChangeKind.RAISED, rule, reading)

    def _end_others(self, name: str, mentioned: set[str], look: Look) -> Iterator[Change]:
        """End what a full look does not mention."""
        waiting, active = self._since.get(name, {}), self._active.get(name, {})
        for subject, since in list(waiting.items()):
            if since.source == look.source and subject not in mentioned:
                del waiting[subject]
        # what holds since before this process may be another source's, which has not looked yet
        first_us = self._first_us.setdefault(name, look.at_us)
        is_late = look.at_us - first_us >= ADOPTED_WITHIN_US
        for subject, held in list(active.items()):
            is_mine = held.source == look.source or (is_late and not held.source)
            if is_mine and subject not in mentioned:
                del active[subject]
                yield _change(ChangeKind.CLEARED, self._policy.rule(name), held.reading)


def _change(kind: ChangeKind, rule: RulePolicy, reading: Reading) -> Change:
    at_stake_usd = known_usd(reading.at_stake_usd)
    if at_stake_usd != reading.at_stake_usd:
        reading = msgspec.structs.replace(reading, at_stake_usd=at_stake_usd)
    severity = severity_of(rule, at_stake_usd, reading.symbol, reading.value)
    return Change(kind=kind, reading=reading, severity=severity)
