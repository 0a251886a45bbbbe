"""What is wrong with a case, if anything: the first class that applies, in one fixed order.

A case of both sides is compared in currency, account, type, amount, rate, status and fee. A row
without another is late, was told twice, is unknown at the other side, or moved nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from crm_sync.reconcile.legs import LegSides
from crm_sync.reconcile.matching import Matcher, moved
from crm_sync.reconcile.schema import BreakClass, Kind, Leg, Rule, Status, Terms

VERDICT: Final = {
    "rule": pl.String,
    "class": pl.String,
    "currency": pl.String,
    "amount_minor": pl.Int64,
}
"""What is said of a case; ``class`` is null for a match, ``amount_minor`` what may be lost."""

_SUMMED: Final = ("amount", "fee", "product")
_ALIKE: Final = ("type", "currency", "account")
_OF_OURS: Final = "product"
_ROUNDING: Final = 1.0 + 1e-6
"""One minor unit, and what floats add to it."""

_TAKEN_BACK: Final = (Kind.REFUND.value, Kind.CHARGEBACK.value)
_PENDING: Final = Status.PENDING.value


class _Words(NamedTuple):
    """What a row without another is called, by whose it is."""

    missing: BreakClass
    twice: BreakClass


_OURS: Final = {
    Leg.PROVIDER: _Words(BreakClass.MISSING_PSP, BreakClass.DUPLICATE_LEDGER),
    Leg.PLATFORM: _Words(BreakClass.MISSING_PLATFORM, BreakClass.DUPLICATE_LEDGER),
}
_THEIRS: Final = {
    Leg.PROVIDER: _Words(BreakClass.MISSING_LEDGER, BreakClass.DUPLICATE_PSP),
    Leg.PLATFORM: _Words(BreakClass.MISSING_LEDGER, BreakClass.DUPLICATE_PLATFORM),
}

_Rule = tuple[pl.Expr, BreakClass | None, pl.Expr]


def judged_pairs(found: Matcher, sides: LegSides, leg: Leg, terms: Terms) -> pl.DataFrame:
    """Return VERDICT for each of ``found.pairs``, in their order."""
    pairs = found.pairs
    ours = _gathered(sides.ours, pairs["row"])
    theirs = _gathered(sides.theirs, pairs["row_theirs"])
    named = theirs.rename(lambda name: f"{name}_theirs")
    return _judged(pl.concat([pairs.select("rule"), ours, named], how="horizontal"), leg, terms)


def judged_groups(found: Matcher, sides: LegSides, leg: Leg, terms: Terms) -> pl.DataFrame:
    """Return VERDICT for each case of ``found.groups``, in the order of their numbers."""
    groups = found.groups
    ours = _summed(groups.filter("ours"), sides.ours)
    theirs = _summed(groups.filter(~pl.col("ours")), sides.theirs)
    both = ours.join(theirs.drop("rule"), on="case", suffix="_theirs").sort("case")
    return _judged(both, leg, terms)


def judged_lone(found: Matcher, sides: LegSides, leg: Leg, terms: Terms) -> pl.DataFrame:
    """Return VERDICT for each row without another, and ``ours`` and ``row``."""
    ours = _with_known(found.ours, sides.theirs).select(
        *_lone(_lone_rules(_OURS[leg], leg, terms)), pl.lit(value=True).alias("ours"), "row"
    )
    theirs = _with_known(found.theirs, sides.ours).select(
        *_lone(_rules_of_theirs(leg, terms)), pl.lit(value=False).alias("ours"), "row"
    )
    return pl.concat([ours, theirs])


def _judged(both: pl.DataFrame, leg: Leg, terms: Terms) -> pl.DataFrame:
    """Return VERDICT of cases of both sides; what several rules ask is computed once."""
    asked = both.lazy().select("rule", *_first_that_applies(_pair_rules(leg, terms)))
    return asked.collect()


def _gathered(frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """Return the rows of these numbers, in this order."""
    numbers = frame["row"].to_numpy()
    places = np.zeros(int(numbers.max(initial=0)) + 1, np.uint32)
    places[numbers] = np.arange(len(numbers), dtype=np.uint32)
    compared: pl.DataFrame = frame.drop("row", "id", "ref")[places[rows.to_numpy()]]
    return compared


def _summed(members: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each case: sums of amounts, and what the rows have in common."""
    summed = [
        pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum())
        for name in _SUMMED
        if name != _OF_OURS or name in frame.columns
    ]
    alike = [
        pl.col(name).cast(pl.String).replace("", None).drop_nulls().unique().sort().str.join(" ")
        for name in _ALIKE
    ]
    return (
        members.join(frame, on="row")
        .group_by("case")
        .agg(pl.col("rule").first(), *summed, *alike, pl.col("status").min(), pl.col("at").min())
    )


