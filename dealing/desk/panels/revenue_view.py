"""What the revenue screen says: from a browser's question to everything that stands on it.

A question is a small mapping in a store: ``{"dimension": "symbol", "period": "today", "first": "",
"last": "", "asked": 7}``. It is parsed, never trusted. Figures come from the database in a thread
and never from a tick; each answer says how current it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any, Final, NamedTuple

from dealing.desk import formats
from dealing.desk.panels.exposure import CLASS_NAMES
from dealing.ports import SnapshotSource
from dealing.revenue.facts import Dimension
from dealing.revenue.periods import Choice, period_of
from dealing.revenue.ports import Period, Summary
from dealing.revenue.reader import RevenueReader
from dealing.revenue.report import MICRO, Explanation, Group, Row, explain, rows, total
from dealing.server_day import ServerDay
from exposure.errors import StorageError

LISTED: Final = 2_000
"""Rows that a browser gets: the largest gains and losses. The total is always of all."""

STALE_MS: Final = 10_000
"""Revenue is kept at least every second; figures of today that are older say so."""

LATE_NS: Final = 60_000_000_000
MATERIAL_USD: Final = 1.0
"""From here on an unexplained amount is pointed at."""

DIMENSION_NAMES: Final = {
    Dimension.SYMBOL: "Symbol",
    Dimension.UNDERLYING: "Underlying",
    Dimension.ASSET_CLASS: "Class",
    Dimension.CLIENT: "Client",
    Dimension.IB: "IB",
    Dimension.BOOK: "Book",
    Dimension.REGION: "Region",
    Dimension.HOUR: "Hour",
    Dimension.DAY: "Day",
}
PERIOD_NAMES: Final = {
    Choice.TODAY: "Today",
    Choice.YESTERDAY: "Yesterday",
    Choice.WEEK: "7 days",
    Choice.MONTH: "Month",
    Choice.CUSTOM: "Custom",
}
NO_NAME: Final = {
    Dimension.SYMBOL: "no symbol",
    Dimension.UNDERLYING: "no symbol",
    Dimension.ASSET_CLASS: "no symbol",
    Dimension.CLIENT: "providers",
    Dimension.IB: "no partner",
    Dimension.REGION: "no region",
}
"""What stands for facts that a dimension means nothing to."""

NEVER: Final = "Choose a first and a last day, the last one not before the first."
NOTHING_YET: Final = "Nothing has been earned yet: what the first deal earns shows here."


class Ask(NamedTuple):
    """What a person wants to see; ``asked`` counts the questions of one browser."""

    dimension: Dimension
    period: Choice
    first: str
    last: str
    asked: int


class Sources(NamedTuple):
    """Where the screen gets its figures: facts, today's market time, calendar, wall clock (ns)."""

    reader: RevenueReader
    source: SnapshotSource
    day: ServerDay
    now: Callable[[], int]


def parse_ask(given: object) -> Ask | None:
    """Return what a browser asks, None for nothing or nonsense."""
    if not isinstance(given, dict):
        return None
    dimension, period, asked = given.get("dimension"), given.get("period"), given.get("asked")
    if not (isinstance(dimension, str) and isinstance(period, str) and isinstance(asked, int)):
        return None
    if dimension not in DIMENSION_NAMES or period not in PERIOD_NAMES:
        return None
    first, last = given.get("first"), given.get("last")
    days = [text[:10] if isinstance(text, str) else "" for text in (first, last)]
    return Ask(Dimension(dimension), Choice(period), days[0], days[1], asked)


async def answer(ask: Ask, sources: Sources) -> dict[str, Any]:
    """Return everything the screen shows, or the sentence that stands in its place."""
    try:
        today = await _today(sources)
        if today is None:
            return _words(ask, "empty", NOTHING_YET)
        period = period_of(ask.period, today, ask.first, ask.last)
        if period is None:
            return _words(ask, "choose", NEVER)
        summary = await sources.reader.summary(period, ask.dimension)
    except StorageError as e:
        return _words(ask, "failed", f"{e}.")
    return view(ask, period, summary, sources.day, today, sources.now())


