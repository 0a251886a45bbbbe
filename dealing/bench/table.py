"""The table for people: every figure with its spread, its goal, and whether it was reached."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from dealing.bench.goals import Row
from dealing.bench.machine import Machine

_PRECISE_BELOW = 10.0


def show(rows: list[Row], machine: Machine, console: Console) -> None:
    """Print the machine, the table, and what was reached."""
    console.print(f"plimsoll bench on {machine.described()}")
    table = Table(caption="medians and spread of interleaved rounds; ratios count, times do not")
    for heading in ("figure", "size", "value", "unit", "spread", "goal", ""):
        is_number = heading in {"value", "spread", "goal"}
        table.add_column(heading, justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)
    judged = [row for row in rows if row.reached is not None]
    reached = sum(row.reached is True for row in judged)
    console.print(f"{reached} of {len(judged)} goals reached")
    for row in judged:
        if not row.reached:
            console.print(f"not reached: {row.name} ({row.size}): {_figure(row.value)}")


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as text: figure, size, value, unit, spread, goal, and how it went."""
    spread = "" if row.low is None else f"{_figure(row.low)}..{_figure(row.high)}"
    verdict = {True: "reached", False: "not reached", None: row.note}[row.reached]
    return (row.name, row.size, _figure(row.value), row.unit, spread, row.goal, verdict)


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.2f}" if abs(value) < _PRECISE_BELOW else f"{value:,.0f}"
