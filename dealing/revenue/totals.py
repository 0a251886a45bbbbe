"""Totals by every dimension, added up fact by fact: what a screen reads instead of the facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from dealing.revenue.facts import Dimension, Fact, named


class TotalKey(NamedTuple):
    """Which total an amount belongs to."""

    dimension: str
    day: date
    name: str
    component: str


def summed(
    facts: Iterable[Fact], dimensions: Sequence[Dimension] = tuple(Dimension)
) -> dict[TotalKey, int]:
    """Return the totals of some facts, in whole millionths of a USD."""
    totals: defaultdict[TotalKey, int] = defaultdict(int)
    for fact in facts:
        for dimension in dimensions:
            key = TotalKey(dimension.value, fact.day, named(fact, dimension), fact.component)
            totals[key] += fact.amount_micro_usd
    return dict(totals)
