"""What clients hold now, and what of everything the house keeps each of them would be.

A policy's caps ask for it. Worth is gross, long and short, at mid, as the flow book knows positions.
"""

from __future__ import annotations

from collections.abc import Sequence

from bookrouting.flow_book import USD, FlowBook
from bookrouting.flow_evidence import FlowEvidence


def with_holdings(flow: FlowBook, clients: Sequence[FlowEvidence]) -> list[FlowEvidence]:
    """Return clients with what they hold; ``hedge_ratio`` says what of it is kept."""
    gross = gross_usd(flow)
    kept = sum(gross.get(one.client_id, 0.0) * (1.0 - one.hedge_ratio) for one in clients)
    found = []
    for one in clients:
        own = gross.get(one.client_id, 0.0)
        # with all of him, the house would keep more than it keeps now
        everything = kept + own * one.hedge_ratio
        found.append(one._replace(gross_usd=own, gross_ratio=own / everything if own else 0.0))
    return found


def gross_usd(flow: FlowBook) -> dict[str, float]:
    """Return what each client holds in USD; what has no price or no rate is not counted."""
    worth = _usd_per_lot(flow)
    held: dict[str, float] = {}
    for one in flow.positions.open.values():
        usd = worth[one.symbol]
        if usd is not None:
            client_id = flow.client_ids[flow.logins[one.login].client]
            held[client_id] = held.get(client_id, 0.0) + usd * one.lots
    return held


def _usd_per_lot(flow: FlowBook) -> list[float | None]:
    market = flow.arrays.market
    found: list[float | None] = []
    for k, instrument in enumerate(flow.instruments):
        rate = flow.rate(instrument.quote, USD)
        mid = (float(market["bid"][k]) + float(market["ask"][k])) / 2.0
        is_priced = bool(market["quoted"][k]) and rate > 0.0
        found.append(abs(mid) * instrument.units_per_lot * rate if is_priced else None)
    return found
