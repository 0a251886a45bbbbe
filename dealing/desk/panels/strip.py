"""The top strip: which market this is, what time it is there, and how everybody is."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.ids import ShellIds
from dealing.desk.panels import system
from dealing.desk.parts import action_button, aria, data, icon, switch
from dealing.ports import EngineFrame


def view(frame: EngineFrame, day: formats.ServerDay) -> dict[str, Any]:
    """Return what the strip and the status line say about a frame."""
    as_of = frame.snapshot.as_of
    local = day.local(as_of)
    return {
        "market": frame.market.upper(),
        "recorded": frame.market.startswith("recorded"),
        "speed": frame.speed,
        "clock": formats.clock(local),
        "day": formats.day(local),
        "utc": formats.clock(formats.utc(as_of)),
        "quotes_per_s": round(frame.quotes_per_s, 1),
        "deals_per_s": round(frame.deals_per_s, 1),
        "components": system.components(frame.components),
    }


def layout() -> Component:
    """Return the strip."""
    brand = html.Div(
        [html.Span(className="logo", **aria(hidden="true")), html.H1("Plimsoll")],
        className="brand",
    )
    market = html.Span(
        "NO MARKET", id=ShellIds.MARKET, className="market", title="Where the prices come from"
    )
    open_door = html.Span(
        [icon("lock"), html.Span("no sign-in yet: loopback only")],
        className="notice",
        title="Anybody on this machine can open this page. Sign-in comes with a later version.",
    )
    clocks = html.Div(
        [
            html.Span([html.Small("server"), html.Time(formats.NOTHING, id=ShellIds.CLOCK)]),
            html.Span([html.Small("UTC"), html.Time(formats.NOTHING, id=ShellIds.UTC)]),
        ],
        className="clocks",
        title="Market time: the server day begins at 17:00 New York",
    )
    switches = html.Div(
        [
            switch(ShellIds.BOOK, [("all", "All"), ("a", "A"), ("b", "B"), ("c", "C")], "all",
                   "Book"),
            switch(ShellIds.SIDE, [("house", "House"), ("client", "Client")], "house",
                   "Whose side"),
        ],
        className="switches",
    )  # fmt: skip
    chip = html.Button(
        [html.I(className="dot"), html.Span("Connecting", className="chip-text")],
        id=ShellIds.CHIP,
        className="chip",
        type="button",
        title="Pause and go on (Space)",
        **data(action="pause", state="connecting"),
    )
    return html.Div(
        [
            brand,
            market,
            open_door,
            html.Ul([], id=ShellIds.HEALTH, className="health", **aria(label="Components")),
            html.Div(className="spring"),
            switches,
            clocks,
            chip,
            action_button("theme", "Dark or light", "sun-moon", "D"),
            action_button("palette", "Profit colours", "palette", "P"),
            action_button("help", "Keys", "circle-help", "?"),
        ],
        className="strip",
    )


def register(app: Dash) -> None:
    """Let the switches act in the browser."""
    for identity in (ShellIds.BOOK, ShellIds.SIDE):
        name = identity.removeprefix("shell-")
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("desk", name), Input(identity, "value")
        )
