"""The clients screen: who is dangerous, the card that says why, and the moves between books."""

from __future__ import annotations

from typing import Any, Final

from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.columns import FLOW_COLUMNS, live_grid
from dealing.desk.fields import field
from dealing.desk.ids import ClientsIds
from dealing.desk.panels import moves
from dealing.desk.panels.clients_view import Local, card_answer, list_answer
from dealing.desk.parts import action_button, aria, data, empty_state, panel, switch
from dealing.flow.ports import FlowQueries, Only, Sort
from dealing.score.words import TOXIC_SCORE, WATCH_SCORE

_ALARM_TIP: Final = (
    "Clients whose e-value reached 80 this quarter: of those whose trades do not pay, one in "
    "twenty does so in a year."
)
_DRIFT_TIP: Final = (
    "Scored clients whose last trades are much more dangerous than all of theirs together."
)

TILES: Final = (
    ("clients", "Clients", "Everybody the engine knows."),
    ("scored", "Scored", "Clients who have traded often enough for a score."),
    ("watched", "Watch", f"Scored clients from {WATCH_SCORE:g} to below {TOXIC_SCORE:g}."),
    ("toxic", "Toxic", f"Scored clients of {TOXIC_SCORE:g} and more."),
    ("alarmed", "Alarms", _ALARM_TIP),
    ("to_move", "To move", "Clients for whom the policy proposes another book, or better prices."),
    ("drifting", "Drifting", _DRIFT_TIP),
    ("waiting", "Waiting", "Moves that wait for a second person: see below the list."),
)  # fmt: skip
TONES: Final = {"toxic": "critical", "alarmed": "critical", "watched": "warning",
                "drifting": "warning", "to_move": "warning", "waiting": "warning"}  # fmt: skip

SORTS: Final = (
    (Sort.SCORE.value, "Score"), (Sort.EDGE.value, "Edge"), (Sort.EVIDENCE.value, "Evidence"),
    (Sort.MONEY.value, "Money lost"), (Sort.DRIFT.value, "Drift"), (Sort.TRADES.value, "Trades"),
)  # fmt: skip
ONLY: Final = (
    (Only.SCORED.value, "Scored"), (Only.TO_MOVE.value, "To move"),
    (Only.ALARMED.value, "Alarmed"), (Only.ALL.value, "All"),
)  # fmt: skip
BOOKS: Final = (("all", "All"), ("A", "A"), ("B", "B"), ("C", "C"))

EVIDENCE_HEADS: Final = (
    ("Channel", "When his trades are looked at: so long after he opened or closed, or its swap"),
    ("Pips", "Mean markout before costs, and its standard error: + is the client's gain"),
    ("Decibans", "How much the trades speak for an edge there: +10 is ten to one"),
    ("Probability", "That this is where his edge lies; all of them and no edge are 100 %"),
)
TRADE_HEADS: Final = (
    ("Time, UTC", "Of the deal, on the market's clock"),
    ("Symbol", "What he traded"),
    ("Client", "The client's side"),
    ("Lots", "How much"),
    ("Markout", "Pips that the price went his way: + is the client's gain"),
    ("Cost", "Pips that a round trip cost him"),
    ("Net", "Markout less cost, in standard deviations"),
)


def layout() -> Component:
    """Return the screen: tiles, the choices, the list with moves below it, and the card."""
    return html.Div(
        [
            html.Section(
                [_tile(*tile) for tile in TILES],
                id=ClientsIds.TILES,
                className="tiles",
                **aria(label="Clients by what is known of their flow"),
            ),
            _choices(),
            html.P("", id=ClientsIds.NOTE, className="screen-note", role="status", hidden=True),
            html.Div(
                [
                    html.Div(
                        [_list(), moves.decided()], className="left", **data(drawer="here")
                    ),
                    html.Aside(
                        [_card(), moves.form()],
                        className="right",
                        **aria(label="Why a client has his score, and a move to another book"),
                    ),
                ],
                className="columns",
            ),
            *(dcc.Store(id=identity) for identity in (
                ClientsIds.LIST_ASK, ClientsIds.LIST_ANSWER,
                ClientsIds.CARD_ASK, ClientsIds.CARD_ANSWER,
            )),
        ],
        className="clients",
    )  # fmt: skip


