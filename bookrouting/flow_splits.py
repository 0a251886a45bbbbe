"""A split changes lots and prices and nothing else: no markout comes of it.

What the flow book keeps of a symbol is put into the new units, so that moves go on where they were.
Sums of lots times price stay; costs and markouts in costs do too.
"""

from __future__ import annotations

from typing import Final

from bookrouting.flow_state import DECISIONS, TICKETS, FlowArrays

_PRICES: Final = ("bid", "ask", "sample_mid", "spread", "fill_half", "fast_mid")


def split_arrays(symbol: int, ratio: float, flow: FlowArrays) -> None:
    """Let one unit of a symbol be ``ratio`` units."""
    market = flow.market
    for name in _PRICES:
        market[name][symbol] /= ratio
    market["variance"][symbol] /= ratio * ratio
    market["lot_usd"][symbol] /= ratio
    decisions = flow.decisions[: flow.counters[DECISIONS]]
    mine = decisions["symbol"] == symbol
    decisions["lots"][mine] *= ratio
    for name in ("fast_lots", "closed_lots", "held_lots"):
        decisions[name][mine] *= ratio
    decisions["variance_lots"][mine] /= ratio
    tickets = flow.tickets[: flow.counters[TICKETS]]
    of_symbol = (tickets["decision"] >= 0) & mine[tickets["decision"]]
    tickets["lots"][of_symbol] *= ratio
    tickets["reference"][of_symbol] /= ratio
