"""Fields that a person types into, and buttons with words, for the forms of the screens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dealing.desk.parts import data, icon


def field(
    identity: str, label: str, value: str = "", *, width: int | str, **more: str
) -> Component:
    """Return a line of text that says inside what belongs there.

    ``more`` are attributes of the input itself.
    """
    attributes: dict[str, Any] = {"autocomplete": "off", "spellcheck": "false", **more}
    entry = dmc.TextInput(
        id=identity,
        value=value,
        size="xs",
        className="field-entry",
        w=width,
        debounce=False,
        placeholder=label,
        attributes={"input": attributes},
    )
    return html.Span(
        [html.Label(label, htmlFor=identity, className="sr-only"), entry], className="field"
    )


def text_button(action: str, text: str, symbol: str = "", title: str = "") -> Component:
    """Return a button that says what it does."""
    marks = [icon(symbol)] if symbol else []
    return html.Button(
        [*marks, html.Span(text)],
        className="text-button",
        type="button",
        title=title or None,
        **data(action=action),
    )


def choice(identity: str, label: str, choices: Sequence[tuple[str, str]]) -> Component:
    """Return a list to choose one of; ``choices`` are value and text of each."""
    options = [html.Option(text, value=value) for value, text in choices]
    return html.Span(
        [
            html.Label(label, htmlFor=identity, className="sr-only"),
            html.Select(options, id=identity, className="choice", title=label),
        ],
        className="field",
    )
