"""Which rows of a leg belong together: by reference, then by nearness, then as a sum.

Each pass takes away what it finds, so no row is in two cases, and none looks at the order in which
rows came. Nothing is chosen among equals: where two rows would fit, neither is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import polars as pl

from crm_sync.reconcile.legs import IN_ORDER, LegSides
from crm_sync.reconcile.schema import Leg, Rule, Status, Terms
from crm_sync.reconcile.windows import Counts, Window, Windows, windows

_REF: Final = ["ref", "type", "currency"]
_NEAR: Final = ["account", "currency", "type", "amount"]
_SUM: Final = ["account", "currency", "type"]
_LEAST_PARTS: Final = 2
_ROUNDING: Final = 1.0
"""Minor units by which two systems may round a conversion differently."""

MEMBERS: Final = {"case": pl.UInt32, "rule": pl.String, "ours": pl.Boolean, "row": pl.UInt32}
PAIRS: Final = {"rule": pl.String, "row": pl.UInt32, "row_theirs": pl.UInt32}


class Matcher:
    """The rows of a leg that are still without others, and what was found so far.

    ``pairs`` are cases of one row on each side, ``groups`` those of several.
    """

    def __init__(self, sides: LegSides) -> None:
        self._pairs: list[pl.DataFrame] = []
        self._groups: list[pl.DataFrame] = []
        self._cases = 0
        self.ours, self.theirs = sides

    @property
    def pairs(self) -> pl.DataFrame:
        """What was paired: PAIRS."""
        return pl.concat([pl.DataFrame(schema=PAIRS), *self._pairs])

    @property
    def groups(self) -> pl.DataFrame:
        """The members of cases with several rows on a side: MEMBERS."""
        return pl.concat([pl.DataFrame(schema=MEMBERS), *self._groups])

    def take_pairs(self, rule: Rule, found: pl.DataFrame) -> None:
        """Take rows that belong together one to one: ``row`` and ``row_theirs``."""
        if found.is_empty():
            return
        named = found.select(pl.lit(rule.value).alias("rule"), "row", "row_theirs")
        self._pairs.append(named)
        self.ours = _without(self.ours, named["row"])
        self.theirs = _without(self.theirs, named["row_theirs"])

    def take_groups(self, rule: Rule, members: pl.DataFrame) -> None:
        """Take rows that belong together: ``case`` from 0, ``ours`` and ``row``."""
        if members.is_empty():
            return
        first, self._cases = self._cases, self._cases + members["case"].n_unique()
        numbered = members.select(
            (pl.col("case").rank("dense").cast(pl.UInt32) - 1 + first).alias("case"),
            pl.lit(rule.value).alias("rule"),
            "ours",
            "row",
        )
        self._groups.append(numbered)
        self.ours = _without(self.ours, numbered.filter("ours")["row"])
        self.theirs = _without(self.theirs, numbered.filter(~pl.col("ours"))["row"])


def match(sides: LegSides, leg: Leg, terms: Terms) -> Matcher:
    """Return what belongs together on a leg, and what is left."""
    found = Matcher(sides)
    for one_pass in _BY_REFERENCE:
        if found.ours.is_empty() or found.theirs.is_empty():
            return found
        one_pass(found)
    _without_references(found, sides, leg, terms)
    return found


def _without_references(found: Matcher, sides: LegSides, leg: Leg, terms: Terms) -> None:
    strangers = LegSides(_strangers(found.ours, sides.theirs), _strangers(found.theirs, sides.ours))
    if strangers.ours.is_empty() or strangers.theirs.is_empty():
        return
    _near(found, strangers, terms.within_us(leg))
    for ours_is_whole in (True, False):
        left = LegSides(_still(strangers.ours, found.ours), _still(strangers.theirs, found.theirs))
        if not (left.ours.is_empty() or left.theirs.is_empty()):
            _sums(found, left, terms, leg, ours_is_whole=ours_is_whole)


def moved(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that moved money, or may yet."""
    return frame.filter(pl.col("status") != Status.FAILED.value)


def _same_unique_references(found: Matcher) -> None:
    """Take the ordinary rows: everything the same, and the reference but once on each side.

    Numbers made of references are compared first: what they confuse is left for the next pass.
    """
    keys = ("ref", "type", "currency", "amount", "status")
    ours, theirs = (
        frame.filter(pl.col("ref") != "")
        .select("row", *keys, number=pl.col("ref").hash())
        .filter(pl.col("number").is_unique())
        for frame in (found.ours, found.theirs)
    )
    joined = ours.join(theirs, on="number", suffix="_theirs")
    same = [pl.col(name) == pl.col(f"{name}_theirs") for name in keys]
    found.take_pairs(Rule.REFERENCE, joined.filter(*same))


def _same_references(found: Matcher, keys: list[str]) -> None:
    """Take equal rows of one reference, the first with the first, the second with the second."""
    found.take_pairs(Rule.REFERENCE, _joined(found.ours, found.theirs, keys))


def _same_conversions(found: Matcher) -> None:
    """Take conversions that two systems rounded differently."""
    joined = _joined(moved(found.ours.drop_nulls("product")), moved(found.theirs), _REF)
    off = (pl.col("amount") - pl.col("amount_theirs")).abs()
    found.take_pairs(Rule.REFERENCE, joined.filter(off <= _ROUNDING))


