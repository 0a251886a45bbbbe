"""What a rule was worth, by what came of its cases, and which figure would have been better.

A grade is somebody's word about a case that ended: useful or noise. Nothing here changes a rule.
Source: E. B. Wilson (1927), for the interval of a share.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from dealing.alerts.model import Case, CaseState, Outcome
from dealing.alerts.policy import US_PER_S, AlertPolicy, RulePolicy, Worse

LEAST_GRADED: Final = 10
"""With fewer grades, or of one kind only, no figure is proposed."""

KEPT_SHARE: Final = 0.95
"""So many of the useful cases a proposed figure keeps at least."""

_Z_95: Final = 1.959963984540054
_MOST_FIGURES: Final = 6


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """Another figure from which on a rule would fire, and what it would have done."""

    fires_at: float
    kept: int
    useful: int
    spared: int
    noise: int
    sentence: str


class RuleGrade(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's cases that ended within a time.

    ``precision`` is useful / graded with its 95 % interval, None without grades.
    ``acknowledge_s`` is the median time until somebody looked, of the cases at which somebody did;
    ``ignored`` the share at which nobody ever did. ``usd`` is what acting saved less what it cost.
    ``proposal`` says which figure would have been better, None without enough evidence.
    """

    rule: str
    ended: int
    graded: int
    useful: int
    noise: int
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    acknowledge_s: float | None
    ignored: float
    saved_usd: float
    lost_usd: float
    usd: float
    proposal: str | None = None
    proposed_fires_at: float | None = None


def grades_of(cases: Iterable[Case], policy: AlertPolicy) -> list[RuleGrade]:
    """Return the grades of each rule that has cases which ended, in order of the rules' names."""
    by_rule: dict[str, list[Case]] = {}
    for case in cases:
        if case.state is CaseState.RESOLVED:
            by_rule.setdefault(case.rule, []).append(case)
    return [_grade(policy.rule(rule), rule, by_rule[rule]) for rule in sorted(by_rule)]


def wilson(useful: int, graded: int) -> tuple[float, float]:
    """Return the 95 % interval of a share; without anything graded it is anywhere.

    >>> [round(bound, 3) for bound in wilson(8, 10)]
    [0.49, 0.943]
    """
    if graded == 0:
        return 0.0, 1.0
    share, weight = useful / graded, _Z_95**2 / graded
    middle = share + weight / 2.0
    spread = _Z_95 * math.sqrt(share * (1.0 - share) / graded + weight / (4.0 * graded))
    low, high = (middle - spread) / (1.0 + weight), (middle + spread) / (1.0 + weight)
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def proposal_of(rule: RulePolicy, cases: Iterable[Case]) -> Proposal | None:
    """Return the figure that spares the most noise and keeps the useful cases, None without one.

    Cases of symbols that have figures of their own say nothing about the rule's. A case counts with
    the furthest value that it had: with a stricter figure up to that it would have been all the
    same.
    """
    own = {symbol for symbol, more in rule.by_symbol.items() if more.fires_at != rule.fires_at}
    graded = [case for case in cases if case.symbol not in own and _peak(rule, case) is not None]
    useful = [_strictness(rule, case) for case in graded if case.outcome is Outcome.USEFUL]
    noise = [_strictness(rule, case) for case in graded if case.outcome is Outcome.NOISE]
    if not useful or not noise or len(useful) + len(noise) < LEAST_GRADED:
        return None
    least_kept = math.ceil(KEPT_SHARE * len(useful))
    figure = sorted(useful)[len(useful) - least_kept]
    spared = sorted(value for value in noise if value < figure)
    if not spared:
        return None
    lowest = min(value for value in useful if value > spared[-1])
    strict = _round_between(spared[-1], lowest)
    return _proposal(rule, strict, useful, noise)


def _proposal(
    rule: RulePolicy, strict: float, useful: Sequence[float], noise: Sequence[float]
) -> Proposal | None:
    fires_at = strict if rule.worse is Worse.ABOVE else -strict
    if not strict > (rule.fires_at if rule.worse is Worse.ABOVE else -rule.fires_at):
        return None
    kept = sum(value >= strict for value in useful)
    spared = sum(value < strict for value in noise)
    return Proposal(
        fires_at=fires_at,
        kept=kept,
        useful=len(useful),
        spared=spared,
        noise=len(noise),
        sentence=f"Firing at {fires_at:,.10g} instead of {rule.fires_at:,.10g} would have kept "
        f"{kept:,} of {len(useful):,} useful cases and spared {spared:,} of {len(noise):,} that "
        "were noise.",
    )


def _grade(rule: RulePolicy, name: str, cases: Sequence[Case]) -> RuleGrade:
    useful = sum(case.outcome is Outcome.USEFUL for case in cases)
    noise = sum(case.outcome is Outcome.NOISE for case in cases)
    graded = useful + noise
    low, high = wilson(useful, graded) if graded else (None, None)
    waits = [
        (case.acknowledged_us - case.opened_us) / US_PER_S
        for case in cases
        if case.acknowledged_us is not None
    ]
    saved = math.fsum(case.outcome_usd for case in cases if case.outcome_usd > 0.0)
    lost = -math.fsum(case.outcome_usd for case in cases if case.outcome_usd < 0.0)
    proposal = proposal_of(rule, cases)
    return RuleGrade(
        rule=name,
        ended=len(cases),
        graded=graded,
        useful=useful,
        noise=noise,
        precision=useful / graded if graded else None,
        precision_low=low,
        precision_high=high,
        acknowledge_s=statistics.median(waits) if waits else None,
        ignored=1.0 - len(waits) / len(cases),
        saved_usd=saved,
        lost_usd=lost,
        usd=saved - lost,
        proposal=None if proposal is None else proposal.sentence,
        proposed_fires_at=None if proposal is None else proposal.fires_at,
    )


def _peak(rule: RulePolicy, case: Case) -> float | None:
    if case.memory.peak is not None:
        return case.memory.peak
    values = [member.value for member in case.members]
    return (max if rule.worse is Worse.ABOVE else min)(values) if values else None


def _strictness(rule: RulePolicy, case: Case) -> float:
    """Return a case's furthest value so that more is worse."""
    peak = _peak(rule, case) or 0.0
    return peak if rule.worse is Worse.ABOVE else -peak


def _round_between(below: float, above: float) -> float:
    """Return a number with few figures that is more than one, and not more than the other."""
    if above == 0.0:
        return 0.0
    for figures in range(1, _MOST_FIGURES + 1):
        step = 10.0 ** (math.floor(math.log10(abs(above))) - figures + 1)
        rounded = float(f"{math.floor(above / step) * step:.12g}")
        if below < rounded <= above:
            return rounded
    return above
