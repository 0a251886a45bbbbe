"""The chart of the house's open profit: total, what is passed on and what is kept."""

from __future__ import annotations

from typing import Any, Final

LINES: Final = (("Total", "floating"), ("A passed on", "floating_a"), ("B kept", "floating_b"))
"""Legend and figure of each line, in the order of a point."""

TIME_FORMATS: Final = (
    {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, None], "value": "%H:%M"},
)
"""Ticks closer than a minute show seconds."""


def figure() -> dict[str, Any]:
    """Return the empty chart; scripts add points and colours."""
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": [],
                "y": [],
                "line": {"width": 1.6 if k == 0 else 1.2, "dash": ("solid", "dot", "dash")[k]},
                "hovertemplate": "%{y:,.0f}<extra>" + name + "</extra>",
                "connectgaps": False,
            }
            for k, (name, _) in enumerate(LINES)
        ],
        "layout": {
            "autosize": True,
            "margin": {"l": 8, "r": 54, "t": 6, "b": 20},
            "showlegend": False,
            "hovermode": "x unified",
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": {"type": "date", "nticks": 5, "tickformatstops": TIME_FORMATS},
            "yaxis": {"side": "right", "nticks": 5, "tickformat": "~s", "zeroline": True},
        },
    }


CONFIG: Final[Any] = {"displayModeBar": False, "responsive": True, "doubleClick": "reset"}
"""Plotly's own buttons stay away: a desk has no time to be a drawing program."""
