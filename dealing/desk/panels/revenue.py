"""The revenue screen: what the house earned by one dimension, and why its profit changed."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.columns import REVENUE_COLUMNS, live_grid
from dealing.desk.figures.revenue import CONFIG, figure
from dealing.desk.ids import RevenueIds
from dealing.desk.panels.revenue_view import (
    DIMENSION_NAMES,
    PERIOD_NAMES,
    Sources,
    answer,
    parse_ask,
)
from dealing.desk.parts import aria, data, empty_state, icon, panel, switch
from dealing.revenue.facts import Dimension
from dealing.revenue.periods import Choice


class Tile(NamedTuple):
    """One tile; ``key`` names a figure of the answer, ``parts`` are the small ones below it."""

    key: str
    label: str
    tip: str
    parts: tuple[tuple[str, str], ...] = ()


TILES: Final = (
    Tile("total", "Booked", "All facts of the period: the total row of the table."),
    Tile("markup", "Markup", "What clients paid over raw prices."),
    Tile("commission", "Commission", "What clients paid in commission."),
    Tile("swap", "Swap", "Clients' swap, less the providers'."),
    Tile(
        "trading_net",
        "Trading",
        "Clients' results at raw prices, and what providers made of the part that was hedged.",
        (("raw", "trading"), ("providers", "providers")),
    ),
    Tile(
        "other",
        "Other",
        "Dividends and corporate actions; bonus, write-offs and adjustments.",
        (("dividends", "dividends"), ("rest", "costs")),
    ),
    Tile("unrealised", "Unrealised", "Change of the house's open profit since the day's open."),
    Tile(
        "unexplained",
        "Unexplained",
        "What the engine booked since the day's open, less the facts that are kept of it.",
    ),
)


def layout() -> Component:
    """Return the screen: tiles, the table, and the explanation beside it."""
    return html.Div(
        [
            _choices(),
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
            ClientsideFunction("revenue", name),
            Input(identity, prop),
            prevent_initial_call=prop == "data",  # there is no answer yet
        )


def _choices() -> Component:
    """Return the bar that everything on the screen depends on."""
    return html.Div(
        [
            switch(RevenueIds.PERIOD, [(c.value, text) for c, text in PERIOD_NAMES.items()],
                   Choice.TODAY, "Period"),
            html.Span([_day(RevenueIds.FIRST, "First day"), _day(RevenueIds.LAST, "Last day")],
                      id=RevenueIds.DAYS, className="days", hidden=True),
            html.Span("", id=RevenueIds.SPAN, className="panel-note"),
            html.Span(className="spring"),
            html.Span([_export(form) for form in ("csv", "xlsx", "parquet")], className="exports"),
        ],
        className="revenue-bar",
    )  # fmt: skip


def _table() -> Component:
    tools = html.Div(
        [
            switch(RevenueIds.DIMENSION, [(d.value, text) for d, text in DIMENSION_NAMES.items()],
                   Dimension.SYMBOL, "Rows by"),
            html.Span("", id=RevenueIds.COUNT, className="panel-note"),
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
            aside=html.Span("", id=RevenueIds.UNTIL, className="panel-note"),
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
            html.Div([_part(name, key) for name, key in tile.parts], className="tile-parts"),
        ],
        className="tile",
        title=tile.tip,
        **data(revenue=tile.key),
    )


def _part(name: str, key: str) -> Component:
    figure_of = html.B(formats.NOTHING, **data(earned=key))
    return html.Span([html.Span(name), figure_of], className="tile-part")


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
