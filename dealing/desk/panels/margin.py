"""The accounts closest to the edge, worst first, and how many stand in each band of levels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from dash import html
from dash.development.base_component import Component

from dealing.desk.columns import MARGIN_COLUMNS, live_grid
from dealing.desk.ids import MarginIds
from dealing.desk.parts import aria, body, data, empty_state

SHOWN: Final = 40
BANDS: Final = (50.0, 80.0, 100.0, 120.0, 200.0)
"""Upper edges of the bands of margin levels, in percent; above the last one is calm water."""

BAND_NAMES: Final = (
    "below 50 %",
    "50 to 80 %",
    "80 to 100 %",
    "100 to 120 %",
    "120 to 200 %",
    "above 200 %",
)


def view(accounts: pl.DataFrame) -> dict[str, Any]:
    """Return the worst accounts column by column, the band counts and how many have margin.

    Money is in account currency. ``to_50`` is the share of equity that can be lost before the
    level reaches 50 %, None where the account is below it.
    """
    every = accounts["margin_level"].to_numpy().astype(np.float64)
    with_margin = np.flatnonzero(~np.isnan(every))
    levels = every[with_margin]
    worst = accounts[with_margin[np.argsort(levels, kind="stable")[:SHOWN]]]
    columns = {name: worst[name].to_list() for name in worst.columns}
    columns["to_50"] = [_to_the_edge(level) for level in columns["margin_level"]]
    counts = np.bincount(np.digitize(levels, BANDS), minlength=len(BANDS) + 1)
    return {
        "columns": {spec.field: columns[spec.field] for spec in MARGIN_COLUMNS},
        "bands": counts.tolist(),
        "with_margin": len(levels),
        "accounts": accounts.height,
    }


def layout() -> Component:
    """Return bands above the list; scripts fill them."""
    return body(
        "Accounts by margin level, worst first",
        [
            html.Ul(
                [
                    html.Li(
                        title=f"Accounts with a margin level {name}", className=f"band band-{k}"
                    )
                    for k, name in enumerate(BAND_NAMES)
                ],
                id=MarginIds.BANDS,
                className="bands",
                **aria(label="Accounts by margin level"),
            ),
            live_grid(MarginIds.GRID, MARGIN_COLUMNS, "Accounts by margin level, worst first"),
            empty_state("No account uses margin."),
        ],
        name="margin",
        **data(watch="margin"),
    )


def _to_the_edge(level: float) -> float | None:
    return 1.0 - BANDS[0] / level if level > BANDS[0] else None
