"""Limits, most used first: what the house may hold, what it holds, and how far that is."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import polars as pl
from dash import html
from dash.development.base_component import Component

from dealing.desk.columns import LIMIT_COLUMNS, live_grid
from dealing.desk.ids import LimitIds
from dealing.desk.panels.exposure import CLASS_NAMES
from dealing.desk.parts import body, data, empty_state
from exposure.limits import Scope, Severity
from exposure.model.instruments import AssetClass

SHOWN: Final = 40
UNKNOWN: Final = "unknown"
"""Severity of a limit on something without a price: it is not known to be kept."""

SCOPE_NAMES: Final = {
    Scope.SYMBOL: "Symbol",
    Scope.UNDERLYING: "Underlying",
    Scope.CURRENCY: "Currency",
    Scope.ASSET_CLASS: "Class",
    Scope.CLIENT: "Client",
}


def view(limits: pl.DataFrame, per_usd: float) -> dict[str, Any]:
    """Return the most used limits column by column, and how many are reached.

    Args:
        limits: The engine's (columns LIMIT_COLUMNS of the snapshot), most used first.
        per_usd: Units of the desk's currency that buy one USD.
    """
    most = limits[:SHOWN]
    rows = list(most.iter_rows(named=True))
    reached = Counter(limits["severity"].to_list())
    return {
        "columns": {
            "name": [subject(row["scope"], row["name"]) for row in rows],
            "key": most["name"].to_list(),
            "scope": most["scope"].to_list(),
            "scope_name": [SCOPE_NAMES[Scope(row["scope"])] for row in rows],
            "severity": [_severity(row) for row in rows],
            "used": [_rounded(row["used_ratio"], 4) for row in rows],
            "value": [_money(row["value_usd"], per_usd) for row in rows],
            "soft": [_money(row["soft_usd"], per_usd) for row in rows],
            "hard": [_money(row["hard_usd"], per_usd) for row in rows],
        },
        "soft": reached[Severity.SOFT],
        "hard": reached[Severity.HARD],
        "limits": limits.height,
    }


def subject(scope: str, name: str) -> str:
    """Return what a limit is on, as a dealer calls it."""
    known = scope == Scope.ASSET_CLASS and name in set(AssetClass)
    return CLASS_NAMES[AssetClass(name)] if known else name


def layout() -> Component:
    """Return the list; scripts fill it."""
    return body(
        "Limits, most used first",
        [
            live_grid(LimitIds.GRID, LIMIT_COLUMNS, "Limits, most used first"),
            empty_state("No limit is set: see limits in config.yaml."),
        ],
        name="limits",
        hidden=True,
        **data(watch="limits"),
    )


def alert() -> Component:
    """Return what says at any time that limits are reached, and opens them."""
    return html.Button(
        [],
        id=LimitIds.ALERT,
        className="limit-alert",
        type="button",
        hidden=True,
        title="Limits that are reached (L)",
        **data(action="watch:limits"),
    )


def _severity(row: dict[str, Any]) -> str:
    return UNKNOWN if row["value_usd"] is None else str(row["severity"])


def _money(usd: float | None, per_usd: float) -> float | None:
    return None if usd is None else round(usd * per_usd, 2)


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)
