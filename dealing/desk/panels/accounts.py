"""The margin screen: how many accounts stand in each band, who is closest, and after which move."""

from __future__ import annotations

from typing import Any, Final

from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.columns import ACCOUNT_COLUMNS, live_grid
from dealing.desk.fields import field, text_button
from dealing.desk.held_book import BookDesk
from dealing.desk.ids import AccountsIds, RiskIds
from dealing.desk.panels.accounts_view import answer
from dealing.desk.parts import action_button, aria, data, empty_state, panel, switch
from exposure.risk.margin_distance import Band

BAND_NAMES: Final = {
    Band.BELOW_STOP_OUT: ("Below stop-out", "At or below their own stop-out level."),
    Band.STOP_OUT_TO_CALL: ("To margin call", "Above stop-out, at or below their margin call."),
    Band.CALL_TO_120: ("Call to 120 %", "Above their margin call, below 120 %."),
    Band.TO_200: ("120 to 200 %", "From 120 % to below 200 %."),
    Band.OVER_200: ("Over 200 %", "200 % and more."),
    Band.NO_MARGIN: ("No margin", "Accounts that tie up no margin."),
}
TONES: Final = {Band.BELOW_STOP_OUT: "critical", Band.STOP_OUT_TO_CALL: "warning"}


def layout() -> Component:
    """Return the screen: the move, counts by band, and the list."""
    return html.Div(
        [
            _move(),
            html.Section(
                [
                    *(_tile(f"band-{band.value}", name, "", tip, TONES.get(band, ""))
                      for band, (name, tip) in BAND_NAMES.items()),
                    _tile("negative", "Negative", "balances",
                          "Accounts that owe more than they have, and how much that is.",
                          "critical"),
                    _tile("house_usd", "House", "USD",
                          "What the house gains or loses by the move, negative balances included."),
                ],
                id=AccountsIds.TILES,
                className="tiles",
                **aria(label="Accounts by margin level"),
            ),
            html.P("", id=AccountsIds.NOTE, className="screen-note", role="status", hidden=True),
            html.Div(_list(), className="left", **data(drawer="here")),
            dcc.Store(id=AccountsIds.ASK),
            dcc.Store(id=AccountsIds.ANSWER),
        ],
        className="accounts",
    )  # fmt: skip


def register(app: Dash, books: BookDesk) -> None:
    """Answer what browsers ask, and let their switches ask."""

    @app.callback(
        Output(AccountsIds.ANSWER, "data"),
        Input(AccountsIds.ASK, "data"),
        prevent_initial_call=True,
    )
    async def fill(given: object) -> dict[str, Any] | None:
        return await answer(given, books)

    for identity, prop in (
        (AccountsIds.ANSWER, "data"),
        (AccountsIds.SORT, "value"),
        (AccountsIds.SEARCH, "value"),
    ):
        name = identity.removeprefix("accounts-")
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("accounts", name),
            Input(identity, prop),
            prevent_initial_call=prop == "data",  # there is no answer yet
        )


def _move() -> Component:
    return html.Div(
        [
            html.Span("What if", className="panel-title"),
            field(AccountsIds.TARGET, "Symbol or currency", width=146, list=RiskIds.NAMES.value),
            html.Span([], id=AccountsIds.SLIDER, className="slider"),
            html.Output("", id=AccountsIds.MOVE, className="move"),
            text_button("again:still", "Back to now", title="Take the move away"),
            html.Span(className="spring"),
            html.Span("", id=AccountsIds.STATE, className="panel-note", role="status"),
        ],
        className="screen-bar",
        **data(form="accounts"),
    )


def _list() -> Component:
    sorts = [("level", "By level"), ("distance", "By distance")]
    tools = html.Div(
        [
            html.Span("", id=AccountsIds.COUNT, className="panel-note"),
            switch(AccountsIds.SORT, sorts, "level", "Worst by"),
            field(AccountsIds.SEARCH, "Login or client", width=116),
            action_button("export", "Export the list as CSV", "download", "E"),
        ],
        className="panel-tools",
    )
    return panel(
        "Accounts, worst first",
        [
            live_grid(AccountsIds.GRID, ACCOUNT_COLUMNS, "Accounts, worst first"),
            empty_state("Asking the engine for its book.", AccountsIds.EMPTY),
        ],
        name="accounts",
        aside=tools,
    )


def _tile(key: str, label: str, unit: str, tip: str, tone: str = "") -> Component:
    head = [html.H2(label, className="tile-label"), html.Span(unit, className="tile-unit")]
    return html.Article(
        [
            html.Div(head, className="tile-head"),
            html.Div(html.Span(formats.NOTHING, className="tile-value"), className="tile-main"),
            html.Div("", className="tile-parts"),
        ],
        className="tile",
        title=tip,
        **data(accounts=key, tone=tone),
    )
