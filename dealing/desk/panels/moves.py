"""Moving clients to another book: the form, what waits for a second person, and what was done.

Beside them stand those who act as one, and what a shadow policy would have brought. Commands
go straight from the browser to ``/api/v1/commands`` and are answered there; nothing of them passes
through callbacks.
"""

from __future__ import annotations

from typing import Final

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, html
from dash.development.base_component import Component

from dealing.desk.fields import field, text_button
from dealing.desk.ids import MoveIds, RiskIds
from dealing.desk.parts import action_button, aria, data, icon, switch

WAITING_HEADS: Final = (
    ("Asked, UTC", "When it was asked for"),
    ("By", "Who asked; somebody else has to decide"),
    ("What", "Which clients would go where"),
    ("Size", "Clients, and the absolute worth of what they hold in USD"),
    ("Reason", "Why it was asked for"),
    ("Lapses, UTC", "Until when somebody has to decide"),
    ("Decide", "By a second person"),
)
RECENT_HEADS: Final = (
    ("Asked, UTC", "When it was asked for"),
    ("By", "Who asked"),
    ("What", "Which clients went where"),
    ("State", "How far it has come"),
    ("Reason", "Why it was asked for"),
    ("Second person", "Who decided, and why"),
    ("Undo", "Puts back what was there before, unless something newer changed it"),
)
AUDIT_HEADS: Final = (
    ("Row", "Each row's hash covers the row before it: plimsoll audit verify"),
    ("Time, UTC", "When it happened"),
    ("Who", "Who did it; plimsoll is the house itself, by the clock"),
    ("What", "What was done"),
    ("To what", "The command it belongs to"),
    ("Reason", "Why"),
)
CLUSTER_HEADS: Final = (
    ("Group", "Its name, which stays over restarts"),
    ("Who", "Clients who act as one; the first to act is marked"),
    ("Why", "What they have in common"),
    ("Score", "Of all their trades as one client's, and how many"),
    ("Edge", "USD per million that they gain net of costs, all as one"),
    ("Holds", "Net and gross worth of what they hold, USD"),
    ("Move", "Puts all of them into the form"),
)
SHADOW_HEADS: Final = (
    ("Client", "Whom the shadow policy has, or had, in another book"),
    ("Really", "His book"),
    ("Shadow", "The book the shadow policy has him in"),
    ("Difference, USD", "What the shadow's book would have brought more: + for the house"),
)
TABS: Final = (
    ("waiting", "Waiting", WAITING_HEADS, MoveIds.WAITING),
    ("recent", "Recent", RECENT_HEADS, MoveIds.RECENT),
    ("audit", "Audit", AUDIT_HEADS, MoveIds.AUDIT),
    ("clusters", "Groups", CLUSTER_HEADS, MoveIds.CLUSTERS),
    ("shadow", "Shadow policy", SHADOW_HEADS, MoveIds.SHADOW),
)
LABELS: Final = {"audit": "Audit log", "clusters": "Clients who act as one",
                 "shadow": "Clients whom the shadow policy has elsewhere"}  # fmt: skip
AUDIT_FILE: Final = "/api/v1/audit?form=csv&limit=10000"

UNTIL: Final = (("none", "For good"), ("24", "24 h"), ("168", "7 days"))


def form() -> Component:
    """Return the form that moves clients; it shows once somebody is chosen."""
    books = [(book, f"Book {book}") for book in ("A", "B", "C")]
    choices = html.Div(
        [
            switch(MoveIds.TO, books, "A", "To which book", remembered=False),
            field(MoveIds.RATIO, "Hedged, 0 to 1", width=96, inputmode="decimal"),
            switch(MoveIds.UNTIL, UNTIL, "none", "For how long", remembered=False),
            field(MoveIds.SYMBOL, "Every symbol", width=104, list=RiskIds.NAMES.value),
            dmc.Checkbox(id=MoveIds.OPEN, label="Take open positions along", size="xs",
                         className="tick"),
        ],
        className="move-choices",
    )  # fmt: skip
    who = html.Div(
        [
            field(MoveIds.REASON, "Reason, for the audit log", width="100%", maxlength="500"),
            field(MoveIds.ACTOR, "Your name", width=112, maxlength="64"),
            text_button("move:look", "Look and move", title="What would happen; nothing moves yet"),
        ],
        className="move-who",
    )
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Move", id="move-title", className="panel-title"),
                    html.Span("", id=MoveIds.WHOM, className="panel-note"),
                ],
                className="panel-head",
            ),
            html.Div([choices, who], className="move-fields"),
            _preview(),
            html.Div(
                [
                    html.P("", id=MoveIds.ANSWER, className="move-answer", role="status"),
                    html.Span(text_button("move:again", "Try again"), id=MoveIds.AGAIN,
                              hidden=True),
                ],
                className="move-said",
            ),
        ],
        className="panel panel-move",
        hidden=True,
        **aria(labelledby="move-title"),
        **data(form="move"),
    )  # fmt: skip


