"""The exposure grid: what the house holds, by underlying, symbol, class or currency."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import dash_mantine_components as dmc
import numpy as np
from dash import ClientsideFunction, Dash, Input, html
from dash.development.base_component import Component

from dealing.desk.columns import EXPOSURE_COLUMNS, live_grid
from dealing.desk.ids import ExposureIds
from dealing.desk.parts import action_button, empty_state, icon, panel, switch
from dealing.desk.rows import Book, Columns, Rows, View
from exposure.model.instruments import AssetClass

VIEW_NAMES: Final = {
    View.UNDERLYING: "Underlying",
    View.SYMBOL: "Symbol",
    View.ASSET_CLASS: "Class",
    View.CURRENCY: "Currency",
}
CLASS_NAMES: Final = {
    AssetClass.FX: "FX",
    AssetClass.METAL: "Metal",
    AssetClass.INDEX: "Index",
    AssetClass.ENERGY: "Energy",
    AssetClass.SHARE: "Share",
    AssetClass.CRYPTO: "Crypto",
    AssetClass.OTHER: "Other",
}
_DECIMALS: Final = {"lots": 4, "value": 2, "floating": 2, "coverage": 4, "used": 4, "share": 4}


def definitions(book: Book) -> dict[str, Any]:
    """Return what rarely changes: names, classes, members and digits of every view's rows."""
    return {
        view: {
            "names": rows.names,
            "classes": rows.classes,
            "members": rows.members,
            "digits": rows.digits,
        }
        for view, rows in book.views.items()
    }


def view(book: Book) -> dict[str, Any]:
    """Return every view's figures column by column, in the order of the definitions."""
    figures = {str(name): _rounded(rows) for name, rows in book.views.items()}
    return figures | {"total": _rounded(book.total)}


def layout() -> Component:
    """Return the panel: switches, search, the grid with its pinned total."""
    search = html.Label(
        [
            icon("search"),
            html.Span("Search", className="sr-only"),
            dmc.TextInput(
                id=ExposureIds.SEARCH,
                placeholder="Search",
                size="xs",
                className="search",
                debounce=False,
                attributes={"input": {"aria-label": "Search rows", "autocomplete": "off"}},
            ),
            html.Kbd("/"),
        ],
        className="search-box",
        htmlFor=ExposureIds.SEARCH,
    )
    tools = html.Div(
        [
            switch(ExposureIds.VIEW, [(v.value, text) for v, text in VIEW_NAMES.items()],
                   View.UNDERLYING, "Rows"),
            switch(ExposureIds.ASSET_CLASS,
                   [("all", "All"), *((c.value, text) for c, text in CLASS_NAMES.items())],
                   "all", "Asset class"),
            search,
            html.Span("", id=ExposureIds.COUNT, className="panel-note"),
            action_button("columns", "Choose columns", "columns-3", "C"),
            action_button("export", "Export what is shown as CSV", "download", "E"),
        ],
        className="panel-tools",
    )  # fmt: skip
    return panel(
        "Exposure",
        [
            html.P("", id=ExposureIds.NOTE, className="inline-note", hidden=True),
            live_grid(ExposureIds.GRID, EXPOSURE_COLUMNS, "Exposure"),
            empty_state("No instrument is defined yet."),
        ],
        name="exposure",
        aside=tools,
    )


def register(app: Dash) -> None:
    """Let the switches and the search act in the browser, without a round trip."""
    for identity in (ExposureIds.VIEW, ExposureIds.ASSET_CLASS, ExposureIds.SEARCH):
        name = identity.removeprefix("exposure-")
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("desk", name), Input(identity, "value")
        )


def _rounded(rows: Rows) -> Columns:
    """Cut what no cell shows: all columns at once, each by what it is."""
    steps = np.array([10.0 ** _decimals(name) for name in rows.columns])[:, None]
    table = np.rint(np.stack(list(rows.columns.values())) * steps) / steps
    return dict(zip(rows.columns, table, strict=True))


@cache
def _decimals(name: str) -> int:
    return next((_DECIMALS[part] for part in name.split("_") if part in _DECIMALS), 8)
