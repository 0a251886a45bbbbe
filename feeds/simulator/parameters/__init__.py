"""What the simulated market looks like, as tables next to this module that anyone can edit.

``factors``: start prices, daily volatilities and what moves together. ``quoting``: sessions,
spreads and popularity per symbol. ``sessions``: opening hours. ``seasons``: the shape of a day.
``news``: the release calendar. ``actions``: dividends, adjustments, splits and renames, by days
after the start. ``holidays``: when a currency's market rests. ``provider_swaps``: what a night
costs the house.

Currency prices are the ECB's reference rates of 2026-03-10. Opening hours and breaks are those of
OANDA, holidays those of its index CFDs in each currency from 2025 to 2030 (without 23 December in
Japan, no holiday since 2019; QuantConnect/Lean, Data/market-hours, Apache-2.0). Daily volatilities
are those of the reference workload. The provider keeps a quarter of the margin that is in the
catalogue's swaps. Everything else is chosen to look plausible; no company pays or does what
``actions`` says.
"""

from __future__ import annotations

import csv
from pathlib import Path


def read_parameters(name: str) -> list[dict[str, str]]:
    """Return the rows of one table."""
    path = Path(__file__).parent / f"{name}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