def _pair_rules(leg: Leg, terms: Terms) -> tuple[_Rule, ...]:
    amount, off = pl.col("amount").abs(), (pl.col("amount") - pl.col("amount_theirs")).abs()
    converted = pl.col("product").is_not_null()
    unequal = pl.when(converted).then(off > 1).otherwise(off != 0)
    net = (off == pl.col("fee")) | (off == pl.col("fee_theirs"))
    small = off <= terms.rate_share * amount
    rate_off = (pl.col("product") - pl.col("amount")).abs()
    fee_off = (pl.col("fee") - pl.col("fee_theirs")).abs()
    one, both = _waiting()
    stale = (one | both) & _is_old(terms)
    return (
        (pl.col("currency") != pl.col("currency_theirs"), BreakClass.CURRENCY, amount),
        (_other_account(), BreakClass.WRONG_ACCOUNT, amount),
        (_other_sign(), BreakClass.WRONG_TYPE, off),
        (_other_type(), BreakClass.WRONG_TYPE, amount),
        (unequal & net, BreakClass.FEE, off),
        (unequal & converted & small, BreakClass.FX_RATE, off),
        (unequal, BreakClass.AMOUNT, off),
        (rate_off > _ROUNDING, BreakClass.FX_RATE, rate_off.round().cast(pl.Int64)),
        (stale, BreakClass.STALE_PENDING, amount),
        (one, BreakClass.TIMING, amount),
        (_other_status(leg), BreakClass.STATUS, amount),
        (fee_off != 0, BreakClass.FEE, fee_off),
    )


def _other_account() -> pl.Expr:
    named = (pl.col("account") != "") & (pl.col("account_theirs") != "")
    return named & (pl.col("account") != pl.col("account_theirs"))


def _other_sign() -> pl.Expr:
    return pl.col("amount").sign() != pl.col("amount_theirs").sign()


def _other_type() -> pl.Expr:
    return pl.col("type").cast(pl.String) != pl.col("type_theirs").cast(pl.String)


def _other_status(leg: Leg) -> pl.Expr:
    """Return whether both sides are at an end and it is not the same one.

    A platform knows nothing of refunds: they come as deals of their own.
    """
    ours, theirs = pl.col("status"), pl.col("status_theirs")
    if leg is Leg.PROVIDER:
        return ours.cast(pl.String) != theirs.cast(pl.String)
    return (ours == Status.FAILED.value) != (theirs == Status.FAILED.value)


def _waiting() -> tuple[pl.Expr, pl.Expr]:
    """Return whether one side is pending, and whether both are."""
    ours, theirs = pl.col("status") == _PENDING, pl.col("status_theirs") == _PENDING
    return ours != theirs, ours & theirs


def _is_old(terms: Terms) -> pl.Expr:
    """Return whether what is pending has been so for too long."""
    since = pl.min_horizontal(
        pl.when(pl.col("status") == _PENDING).then("at"),
        pl.when(pl.col("status_theirs") == _PENDING).then("at_theirs"),
    )
    return since < terms.as_of_us - terms.pending_us


def _lone_rules(words: _Words, leg: Leg, terms: Terms) -> tuple[_Rule, ...]:
    amount = pl.col("amount").abs()
    pending = pl.col("status") == _PENDING
    fresh = pl.col("at") >= terms.as_of_us - terms.within_us(leg)
    old = pl.col("at") < terms.as_of_us - terms.pending_us
    return (
        (pl.col("status") == Status.FAILED.value, None, amount),
        (pl.col("known_type"), words.twice, amount),
        (pending & old, BreakClass.STALE_PENDING, amount),
        (pending | fresh, BreakClass.TIMING, amount),
        (pl.lit(value=True), words.missing, amount),
    )


def _rules_of_theirs(leg: Leg, terms: Terms) -> tuple[_Rule, ...]:
    failed, twice, *later = _lone_rules(_THEIRS[leg], leg, terms)
    amount = pl.col("amount").abs()
    if leg is Leg.PLATFORM:
        return (failed, twice, (pl.col("ref") == "", BreakClass.ORPHAN_MANUAL, amount), *later)
    taken_back = pl.col("type").is_in(list(_TAKEN_BACK)) & pl.col("known")
    return (failed, twice, (taken_back, BreakClass.STATUS, amount), *later)


def _with_known(frame: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Say of each row whether the other side knows its reference, and with its type."""
    there = moved(others).filter(pl.col("ref") != "").select("ref", "type")
    there = there.join(frame, on="ref", how="semi")
    known = there.select("ref", known=pl.lit(value=True)).unique()
    typed = there.select("ref", "type", known_type=pl.lit(value=True)).unique()
    return frame.join(known, on="ref", how="left").join(typed, on=["ref", "type"], how="left")


def _lone(rules: Iterable[_Rule]) -> tuple[pl.Expr, ...]:
    return (pl.lit(Rule.LONE.value).alias("rule"), *_first_that_applies(rules))


def _first_that_applies(rules: Iterable[_Rule]) -> tuple[pl.Expr, ...]:
    """Return class, currency and amount by the first rule whose condition holds."""
    listed = list(rules)
    words: pl.Expr = pl.lit(None, pl.String)
    amounts: pl.Expr = pl.lit(None, pl.Int64)
    for condition, word, amount in reversed(listed):
        named = pl.lit(None if word is None else word.value, pl.String)
        words = pl.when(condition).then(named).otherwise(words)
        amounts = pl.when(condition).then(amount).otherwise(amounts)
    return words.alias("class"), pl.col("currency"), amounts.alias("amount_minor")