def view(
    ask: Ask, period: Period, summary: Summary, day: ServerDay, today: date, now_ns: int
) -> dict[str, Any]:
    """Return the screen's figures for a period.

    Args:
        ask: What was asked.
        period: The server days it means.
        summary: What the store says about them.
        day: The calendar.
        today: The server day now.
        now_ns: Wall clock, ns UTC.
    """
    made = rows(summary.totals)
    whole = total(made)
    explanation = explain(summary, whole)
    stale = _stale(period, summary, today, now_ns)
    return {
        "asked": ask.asked,
        "state": "shown" if made else "empty",
        "note": stale or ("" if made else f"Nothing was booked {_when(period)}."),
        "stale": bool(stale),
        "period": {"first": str(period.first), "last": str(period.last), "text": _days(period)},
        "dimension": ask.dimension.value,
        "count": len(made),
        "rows": [_row(row, ask.dimension) for row in _largest(made)],
        "total": _amounts(whole),
        "figures": _figures(whole, explanation),
        "explain": None if explanation is None else _explained(explanation, period, day),
    }


async def _today(sources: Sources) -> date | None:
    frame = sources.source.latest()
    if frame is not None and frame.snapshot.as_of > 0:
        return sources.day.at(frame.snapshot.as_of).day
    kept = await sources.reader.now()
    return None if kept is None else sources.day.at(kept.mark.ts_event).day


def _words(ask: Ask, state: str, note: str) -> dict[str, Any]:
    return {"asked": ask.asked, "state": state, "note": note}


def _stale(period: Period, summary: Summary, today: date, now_ns: int) -> str:
    if summary.now is None or not period.first <= today <= period.last:
        return ""
    age_ms = (now_ns - summary.now.kept_at) / 1e6
    if age_ms <= STALE_MS:
        return ""
    return (
        f"Not current: the last figures were kept {_age(age_ms)} ago. The engine does not run, or "
        "cannot reach its database."
    )


def _age(age_ms: float) -> str:
    seconds = age_ms / 1e3
    if seconds < 120:  # noqa: PLR2004 (then minutes read better)
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"  # noqa: PLR2004


def _largest(made: Sequence[Row]) -> Sequence[Row]:
    if len(made) <= LISTED:
        return made
    return sorted(made, key=lambda row: -abs(row.total))[:LISTED]


def _row(row: Row, dimension: Dimension) -> dict[str, Any]:
    return {"id": f"{dimension}/{row.name}", "name": _name(row.name, dimension), **_amounts(row)}


def _name(name: str, dimension: Dimension) -> str:
    if not name:
        return NO_NAME.get(dimension, formats.NOTHING)
    match dimension:
        case Dimension.ASSET_CLASS:
            return str(next((text for key, text in CLASS_NAMES.items() if key == name), name))
        case Dimension.HOUR:
            return f"{name}:00"
        case _:
            return name


def _amounts(row: Row) -> dict[str, float]:
    amount = {group.value: row.by_group.get(group, 0) / MICRO for group in Group}
    both = row.by_group.get(Group.TRADING, 0) + row.by_group.get(Group.PROVIDERS, 0)
    return amount | {
        "trading_net": both / MICRO,
        "other": row.other / MICRO,
        "total": row.total / MICRO,
    }


def _figures(whole: Row, explanation: Explanation | None) -> dict[str, float | None]:
    unrealised = None if explanation is None else explanation.steps[-1].usd
    unexplained = None if explanation is None else explanation.unexplained_usd
    return {**_amounts(whole), "unrealised": unrealised, "unexplained": unexplained}


def _explained(explanation: Explanation, period: Period, day: ServerDay) -> dict[str, Any]:
    opening, end = explanation.opening.mark, explanation.end.mark
    late = opening.ts_event > day.begin(period.first) + LATE_NS
    since = f"{formats.day(day.local(opening.ts_event))} {_clock(opening.ts_event, day)}"
    return {
        "steps": [[step.name, step.usd] for step in explanation.steps],
        "unexplained": explanation.unexplained_usd,
        "total": explanation.total_usd,
        "material": abs(explanation.unexplained_usd) >= MATERIAL_USD,
        "until": _clock(end.ts_event, day),
        "note": f"Unrealised profit was first measured {since}." if late else "",
    }


def _clock(ts_event: int, day: ServerDay) -> str:
    return formats.clock(day.local(ts_event))


def _days(period: Period) -> str:
    first, last = (formats.day(datetime.combine(day, time.min)) for day in period)
    return first if first == last else f"{first} to {last}"


def _when(period: Period) -> str:
    return f"on {_days(period)}" if period.first == period.last else f"from {_days(period)}"
