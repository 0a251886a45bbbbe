"""Totals by every dimension, added up fact by fact: what a screen reads instead of the facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from operator import attrgetter
from typing import NamedTuple

from dealing.revenue.facts import Dimension, Fact


class TotalKey(NamedTuple):
    """Which total an amount belongs to."""

    dimension: str
    day: date
    name: str
    component: str


def summed(
    facts: Sequence[Fact], dimensions: Sequence[Dimension] = tuple(Dimension)
) -> dict[TotalKey, int]:
    """Return the totals of some facts, in whole millionths of a USD."""
    totals: dict[TotalKey, int] = {}
    for dimension in dimensions:
        name_of = _name_of(dimension)
        # millions of facts pass here after a long absence: plain tuples are half the time
        sums: defaultdict[tuple[date, str, str], int] = defaultdict(int)
        for fact in facts:
            sums[fact.day, name_of(fact), fact.component] += fact.amount_micro_usd
        totals |= {TotalKey(dimension.value, *key): amount for key, amount in sums.items()}
    return totals


def _name_of(dimension: Dimension) -> Callable[[Fact], str]:
    """Return how a fact's total of a dimension is called; names sort as days and hours do."""
    match dimension:
        case Dimension.DAY:
            return lambda fact: fact.day.isoformat()
        case Dimension.HOUR:
            return lambda fact: f"{fact.hour:02d}"
        case _:
            return attrgetter(dimension.value)
