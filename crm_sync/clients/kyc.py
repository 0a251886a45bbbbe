"""How far a client's identification has come, computed from all that providers reported.

Reports come late, twice and in any order. So every one is kept, and the state is what they say in
the order of their own times: a step that cannot follow the one before is passed over. A client
stands where the steps at the required level or above lead. A hold or a suspension of any case
counts whatever its level, because it may be a hit on a sanctions list; an approval of a lower level
never counts for more than its level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

import msgspec

from crm_sync.clients.fields import RiskClass
from crm_sync.events import KycState

DAY_US: Final = 86_400_000_000
_MONTH_DAYS: Final = 30.4375

RANK: Final = {state: rank for rank, state in enumerate(KycState)}
"""Orders steps that are told of the same moment."""

_OPEN: Final = frozenset(
    {
        KycState.DRAFT,
        KycState.SUBMITTED,
        KycState.IN_REVIEW,
        KycState.APPROVED,
        KycState.RETRY,
        KycState.REJECTED_FINAL,
        KycState.ON_HOLD,
        KycState.SUSPENDED,
    }
)

STEPS: Final[Mapping[KycState, frozenset[KycState]]] = {
    KycState.NONE: _OPEN | {KycState.EXPIRED, KycState.REOPENED},
    KycState.DRAFT: _OPEN,
    KycState.SUBMITTED: _OPEN,
    KycState.IN_REVIEW: _OPEN,
    KycState.RETRY: _OPEN,
    KycState.ON_HOLD: _OPEN,
    KycState.APPROVED: frozenset(
        {
            KycState.APPROVED,
            KycState.DRAFT,
            KycState.EXPIRED,
            KycState.REOPENED,
            KycState.RETRY,
            KycState.REJECTED_FINAL,
            KycState.ON_HOLD,
            KycState.SUSPENDED,
        }
    ),
    KycState.EXPIRED: _OPEN | {KycState.REOPENED},
    KycState.REOPENED: _OPEN,
    KycState.REJECTED_FINAL: frozenset({KycState.DRAFT, KycState.REOPENED, KycState.SUSPENDED}),
    KycState.SUSPENDED: frozenset({KycState.DRAFT, KycState.REOPENED}),
}
"""What may follow what; steps in between may have been lost. A final refusal and a suspension end
only where somebody opens the case again. A review that runs beside an approval takes nothing away.
"""

HOLDS: Final = (KycState.ON_HOLD, KycState.SUSPENDED)


class KycStep(NamedTuple):
    """One report of one applicant."""

    state: KycState
    occurred_at_us: int
    provider: str
    applicant_id: str
    level: str
    event_id: str
    labels: tuple[str, ...] = ()

    @property
    def case(self) -> tuple[str, str, str]:
        """Whose step it is."""
        return self.provider, self.applicant_id, self.level


class Reached(NamedTuple):
    """Where steps lead, and since when; ``labels`` are those of the last step that counted."""

    state: KycState
    since_us: int
    labels: tuple[str, ...] = ()
    level: str = ""


START: Final = Reached(KycState.NONE, 0)


class Standing(NamedTuple):
    """Where a client stands.

    ``level`` is the highest one that is approved, ``due_at_us`` the moment at which time alone
    changes the standing.
    """

    state: KycState
    since_us: int
    level: str
    due_at_us: int | None


class KycPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the desk asks of identification; ``levels`` from the lowest to the highest."""

    levels: tuple[str, ...] = ("basic", "standard", "enhanced")
    required: str = "standard"
    low_months: int = 36
    medium_months: int = 24
    high_months: int = 12
    grace_us: int = 30 * DAY_US

    def rank(self, level: str) -> int:
        """Return how high a level is, -1 for one that is none of ours."""
        return self.levels.index(level) if level in self.levels else -1

    def counts(self, level: str) -> bool:
        """Return whether a level is the required one or above."""
        return self.rank(level) >= self.rank(self.required)

    def valid_us(self, risk_class: RiskClass) -> int:
        """Return how long an approval lasts."""
        months = {
            RiskClass.LOW: self.low_months,
            RiskClass.MEDIUM: self.medium_months,
            RiskClass.HIGH: self.high_months,
        }
        return round(months[risk_class] * _MONTH_DAYS * DAY_US)


def reached(steps: Iterable[KycStep]) -> Reached:
    """Return where steps lead, whatever their order here."""
    now = START
    for step in sorted(steps, key=_order):
        if step.state in STEPS[now.state]:
            kept = step.state is now.state and step.state is not KycState.APPROVED
            since_us = now.since_us if kept else step.occurred_at_us
            now = Reached(step.state, since_us, step.labels, step.level)
    return now


def cases(steps: Iterable[KycStep]) -> dict[tuple[str, str, str], Reached]:
    """Return where each case stands."""
    by_case = sorted(steps, key=lambda step: step.case)
    return {case: reached(mine) for case, mine in groupby(by_case, lambda step: step.case)}


def standing(
    steps: Sequence[KycStep], policy: KycPolicy, risk_class: RiskClass, now_us: int
) -> Standing:
    """Return where a client stands now."""
    each = cases(steps)
    level = _approved_level(each, policy)
    held = [one for one in each.values() if one.state in HOLDS]
    if held:
        worst = min(held, key=lambda one: (HOLDS.index(one.state), one.since_us))
        return Standing(worst.state, worst.since_us, level, None)
    at = reached(step for step in steps if policy.counts(step.level))
    return _aged(at, level, policy, risk_class, now_us)


def _aged(
    at: Reached, level: str, policy: KycPolicy, risk_class: RiskClass, now_us: int
) -> Standing:
    state, since_us = at.state, at.since_us
    if state is KycState.APPROVED:
        ends_us = since_us + policy.valid_us(risk_class)
        if now_us < ends_us:
            return Standing(state, since_us, level, ends_us)
        state, since_us = KycState.EXPIRED, ends_us
    due_at_us = since_us + policy.grace_us
    waits = state is KycState.EXPIRED and now_us < due_at_us
    return Standing(state, since_us, level, due_at_us if waits else None)


def _approved_level(each: Mapping[tuple[str, str, str], Reached], policy: KycPolicy) -> str:
    approved = [case[2] for case, at in each.items() if at.state is KycState.APPROVED]
    return max((level for level in approved if level in policy.levels), key=policy.rank, default="")


def _order(step: KycStep) -> tuple[int, int, str, str]:
    return step.occurred_at_us, RANK[step.state], step.provider, step.event_id
