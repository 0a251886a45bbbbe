"""The revenue screen: what the house earned by one dimension, and why its profit changed.

What a browser asks is a small mapping in a store: ``{"dimension": "symbol", "period": "today",
"first": "", "last": "", "asked": 7}``. It is parsed, never trusted. Figures come from the database
in a thread and never from a tick; each answer says how current it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any, Final, NamedTuple

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.columns import REVENUE_COLUMNS, live_grid
from dealing.desk.figures.revenue import CONFIG, figure
from dealing.desk.ids import RevenueIds
from dealing.desk.panels.exposure import CLASS_NAMES
from dealing.desk.parts import aria, data, empty_state, icon, panel, switch
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


class Tile(NamedTuple):
    """One tile; ``key`` names a figure of the answer."""

    key: str
    label: str
    tip: str


TILES: Final = (
    Tile("total", "Booked", "All facts of the period: the total row of the table."),
    Tile("markup", "Markup", "What clients paid over raw prices."),
    Tile("commission", "Commission", "What clients paid in commission."),
    Tile("swap", "Swap", "Clients' swap, less the providers'."),
    Tile(
        "trading_net",
        "Trading",
        "Clients' results at raw prices, and what providers made of the part that was hedged.",
    ),
    Tile("other", "Other", "Dividends and corporate actions, bonus, write-offs, adjustments."),
    Tile("unrealised", "Unrealised", "Change of the house's open profit since the day's open."),
    Tile(
        "unexplained",
        "Unexplained",
        "What the engine booked since the day's open, less the facts that are kept of it.",
    ),
)


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
    if dimension not in DIMENSION_NAMES or period not in PERIOD_NAMES or not isinstance(asked, int):
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


def layout() -> Component:
    """Return the screen: tiles, the table, and the explanation beside it."""
    return html.Div(
        [
            html.Section(
                [_tile(tile) for tile in TILES],
                id=RevenueIds.TILES,
                className="tiles",
                **aria(label="Revenue of the period"),
            ),
            html.P("", id=RevenueIds.NOTE, className="revenue-note", role="status", hidden=True),
            html.Div([_table(), _explanation()], className="columns"),
            dcc.Store(id=RevenueIds.ASK),
            dcc.Store(id=RevenueIds.ANSWER),
        ],
        className="revenue",
    )


def register(app: Dash, sources: Sources) -> None:
    """Answer what browsers ask, and let their switches ask."""

    @app.callback(
        Output(RevenueIds.ANSWER, "data"),
        Input(RevenueIds.ASK, "data"),
        prevent_initial_call=True,
    )
    async def fill(given: object) -> dict[str, Any] | None:
        ask = parse_ask(given)
        return None if ask is None else await answer(ask, sources)

    for identity, prop in (
        (RevenueIds.ANSWER, "data"),
        (RevenueIds.DIMENSION, "value"),
        (RevenueIds.PERIOD, "value"),
        (RevenueIds.FIRST, "value"),
        (RevenueIds.LAST, "value"),
    ):
        name = identity.removeprefix("revenue-")
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("revenue", name), Input(identity, prop)
        )


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


def _table() -> Component:
    tools = html.Div(
        [
            switch(RevenueIds.DIMENSION, [(d.value, text) for d, text in DIMENSION_NAMES.items()],
                   Dimension.SYMBOL, "Rows by"),
            switch(RevenueIds.PERIOD, [(c.value, text) for c, text in PERIOD_NAMES.items()],
                   Choice.TODAY, "Period"),
            html.Span([_day(RevenueIds.FIRST, "First day"), _day(RevenueIds.LAST, "Last day")],
                      id=RevenueIds.DAYS, className="days", hidden=True),
            html.Span("", id=RevenueIds.COUNT, className="panel-note"),
            html.Span([_export(form) for form in ("csv", "xlsx", "parquet")], className="exports"),
        ],
        className="panel-tools",
    )  # fmt: skip
    return panel(
        "Revenue, USD",
        [
            live_grid(RevenueIds.GRID, REVENUE_COLUMNS, "Revenue"),
            empty_state("Reading the database.", RevenueIds.EMPTY),
        ],
        name="revenue",
        aside=tools,
    )


def _explanation() -> Component:
    chart = html.Div(
        dcc.Graph(id=RevenueIds.CHART, figure=figure(), config=CONFIG, className="waterfall-chart"),
        role="img",
        **aria(label="P&L explain: a waterfall of the amounts in the table below"),
    )
    head = html.Thead(
        html.Tr([html.Th("Reason", scope="col"), html.Th("USD", scope="col", className="num")])
    )
    steps = html.Table(
        [head, html.Tbody(id=RevenueIds.STEPS)],
        className="plain-table",
        **aria(label="P&L explain"),
    )
    return html.Aside(
        panel(
            "P&L explain",
            [
                chart,
                html.Div(steps, className="table-scroll", tabIndex=0),
                html.P("", id=RevenueIds.SINCE, className="inline-note"),
                empty_state(
                    "Nothing is explained yet: what the house was worth when the period opened was "
                    "not measured."
                ),
            ],
            name="explain",
            aside=html.Span("", id=RevenueIds.SPAN, className="panel-note"),
        ),
        className="right",
        **aria(label="Why the house's profit changed"),
    )


def _tile(tile: Tile) -> Component:
    head = [html.H2(tile.label, className="tile-label"), html.Span("USD", className="tile-unit")]
    value = html.Span(formats.NOTHING, className="tile-value")
    return html.Article(
        [
            html.Div(head, className="tile-head"),
            html.Div(value, className="tile-main"),
            html.Div("", className="tile-parts"),
        ],
        className="tile",
        title=tile.tip,
        **data(revenue=tile.key),
    )


def _day(identity: str, label: str) -> Component:
    field: Component = dmc.TextInput(
        id=identity,
        value="",
        size="xs",
        className="day-field",
        debounce=400,
        attributes={"input": {"type": "date", "aria-label": label}},
    )
    return field


def _export(form: str) -> Component:
    name = {"csv": "CSV", "xlsx": "XLSX", "parquet": "Parquet"}[form]
    return html.Button(
        [icon("download"), html.Span(name)],
        className="export-button",
        title=f"Export what is shown as {name}",
        type="button",
        **data(action=f"export:{form}"),
    )
