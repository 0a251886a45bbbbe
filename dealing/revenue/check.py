"""``plimsoll revenue check``: prove what is kept, day by day, and name everything that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, Protocol

import msgspec
import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from dealing.revenue.ports import DayState, KeptMark, RevenueStore
from dealing.revenue.proofs import (
    Law,
    Violation,
    books_violations,
    engine_violations,
    file_violations,
    mark_violations,
    seal_violations,
    sums_by,
)
from exposure.errors import StorageError

SHOWN: Final = 200


class Files(Protocol):
    """Where the facts of closed days are."""

    def days(self) -> list[date]:
        """Return the days that have a file, oldest first."""
        ...

    def read(self, day: date) -> pl.DataFrame:
        """Return a day's facts; raises StorageError for a file that is missing or damaged."""
        ...


class DayReport(msgspec.Struct, frozen=True, kw_only=True):
    """One day: what it holds and how its sum comes out by each dimension."""

    day: str
    state: str
    facts: int
    events: int
    amount_micro_usd: int
    sums_micro_usd: dict[str, int]
    violations: int


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was looked at; ``ok`` when every law holds."""

    ok: bool
    days: list[DayReport]
    amount_micro_usd: int
    violations: list[Violation]


def check(
    store: RevenueStore, files: Files, progress: Callable[[float], None] = lambda _: None
) -> CheckReport:
    """Prove every law on everything that is kept.

    Args:
        store: What is kept.
        files: The closed days' files.
        progress: Told from time to time how much is done, in [0, 1].

    Raises:
        StorageError: The store cannot be read.
    """
    now, openings, states = store.now(), store.openings(), store.days()
    violations, days, facts_until_now = _strays(states, files), [], 0
    for k, state in enumerate(states):
        report, found, until_now = _day(store, files, state, now)
        days.append(report)
        violations += found
        facts_until_now += until_now
        progress((k + 1) / len(states))
    violations += engine_violations(openings, now)
    if now is not None and store.now() == now:  # else the engine runs and adds up by itself
        violations += mark_violations(now, facts_until_now)
    return CheckReport(
        ok=not violations,
        days=days,
        amount_micro_usd=sum(day.amount_micro_usd for day in days),
        violations=violations,
    )


def show(report: CheckReport, console: Console) -> None:
    """Print a table of days, and one line for each broken law."""
    table = Table("day", "state", "facts", "events", "USD", "", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("facts", "events", "USD"):
        next(column for column in table.columns if column.header == name).justify = "right"
    for day in report.days:
        table.add_row(day.day, day.state, f"{day.facts:,}", f"{day.events:,}",
                      usd(day.amount_micro_usd), _verdict(day.violations))  # fmt: skip
    if report.days:
        console.print(table)
    for violation in report.violations[:SHOWN]:
        console.print(sentence(violation))
    if len(report.violations) > SHOWN:
        console.print(f"and {len(report.violations) - SHOWN:,} more (--json lists them all)")
    console.print(_summary(report))


def sentence(violation: Violation) -> str:
    """Return what is wrong, where and how much, in one line.

    >>> sentence(Violation(law=Law.EVENT, day="2026-01-13", where="event 7", reason="is off",
    ...                    expected=12_700_000, found=12_700_001))
    'wrong: 2026-01-13 event 7 is off: 12.700000 expected, 12.700001 found, 0.000001 too much'
    """
    text = f"wrong: {violation.day} {violation.where} {violation.reason}".replace("  ", " ")
    expected, found = violation.expected, violation.found
    write = _writer(violation)
    if expected is not None and found is not None:
        difference = found - expected
        way = "too much" if difference > 0 else "too little"
        amount = f"{write(expected)} expected, {write(found)} found, {write(abs(difference))} {way}"
        return f"{text}: {amount}"
    if expected is not None or found is not None:
        return f"{text}: {write(expected if expected is not None else found or 0)}"
    return text


def usd(micro: int) -> str:
    """Return whole millionths as exact USD.

    >>> usd(-1_234_567_890)
    '-1,234.567890'
    """
    whole, part = divmod(abs(micro), 1_000_000)
    return f"{'-' if micro < 0 else ''}{whole:,}.{part:06d}"


def _day(
    store: RevenueStore, files: Files, state: DayState, now: KeptMark | None
) -> tuple[DayReport, list[Violation], int]:
    day, books = state.day, store.books(state.day)
    found = books_violations(day, books)
    if state.seal is not None:
        found += seal_violations(day, books, state.seal)
        try:
            found += file_violations(day, books, files.read(day))
        except StorageError as e:
            found.append(Violation(law=Law.FILE, day=day.isoformat(), where="", reason=str(e)))
    report = DayReport(
        day=day.isoformat(),
        state="closed" if state.seal is not None else "closing" if state.closing else "open",
        facts=books.facts.height,
        events=books.controls.get_column("position").n_unique(),
        amount_micro_usd=int(books.facts["amount_micro_usd"].sum()),
        sums_micro_usd=sums_by(books.facts),
        violations=len(found),
    )
    return report, found, _until(books.facts, now)


def _until(facts: pl.DataFrame, now: KeptMark | None) -> int:
    if now is None:
        return 0
    until = facts.filter(pl.col("position") <= now.mark.position)
    return int(until["amount_micro_usd"].sum())


def _strays(states: Sequence[DayState], files: Files) -> list[Violation]:
    closing = {state.day for state in states if state.closing}
    return [
        Violation(law=Law.FILE, day=day.isoformat(), where="",
                  reason="has a file and is not closed in the database")
        for day in files.days()
        if day not in closing
    ]  # fmt: skip


def _writer(violation: Violation) -> Callable[[int], str]:
    counted = violation.law is Law.DUPLICATE or violation.where in {"facts", "controls", "rows"}
    return (lambda count: f"{count:,}") if counted else usd


def _verdict(violations: int) -> str:
    return "holds" if violations == 0 else f"{violations:,} wrong"


def _summary(report: CheckReport) -> str:
    if not report.days:
        return "No revenue is kept yet."
    facts = sum(day.facts for day in report.days)
    days = "1 day" if len(report.days) == 1 else f"{len(report.days):,} days"
    told = f"{days}, {facts:,} facts, {usd(report.amount_micro_usd)} USD"
    if report.ok:
        return f"Everything holds: {told}."
    return f"{len(report.violations):,} wrong: {told}."
