"""Three sides in, matches and breaks out: a function of its frames, whatever their rows' order.

Each leg is matched and judged by itself. Then what is one fault is made one break: a ledger entry
that both others contradict in the same way is the ledger's fault, and a payment that provider and
platform know and the ledger does not is missing once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

from crm_sync.reconcile.facts import break_frame
from crm_sync.reconcile.judging import judged_groups, judged_lone, judged_pairs
from crm_sync.reconcile.legs import Sides, leg_sides
from crm_sync.reconcile.matching import Matcher, match
from crm_sync.reconcile.merging import merged
from crm_sync.reconcile.schema import BreakClass, Leg, Side, Terms, completed

Report = Callable[[float], None]


class Reconciliation(NamedTuple):
    """What three sides come to.

    ``places`` has every row once for each of its legs: ``leg, side, row, case, rule, class``, the
    class null in a match; ``row`` counts from 0 in the frames as they were given. ``breaks`` has
    one row for each break: ``facts.BREAKS``.
    """

    places: pl.DataFrame
    breaks: pl.DataFrame

    @property
    def open_breaks(self) -> pl.DataFrame:
        """The breaks without those that may still heal by themselves."""
        return self.breaks.filter(pl.col("class") != BreakClass.TIMING.value)


def reconcile(
    provider: pl.DataFrame,
    ledger: pl.DataFrame,
    platform: pl.DataFrame,
    terms: Terms,
    report: Report = lambda _: None,
) -> Reconciliation:
    """Compare the ledger with both others.

    Args:
        provider: Columns as in ``schema.COLUMNS``, of the provider.
        ledger: Those of the ledger.
        platform: Those of the platform.
        terms: When something is late and what is equal.
        report: Told how much is done, in [0, 1].

    Raises:
        DataError: A required column is missing or holds another type.
    """
    sides = Sides(
        completed(provider, Side.PROVIDER),
        completed(ledger, Side.LEDGER),
        completed(platform, Side.PLATFORM),
    )
    report(0.1)
    legs = []
    for done, leg in enumerate(Leg, 1):
        legs.append(_leg(sides, leg, terms))
        report(0.1 + 0.4 * done)
    cases = merged(*_together(*legs), sides)
    breaks = break_frame(cases, sides, terms)
    report(1.0)
    return Reconciliation(cases.places(), breaks)


class _Judged(NamedTuple):
    cases: pl.DataFrame
    members: pl.DataFrame


def _together(first: _Judged, second: _Judged) -> _Judged:
    """Return both legs' cases, those of the second numbered after those of the first."""
    moved = pl.col("case") + first.cases.height
    return _Judged(
        pl.concat([first.cases, second.cases.with_columns(moved)]),
        pl.concat([first.members, second.members.with_columns(moved)]),
    )


def _leg(sides: Sides, leg: Leg, terms: Terms) -> _Judged:
    both = leg_sides(sides, leg)
    found = match(both, leg, terms)
    lone = judged_lone(found, both, leg, terms)
    verdicts = [
        judged_pairs(found, both, leg, terms),
        judged_groups(found, both, leg, terms),
        lone.drop("ours", "row"),
    ]
    cases = pl.concat(verdicts).with_row_index("case").with_columns(leg=pl.lit(leg.value))
    return _Judged(cases, _members(found, lone, leg))


def _members(found: Matcher, lone: pl.DataFrame, leg: Leg) -> pl.DataFrame:
    """Return which rows are in which case: ``case, leg, side, row``."""
    numbered = found.pairs.with_row_index("case")
    groups, pairs = found.groups, numbered.height
    first_lone = pairs + groups["case"].n_unique()
    parts = [
        numbered.select("case", pl.lit(value=True).alias("ours"), "row"),
        numbered.select("case", pl.lit(value=False).alias("ours"), row="row_theirs"),
        groups.select(pl.col("case") + pairs, "ours", "row"),
        lone.with_row_index("case", first_lone).select("case", "ours", "row"),
    ]
    side = pl.when("ours").then(pl.lit(Side.LEDGER.value)).otherwise(pl.lit(leg.value))
    return pl.concat(parts).select(
        "case", pl.lit(leg.value).alias("leg"), side.alias("side"), "row"
    )
