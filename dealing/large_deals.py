"""Large deals: the newest that the engine booked, picked out of everything that is dealt.

The engine keeps sums and not deals, so they are picked where batches come in. What a symbol's lot
is worth is looked up once in a while: an ordinary deal costs a look into a dictionary.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final, NamedTuple

from dealing.ports import KEPT_DEALS, LargeDeal
from exposure.engine import ExposureEngine
from exposure.model.events import DealExecuted, EventBatch

FLOOR_USD: Final = 250_000.0
"""From which notional on a deal is large unless somebody says otherwise."""

WORTH_FOR_NS: Final = 10_000_000_000
"""For how long of market time a currency's rate is good enough to say how large a deal is."""


class _Worth(NamedTuple):
    """What a lot is worth in USD for each unit of its price, and until when that is believed."""

    usd_per_price: float
    until_ns: int


class LargeDeals:
    """Remembers the newest large deals of an engine."""

    def __init__(self, floor_usd: float = FLOOR_USD) -> None:
        """Take the notional from which on a deal is large."""
        self._floor_usd = floor_usd
        self._worth: dict[str, _Worth] = {}
        self._newest: deque[LargeDeal] = deque(maxlen=KEPT_DEALS)
        self._position = 0

    def take(self, engine: ExposureEngine, batch: EventBatch) -> None:
        """Take a batch that the engine has just applied; what came before is passed over."""
        first = batch.position - len(batch.events) + 1
        # nearly all events are quotes: they are passed over as quickly as can be
        deals = [
            (position, event)
            for position, event in enumerate(batch.events, first)
            if type(event) is DealExecuted
        ]
        for position, deal in deals:
            if position > self._position:
                self._look_at(engine, deal, position)
        self._position = max(self._position, batch.position)

    def newest(self) -> list[LargeDeal]:
        """Return those that are remembered, oldest first."""
        return list(self._newest)

    def _look_at(self, engine: ExposureEngine, deal: DealExecuted, position: int) -> None:
        worth = self._worth.get(deal.symbol)
        if worth is None or engine.as_of >= worth.until_ns:
            worth = self._worth[deal.symbol] = _worth(engine, deal.symbol)
        notional_usd = worth.usd_per_price * deal.lots * abs(deal.price)
        if notional_usd >= self._floor_usd and self._is_new(engine, deal):
            self._newest.append(_large(engine, deal, position, notional_usd))

    def _is_new(self, engine: ExposureEngine, deal: DealExecuted) -> bool:
        """Whether the engine booked a deal, and not because it came before."""
        if (deal.server, deal.deal_id) not in engine.trades.deal_ids:
            return False
        name = (deal.server, deal.deal_id)
        return all((one.server, one.deal_id) != name for one in self._newest)


def _worth(engine: ExposureEngine, symbol: str) -> _Worth:
    index = engine.symbol_index(symbol)
    if index < 0:
        return _Worth(math.nan, 0)
    instrument = engine.book.instruments[index]
    usd = instrument.units_per_lot * engine.trades.rate_usd(instrument.quote)
    # one without a rate is looked up again: it may have one at the next deal
    return _Worth(usd, engine.as_of + WORTH_FOR_NS if math.isfinite(usd) else 0)


def _large(
    engine: ExposureEngine, deal: DealExecuted, position: int, notional_usd: float
) -> LargeDeal:
    account = engine.book.account_of[deal.login]
    assigned = engine.assignments.of_deal(account, engine.symbol_index(deal.symbol))
    return LargeDeal(
        position=position,
        ts_event=deal.ts_event,
        server=deal.server,
        deal_id=deal.deal_id,
        login=deal.login,
        client_id=engine.book.terms[account].client_id,
        book=assigned.book.value,
        symbol=deal.symbol,
        side=deal.side,
        entry=deal.entry,
        lots=deal.lots,
        price=deal.price,
        notional_usd=notional_usd,
    )