def register(app: Dash, queries: FlowQueries, local: Local) -> None:
    """Answer what browsers ask, and let their switches ask."""

    @app.callback(
        Output(ClientsIds.LIST_ANSWER, "data"),
        Input(ClientsIds.LIST_ASK, "data"),
        prevent_initial_call=True,
    )
    async def fill_list(given: object) -> dict[str, Any] | None:
        return await list_answer(given, queries, local)

    @app.callback(
        Output(ClientsIds.CARD_ANSWER, "data"),
        Input(ClientsIds.CARD_ASK, "data"),
        prevent_initial_call=True,
    )
    async def fill_card(given: object) -> dict[str, Any] | None:
        return await card_answer(given, queries)

    for name, identity, prop in (
        ("list", ClientsIds.LIST_ANSWER, "data"),
        ("card", ClientsIds.CARD_ANSWER, "data"),
        ("sort", ClientsIds.SORT, "value"),
        ("only", ClientsIds.ONLY, "value"),
        ("book", ClientsIds.BOOK, "value"),
        ("search", ClientsIds.SEARCH, "value"),
    ):
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("clients", name),
            Input(identity, prop),
            prevent_initial_call=prop == "data",  # there is no answer yet
        )
    moves.register(app)


def _choices() -> Component:
    return html.Div(
        [
            html.Span("Most first by", className="bar-label"),
            switch(ClientsIds.SORT, SORTS, Sort.SCORE.value, "Most first by"),
            switch(ClientsIds.ONLY, ONLY, Only.SCORED.value, "Which clients"),
            html.Span("Book", className="bar-label"),
            switch(ClientsIds.BOOK, BOOKS, "all", "Of which book"),
            field(ClientsIds.SEARCH, "Client or login", width=116),
            html.Span(className="spring"),
            html.Span("", id=ClientsIds.STATE, className="panel-note", role="status"),
        ],
        className="screen-bar",
    )


def _list() -> Component:
    tools = html.Div(
        [
            html.Span("", id=ClientsIds.COUNT, className="panel-note"),
            action_button("export", "Export the list as CSV", "download", "E"),
        ],
        className="panel-tools",
    )
    return panel(
        "Clients by their flow",
        [
            live_grid(ClientsIds.GRID, FLOW_COLUMNS, "Clients by their flow", several=True),
            empty_state("Asking the engine for its clients.", ClientsIds.EMPTY),
        ],
        name="clients",
        aside=tools,
    )


def _card() -> Component:
    body = html.Div(
        [
            html.Div([], id=ClientsIds.CARD_VERDICT, className="verdict"),
            html.Div([], id=ClientsIds.CARD_CURVES, className="curves"),
            html.H3("What speaks for it", className="card-head"),
            html.Ul([], id=ClientsIds.CARD_REASONS, className="reasons"),
            html.H3("Evidence", className="card-head"),
            _table("Evidence by channel", EVIDENCE_HEADS, ClientsIds.CARD_EVIDENCE, texts=1),
            html.H3("Trades that say most", className="card-head"),
            html.P("", id=ClientsIds.CARD_TRADES_NOTE, className="card-text"),
            _table("Trades that say most", TRADE_HEADS, ClientsIds.CARD_TRADES, texts=3),
            html.H3("Accounts", className="card-head"),
            html.Div([], id=ClientsIds.CARD_LOGINS, className="logins"),
        ],
        id=ClientsIds.CARD_BODY,
        className="card-body",
        tabIndex=0,
        role="region",
        **aria(label="Decision card"),
    )
    tools = html.Div(
        [
            html.Span("", id=ClientsIds.CARD_NOTE, className="panel-note", role="status"),
            html.Span([], id=ClientsIds.CARD_BADGE, className="flow-badge"),
        ],
        className="panel-tools",
    )
    empty = "Choose a client: why he has his score, what it rests on, what would change it."
    return panel(
        "Decision card", [body, empty_state(empty, ClientsIds.CARD_EMPTY)], name="card", aside=tools
    )


def _table(
    label: str, heads: tuple[tuple[str, str], ...], identity: str, *, texts: int
) -> Component:
    """Return an empty table; its first columns are ``texts``, the others numbers."""
    cells = [
        html.Th(text, scope="col", title=tip, className="" if k < texts else "num")
        for k, (text, tip) in enumerate(heads)
    ]
    table = html.Table(
        [html.Thead(html.Tr(cells)), html.Tbody(id=identity)],
        className="plain-table",
        **aria(label=label),
    )
    return html.Div(table, className="card-scroll", tabIndex=0)


def _tile(key: str, label: str, tip: str) -> Component:
    return html.Article(
        [
            html.Div(html.H2(label, className="tile-label"), className="tile-head"),
            html.Div(html.Span(formats.NOTHING, className="tile-value"), className="tile-main"),
            html.Div("", className="tile-parts"),
        ],
        className="tile",
        title=tip,
        **data(clients=key, tone=TONES.get(key, "")),
    )
