"""What the simulated market looks like, as tables next to this module that anyone can edit.

``factors``: start prices, daily volatilities and what moves together. ``quoting``: sessions,
spreads and popularity per symbol. ``sessions``: opening hours. ``seasons``: the shape of a day.
``news``: the release calendar. Currency prices are the ECB's reference rates of 2026-03-10, opening
hours and breaks are those of OANDA (QuantConnect/Lean, Data/market-hours, Apache-2.0), daily
volatilities are those of the reference workload; everything else is chosen to look plausible.
"""

from __future__ import annotations

import csv
from pathlib import Path


def read_parameters(name: str) -> list[dict[str, str]]:
    """Return the rows of one table."""
    path = Path(__file__).parent / f"{name}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
