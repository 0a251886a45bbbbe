"""One fault, one break: cases of both legs that tell of the same thing become one."""

from __future__ import annotations

from typing import Final, NamedTuple

import polars as pl

from crm_sync.reconcile.legs import Sides
from crm_sync.reconcile.schema import BreakClass, Leg, Side

_SIDES: Final = {
    BreakClass.MISSING_PSP: Side.PROVIDER,
    BreakClass.MISSING_LEDGER: Side.LEDGER,
    BreakClass.MISSING_PLATFORM: Side.PLATFORM,
    BreakClass.DUPLICATE_PSP: Side.PROVIDER,
    BreakClass.DUPLICATE_LEDGER: Side.LEDGER,
    BreakClass.DUPLICATE_PLATFORM: Side.PLATFORM,
    BreakClass.ORPHAN_MANUAL: Side.PLATFORM,
}
"""At whose side the fault is; with any other class it is the leg's."""

_FOLLOWS: Final = (
    BreakClass.MISSING_PSP.value,
    BreakClass.MISSING_PLATFORM.value,
    BreakClass.TIMING.value,
    BreakClass.STALE_PENDING.value,
)
"""What a ledger entry that is there twice lacks elsewhere, because it is there twice."""


class Cases(NamedTuple):
    """Cases of both legs and their members.

    ``cases``: one row for each number from 0, in order: ``case, leg, rule, class, currency,
    amount_minor, side, into``; one that goes into another has that one's number in ``into``.
    ``members``: ``case, leg, side, row``.
    """

    cases: pl.DataFrame
    members: pl.DataFrame

    def of_breaks(self) -> Cases:
        """Return the breaks, each with all its members."""
        is_break = pl.col("class").is_not_null()
        breaks = self.cases.filter(is_break & (pl.col("into") == pl.col("case")))
        into = self.cases["into"].gather(self.members["case"])
        members = self.members.with_columns(case=into)
        return Cases(breaks, members.join(breaks.select("case"), on="case", how="semi"))

    def places(self) -> pl.DataFrame:
        """Return every row once for each of its legs, with what became of it."""
        into = self.cases["into"].gather(self.members["case"])
        verdicts = self.cases.select("rule", "class")[into]
        return pl.concat([self.members.with_columns(case=into), verdicts], how="horizontal")


def merged(cases: pl.DataFrame, members: pl.DataFrame, sides: Sides) -> Cases:
    """Return the cases of both legs with those that are one fault put together.

    Args:
        cases: ``case`` from 0 in order, ``leg, rule, class, currency, amount_minor``.
        members: ``case, leg, side, row``.
        sides: Everybody's rows.
    """
    sided = cases.with_columns(
        side=pl.col("class").replace_strict(
            {word.value: side.value for word, side in _SIDES.items()}, default=pl.col("leg")
        )
    )
    broken = sided.filter(pl.col("class").is_not_null()).select("case", "leg", "class", "rule")
    held = members.drop("leg").join(broken, on="case")
    pairs = [_contradicted(held), _followers(held), _missing_twice(held, sides)]
    into = pl.concat(pairs).unique("case", keep="first", maintain_order=True)
    sided = sided.join(into, on="case", how="left", maintain_order="left")
    blamed = sided["case"].is_in(pairs[0]["into"].implode())
    ledger = pl.lit(Side.LEDGER.value)
    return Cases(
        sided.with_columns(
            side=pl.when(blamed).then(ledger).otherwise("side"),
            into=pl.col("into").fill_null(pl.col("case")),
        ),
        members,
    )


def _contradicted(held: pl.DataFrame) -> pl.DataFrame:
    """Return cases in which both others say the same against one ledger entry."""
    ours = held.filter(
        (pl.col("side") == Side.LEDGER.value)
        & ((pl.col("side") == Side.LEDGER.value).sum().over("case") == 1)
    )
    return _into(_of(ours, Leg.PLATFORM), _of(ours, Leg.PROVIDER), ["row", "class"])


def _followers(held: pl.DataFrame) -> pl.DataFrame:
    """Return cases that only say again that a ledger entry is there twice."""
    ours = held.filter((pl.col("side") == Side.LEDGER.value) & (pl.col("rule") == "lone"))
    twice = pl.col("class") == BreakClass.DUPLICATE_LEDGER.value
    return _into(ours.filter(pl.col("class").is_in(_FOLLOWS)), ours.filter(twice), ["row"])


def _missing_twice(held: pl.DataFrame, sides: Sides) -> pl.DataFrame:
    """Return what the platform has and the ledger lacks, where the provider has it too."""
    missing = held.filter(pl.col("class") == BreakClass.MISSING_LEDGER.value)
    provider, platform = (
        _of(missing, leg)
        .with_columns(ref=sides.other(leg)["ref"].gather(_of(missing, leg)["row"]))
        .filter((pl.col("ref") != "") & pl.col("ref").is_unique())
        for leg in Leg
    )
    return _into(platform, provider, ["ref"])


def _of(held: pl.DataFrame, leg: Leg) -> pl.DataFrame:
    return held.filter(pl.col("leg") == leg.value)


def _into(later: pl.DataFrame, first: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    return later.join(first.select(*keys, into="case"), on=keys).select("case", "into")
