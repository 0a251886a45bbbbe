"""The risk screen: what the book may lose in a day, and what a jump of prices would do to it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.columns import COSTLY_COLUMNS, PART_COLUMNS, SCENARIO_COLUMNS, live_grid
from dealing.desk.fields import field, text_button
from dealing.desk.held_book import BookDesk
from dealing.desk.ids import RiskIds
from dealing.desk.panels.risk_view import answer
from dealing.desk.parts import action_button, aria, data, empty_state, panel, switch

LADDER_HEADS: Final = (
    ("Move", "Of the price, or of the currency's value in USD"),
    ("Stop-outs", "Accounts at or below their stop-out level"),
    ("Closed lots", "Lots of what is moved that the platform closes"),
    ("Closed USD", "Everything that the platform closes, gross"),
    ("Net lots left", "What the house holds of what is moved afterwards"),
    ("Net USD left", "The same at the moved price"),
    ("Orphan lots", "Hedges at providers that have lost their client"),
    ("House USD", "What the house gains or loses"),
)


PROVIDER_HEADS: Final = (
    ("Provider", "Who holds the hedges"),
    ("Equity", "Cash there, what was realised since the run began, and open profit, USD"),
    ("Margin", "What the provider asks for what is held, by its terms, USD"),
    ("Level", "Equity over margin"),
    ("To the call", "How far all positions may go against the house at once"),
    ("Nearest", "The largest position, and how far its price alone may go"),
)


class Tile(NamedTuple):
    """One tile; ``key`` names a figure of a frame, ``parts`` are the small ones below it."""

    key: str
    label: str
    unit: str
    tip: str
    parts: tuple[tuple[str, str], ...] = ()


TILES: Final = (
    Tile("var_usd", "VaR 99 %, 1 day", "USD",
         "A day in a hundred loses more: normal distribution."),
    Tile("es_usd", "ES 97.5 %, 1 day", "USD",
         "Mean loss of the worst fortieth of days: normal distribution."),
    Tile("fat_tailed_var_usd", "Fat-tailed VaR", "USD",
         "VaR 99 % of a day with Student's t of four degrees of freedom.",
         (("ES", "fat_tailed_es_usd"),)),
    Tile("hour_var_usd", "VaR 99 %, 1 hour", "USD",
         "That of a day over the root of 24."),
    Tile("measured_ratio", "Measured", "of the risk",
         "How much of the figures rests on moves of this market; the rest is the prior.",
         (("prior", "prior_ratio"),)),
    Tile("source", "Rests on", "",
         "Prior: more than half is assumed. Measured: less than a tenth is. Mixed: between."),
    Tile("observations", "Fewest moves", "5 min",
         "Five-minute moves of the factor that has the fewest; the prior weighs 288.",
         (("last", "sample_age"),)),
    Tile("unpriced_symbols", "Unpriced", "symbols",
         "Symbols with positions and no price or rate: they are in no figure."),
)  # fmt: skip


def layout() -> Component:
    """Return the screen: tiles, scenarios and the ladder, parts of the VaR and the forms."""
    return html.Div(
        [
            html.Section(
                [_tile(tile) for tile in TILES],
                id=RiskIds.TILES,
                className="tiles",
                **aria(label="What the book may lose"),
            ),
            html.Ul(
                [], id=RiskIds.NOTES, className="screen-notes", **aria(label="What is missing")
            ),
            html.Div(
                [
                    html.Div([_scenarios(), _ladder()], className="left", **data(drawer="here")),
                    html.Aside(
                        [_parts(), _providers(), _shock(), _reverse()],
                        className="right",
                        **aria(label="Parts of the VaR, providers, a shock, the ruinous move"),
                    ),
                ],
                className="columns",
            ),
            html.Datalist([], id=RiskIds.NAMES),
            *(dcc.Store(id=f"risk-{kind}-{what}") for kind in KINDS for what in ("ask", "answer")),
        ],
        className="risk",
    )


KINDS: Final = ("table", "shock", "reverse", "ladder", "providers")


def register(app: Dash, books: BookDesk) -> None:
    """Answer what browsers ask, and let their switches ask."""
    for kind in KINDS:
        app.callback(
            Output(f"risk-{kind}-answer", "data"),
            Input(f"risk-{kind}-ask", "data"),
            prevent_initial_call=True,
        )(_filling(kind, books))
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("risk", kind),
            Input(f"risk-{kind}-answer", "data"),
            prevent_initial_call=True,
        )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("risk", "family"), Input(RiskIds.FAMILY, "value")
    )


def _filling(kind: str, books: BookDesk) -> Any:
    async def fill(given: object) -> dict[str, Any] | None:
        return await answer(given, books, kind)

    fill.__name__ = f"fill_{kind}"
    return fill


def _scenarios() -> Component:
    families = [("scenarios", "Scenarios"), ("currencies", "Each currency")]
    tools = html.Div(
        [
            html.Span("", id=RiskIds.TABLE_NOTE, className="panel-note", role="status"),
            switch(RiskIds.FAMILY, families, "scenarios", "Which moves"),
            text_button("limits", "Limits", title="The list of limits on the desk"),
            action_button("again:table", "Compute again", "refresh-cw"),
            action_button("export:scenarios", "Export the stress table as CSV", "download", "E"),
        ],
        className="panel-tools",
    )
    return panel(
        "Stress, USD",
        [
            live_grid(RiskIds.SCENARIOS, SCENARIO_COLUMNS, "Stress table"),
            empty_state("Asking the engine for its book.", RiskIds.SCENARIOS_EMPTY),
        ],
        name="scenarios",
        aside=tools,
    )


def _ladder() -> Component:
    form = html.Div(
        [
            html.Span("", id=RiskIds.LADDER_NOTE, className="panel-note", role="status"),
            _target(RiskIds.LADDER_TARGET),
            text_button("ask:ladder", "Compute"),
            action_button("export:ladder", "Export the ladder as CSV", "download"),
        ],
        className="panel-tools",
        **data(form="ladder"),
    )
    heads = [html.Th(text, scope="col", title=tip, className="num") for text, tip in LADDER_HEADS]
    table = html.Table(
        [html.Thead(html.Tr(heads)), html.Tbody(id=RiskIds.LADDER_ROWS)],
        className="plain-table",
        **aria(label="Stop-out ladder"),
    )
    return panel(
        "Stop-out ladder",
        [
            html.Div(table, className="table-scroll", tabIndex=0),
            empty_state("Name a symbol or a currency: each step of its move shows whom it closes."),
        ],
        name="ladder",
        aside=form,
    )


def _parts() -> Component:
    tools = html.Div(
        [
            html.Span("", id=RiskIds.PARTS_COUNT, className="panel-note"),
            action_button("export:parts", "Export the parts of the VaR as CSV", "download"),
        ],
        className="panel-tools",
    )
    return panel(
        "Parts of the VaR, USD",
        [
            live_grid(RiskIds.PARTS, PART_COLUMNS, "Parts of the VaR"),
            empty_state("The house holds nothing net."),
        ],
        name="parts",
        aside=tools,
    )


def _providers() -> Component:
    heads = [html.Th(text, scope="col", title=tip, className="num") for text, tip in PROVIDER_HEADS]
    table = html.Table(
        [html.Thead(html.Tr(heads)), html.Tbody(id=RiskIds.PROVIDERS_ROWS)],
        className="plain-table",
        **aria(label="Margin at providers"),
    )
    tools = html.Div(
        [
            html.Span("", id=RiskIds.PROVIDERS_NOTE, className="panel-note", role="status"),
            action_button("export:providers", "Export the providers' margin as CSV", "download"),
        ],
        className="panel-tools",
    )
    return panel(
        "Margin at providers",
        [
            html.Div(table, className="table-scroll", tabIndex=0),
            empty_state("Asking the engine for its book.", RiskIds.PROVIDERS_EMPTY),
        ],
        name="providers",
        aside=tools,
    )


def _shock() -> Component:
    form = html.Div(
        [
            _target(RiskIds.SHOCK_TARGET),
            field(RiskIds.SHOCK_PERCENT, "Percent", width=70, inputmode="text"),
            text_button("ask:shock", "Shock"),
            action_button("export:accounts", "Export the costly accounts as CSV", "download"),
        ],
        className="form",
        **data(form="shock"),
    )
    return panel(
        "A shock",
        [
            form,
            html.P("", id=RiskIds.SHOCK_NOTE, className="inline-note", role="status"),
            html.Dl([], id=RiskIds.SHOCK_FIGURES, className="figures"),
            live_grid(RiskIds.SHOCK_ACCOUNTS, COSTLY_COLUMNS, "Accounts that cost most"),
            empty_state(
                "Move a symbol or a currency, or open a scenario: what the house loses, and the "
                "accounts that cost most."
            ),
        ],
        name="shock",
    )


def _reverse() -> Component:
    form = html.Div(
        [
            _target(RiskIds.REVERSE_TARGET),
            field(RiskIds.REVERSE_CAPITAL, "Capital, USD", width=92, inputmode="text"),
            text_button("ask:reverse", "Find"),
        ],
        className="form",
        **data(form="reverse"),
    )
    return panel(
        "The smallest move that costs more",
        [
            form,
            html.P("", id=RiskIds.REVERSE_NOTE, className="inline-note", role="status"),
            html.Ul([], id=RiskIds.REVERSE_MOVES, className="moves"),
        ],
        name="reverse",
    )


def _target(identity: str) -> Component:
    return field(identity, "Symbol or currency", width=146, list=RiskIds.NAMES.value)


def _tile(tile: Tile) -> Component:
    head = [
        html.H2(tile.label, className="tile-label"),
        html.Span(tile.unit, className="tile-unit"),
    ]
    return html.Article(
        [
            html.Div(head, className="tile-head"),
            html.Div(html.Span(formats.NOTHING, className="tile-value"), className="tile-main"),
            html.Div([_part(name, key) for name, key in tile.parts], className="tile-parts"),
        ],
        className="tile",
        title=tile.tip,
        **data(risk=tile.key),
    )


def _part(name: str, key: str) -> Component:
    figure = html.B(formats.NOTHING, **data(risks=key))
    return html.Span([html.Span(name), figure], className="tile-part")
