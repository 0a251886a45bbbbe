"""What has to be true of revenue that is kept, and what is not: pure functions over frames.

Amounts are integers, so equal means equal: no tolerance hides anything. Only what the engine itself
adds up in floats is compared within their rounding.

Units: whole millionths of a USD.
Source: semantics.md section 8; docs/revenue.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec
import polars as pl

from dealing.revenue.facts import CONTROL_KEY, FACT_KEY, FACT_SCHEMA, Dimension
from dealing.revenue.frames import AMOUNTS, seal_of
from dealing.revenue.ports import DayBooks, KeptMark, Seal

SUMMED_BY: Final = (*(d.value for d in Dimension if d is not Dimension.DAY), "login", "component")
"""Columns of facts by which a day's sum is added up anew."""

_ROUNDING_MICRO: Final = 10_000
_ROUNDING: Final = 1e-9


class Law(StrEnum):
    """What was broken."""

    EVENT = "event"
    HOUR = "hour"
    DAY = "day"
    NO_CONTROL = "no_control"
    NO_FACTS = "no_facts"
    DUPLICATE = "duplicate"
    TOTALS = "totals"
    SEAL = "seal"
    FILE = "file"
    ENGINE = "engine"
    CORRECTION = "correction"


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One broken law: ``where`` finds it, ``expected`` and ``found`` are amounts or counts."""

    law: Law
    day: str
    where: str
    reason: str
    expected: int | None = None
    found: int | None = None


def books_violations(day: date, books: DayBooks) -> list[Violation]:
    """Return what is wrong with a day's facts, controls and totals."""
    found = [
        *_duplicates(day, books.facts, FACT_KEY),
        *_duplicates(day, books.controls, CONTROL_KEY),
    ]
    found += _per_event(day, books)
    found += _per_hour(day, books)
    found += _per_day(day, books)
    found += _kept_totals(day, books)
    return found + _corrections(day, books)


def seal_violations(day: date, books: DayBooks, seal: Seal) -> list[Violation]:
    """Return what changed in a day after it was closed."""
    now = seal_of(books.facts, books.controls)
    if now == seal:
        return []
    compared = (
        ("facts", seal.facts, now.facts),
        ("controls", seal.controls, now.controls),
        ("sum of facts", seal.amount_micro_usd, now.amount_micro_usd),
    )
    found = [
        _violation(Law.SEAL, day, what, "changed after the day was closed", was, is_now)
        for what, was, is_now in compared
        if was != is_now
    ]
    digests = (("facts", seal.facts_digest, now.facts_digest),
               ("controls", seal.controls_digest, now.controls_digest))  # fmt: skip
    found += [
        _violation(Law.SEAL, day, f"digest of {what}", "content changed after the day was closed")
        for what, was, is_now in digests
        if was != is_now
    ]
    return found


def file_violations(day: date, books: DayBooks, file: pl.DataFrame) -> list[Violation]:
    """Return how a closed day's Parquet file differs from the database."""
    if dict(file.schema) != FACT_SCHEMA:
        return [_violation(Law.FILE, day, "columns", "are not those of facts")]
    if file.equals(books.facts):
        return []
    kept, filed = books.facts.with_columns(kept=True), file.with_columns(filed=True)
    both = filed.join(kept, on=list(FACT_SCHEMA), how="full", coalesce=True, nulls_equal=True)
    found = [
        _violation(Law.FILE, day, _fact(row), "is in the database and not in the file",
                   row["amount_micro_usd"])
        for row in both.filter(pl.col("filed").is_null()).iter_rows(named=True)
    ]  # fmt: skip
    found += [
        _violation(Law.FILE, day, _fact(row), "is in the file and not in the database",
                   None, row["amount_micro_usd"])
        for row in both.filter(pl.col("kept").is_null()).iter_rows(named=True)
    ]  # fmt: skip
    if found:
        return found
    reason = "are in another order or come twice"
    return [_violation(Law.FILE, day, "rows", reason, books.facts.height, file.height)]


def engine_violations(
    openings: Sequence[tuple[date, KeptMark]], now: KeptMark | None
) -> list[Violation]:
    """Return where the facts are not what the engine itself added up, from mark to mark.

    Args:
        openings: Each day's opening, oldest first.
        now: The newest mark.
    """
    marks = [(f"opening of {day}", day.isoformat(), kept) for day, kept in openings]
    if now is not None:
        marks.append(("now", "", now))
    found = []
    for (before, _, earlier), (after, day, later) in itertools.pairwise(marks):
        booked = round((later.mark.booked_usd - earlier.mark.booked_usd) * 1e6)
        facts = later.facts_micro_usd - earlier.facts_micro_usd
        if abs(booked - facts) > _ROUNDING_MICRO + _ROUNDING * abs(later.mark.booked_usd * 1e6):
            found.append(
                Violation(law=Law.ENGINE, day=day, where=f"{before} to {after}", expected=booked,
                          found=facts, reason="the facts are not what the engine booked")
            )  # fmt: skip
    return found


def mark_violations(now: KeptMark, facts_until_now: int) -> list[Violation]:
    """Return whether facts changed since the newest mark added them up.

    Args:
        now: The newest mark, of an engine that does not run.
        facts_until_now: The sum of all facts up to its position, added up anew.
    """
    if facts_until_now == now.facts_micro_usd:
        return []
    where = f"all facts up to event {now.mark.position}"
    return [
        Violation(law=Law.ENGINE, day="", where=where, reason="changed after they were kept",
                  expected=now.facts_micro_usd, found=facts_until_now)
    ]  # fmt: skip


