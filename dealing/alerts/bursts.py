"""When a rule makes so many cases that further ones are one: counted from what was opened lately.

A market move takes hundreds of accounts at once. The first few get cases of their own, the others
join one. A very large one stands alone all the same, unless there are many of those too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from dealing.alerts.model import Case
from dealing.alerts.policy import OWN_CASE_TIMES, AlertPolicy, RulePolicy, us


class Bursts:
    """How many subjects were new to each rule lately."""

    def __init__(self, policy: AlertPolicy, cases: Iterable[Case]) -> None:
        """Take the cases that are open or ended lately: what they were opened for counts."""
        self._policy = policy
        self._came: dict[str, deque[int]] = {}
        self._alone: dict[str, deque[int]] = {}
        moments = [moment for case in cases for moment in _moments(case)]
        for at_us, rule, alone in sorted(moments):
            self.count(rule, at_us, alone=alone)

    def count(self, rule: str, now_us: int, *, alone: bool) -> None:
        """Note that a subject was new to a rule, and whether it got a case of its own."""
        above = self._policy.rule(rule).burst.above
        self._came.setdefault(rule, deque(maxlen=above)).append(now_us)
        if alone:
            self._alone.setdefault(rule, deque(maxlen=2 * above)).append(now_us)

    def joins(self, rule: RulePolicy, at_stake_usd: float, symbol: str, now_us: int) -> bool:
        """Whether a new subject joins the others."""
        if not _is_full(self._came.get(rule.name), rule, now_us):
            return False
        is_large = at_stake_usd >= OWN_CASE_TIMES * rule.figures_of(symbol).critical_usd
        return not is_large or _is_full(self._alone.get(rule.name), rule, now_us)


def _is_full(times: deque[int] | None, rule: RulePolicy, now_us: int) -> bool:
    if times is None or times.maxlen is None or len(times) < times.maxlen:
        return False
    return now_us - times[0] <= us(rule.burst.within_s)


def _moments(case: Case) -> list[tuple[int, str, bool]]:
    if case.is_group:
        return [(at_us, case.rule, False) for at_us in case.memory.joined_us]
    return [(case.opened_us, case.rule, True)]
