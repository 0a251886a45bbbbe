"""From totals to what management reads: a table by one dimension, and the day explained.

Sums are added up as whole millionths and become USD at the end, so every view of a period shows
the same total.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import polars as pl

from dealing.revenue.ports import KeptMark, Summary
from exposure.model.revenue import Component

MICRO: Final = 1_000_000


class Group(StrEnum):
    """What components are to a reader."""

    MARKUP = "markup"
    COMMISSION = "commission"
    SWAP = "swap"
    TRADING = "trading"
    PROVIDERS = "providers"
    DIVIDENDS = "dividends"
    COSTS = "costs"


GROUP_OF: Final = {
    Component.MARKUP: Group.MARKUP,
    Component.COMMISSION: Group.COMMISSION,
    Component.SWAP_CLIENT: Group.SWAP,
    Component.SWAP_LP: Group.SWAP,
    Component.BBOOK_PNL: Group.TRADING,
    Component.LP_PNL: Group.PROVIDERS,
    Component.LP_COMMISSION: Group.PROVIDERS,
    Component.BRIDGE_FEE: Group.PROVIDERS,
    Component.DIVIDEND_CLIENT: Group.DIVIDENDS,
    Component.DIVIDEND_LP: Group.DIVIDENDS,
    Component.CORPORATE_ACTION: Group.DIVIDENDS,
    Component.IB_COST: Group.COSTS,
    Component.PSP_FEE: Group.COSTS,
    Component.BONUS: Group.COSTS,
    Component.NBP_WRITE_OFF: Group.COSTS,
    Component.FX_CONVERSION: Group.COSTS,
    Component.ADJUSTMENT: Group.COSTS,
}
"""Swap is net of the providers' swap, as in the golden trade."""

OTHER: Final = (Group.DIVIDENDS, Group.COSTS)
"""Groups that a table shows as one column."""


class Row(NamedTuple):
    """One name of a dimension; all amounts in millionths of a USD."""

    name: str
    by_group: Mapping[Group, int]

    @property
    def total(self) -> int:
        """What it earned in all."""
        return sum(self.by_group.values())

    @property
    def other(self) -> int:
        """What has no column of its own."""
        return sum(self.by_group.get(group, 0) for group in OTHER)


class Step(NamedTuple):
    """One reason why the house's profit changed, in USD."""

    name: str
    usd: float


class Explanation(NamedTuple):
    """How the house's profit changed over a period, and what nobody can say why.

    ``total_usd`` is what the engine measured, without any fact: open profit and booked cash at both
    ends. ``steps`` and ``unexplained_usd`` add up to it.
    """

    steps: list[Step]
    unexplained_usd: float
    total_usd: float
    opening: KeptMark
    end: KeptMark


def rows(totals: pl.DataFrame) -> list[Row]:
    """Return the rows of a table, the largest total first."""
    by_name: defaultdict[str, defaultdict[Group, int]] = defaultdict(lambda: defaultdict(int))
    for name, component, amount in totals.iter_rows():
        by_name[name][GROUP_OF[Component(component)]] += amount
    made = [Row(name, dict(groups)) for name, groups in by_name.items()]
    return sorted(made, key=lambda row: (-row.total, row.name))


def total(made: list[Row]) -> Row:
    """Return the row that all rows add up to."""
    sums: defaultdict[Group, int] = defaultdict(int)
    for row in made:
        for group, amount in row.by_group.items():
            sums[group] += amount
    return Row("Total", dict(sums))


def explain(summary: Summary, whole: Row) -> Explanation | None:
    """Explain a period, None while its opening or its end was not measured.

    Facts that the period's days hold and that were booked before its opening, or after its end, are
    known on both sides of the sum, so they hide nothing.

    Args:
        summary: The period.
        whole: What it earned in all.
    """
    opening, end = summary.opening, summary.closing or summary.now
    if opening is None or end is None:
        return None
    booked = end.mark.booked_usd - opening.mark.booked_usd
    facts = (end.facts_micro_usd - opening.facts_micro_usd) / MICRO
    amount = whole.by_group.get
    steps = [
        Step("Markup", amount(Group.MARKUP, 0) / MICRO),
        Step("Commission", amount(Group.COMMISSION, 0) / MICRO),
        Step("Swap", amount(Group.SWAP, 0) / MICRO),
        Step("Trading", (amount(Group.TRADING, 0) + amount(Group.PROVIDERS, 0)) / MICRO),
        Step("Dividends", amount(Group.DIVIDENDS, 0) / MICRO),
        Step("Adjustments", amount(Group.COSTS, 0) / MICRO),
        Step("Unrealised", end.mark.floating_usd - opening.mark.floating_usd),
    ]
    unexplained = booked - facts
    whole_usd = sum(step.usd for step in steps) + unexplained
    return Explanation(steps, unexplained, whole_usd, opening, end)
