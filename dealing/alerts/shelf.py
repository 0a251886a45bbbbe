"""Where cases stand: those that are open by what they are about, those that ended lately beside."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator

from dealing.alerts.model import Case, CaseState
from dealing.alerts.roll import Roll

Key = tuple[str, str]
"""A rule and a subject of it."""


def single_key(rule: str, subject: str) -> str:
    """Return the dedupe key of a subject's own case; that of a group is its rule."""
    return f"{rule}:{subject}"


class Held:
    """A case and its members."""

    __slots__ = ("case", "roll")

    def __init__(self, case: Case, roll: Roll | None = None) -> None:
        self.case = case
        self.roll = Roll.of(case) if roll is None else roll


class Shelf:
    """All cases that are open, ended lately, or were resolved by a person while they hold."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._of: dict[Key, int] = {}
        self._open: dict[str, dict[int, None]] = {}
        self._by_key: dict[str, int] = {}
        self._dismissed: dict[Key, int] = {}
        self._ended: dict[str, int] = {}
        self._ending: deque[tuple[int, int]] = deque()
        self.changed_rules: set[str] = set()

    def __iter__(self) -> Iterator[Held]:
        """Yield all, whatever their state."""
        yield from self._held.values()

    def open_cases(self) -> list[Case]:
        """Return the cases that are not resolved, in order of their numbers."""
        numbers = sorted(number for some in self._open.values() for number in some)
        return [self._held[number].case for number in numbers]

    def get(self, number: int) -> Held | None:
        """Return a case."""
        return self._held.get(number)

    def open_of(self, rule: str) -> Collection[int]:
        """Return the open cases of a rule."""
        return self._open.get(rule, {})

    def about(self, rule: str, subject: str) -> int | None:
        """Return the open case that a subject is a member of."""
        return self._of.get((rule, subject))

    def dismissed(self, rule: str, subject: str) -> int | None:
        """Return the case that a person resolved although this subject's state holds."""
        return self._dismissed.get((rule, subject))

    def open_by(self, dedupe_key: str) -> int | None:
        """Return the open case of a key."""
        return self._by_key.get(dedupe_key)

    def ended_by(self, dedupe_key: str) -> int | None:
        """Return the case of a key that ended last, if that is known still."""
        return self._ended.get(dedupe_key)

    def stand(self, held: Held, now_us: int) -> None:
        """Take a case that is open; each member stands in one, where it holds, or alone."""
        case, number = held.case, held.case.number
        self._held[number] = held
        self._open.setdefault(case.rule, {})[number] = None
        self._by_key[case.dedupe_key] = number
        if self._ended.get(case.dedupe_key) == number:
            del self._ended[case.dedupe_key]
        for one in list(held.roll):
            self._claim(held, one.subject, now_us)
            if self._dismissed.get((case.rule, one.subject)) == number:
                del self._dismissed[case.rule, one.subject]
        self.changed_rules.add(case.rule)

    def join(self, rule: str, subject: str, number: int) -> None:
        """Note that a subject is a member of an open case from now on."""
        self._of[rule, subject] = number
        self.changed_rules.add(rule)

    def lay_down(self, held: Held, ended_us: int) -> None:
        """Take a case that is resolved; states that hold all the same are dismissed with it."""
        case, number = held.case, held.case.number
        self._held[number] = held
        self._open.get(case.rule, {}).pop(number, None)
        if self._by_key.get(case.dedupe_key) == number:
            del self._by_key[case.dedupe_key]
        self._ended[case.dedupe_key] = number
        for one in held.roll:
            if self._of.get((case.rule, one.subject)) == number:
                self._release(case.rule, one.subject)
            if one.active:
                self._dismissed[case.rule, one.subject] = number
        self._ending.append((ended_us, number))
        self.changed_rules.add(case.rule)

    def _claim(self, held: Held, subject: str, now_us: int) -> None:
        key = (held.case.rule, subject)
        other = self._held.get(self._of.get(key, 0))
        if other is None or other.case.number == held.case.number:
            self._of[key] = held.case.number
        elif _claim_of(held, subject) > _claim_of(other, subject):
            self._of[key] = held.case.number
            other.roll.end(subject, now_us)
        else:
            held.roll.end(subject, now_us)

    def _release(self, rule: str, subject: str) -> None:
        """Give a member of a case that ended to another open one that it is a member of too."""
        del self._of[rule, subject]
        for dedupe_key in (single_key(rule, subject), rule):
            number = self._by_key.get(dedupe_key)
            if number is not None and subject in self._held[number].roll:
                self._of[rule, subject] = number
                return

    def undismiss(self, rule: str, subject: str, now_us: int) -> None:
        """Note that a state is over that a person had dismissed."""
        number = self._dismissed.pop((rule, subject), None)
        if number is not None:
            self._ending.append((now_us, number))

    def forget(self, before_us: int) -> None:
        """Forget what ended before a moment and holds no more."""
        while self._ending and self._ending[0][0] < before_us:
            _, number = self._ending.popleft()
            held = self._held.get(number)
            if held is None or not _is_forgettable(held, before_us):
                continue
            del self._held[number]
            if self._ended.get(held.case.dedupe_key) == number:
                del self._ended[held.case.dedupe_key]


def _claim_of(held: Held, subject: str) -> tuple[bool, bool]:
    return (held.roll.is_active(subject), not held.case.is_group)


def _is_forgettable(held: Held, before_us: int) -> bool:
    case = held.case
    if case.state is not CaseState.RESOLVED or held.roll.active_count:
        return False
    return case.resolved_us is None or case.resolved_us < before_us
