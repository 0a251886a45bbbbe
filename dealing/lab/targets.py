"""What the scores promise, and whether they kept it: the median of the seeds, and the worst one.

Source: science.md sections 2.2 and 3, issue "Know the flow".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import msgspec
import numpy as np

from dealing.lab.evaluation import Course, Row

_REGRET: Final = 0.12 / 1.4
"""0.12 pip at a cost of 1.4 pips."""


class Goal(NamedTuple):
    """A bound on a figure: for the median of the seeds, and for the worst (None for no bound)."""

    name: str
    at_least: bool
    median: float
    worst: float | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A promise on one population. ``reached`` is None where nothing could be measured."""

    population: str
    name: str
    median: float | None
    worst: float | None
    median_goal: float
    worst_goal: float | None
    reached: bool | None


Figure = Callable[[Row], float | None]

_ROW_GOALS: Final[tuple[tuple[Goal, int | None, Figure], ...]] = (
    (Goal("AUC", True, 0.90, 0.86), 20, lambda row: row.auc),
    (Goal("AUC", True, 0.94, 0.92), 50, lambda row: row.auc),
    (Goal("AUC", True, 0.965, 0.95), 100, lambda row: row.auc),
    (Goal("AUC over the best rule", True, 0.05, 0.05), None, lambda row: _over(row, _best_rule)),
    (
        Goal("AUC over the closed form", True, -0.01, -0.01),
        None,
        lambda row: _over(row, lambda one: one.auc_closed_form),
    ),
    (Goal("precision at k", True, 0.70), 50, lambda row: row.precision_at_k),
    (Goal("calibration error", False, 0.05), 50, lambda row: row.ece),
    (Goal("Brier skill", True, 0.40), 50, lambda row: row.brier_skill),
    (Goal("martingale above 0.6", False, 0.02), None, lambda row: row.martingale_sure),
    (Goal("AUC of evaders", True, 0.80), 50, lambda row: row.auc_by_kind.get("evader")),
)

_COURSE_GOALS: Final[tuple[tuple[Goal, Callable[[Course], float | None]], ...]] = (
    (Goal("found at 5 % ever false", True, 0.75), lambda one: one.found),
    (Goal("trades to find latency", False, 10.0), lambda one: _after(one, "latency")),
    (Goal("trades to find news", False, 20.0), lambda one: _after(one, "news")),
    (Goal("trades to find informed", False, 150.0), lambda one: _after(one, "informed")),
    (Goal("alarms among the harmless", False, 0.05, 0.05), lambda one: one.alarm_null),
    (Goal("routing captured", True, 0.55), lambda one: one.captured),
    (Goal("routing regret in costs", False, _REGRET), lambda one: one.regret),
)


def targets(rows: list[Row], courses: list[Course]) -> list[Target]:
    """Return every promise on every population that was run."""
    out = []
    for name in dict.fromkeys(row.population for row in rows):
        mine = [row for row in rows if row.population == name]
        for goal, n, figure in _ROW_GOALS:
            for many in [n] if n else sorted({row.n for row in mine}):
                values = [figure(row) for row in mine if row.n == many]
                out.append(_judged(name, _at(goal, many), values))
        runs = [one for one in courses if one.population == name]
        out += [
            _judged(name, goal, [figure(one) for one in runs]) for goal, figure in _COURSE_GOALS
        ]
    return [one for one in out if one.reached is not None]


def _judged(population: str, goal: Goal, values: Iterable[float | None]) -> Target:
    known = [value for value in values if value is not None]
    if not known:
        return _target(population, goal, None, None, reached=None)
    median = float(np.median(known))
    worst = min(known) if goal.at_least else max(known)
    reached = _keeps(median, goal.median, goal) and (
        goal.worst is None or _keeps(worst, goal.worst, goal)
    )
    return _target(population, goal, median, worst, reached=reached)


def _target(
    population: str,
    goal: Goal,
    median: float | None,
    worst: float | None,
    *,
    reached: bool | None,
) -> Target:
    return Target(
        population=population,
        name=goal.name,
        median=_finite(median),
        worst=_finite(worst),
        median_goal=goal.median,
        worst_goal=goal.worst,
        reached=reached,
    )


def _finite(value: float | None) -> float | None:
    """Return None for "never": JSON has no infinity."""
    return None if value is None or not np.isfinite(value) else value


def _keeps(value: float, bound: float, goal: Goal) -> bool:
    return value >= bound if goal.at_least else value <= bound


def _at(goal: Goal, n: int) -> Goal:
    return goal._replace(name=f"{goal.name}, {n} trades")


def _best_rule(row: Row) -> float | None:
    known = [value for value in row.auc_rules.values() if value is not None]
    return max(known) if known else None


def _over(row: Row, other: Figure) -> float | None:
    theirs = other(row)
    return None if row.auc is None or theirs is None else row.auc - theirs


def _after(one: Course, kind: str) -> float | None:
    """Return trades until half of a kind are found, infinity for never, None without the kind."""
    if kind not in one.found_after:
        return None
    after = one.found_after[kind]
    return float("inf") if after is None else float(after)
