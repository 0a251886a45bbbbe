"""Every key there is, in one overlay; scripts bind exactly this list."""

from __future__ import annotations

from typing import Final, NamedTuple

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dealing.desk.ids import ExposureIds, ShellIds


class Key(NamedTuple):
    """One key; ``action`` is the name the scripts know, ``brief`` what the status line says."""

    key: str
    action: str
    does: str
    brief: str = ""


KEYS: Final = (
    Key("/", "search", "Search rows", "search"),
    Key("1", "view:underlying", "Rows by underlying"),
    Key("2", "view:symbol", "Rows by symbol"),
    Key("3", "view:class", "Rows by asset class"),
    Key("4", "view:currency", "Rows by currency"),
    Key("N", "sort:net_value", "Sort by net position", "net"),
    Key("U", "sort:limit_used", "Sort by limit use", "limit use"),
    Key("F", "sort:floating", "Sort by floating profit"),
    Key("H", "side", "Switch between client side and house side", "house / client"),
    Key("B", "book", "Next book: all, A, B, C"),
    Key("L", "watch", "Margin list or limits"),
    Key("C", "columns", "Choose columns"),
    Key("E", "export", "Export what is shown as CSV"),
    Key("Enter", "", "Open the focused row"),
    Key("Esc", "close", "Close what is open"),
    Key("Space", "pause", "Pause and go on", "pause"),
    Key("D", "theme", "Dark or light"),
    Key("P", "palette", "Blue and orange, or green and red"),
    Key("A", "screen:alerts", "Alerts screen: cases, grades, mutes, hand-over"),
    Key("K", "screen:clients", "Clients screen: flow, books and moves"),
    Key("X", "choose", "Choose the focused client for a move, or not"),
    Key("V", "screen:risk", "Risk screen: VaR and stress"),
    Key("M", "screen:margin", "Margin screen"),
    Key("G", "screen:hedging", "Hedging screen"),
    Key("R", "screen:revenue", "Revenue screen"),
    Key("O", "screen:office", "Office screen: payments, clients, breaks, messages"),
    Key("S", "screen", "Desk or system screen"),
    Key("?", "help", "This list", "help"),
)
"""Keys in the order of the overlay; one without an action is handled by the grid itself."""

SCREEN_KEYS: Final = {
    "alerts": (
        Key("J", "alert:next", "Next case (or the arrow keys)", "next"),
        Key("↓", "alert:next", ""),
        Key("K", "alert:previous", "Case before", "before"),
        Key("↑", "alert:previous", ""),
        Key("A", "alert:acknowledge", "Acknowledge the case, with a note", "acknowledge"),
        Key("S", "alert:snooze", "Snooze it", "snooze"),
        Key("R", "alert:resolve", "Resolve it, with its outcome", "resolve"),
        Key("T", "alert:take", "Take it: it is yours"),
        Key("N", "alert:note", "Write a note"),
        Key("U", "alert:undo", "Undo what was done last", "undo"),
    ),
}
"""Keys that mean something else on one screen."""


def layout() -> Component:
    """Return the help overlay and the column chooser, both closed."""
    rows = [_row(key) for key in KEYS]
    on_alerts = [_row(key) for key in SCREEN_KEYS["alerts"] if key.does]
    terms = html.P(
        "Net = house or client side as switched. Book A is passed on to providers, B is kept, C is "
        "hedged in part. Grey figures are stale, and say how old they are.",
        className="help-text",
    )
    return html.Div(
        [
            dmc.Modal(
                [
                    html.Dl(rows, className="keys"),
                    html.H3("On the alerts screen", className="key-head"),
                    html.Dl(on_alerts, className="keys"),
                    terms,
                ],
                id=ShellIds.HELP,
                title="Keys",
                size="lg",
                transitionProps={"duration": 0},
                closeButtonProps={"aria-label": "Close"},
            ),
            dmc.Modal(
                html.Div(id=ExposureIds.COLUMN_LIST, className="column-list"),
                id=ExposureIds.COLUMNS,
                title="Columns",
                size="lg",
                keepMounted=True,
                transitionProps={"duration": 0},
                closeButtonProps={"aria-label": "Close"},
            ),
        ]
    )


def _row(key: Key) -> Component:
    return html.Div([html.Dt(html.Kbd(key.key)), html.Dd(key.does)], className="key-row")
