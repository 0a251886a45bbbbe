"""The office screen: payments, clients, breaks and messages, and whoever decides about them.

Its scripts ask ``/api/v1/office`` themselves, so nothing of a client passes through callbacks or is
kept in the page's stores.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from dash import ClientsideFunction, Dash, Input, html
from dash.development.base_component import Component

from dealing.desk.fields import field, text_button
from dealing.desk.ids import OfficeIds
from dealing.desk.parts import (
    action_button,
    aria,
    data,
    empty_state,
    figure_tile,
    icon,
    listed_tabs,
    panel,
    switch,
)

Heads = tuple[tuple[str, str], ...]

BREAKS_FILE: Final = "/api/v1/office/breaks?form=csv"
ROLES: Final = (
    ("dealer", "Dealer"), ("risk", "Risk"), ("payments", "Payments"), ("compliance", "Compliance"),
)  # fmt: skip
TILES: Final = (
    ("waiting", "Waiting", "Withdrawals that a second person decides about", "warning"),
    ("paying", "Being paid", "Withdrawals that providers were told to pay", ""),
    ("orders", "On the platform", "Bookings that the platform has not confirmed yet", "warning"),
    ("frozen", "Frozen", "Clients who take nothing out for now", ""),
    ("breaks", "Breaks", "Differences between provider, ledger and platform", "warning"),
    ("inbox", "Inbox", "Messages that came and were not taken yet", "warning"),
    ("outbox", "Outbox", "Messages that are to be sent", "warning"),
    ("dead", "Dead letters", "Messages that wait for a person", "critical"),
)
WAITING_HEADS: Final = (
    ("Asked, UTC", "When it was asked for"),
    ("By", "Who asked; somebody else has to decide"),
    ("Client", "Opens the client beside"),
    ("Amount", "What is to be paid out"),
    ("Pays", "Where the money goes: back to where it came from first"),
    ("Login", "The account with the lowest margin level; the others are in the tip"),
    ("Equity", "What the account is worth now, in its currency"),
    ("Level", "Its margin level now"),
    ("Floating", "Its floating profit now, in its currency"),
    ("Lapses, UTC", "Until when somebody has to decide"),
    ("Decide", "By a second person"),
)
HOLD_HEADS: Final = (
    ("Since, UTC", "When it was placed"),
    ("Client", "Opens the client beside"),
    ("Amount", "What the client cannot use"),
    ("Until, UTC", "When it ends by itself"),
    ("Release", "Gives it back to the wallet"),
)
ORDER_HEADS: Final = (
    ("Since, UTC", "When it was ordered"),
    ("Login", "The account on the platform"),
    ("Client", "Opens the client beside"),
    ("Amount", "What goes in or comes out"),
    ("State", "Unclear ones have to be looked up on the platform"),
    ("Tries", "How often it was sent"),
    ("Decide", "Only about unclear ones; above a limit a second person confirms it"),
)
FROZEN_HEADS: Final = (
    ("Since, UTC", "When it began"),
    ("Client", "Opens the client beside"),
    ("Why", "What caused it"),
)
DEPOSIT_HEADS: Final = (
    ("Changed, UTC", "When the provider said something of it last"),
    ("Client", "Opens the client beside"),
    ("Amount", "What came in"),
    ("State", "How far it has come"),
    ("Provider", "Who collects it, and how"),
)
BREAK_HEADS: Final = (
    ("Open", "For how many days it is known"),
    ("Class", "What is wrong, and on which side"),
    ("Client", "Opens the client beside"),
    ("Amount", "What may be lost"),
    ("USD at risk", "The same in USD"),
    ("Owner", "Who looks after it"),
    ("State", "How far it has come"),
    ("Proposed fix", "What would put it right"),
    ("Note", "What somebody wrote beside it"),
    ("Do", "Each is written into the audit log"),
)
DEAD_HEADS: Final = (
    ("Came, UTC", "When it came, or was to be sent"),
    ("Box", "Where it is"),
    ("With", "From or to whom"),
    ("Why", "Why it is dead"),
    ("Tries", "How often it was tried"),
    ("Shape", "Its fields without their content"),
    ("Do", "Each is written into the audit log"),
)


FIGURES: Final = frozenset({"Amount", "Equity", "Level", "Floating", "USD at risk", "Tries"})
"""Columns of figures."""


class Listed(NamedTuple):
    """One table of a tab; ``empty`` is what stands in the place of no rows."""

    title: str
    heads: Heads
    place: OfficeIds
    empty: str


PAYMENTS: Final = (
    Listed("Withdrawals that wait for a second person", WAITING_HEADS, OfficeIds.WAITING,
           "No withdrawal waits for a second person."),
    Listed("Bookings on their way to the platform", ORDER_HEADS, OfficeIds.ORDERS,
           "The platform has confirmed everything."),
    Listed("Held by a person", HOLD_HEADS, OfficeIds.HOLDS, "Nothing is held."),
    Listed("Clients who take nothing out", FROZEN_HEADS, OfficeIds.FROZEN, "Nobody is frozen."),
    Listed("Deposits", DEPOSIT_HEADS, OfficeIds.DEPOSITS, "Nothing was paid in yet."),
)  # fmt: skip
BREAKS: Final = Listed("Breaks", BREAK_HEADS, OfficeIds.BREAKS,
                       "Provider, ledger and platform agree.")  # fmt: skip
DEAD: Final = Listed("Dead letters", DEAD_HEADS, OfficeIds.DEAD,
                     "Every message was taken or sent, or still is.")  # fmt: skip


def layout() -> Component:
    """Return the screen; scripts fill it."""
    tiles = html.Section(
        [
            figure_tile(label, tip, **data(office=name, tone=tone))
            for name, label, tip, tone in TILES
        ],
        id=OfficeIds.TILES,
        className="tiles",
        **aria(label="What waits in the back office"),
    )
    columns = html.Div(
        [
            html.Div([_work()], className="left"),
            html.Aside([_client()], className="right", **aria(label="The client who is open")),
        ],
        className="columns",
    )
    health = html.P("", id=OfficeIds.HEALTH, className="screen-note", role="status", hidden=True)
    return html.Div([tiles, health, _bar(), columns], className="office")


def register(app: Dash) -> None:
    """Let the switches act in the browser."""
    for name, identity in (("tab", OfficeIds.TABS), ("role", OfficeIds.ROLE)):
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("office", name), Input(identity, "value")
        )


def _bar() -> Component:
    why = html.Span(
        [
            field(OfficeIds.READER, "Your name", width=120, maxlength="64"),
            field(OfficeIds.WHY, "Why you read it, for the audit log", width=230, maxlength="500"),
        ],
        className="office-why",
    )
    return html.Div(
        [
            html.Span("Look as", className="bar-label"),
            switch(OfficeIds.ROLE, ROLES, "dealer", "Look as"),
            why,
            html.Span(className="spring"),
            html.Span("", id=OfficeIds.NOTE, className="panel-note", role="status"),
            action_button("office:askNow", "Ask again", "refresh-cw"),
        ],
        className="screen-bar",
    )


def _work() -> Component:
    tabs = (
        ("payments", _counted("Payments"), [_listed(one) for one in PAYMENTS]),
        ("clients", "Clients", [_search()]),
        ("breaks", "Breaks", [_breaks_file(), _listed(BREAKS)]),
        ("messages", "Messages", [_listed(DEAD), _letter()]),
    )
    return html.Section(
        [
            html.H2("Back office", id="office-title", className="sr-only"),
            _decision(),
            listed_tabs(OfficeIds.TABS, tabs, "payments"),
        ],
        className="panel panel-office",
        **aria(labelledby="office-title"),
    )  # fmt: skip


def _counted(label: str) -> Component:
    return html.Span([label, html.B("", id=OfficeIds.COUNT, className="tab-count")])


def _listed(listed: Listed) -> Component:
    cells = [
        html.Th(text, scope="col", title=tip, className="num" if text in FIGURES else None)
        for text, tip in listed.heads
    ]
    table = html.Table(
        [html.Thead(html.Tr(cells)), html.Tbody(id=listed.place)],
        className="plain-table",
        hidden=True,
        **aria(label=listed.title),
    )
    empty = html.P("Asking the back office.", className="tab-empty", **data(office=listed.place))
    scrolled = html.Div(
        table, className="card-scroll", tabIndex=0, role="group", **aria(label=listed.title)
    )
    return html.Section(
        [html.H3(listed.title, className="office-head"), scrolled, empty],
        className="office-list",
        **data(empty=listed.empty),
    )


def _search() -> Component:
    entry = field(
        OfficeIds.SEARCH, "Login, id, name, e-mail or telephone", width="100%", role="combobox",
        maxlength="80", **aria(controls=OfficeIds.HITS, expanded="false", autocomplete="list"),
    )  # fmt: skip
    return html.Div(
        [
            entry,
            html.P(
                "Names, addresses and telephone numbers are found as payments or compliance only.",
                id=OfficeIds.SEARCH_NOTE,
                className="card-text",
                role="status",
            ),
            html.Ul([], id=OfficeIds.HITS, className="hits", role="listbox",
                    **aria(label="Clients found")),
        ],
        className="office-search",
    )  # fmt: skip


def _breaks_file() -> Component:
    return html.A(
        [icon("download"), html.Span("Breaks as CSV")],
        href=BREAKS_FILE,
        download="breaks.csv",
        className="export-button office-file",
        title="All breaks that have no end (E)",
        **data(file="breaks"),
    )


def _letter() -> Component:
    return html.Pre("", id=OfficeIds.LETTER, className="letter", hidden=True, tabIndex=0,
                    **aria(label="The letter that was read"))  # fmt: skip


def _decision() -> Component:
    """Return the line in which somebody decides, and says who he is and why."""
    return html.Div(
        [
            html.B("", id=OfficeIds.DECIDE_WHAT),
            html.Span("", id=OfficeIds.DECIDE_DETAIL, className="decide-detail"),
            field(OfficeIds.DECIDE_OWNER, "Whose it is from now on", width=150, maxlength="64"),
            field(OfficeIds.DECIDE_REASON, "Reason, for the audit log", width=230, maxlength="500"),
            field(OfficeIds.DECIDE_ACTOR, "Your name", width=112, maxlength="64"),
            text_button("office:send", "Send"),
            text_button("office:leave", "Not now"),
            html.P("", id=OfficeIds.DECIDE_NOTE, className="decide-note", role="status"),
        ],
        id=OfficeIds.DECIDE,
        className="form decide",
        hidden=True,
        **data(form="office"),
    )


def _client() -> Component:
    money = html.Div(
        [
            field(OfficeIds.AMOUNT, "Amount", width=90, inputmode="decimal", maxlength="20"),
            field(OfficeIds.CURRENCY, "Currency", "USD", width=76, maxlength="8"),
            field(OfficeIds.LOGIN, "Wallet, or login", width=112, maxlength="40"),
            text_button("office:withdraw", "Pay out", title="Ask for a withdrawal"),
            text_button("office:hold", "Hold", title="Keep it out of the client's reach"),
        ],
        id=OfficeIds.MONEY_FORM,
        className="form",
        **data(form="money"),
    )
    return panel(
        "Client",
        [
            html.Div([money, html.Div([], id=OfficeIds.CLIENT)], className="card-body"),
            empty_state("Choose a client: in a list, or by searching (/).", OfficeIds.CLIENT_EMPTY),
        ],
        name="office-client",
        aside=html.Span("", id=OfficeIds.CLIENT_NOTE, className="panel-note", role="status"),
    )
