"""One population, one seed: every method on the same first n trades.

Everything that has to be learned (the oracle's acquaintances, the level of an alarm) is learned on
another draw of the same generator, never on the clients that are judged.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
import numpy as np

from dealing.lab.closed_form import Verdict
from dealing.lab.columns import Flags, Floats, Population
from dealing.lab.detection import first_above, found, threshold
from dealing.lab.metrics import auc, brier_skill, calibration_error, correlation, precision_at_k
from dealing.lab.observed import Observed
from dealing.lab.oracle import Known, learned, oracle
from dealing.lab.routing import captured, captured_by
from dealing.lab.rules import RULES
from dealing.lab.scorers import Said, Scorer, closed_form

SURE: Final = 0.6

_RULE_NEEDS: Final = 20
_CLEARLY: Final = 1.645


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who made n trades, judged on them.

    Units: AUCs of toxic (edge > 0) against benign (edge <= -0.7 costs), ``auc_with_grey`` against
    everybody else; ``martingale_sure`` the share of them with p above 0.6; None where a population
    has nobody to ask about.
    """

    population: str
    seed: int
    n: int
    clients: int
    toxic: int
    benign: int
    auc: float | None
    auc_oracle: float | None
    auc_closed_form: float | None
    auc_rules: dict[str, float | None]
    auc_with_grey: float | None
    auc_by_kind: dict[str, float | None]
    precision_at_k: float | None
    ece: float | None
    brier_skill: float | None
    edge_correlation: float | None
    martingale_sure: float | None


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to a population over all its trades: alarms by each method, and routing.

    Units: ``*_after`` trades until half the toxic clients of a kind are found; ``captured`` the
    share of what routing could gain; ``regret`` costs per trade.
    """

    population: str
    seed: int
    trades: int
    found: float | None
    found_after: dict[str, int | None]
    ever_false: float | None
    found_rules: dict[str, float | None]
    alarmed: float | None
    alarmed_after: dict[str, int | None]
    alarm_null: float | None
    captured: float | None
    regret: float
    captured_rules: dict[str, float | None]


class Learned(NamedTuple):
    """What another draw of the generator taught: persons, and levels of each method's alarm."""

    persons: Known
    levels: dict[str, float]
    kinds: tuple[str, ...]


def study(population: Population, seen: Observed, scorer: Scorer) -> Learned:
    """Learn from a draw that nobody is judged on."""
    truth = population.truth
    persons = learned(seen, truth.toxic, truth.edge, truth.kind)
    levels = {"score": threshold(scorer(population, seen).verdict.rank, truth.benign)}
    for name, values in rule_courses(seen).items():
        levels[name] = threshold(values, truth.benign)
    return Learned(persons, levels, population.kinds)


def rows(
    population: Population,
    seen: Observed,
    said: Said,
    lessons: Learned,
    numbers: tuple[int, ...],
) -> list[Row]:
    """Judge every method after each number of trades."""
    plain = closed_form(population, seen).verdict
    return [_row(population, seen, said.verdict, plain, lessons, n) for n in numbers]


def course(population: Population, seen: Observed, said: Said, lessons: Learned) -> Course:
    """Judge alarms and routing over all trades."""
    courses = rule_courses(seen)
    flagged = found(first_above(said.verdict.rank, lessons.levels["score"]), population)
    alarmed = found(said.alarmed, population)
    routed = captured(said.verdict.edge, seen, population)
    return Course(
        population=population.name,
        seed=population.seed,
        trades=int(seen.known.shape[1]),
        found=flagged.share,
        found_after=flagged.after,
        ever_false=flagged.false,
        found_rules={
            name: found(first_above(values, lessons.levels[name]), population).share
            for name, values in courses.items()
        },
        alarmed=alarmed.share,
        alarmed_after=alarmed.after,
        alarm_null=alarmed.null,
        captured=routed.share,
        regret=routed.regret,
        captured_rules=_routed_by_rules(courses, seen, population),
    )


def rule_courses(seen: Observed) -> dict[str, Floats]:
    """Return what each rule says after each trade. Shapes: (clients, trades)."""
    trades = seen.known.shape[1]
    return {
        name: np.stack([rule(seen.until(n)) for n in range(1, trades + 1)], axis=1)
        for name, rule in RULES.items()
    }


def _routed_by_rules(
    courses: dict[str, Floats], seen: Observed, population: Population
) -> dict[str, float | None]:
    enough = np.cumsum(seen.known, axis=1) >= _RULE_NEEDS
    wishes: dict[str, Flags] = {
        "total profit": enough & (courses["total profit"] > 0.0),
        "sharpe t": courses["sharpe t"] > _CLEARLY,
        "win rate": enough & (courses["win rate"] > 0.55),  # noqa: PLR2004
    }
    return {name: captured_by(wish, seen, population).share for name, wish in wishes.items()}


def _row(
    population: Population,
    seen: Observed,
    verdict: Verdict,
    plain: Verdict,
    lessons: Learned,
    n: int,
) -> Row:
    enough = seen.many >= n
    first = seen.until(n)
    truth = population.truth
    toxic, benign = truth.toxic & enough, truth.benign & enough
    score, simple = verdict.after(n), plain.after(n)
    known_best, _ = oracle(lessons.persons, first)
    p, judged = score.p[enough], truth.toxic[enough]
    return Row(
        population=population.name,
        seed=population.seed,
        n=n,
        clients=int(enough.sum()),
        toxic=int(toxic.sum()),
        benign=int(benign.sum()),
        auc=auc(score.rank, toxic, benign),
        auc_oracle=auc(known_best, toxic, benign),
        auc_closed_form=auc(simple.rank, toxic, benign),
        auc_rules={name: auc(rule(first), toxic, benign) for name, rule in RULES.items()},
        auc_with_grey=auc(score.rank, toxic, enough & ~truth.toxic),
        auc_by_kind={
            name: auc(score.rank, toxic & population.is_kind(name), benign)
            for name in population.kinds
            if np.any(toxic & population.is_kind(name))
        },
        precision_at_k=precision_at_k(score.rank[enough], judged),
        ece=calibration_error(p, judged),
        brier_skill=brier_skill(p, judged),
        edge_correlation=correlation(score.edge[enough], truth.edge[enough]),
        martingale_sure=_share(p > SURE, population.is_kind("martingale")[enough]),
    )


def _share(what: Flags, among: Flags) -> float | None:
    return float(what[among].mean()) if np.any(among) else None
