"""The house's open profit over the last ten minutes."""

from __future__ import annotations

from typing import Final

from dash import dcc, html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.figures.pnl import CONFIG, LINES, figure
from dealing.desk.history import Point
from dealing.desk.ids import PnlIds
from dealing.desk.parts import aria, empty_state, panel
from exposure.snapshot import HouseRow

HEIGHT_PX: Final = 150


def view(house: HouseRow, market_ms: int, per_usd: float) -> Point:
    """Return one point of the chart: market time in ms, then total, A and B."""
    values = (house.floating_usd, house.floating_a_usd, house.floating_b_usd)
    return (float(market_ms), *(round(value * per_usd, 2) for value in values))


def layout() -> Component:
    """Return the panel; the legend carries the newest values."""
    legend = html.Div(
        [
            html.Span(
                [html.I(className=f"line line-{k}"), html.Span(name), html.B(formats.NOTHING)],
                className="legend-item",
            )
            for k, (name, _) in enumerate(LINES)
        ],
        className="legend",
    )
    return panel(
        "House P&L, open",
        [
            legend,
            html.Div(
                dcc.Graph(
                    id=PnlIds.CHART,
                    figure=figure(),
                    config=CONFIG,
                    className="chart",
                    style={"height": f"{HEIGHT_PX}px"},
                ),
                role="img",
                **aria(label="House open profit over the last ten minutes: total, A and B"),
            ),
            empty_state("Waiting for the first figures."),
        ],
        name="pnl",
        aside=html.Span("last 10 min", id=PnlIds.NOTE, className="panel-note"),
    )
