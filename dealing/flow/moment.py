"""What changes with events, copied at one moment for computations that take longer than that."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from bookrouting.held import Held
from bookrouting.holdings import Holdings, Market, holdings, market_of
from bookrouting.money import Money
from dealing.score.reader import FlowReader


class Moment(NamedTuple):
    """A copy of what clients held and brought; ``now`` is ns UTC of the events."""

    now: int
    client_ids: list[str]
    money: dict[str, Money]
    held: list[Held]
    market: Market
    hedge_ratio_of: dict[str, float]


def moment_of(reader: FlowReader) -> Moment:
    """Copy what a flow book knows now."""
    flow = reader.flow
    return Moment(
        flow.now or 0,
        list(flow.client_ids),
        dict(flow.money),
        list(flow.positions.open.values()),
        market_of(flow),
        dict(reader.hedge_ratio_of),
    )


async def holdings_at(moment: Moment, reader: FlowReader) -> Holdings:
    """Sum up what everybody held, a slice at a time; batches are applied in between."""
    steps = holdings(moment.held, reader.flow.logins, moment.market, len(moment.client_ids))
    found = next(steps)
    for _ in steps:
        await asyncio.sleep(0)
    return found


def gross_at(moment: Moment, held: Holdings) -> dict[str, float]:
    """Return what each client held, by his id. Units: USD."""
    return dict(zip(moment.client_ids, held.gross_usd.tolist(), strict=True))