def _joined(ours: pl.DataFrame, theirs: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    mine = ours.filter(pl.col("ref") != "").join(theirs, on=keys, how="semi")
    other = theirs.join(mine, on=keys, how="semi")
    return _counted(mine, keys).join(_counted(other, keys), on=[*keys, "nth"], suffix="_theirs")


def _counted(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    return frame.sort(IN_ORDER).with_columns(nth=pl.int_range(pl.len()).over(keys))


def _groups_of_references(found: Matcher, keys: list[str]) -> None:
    """Take together what is left of a reference on both sides, however many rows it is."""
    ours, theirs = (
        moved(frame).filter(pl.col("ref") != "").select("row", *keys)
        for frame in (found.ours, found.theirs)
    )
    shared = ours.select(keys).unique().join(theirs.select(keys), on=keys, how="semi")
    shared = shared.with_row_index("case")
    sides = [
        frame.join(shared, on=keys).select("case", pl.lit(mine).alias("ours"), "row")
        for frame, mine in ((ours, True), (theirs, False))
    ]
    _take_smallest(found, pl.concat(sides))


def _take_smallest(found: Matcher, members: pl.DataFrame) -> None:
    """Take cases of two rows as pairs, the others as groups."""
    is_pair = pl.len().over("case") == 2  # noqa: PLR2004 one on each side
    pairs = members.filter(is_pair)
    ours, theirs = pairs.filter("ours"), pairs.filter(~pl.col("ours"))
    groups = members.filter(~is_pair)
    found.take_pairs(Rule.REFERENCE, ours.join(theirs, on="case", suffix="_theirs"))
    found.take_groups(Rule.REFERENCE, groups)


def _strangers(frame: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return rows with an account whose reference the other side does not know."""
    may = moved(frame).filter(pl.col("account") != "")
    known = moved(others).filter(pl.col("ref") != "").join(may, on="ref", how="semi")
    return may.join(known, on="ref", how="anti")


def _still(frame: pl.DataFrame, left: pl.DataFrame) -> pl.DataFrame:
    return frame.join(left, on="row", how="semi")


def _near(found: Matcher, strangers: LegSides, within_us: int) -> None:
    """Take rows of one amount and account that are near each other and near nothing else."""
    ours, theirs = strangers
    seen = windows(ours, theirs, _NEAR, within_us)
    alone = np.flatnonzero(seen.of_ours.size == 1)
    candidates = seen.of_ours.first[alone]
    mutual = seen.of_theirs.size[candidates] == 1
    pairs = pl.DataFrame({
        "row": ours["row"].gather(seen.ours[alone[mutual]]),
        "row_theirs": theirs["row"].gather(seen.theirs[candidates[mutual]]),
    })  # fmt: skip
    found.take_pairs(Rule.NEAR, pairs)


def _sums(found: Matcher, left: LegSides, terms: Terms, leg: Leg, *, ours_is_whole: bool) -> None:
    """Take rows that several of the other side, all that are near, add up to."""
    whole, parts = left if ours_is_whole else (left.theirs, left.ours)
    seen = windows(whole, parts, _SUM, terms.within_us(leg))
    members = _whole_of_parts(whole, parts, seen, terms.most_parts, ours_is_whole=ours_is_whole)
    found.take_groups(Rule.SUM, members)


def _whole_of_parts(
    whole: pl.DataFrame,
    parts: pl.DataFrame,
    seen: Windows,
    most_parts: int,
    *,
    ours_is_whole: bool,
) -> pl.DataFrame:
    """Return the members of cases in which one row is the sum of all that are near it.

    The parts must be near no other row: else nobody could say whose they are.
    """
    window, amounts = seen.of_ours, whole["amount"].to_numpy()[seen.ours]
    sums = _over(window, parts["amount"].to_numpy()[seen.theirs])
    unshared = _over(window, (seen.of_theirs.size == 1).astype(np.int64)) == window.size
    bounded = (window.size >= _LEAST_PARTS) & (window.size <= most_parts)
    cases = np.flatnonzero(bounded & unshared & (sums == amounts))
    sizes = window.size[cases]
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    places = np.repeat(window.first[cases], sizes) + within
    wholes = _members(np.arange(len(cases)), whole, seen.ours[cases], ours=ours_is_whole)
    of_parts = np.repeat(np.arange(len(cases)), sizes)
    return pl.concat(
        [wholes, _members(of_parts, parts, seen.theirs[places], ours=not ours_is_whole)]
    )


def _over(window: Window, values: Counts) -> Counts:
    """Return the sum of the values in each window."""
    upto = np.concatenate([[0], np.cumsum(values)])
    sums: Counts = upto[window.end] - upto[window.first]
    return sums


def _members(cases: Counts, frame: pl.DataFrame, places: Counts, *, ours: bool) -> pl.DataFrame:
    return pl.DataFrame({
        "case": pl.Series(cases, dtype=pl.UInt32),
        "ours": pl.repeat(ours, len(cases), dtype=pl.Boolean, eager=True),
        "row": frame["row"].gather(places),
    })  # fmt: skip


def _without(frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """Return a frame without some rows, whose numbers are those of ``row``."""
    if rows.is_empty() or frame.is_empty():
        return frame
    numbers = frame["row"].to_numpy()
    taken = np.zeros(int(numbers.max()) + 1, np.bool_)
    taken[rows.to_numpy()] = True
    return frame.filter(pl.Series(~taken[numbers]))


_BY_REFERENCE: Final[tuple[Callable[[Matcher], None], ...]] = (
    _same_unique_references,
    partial(_same_references, keys=[*_REF, "amount", "status"]),
    partial(_same_references, keys=[*_REF, "amount"]),
    _same_conversions,
    partial(_groups_of_references, keys=["ref", "type"]),
    partial(_groups_of_references, keys=["ref"]),
)
"""The passes that go by references, in their order."""
