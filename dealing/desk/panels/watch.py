"""What comes close: the accounts nearest to the edge, or the limits most used; one at a time."""

from __future__ import annotations

from dash import ClientsideFunction, Dash, Input, html
from dash.development.base_component import Component

from dealing.desk.ids import LimitIds, MarginIds, WatchIds
from dealing.desk.panels import limits, margin
from dealing.desk.parts import aria, data, switch


def layout() -> Component:
    """Return the panel: a switch and both lists."""
    counts = [
        html.Span("", id=MarginIds.COUNT, className="panel-note", **data(watch="margin")),
        html.Span("", id=LimitIds.COUNT, className="panel-note", hidden=True,
                  **data(watch="limits")),
    ]  # fmt: skip
    choices = [("margin", "Margin"), ("limits", "Limits")]
    head = html.Div(
        [switch(WatchIds.SHOWN, choices, "margin", "What to watch"), limits.alert(), *counts],
        className="panel-head",
    )
    return html.Section(
        [head, margin.layout(), limits.layout()],
        className="panel panel-watch",
        **aria(label="Accounts and limits, worst first"),
    )


def register(app: Dash) -> None:
    """Let the switch act in the browser."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("desk", "watch"), Input(WatchIds.SHOWN, "value")
    )
