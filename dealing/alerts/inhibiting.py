"""Which open case makes another one beside the point: a feed that is down explains stale prices."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from dealing.alerts.model import Case, CaseState
from dealing.alerts.policy import AlertPolicy, Inhibitor, us
from dealing.alerts.shelf import Shelf


class Inhibition:
    """Who stands before whom, by the policy and the cases that are open."""

    def __init__(self, policy: AlertPolicy, shelf: Shelf) -> None:
        """Take the policy and where the cases stand."""
        self._policy = policy
        self._shelf = shelf
        self._inhibits: dict[str, list[str]] = {}
        for rule in policy.rules.values():
            for one in rule.inhibited_by:
                self._inhibits.setdefault(one.rule, []).append(rule.name)

    def concerned(self, rules: Collection[str]) -> list[str]:
        """Return the rules whose cases may be beside the point, or not any more, with these."""
        return sorted({other for one in rules for other in self._inhibits.get(one, ())})

    def of(self, case: Case, now_us: int) -> int | None:
        """Return the case that makes one beside the point, for a while after its end too.

        What it explains gets that while to end by itself.
        """
        found, held = list(self._before(case)), case.inhibited_by
        if held in found:
            return held
        if found:
            return found[0]
        if held is None:
            return None
        released_us = self.released_us(held)
        return held if released_us is None or released_us > now_us else None

    def released_us(self, number: int) -> int | None:
        """Return when a case stops to stand before others, None while it is open."""
        held = self._shelf.get(number)
        if held is None:
            return 0
        if held.case.state is not CaseState.RESOLVED or held.case.resolved_us is None:
            return None
        return held.case.resolved_us + us(self._policy.settle_s)

    def _before(self, case: Case) -> Iterator[int]:
        for one in self._policy.rule(case.rule).inhibited_by:
            yield from self._cases_of(one, case)

    def _cases_of(self, inhibitor: Inhibitor, case: Case) -> Iterator[int]:
        if not inhibitor.subject and not inhibitor.same_subject:
            yield from self._shelf.open_of(inhibitor.rule)
            return
        same = "" if case.is_group or not case.members else case.members[0].subject
        subject = same if inhibitor.same_subject else inhibitor.subject
        number = self._shelf.about(inhibitor.rule, subject) if subject else None
        if number is not None:
            yield number
