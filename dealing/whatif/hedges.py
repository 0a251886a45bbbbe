"""Hedges that a policy would have made: each fill's share at once, or a moment later."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from dealing.whatif.ledger import Change, ClientLedger
from dealing.whatif.provider import ProviderModel, Quote
from exposure.engine import ExposureEngine
from exposure.kernels import LOTS_TOLERANCE
from exposure.model.deals import Side
from exposure.model.events import DealExecuted, EventBatch, HedgeExecuted


class Wanted(NamedTuple):
    """A hedge that is due. Units: ``lots`` signed (+ the house buys), ``swap_usd`` of its deal."""

    due: int
    symbol: int
    lots: float
    login: str
    swap_usd: float
    raw_price: float | None
    deal_price: float


class Hedges:
    """Gives the engine the hedges that follow from what clients do."""

    def __init__(self, engine: ExposureEngine, model: ProviderModel, ledger: ClientLedger) -> None:
        self._engine, self._model, self._ledger = engine, model, ledger
        self._pending: deque[Wanted] = deque()
        self._waiting: dict[int, None] = {}
        self._meant: dict[tuple[int, str], float] = {}
        self._home: dict[int, str] = {}
        self._made = 0
        self.refused = 0

    @property
    def waits_for_prices(self) -> bool:
        """Whether something that was open before the day is not hedged for want of a price."""
        return bool(self._waiting)

    @property
    def next_due(self) -> int | None:
        """When the next hedge happens."""
        return self._pending[0].due if self._pending else None

    def align(self) -> None:
        """Note what was open before the day: it is hedged as meant at its symbol's first quote."""
        book, positions = self._engine.book, self._engine.book.positions
        for slot in sorted(book.slot_of.values()):
            symbol, account = int(positions.symbol[slot]), int(positions.account[slot])
            key = symbol, book.terms[account].login
            meant = float(positions.side[slot] * positions.lots[slot] * positions.hedge_ratio[slot])
            self._meant[key] = self._meant.get(key, 0.0) + meant
            self._waiting[symbol] = None
        largest: dict[int, float] = {}
        for (lp, symbol), held in sorted(self._engine.coverage.positions.items()):
            self._waiting[symbol] = None
            if abs(held.lots) > largest.get(symbol, 0.0):
                largest[symbol], self._home[symbol] = abs(held.lots), lp

    def align_priced(self, now: int) -> None:
        """Trade to what is meant where there is a price and a rate by now.

        Clients' shares begin at the mid: what it costs to get there is nobody's in particular.
        """
        engine = self._engine
        for symbol in list(self._waiting):
            quote = Quote.of(engine, symbol)
            rate = engine.trades.rate_usd(engine.book.instruments[symbol].quote)
            if quote is None or math.isnan(rate):
                continue
            del self._waiting[symbol]
            # what was open, not what deals have added since: those bring their own hedges
            lots = -self._held_before(symbol)
            for (of, login), meant in self._meant.items():
                if of == symbol and abs(meant) > LOTS_TOLERANCE:
                    lots += meant
                    self._ledger.share(symbol, login, meant, quote.mid)
            if abs(lots) > LOTS_TOLERANCE:
                self._execute(Wanted(now, symbol, lots, "", 0.0, None, quote.mid))

    def order(self, deal: DealExecuted, change: Change, now: int, delay_ns: int) -> None:
        """Hedge a deal's share."""
        raw = deal.raw_price if delay_ns == 0 else None
        wanted = Wanted(
            now + delay_ns,
            change.symbol,
            change.meant_lots,
            deal.login,
            change.hedged_swap_usd,
            raw,
            deal.price,
        )
        if delay_ns == 0:
            self._execute(wanted)
        else:
            self._pending.append(wanted)

    def execute_due(self, now: int) -> None:
        """Make the hedges whose moment has passed."""
        while self._pending and self._pending[0].due < now:
            self._execute(self._pending.popleft())

    def finish(self) -> None:
        """Make what is still on its way at the end of the day."""
        while self._pending:
            self._execute(self._pending.popleft())

    def split(self, symbol: str, ratio: float) -> None:
        """Multiply the lots on their way in a symbol that was split."""
        index = self._engine.symbol_index(symbol)
        self._pending = deque(
            one._replace(lots=one.lots * ratio) if one.symbol == index else one
            for one in self._pending
        )

    def _held_before(self, symbol: int) -> float:
        """Return what the house held at providers before the day: what it did not trade since."""
        held = sum(
            held.lots for (_, of), held in self._engine.coverage.positions.items() if of == symbol
        )
        return held - self._ledger.hedged_lots_of(symbol)

    def _execute(self, wanted: Wanted) -> None:
        engine, model = self._engine, self._model
        sign = 1.0 if wanted.lots > 0.0 else -1.0
        price = model.price(engine, wanted.symbol, sign, wanted.raw_price)
        instrument = engine.book.instruments[wanted.symbol]
        lots = abs(wanted.lots)
        self._made += 1
        hedge = HedgeExecuted(
            max(wanted.due, 0),
            f"whatif-{self._made}",
            self._home.get(wanted.symbol, model.lp),
            instrument.symbol,
            (Side.BUY if sign > 0.0 else Side.SELL).value,
            lots,
            wanted.deal_price if price is None else price,
            -model.commission_usd(instrument.symbol, lots) + 0.0,
            wanted.swap_usd * model.swap_ratio,
        )
        refused = engine.counters["quarantined"]
        with self._ledger.modelled_hedge(hedge, wanted.symbol, wanted.login):
            engine.apply(EventBatch(engine.position + 1, hedge.ts_event, [hedge]))
        self.refused += engine.counters["quarantined"] - refused
