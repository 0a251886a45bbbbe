"""Small pieces that panels are built from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dealing.desk import formats


def aria(**names: str) -> dict[str, Any]:
    """Return ``aria-*`` attributes: ``aria(label="Screens")``."""
    return {f"aria-{name}": value for name, value in names.items()}


def data(**names: str) -> dict[str, Any]:
    """Return ``data-*`` attributes, which scripts read."""
    return {f"data-{name}": value for name, value in names.items()}


def panel(title: str, children: Sequence[Component], *, name: str, aside: Any = None) -> Component:
    """Return a titled region; ``name`` is its class and what tests look for."""
    head = html.Div(
        [html.H2(title, id=f"{name}-title", className="panel-title"), aside],
        className="panel-head",
    )
    return html.Section(
        [head, *children],
        className=f"panel panel-{name}",
        **aria(labelledby=f"{name}-title"),
    )


def body(title: str, children: Sequence[Component], *, name: str, **more: Any) -> Component:
    """Return one of the lists that share a panel; its title is for screen readers."""
    heading = html.H2(title, id=f"{name}-title", className="sr-only")
    return html.Section(
        [heading, *children],
        className=f"panel panel-{name}",
        **aria(labelledby=f"{name}-title"),
        **more,
    )


def empty_state(sentence: str, identity: str | None = None) -> Component:
    """Return what a panel says while it has nothing to show."""
    named: dict[str, Any] = {} if identity is None else {"id": identity}
    return html.P(sentence, className="empty-state", **named)


def icon(name: str) -> Component:
    """Return an icon of ``assets/icons`` in the colour of the text around it."""
    return html.Span(className=f"icon icon-{name}", **aria(hidden="true"))


def action_button(
    action: str, label: str, symbol: str, key: str = "", class_name: str = "icon-button"
) -> Component:
    """Return a button that does what its key does (``assets/js/keys.js`` knows the actions)."""
    hint = f"{label} ({key})" if key else label
    return html.Button(
        icon(symbol),
        className=class_name,
        title=hint,
        type="button",
        **data(action=action),
        **aria(label=label),
    )


def switch(
    identity: str,
    choices: Sequence[tuple[str, str]],
    chosen: str,
    label: str,
    *,
    remembered: bool = True,
) -> Component:
    """Return one choice of several.

    Args:
        identity: The id.
        choices: Value and text of each.
        chosen: The value at first.
        label: What is chosen, for screen readers.
        remembered: Whether the browser keeps the choice.
    """
    control: Component = dmc.SegmentedControl(
        id=identity,
        data=[{"value": value, "label": text} for value, text in choices],
        value=chosen,
        size="xs",
        radius="sm",
        className="switch",
        persistence=remembered,
        transitionDuration=0,
        **aria(label=label),
    )
    return control


def figure_tile(label: str, tip: str, **attributes: Any) -> Component:
    """Return a figure with its label, and room for its parts, that scripts fill."""
    return html.Div(
        [
            html.Div(html.Span(label, className="tile-label"), className="tile-head"),
            html.Div(html.Span(formats.NOTHING, className="tile-value"), className="tile-main"),
            html.Div("", className="tile-parts"),
        ],
        className="tile",
        title=tip,
        **attributes,
    )


def listed_tabs(
    identity: str, tabs: Sequence[tuple[str, Any, Sequence[Component]]], chosen: str
) -> Component:
    """Return tabs of tables, each in a place that scrolls: name, label and content of each."""
    control: Component = dmc.Tabs(
        [
            dmc.TabsList([dmc.TabsTab(label, value=name) for name, label, _ in tabs]),
            *(
                dmc.TabsPanel(
                    html.Div(content, className="table-scroll", tabIndex=0, role="group",
                             **aria(label=f"{name.capitalize()} listed")),
                    value=name,
                )
                for name, _, content in tabs
            ),
        ],
        id=identity,
        value=chosen,
        className="drill-tabs",
    )  # fmt: skip
    return control
