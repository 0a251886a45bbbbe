"""What clients hold, what it is worth, and what of everything the house keeps each would be.

Positions are taken as the flow book knows them, from a copy, so that events may go on meanwhile.
What has no price or no rate to USD is worth nothing until it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.flow_book import USD, FlowBook, Login
from bookrouting.flow_evidence import FlowEvidence
from bookrouting.held import Held

Floats = NDArray[np.float64]

SLICE: Final = 1_024


class Market(NamedTuple):
    """Prices of one moment, a row per symbol; ``usd`` is what a lot gains per unit of price."""

    bid: Floats
    ask: Floats
    usd: Floats


class Holdings(NamedTuple):
    """Everybody's open positions, a row per client. Units: USD.

    ``floating`` is what they are worth to a house that keeps them, ``gross`` what clients hold.
    """

    floating_usd: Floats
    gross_usd: Floats


def market_of(flow: FlowBook) -> Market:
    """Copy the prices of this moment."""
    count, table = len(flow.instruments), flow.arrays.market
    usd = [
        one.units_per_lot * flow.rate(one.quote, USD) if table["quoted"][k] else np.nan
        for k, one in enumerate(flow.instruments)
    ]
    return Market(
        table["bid"][:count].copy(), table["ask"][:count].copy(), np.array(usd, np.float64)
    )


def holdings(
    held: Sequence[Held], logins: Mapping[str, Login], market: Market, clients: int
) -> Iterator[Holdings]:
    """Sum up positions, a slice with each step; it is the same sums that fill up.

    Args:
        held: Open positions.
        logins: Whose they are.
        market: The prices of one moment.
        clients: How many clients there are.
    """
    found = Holdings(np.zeros(clients), np.zeros(clients))
    yield found
    for begin in range(0, len(held), SLICE):
        _add(held[begin : begin + SLICE], logins, market, found)
        yield found


def with_holdings(
    clients: Sequence[FlowEvidence], gross_usd: Mapping[str, float]
) -> list[FlowEvidence]:
    """Return clients with what they hold; their ``hedge_ratio`` says what of it is kept."""
    kept = sum(gross_usd.get(one.client_id, 0.0) * (1.0 - one.hedge_ratio) for one in clients)
    found = []
    for one in clients:
        own = gross_usd.get(one.client_id, 0.0)
        # with all of him, the house would keep more than it keeps now
        everything = kept + own * one.hedge_ratio
        found.append(one._replace(gross_usd=own, gross_ratio=own / everything if own else 0.0))
    return found


def gross_of(flow: FlowBook) -> dict[str, float]:
    """Return what each client who holds something holds now. Units: USD."""
    held = list(flow.positions.open.values())
    *_, last = holdings(held, flow.logins, market_of(flow), len(flow.client_ids))
    rows = np.flatnonzero(last.gross_usd).tolist()
    return {flow.client_ids[row]: float(last.gross_usd[row]) for row in rows}


def _add(
    held: Sequence[Held], logins: Mapping[str, Login], market: Market, found: Holdings
) -> None:
    rows = np.array([logins[one.login].client for one in held])
    symbol = np.array([one.symbol for one in held])
    side, lots, opened = np.array([(one.side, one.lots, one.open_price) for one in held]).T
    bid, ask = market.bid[symbol], market.ask[symbol]
    with np.errstate(invalid="ignore", over="ignore"):
        usd = lots * market.usd[symbol]
        floating = -side * (np.where(side > 0.0, bid, ask) - opened) * usd
        gross = np.abs((bid + ask) / 2.0 * usd)
    np.add.at(found.floating_usd, rows, np.where(np.isfinite(floating), floating, 0.0))
    np.add.at(found.gross_usd, rows, np.where(np.isfinite(gross), gross, 0.0))
