"""The waterfall: from the day's opening to what the house is worth now, reason by reason."""

from __future__ import annotations

from typing import Any, Final

CONFIG: Final[Any] = {"displayModeBar": False, "responsive": True, "doubleClick": "reset"}


def figure() -> dict[str, Any]:
    """Return the empty chart; scripts add bars and colours."""
    return {
        "data": [
            {
                "type": "waterfall",
                "orientation": "h",
                "measure": [],
                "x": [],
                "y": [],
                "text": [],
                "textposition": "outside",
                "cliponaxis": False,
                "hovertemplate": "%{y}<br>%{text} USD<extra></extra>",
                "connector": {"mode": "between", "line": {"width": 1}},
            }
        ],
        "layout": {
            "autosize": True,
            "margin": {"l": 92, "r": 16, "t": 6, "b": 22},
            "showlegend": False,
            "waterfallgap": 0.35,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": {"nticks": 5, "tickformat": "~s", "zeroline": True, "fixedrange": True},
            "yaxis": {"autorange": "reversed", "fixedrange": True, "automargin": False},
        },
    }
