"""The parts of the page that stand still: markup of its own, which Dash need not know.

Dash keeps a component with a subscription to its store for every element of a layout, and asks all
of them at each change. Most of the page are labels, heads of tables and places that scripts fill:
they are taken out of the layout, and ``assets/js/still.js`` puts them back as soon as it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from html import escape
from typing import Any, Final, NamedTuple

import orjson
from dash import Dash
from dash.development.base_component import Component

from dealing.desk.parts import data

PARTS: Final = "still-parts"
_HTML: Final = "dash_html_components"
_CHILDLESS: Final = frozenset({"br", "hr", "img"})
_COMES_AND_GOES: Final = frozenset({"Modal"})
"""What has its children on the page only while it is open."""

_ATTRIBUTES: Final = {"className": "class", "htmlFor": "for", "tabIndex": "tabindex"} | {
    name: name
    for name in ("download", "hidden", "href", "id", "role", "scope", "title", "type", "value")
}


class Split(NamedTuple):
    """A layout, and the markup that was taken out of it: ``data-still`` numbers its places."""

    layout: Component
    markup: list[str]


def split(layout: Component, living: Collection[str]) -> Split:
    """Take out what stands still; the layout itself is changed.

    Args:
        layout: Everything on the page.
        living: Ids that callbacks touch; their elements stay.
    """
    markup: list[str] = []
    _take(layout, frozenset(living), markup)
    return Split(layout, markup)


def living_ids(app: Dash) -> frozenset[str]:
    """Return the ids that the callbacks of an application touch."""
    touched: set[str] = set()
    for output, callback in app.callback_map.items():
        touched.update(name.rpartition(".")[0] for name in output.strip(".").split("..."))
        touched.update(one["id"] for kind in ("inputs", "state") for one in callback[kind])
    return frozenset(touched - {""})


def block(markup: list[str]) -> str:
    """Return the markup as a block of data in the page; no part of it can end the block."""
    content = orjson.dumps(markup).decode().replace("<", r"\u003c").replace("%", r"\u0025")
    return f'<script type="application/json" id="{PARTS}">{content}</script>'


def _take(component: Component, living: frozenset[str], markup: list[str]) -> None:
    children = _children(component)
    elements = [child for child in children if isinstance(child, Component)]
    if not elements or _type(component) in _COMES_AND_GOES:
        return
    if _is_html(component) and all(_stands_still(child, living) for child in elements):
        for name, number in data(still=str(len(markup))).items():
            setattr(component, name, number)
        component.children = None
        markup.append("".join(map(_written, children)))
        return
    for child in elements:
        _take(child, living, markup)


def _children(component: Component) -> list[Any]:
    children = getattr(component, "children", None)
    listed = children if isinstance(children, (list, tuple)) else [children]
    return [child for child in listed if child is not None]


def _stands_still(component: Component, living: frozenset[str]) -> bool:
    if not _is_html(component) or getattr(component, "id", None) in living:
        return False
    if not all(_is_known(*prop) for prop in _props(component).items()):
        return False
    return all(
        _stands_still(child, living)
        for child in _children(component)
        if isinstance(child, Component)
    )


def _is_html(component: Component) -> bool:
    return bool(_told(component)["namespace"] == _HTML)


def _type(component: Component) -> str:
    return str(_told(component)["type"])


def _props(component: Component) -> dict[str, Any]:
    return {name: value for name, value in _told(component)["props"].items() if name != "children"}


def _told(component: Component) -> dict[str, Any]:
    told: dict[str, Any] = component.to_plotly_json()  # type: ignore[no-untyped-call]
    return told


def _is_known(name: str, value: object) -> bool:
    if name.startswith(("data-", "aria-")):
        return isinstance(value, str)
    return name in _ATTRIBUTES and (name == "hidden" or not isinstance(value, bool))


def _written(child: Any) -> str:
    if not isinstance(child, Component):
        return escape(str(child), quote=False)
    tag = _type(child).lower()
    opened = f"<{tag}{''.join(_attributes(_props(child)))}>"
    if tag in _CHILDLESS:
        return opened
    return f"{opened}{''.join(map(_written, _children(child)))}</{tag}>"


def _attributes(props: Mapping[str, Any]) -> Iterator[str]:
    for name, value in props.items():
        if value is None or value is False:
            continue
        given = "" if value is True else escape(str(value))
        yield f' {_ATTRIBUTES.get(name, name)}="{given}"'
