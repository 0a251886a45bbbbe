"""The top strip: which market this is, what time it is there, and how everybody is."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.ids import ShellIds
from dealing.desk.options import DeskOptions
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


def layout(options: DeskOptions) -> Component:
    """Return the strip."""
    brand = html.Div(
        [html.Span(className="logo", **aria(hidden="true")), html.H1("Plimsoll")],
        className="brand",
    )
    market = html.Span(
        "NO", id=ShellIds.MARKET, className="market", title="Where the prices come from"
    )
    clocks = html.Div(
        [
            html.Span([html.Small("server"), html.Time(formats.NOTHING, id=ShellIds.CLOCK)]),
            html.Span([html.Small("UTC"), html.Time(formats.NOTHING, id=ShellIds.UTC)]),
        ],
        className="clocks",
        **data(
            rule=f"Market time; the server day begins at {options.day_starts_at_hour}:00 "
            f"{options.day_zone}"
        ),
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
            _alerts(),
            _open_door(options),
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


def _alerts() -> Component:
    """Return what every screen says of open alerts; hidden where no alerts are watched for."""
    counts = [
        html.Span([html.I(className=f"mark sev-{name}"), html.B("")], **data(severity=name))
        for name in ("critical", "warning", "info")
    ]
    button = html.Button(
        [*counts, html.Span("", className="alert-more")],
        id=ShellIds.ALERTS,
        className="alert-strip",
        type="button",
        hidden=True,
        **data(action="screen:alerts"),
        **aria(label="Alerts"),
    )
    said = html.Div("", id=ShellIds.SAID, className="sr-only", **aria(live="polite"))
    return html.Span([button, said], className="alert-place")


def _open_door(options: DeskOptions) -> Component:
    if options.hosts:
        reach, who = "open to your network", "Anybody who reaches this address"
    else:
        reach, who = "loopback only", "Anybody on this machine"
    return html.Span(
        [icon("lock"), html.Span(f"no sign-in yet: {reach}")],
        className="notice",
        title=f"{who} can open this page. Sign-in comes with a later version.",
        **(data(open="true") if options.hosts else {}),
    )