def decided() -> Component:
    """Return the panel of moves: what waits, what was done, and the audit log."""
    tools = html.Div(
        [
            html.Span("", id=MoveIds.NOTE, className="panel-note", role="status"),
            html.A([icon("download"), html.Span("Audit as CSV")], href=AUDIT_FILE,
                   download="audit.csv", className="export-button",
                   title="The newest 10,000 rows of the audit log"),
            action_button("moves", "Ask again", "refresh-cw"),
        ],
        className="panel-tools",
    )  # fmt: skip
    tabs = dmc.Tabs(
        [
            dmc.TabsList([dmc.TabsTab(_label(name, label), value=name)
                          for name, label, *_ in TABS]),
            *(dmc.TabsPanel(_table(name, label, heads, identity), value=name)
              for name, label, heads, identity in TABS),
        ],
        id=MoveIds.TABS,
        value="waiting",
        className="drill-tabs moves-tabs",
    )  # fmt: skip
    return html.Section(
        [
            html.Div([html.H2("Moves", id="moves-title", className="panel-title"), tools],
                     className="panel-head"),
            _decision(),
            tabs,
        ],
        className="panel panel-moves",
        **aria(labelledby="moves-title"),
    )  # fmt: skip


def register(app: Dash) -> None:
    """Let the switches act in the browser."""
    for name, identity in (("to", MoveIds.TO), ("until", MoveIds.UNTIL), ("tab", MoveIds.TABS)):
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("moves", name), Input(identity, "value")
        )


def _preview() -> Component:
    buttons = [
        text_button("move:confirm", "Move them", title="Give the command"),
        text_button("move:back", "Not now", title="Change something, or leave it"),
    ]
    return html.Div(
        [
            html.Ul([], id=MoveIds.PLAN, className="plan"),
            html.Div(buttons, className="move-buttons"),
        ],
        id=MoveIds.PREVIEW,
        className="move-preview",
        hidden=True,
        tabIndex=-1,
        role="group",
        **aria(label="What will happen"),
    )


def _decision() -> Component:
    """Return the line in which somebody approves, rejects or undoes."""
    return html.Div(
        [
            html.B("", id=MoveIds.DECIDE_WHAT),
            field(MoveIds.DECIDE_REASON, "Reason, for the audit log", width=230, maxlength="500"),
            field(MoveIds.DECIDE_ACTOR, "Your name", width=112, maxlength="64"),
            text_button("decide:send", "Send"),
            text_button("decide:leave", "Not now"),
            html.P("", id=MoveIds.DECIDE_NOTE, className="decide-note", role="status"),
        ],
        id=MoveIds.DECIDE,
        className="form decide",
        hidden=True,
        **data(form="decide"),
    )


def _label(name: str, label: str) -> Component | str:
    if name != "waiting":
        return label
    return html.Span([label, html.B("", id=MoveIds.COUNT, className="tab-count")])


def _table(
    name: str, label: str, heads: tuple[tuple[str, str], ...], identity: MoveIds
) -> Component:
    cells = [html.Th(text, scope="col", title=tip) for text, tip in heads]
    table = html.Table(
        [html.Thead(html.Tr(cells)), html.Tbody(id=identity)],
        className="plain-table",
        **aria(label=LABELS.get(name, f"{label} moves")),
    )
    empty = html.P("", className="tab-empty", **data(empty=name))
    told = [html.P("", id=MoveIds.SHADOW_TOLD, className="tab-told")] if name == "shadow" else []
    return html.Div([*told, table, empty], className="table-scroll", tabIndex=0, **data(tab=name))