def sums_by(facts: pl.DataFrame) -> dict[str, int]:
    """Return the day's sum once for each way to add it up: they are all the same."""
    amount = pl.col("amount_micro_usd").sum()
    return {
        name: int(facts.group_by(name).agg(amount)["amount_micro_usd"].sum()) for name in SUMMED_BY
    }


def controlled(controls: pl.DataFrame) -> pl.DataFrame:
    """Return the controls with the sum that facts have to have (``expected``)."""
    return controls.with_columns(expected=pl.sum_horizontal(AMOUNTS))


def _per_event(day: date, books: DayBooks) -> list[Violation]:
    facts = books.facts.group_by("position").agg(pl.col("amount_micro_usd").sum().alias("found"))
    controls = controlled(books.controls).group_by("position").agg(pl.col("expected").sum())
    both = facts.join(controls, on="position", how="full", coalesce=True).sort("position")
    odd = both.filter(pl.col("found").ne_missing(pl.col("expected")))
    return [_event(day, *row) for row in odd.select("position", "expected", "found").iter_rows()]


def _event(day: date, position: int, expected: int | None, found: int | None) -> Violation:
    if expected is None:
        law, reason = Law.NO_CONTROL, "has facts and no control"
    elif found is None:
        law, reason = Law.NO_FACTS, "has a control and no facts"
    else:
        law, reason = Law.EVENT, "has facts that do not add up to its control"
    return _violation(law, day, f"event {position}", reason, expected, found)


def _per_hour(day: date, books: DayBooks) -> list[Violation]:
    facts = books.facts.group_by("hour").agg(pl.col("amount_micro_usd").sum().alias("found"))
    controls = controlled(books.controls).group_by("hour").agg(pl.col("expected").sum())
    both = facts.join(controls, on="hour", how="full", coalesce=True).fill_null(0).sort("hour")
    reason = "has facts that do not add up to its controls"
    return [
        _violation(Law.HOUR, day, f"hour {hour:02d}", reason, expected, found)
        for hour, expected, found in both.select("hour", "expected", "found").iter_rows()
        if expected != found
    ]


def _per_day(day: date, books: DayBooks) -> list[Violation]:
    found = int(books.facts["amount_micro_usd"].sum())
    expected = int(controlled(books.controls)["expected"].sum())
    if expected == found:
        return []
    reason = "the facts do not add up to the controls"
    return [_violation(Law.DAY, day, "whole day", reason, expected, found)]


def _kept_totals(day: date, books: DayBooks) -> list[Violation]:
    anew = pl.concat([_totals_by(books.facts, dimension) for dimension in Dimension])
    key = ["dimension", "name", "component"]
    both = anew.join(books.totals, on=key, how="full", coalesce=True, suffix="_kept").fill_null(0)
    odd = both.filter(pl.col("amount_micro_usd") != pl.col("amount_micro_usd_kept")).sort(key)
    return [
        _violation(Law.TOTALS, day, f"{dimension} {name or 'none'}, {component}",
                   "the kept total is not the sum of its facts", expected, found)
        for dimension, name, component, expected, found in odd.iter_rows()
    ]  # fmt: skip


def _totals_by(facts: pl.DataFrame, dimension: Dimension) -> pl.DataFrame:
    name = pl.col(dimension.value)
    if dimension is Dimension.HOUR:
        name = name.cast(pl.String).str.zfill(2)
    elif dimension is Dimension.DAY:
        name = name.dt.to_string("iso:strict")
    return (
        facts.group_by(name.alias("name"), "component")
        .agg(pl.col("amount_micro_usd").sum())
        .select(pl.lit(dimension.value).alias("dimension"), "name", "component", "amount_micro_usd")
        .filter(pl.col("amount_micro_usd") != 0)
    )


def _duplicates(day: date, rows: pl.DataFrame, key: Sequence[str]) -> list[Violation]:
    counted = rows.group_by(key).agg(pl.len().alias("times")).filter(pl.col("times") > 1).sort(key)
    return [
        _violation(Law.DUPLICATE, day, _named(row, key), "comes more than once", 1, row["times"])
        for row in counted.iter_rows(named=True)
    ]


def _corrections(day: date, books: DayBooks) -> list[Violation]:
    late = [
        rows.filter(pl.col("corrects_day") >= day).get_column("position")
        for rows in (books.facts, books.controls)
    ]
    return [
        _violation(Law.CORRECTION, day, f"event {position}", "corrects a day that is not before it")
        for position in pl.concat(late).unique().sort()
    ]


def _violation(
    law: Law, day: date, where: str, reason: str, expected: int | None = None,
    found: int | None = None,
) -> Violation:  # fmt: skip
    return Violation(law=law, day=day.isoformat(), where=where, reason=reason, expected=expected,
                     found=found)  # fmt: skip


def _fact(row: dict[str, object]) -> str:
    return _named(row, FACT_KEY)


def _named(row: dict[str, object], key: Iterable[str]) -> str:
    position, *rest = (row[name] for name in key)
    return f"event {position} {' '.join(str(part) for part in rest if part)}".strip()
