"""The frame around every screen, and the page that carries it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dealing.desk.ids import ShellIds
from dealing.desk.options import DeskOptions
from dealing.desk.panels import (
    accounts,
    alerts,
    clients,
    crossings,
    drilldown,
    exposure,
    hedging,
    help,  # noqa: A004 (the panel is called what it is)
    office,
    pnl,
    revenue,
    risk,
    strip,
    system,
    tiles,
    watch,
)
from dealing.desk.panels.help import KEYS, SCREEN_KEYS, Key
from dealing.desk.parts import action_button, aria, data, icon
from dealing.desk.theme import TOKENS

HEADER_PX: Final = 46
RAIL_PX: Final = 52
STATUS_PX: Final = 24

PAGE: Final = """<!DOCTYPE html>
<html lang="en" data-theme="%(theme)s" data-palette="safe" style="background:%(background)s">
  <head>
    {%%metas%%}
    <title>{%%title%%}</title>
    <link rel="icon" type="image/svg+xml" href="/assets/icons/plimsoll.svg">
    <link rel="preload" href="/assets/fonts/inter-latin.woff2" as="font" type="font/woff2"
          crossorigin>
    {%%css%%}
  </head>
  <body>
    {%%app_entry%%}
    %(parts)s
    <div hidden>{%%config%%}{%%scripts%%}{%%renderer%%}</div>
  </body>
</html>"""


def page(options: DeskOptions, parts: str) -> str:
    """Return the page around Dash's own parts, painted in the right theme from the start.

    Args:
        options: Choices of this desk.
        parts: The block of what Dash does not know.
    """
    background = TOKENS[options.theme]["--bg"]
    return PAGE % {"theme": options.theme, "background": background, "parts": parts}


def layout(options: DeskOptions) -> Component:
    """Return everything on the page, before the first figure."""
    shell = dmc.AppShell(
        [
            dmc.AppShellHeader(strip.layout(options)),
            dmc.AppShellNavbar(_rail()),
            dmc.AppShellMain(
                [
                    _banner(),
                    _phone_rail(),
                    _desk_screen(),
                    _screen("alerts", alerts.layout()),
                    _screen("clients", clients.layout()),
                    _screen("risk", risk.layout()),
                    _screen("margin", accounts.layout()),
                    _screen("hedging", hedging.layout()),
                    _screen("revenue", revenue.layout()),
                    _screen("office", office.layout()),
                    _screen("system", system.layout()),
                ],
                className="main",
            ),
            dmc.AppShellFooter(_status_line(options.version)),
        ],
        header={"height": HEADER_PX},
        navbar={"width": RAIL_PX, "breakpoint": "sm", "collapsed": {"mobile": True}},
        footer={"height": STATUS_PX},
        padding=0,
        id=ShellIds.ROOT,
        className="shell",
    )
    provider: Component = dmc.MantineProvider(
        [shell, help.layout(), _choices(options)],
        id=ShellIds.PROVIDER,
        forceColorScheme=options.theme,
        theme={"fontFamily": "inherit", "fontFamilyMonospace": "inherit"},
    )
    return provider


def _choices(options: DeskOptions) -> Component:
    keys = [[key.key, key.action] for key in KEYS if key.action]
    for screen, own in SCREEN_KEYS.items():
        keys += [[f"{screen}:{key.key}", key.action] for key in own if key.action]
    alerted = {"alerts": "true"} if options.alerts else {}
    return html.Div(id=ShellIds.CHOICES, **data(keys=json.dumps(keys), **alerted))


def _desk_screen() -> Component:
    left = html.Div(
        [exposure.layout(), drilldown.layout()], className="left", **data(drawer="here")
    )
    right = html.Aside(
        [pnl.layout(), watch.layout(), alerts.now(), crossings.layout()],
        className="right",
        **aria(label="Profit, accounts, limits and alerts"),
    )
    return html.Div(
        [tiles.layout(), html.Div([left, right], className="columns")],
        className="screen data-area",
        **data(screen="desk"),
    )


def _screen(name: str, content: Component) -> Component:
    return html.Div(content, className="screen data-area", hidden=True, **data(screen=name))


def _banner() -> Component:
    return html.Div(
        [icon("triangle-alert"), html.Span("", className="banner-text")],
        id=ShellIds.BANNER,
        className="banner",
        hidden=True,
        role="alert",
    )


def _rail() -> Component:
    return html.Nav(_screen_buttons(), className="rail", **aria(label="Screens"))


def _phone_rail() -> Component:
    return html.Nav(_screen_buttons(), className="phone-rail", **aria(label="Screens on a phone"))


def _screen_buttons() -> list[Component]:
    return [
        action_button("screen:desk", "Desk", "layout-dashboard", class_name="rail-button"),
        action_button("screen:alerts", "Alerts", "bell", "A", class_name="rail-button"),
        action_button("screen:clients", "Clients", "user", "K", class_name="rail-button"),
        action_button("screen:risk", "Risk", "shield-alert", "V", class_name="rail-button"),
        action_button("screen:margin", "Margin", "gauge", "M", class_name="rail-button"),
        action_button("screen:hedging", "Hedging", "scale", "G", class_name="rail-button"),
        action_button("screen:revenue", "Revenue", "chart-column", "R", class_name="rail-button"),
        action_button("screen:office", "Office", "landmark", "O", class_name="rail-button"),
        action_button("screen:system", "System", "activity", "S", class_name="rail-button"),
    ]


def _status_line(version: str) -> Component:
    return html.Div(
        [
            _hints(KEYS, "hints"),
            _hints(SCREEN_KEYS["alerts"], "hints hints-alerts"),
            html.Div(className="spring"),
            html.Span("", id=ShellIds.RATES),
            html.Span("", id=ShellIds.AGE),
            html.Span("", id=ShellIds.RENDER),
            html.Span(f"Plimsoll {version}".strip()),
        ],
        className="status",
    )


def _hints(keys: Sequence[Key], name: str) -> Component:
    hints = [
        html.Span([html.Kbd(key.key), html.Span(key.brief)], className="hint")
        for key in keys
        if key.brief
    ]
    return html.Div(hints, className=name)
