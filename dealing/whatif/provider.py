"""What a provider would have charged: learnt from a day's own hedges, or said by the policy."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from dealing.whatif.policy import RECORDED, ProviderTerms
from exposure.engine import ExposureEngine
from exposure.model.events import HedgeExecuted

_DEFAULT_LP: Final = "LP"
_ENOUGH_HEDGES: Final = 20
"""Of a symbol, before their mean price says anything about slippage."""


class SymbolTape:
    """What a symbol's recorded hedges add up to.

    Units: ``paid`` lots x price beyond the mid, ``half_spread`` lots x price, money USD.
    """

    def __init__(self) -> None:
        self.hedges = 0
        self.lots = 0.0
        self.paid = 0.0
        self.half_spread = 0.0
        self.commission_usd = 0.0


class HedgeTape:
    """What is learnt of the providers while the day is computed as it was."""

    def __init__(self) -> None:
        self.symbols: dict[str, SymbolTape] = {}
        self.lots_of_lp: dict[str, float] = {}
        self.swap_usd = 0.0
        self.client_swap_usd = 0.0
        self.has_lp_swaps = False

    def take(self, hedge: HedgeExecuted, engine: ExposureEngine) -> None:
        """Take a recorded hedge, with the prices of its moment."""
        symbol = engine.symbol_index(hedge.symbol)
        if symbol < 0 or not math.isfinite(hedge.lots):
            return
        tape = self.symbols.setdefault(hedge.symbol, SymbolTape())
        tape.commission_usd -= hedge.commission
        self.swap_usd += hedge.swap
        self.lots_of_lp[hedge.lp] = self.lots_of_lp.get(hedge.lp, 0.0) + hedge.lots
        quote = Quote.of(engine, symbol)
        tape.hedges += 1
        tape.lots += hedge.lots
        if quote is not None:
            sign = 1.0 if hedge.side == "buy" else -1.0
            tape.paid += sign * (hedge.price - quote.mid) * hedge.lots
            tape.half_spread += quote.half_spread * hedge.lots


class Quote(NamedTuple):
    """A symbol's price to clients, and half of its spread without the house's markup."""

    mid: float
    half_spread: float

    @staticmethod
    def of(engine: ExposureEngine, symbol: int) -> Quote | None:
        """Return a symbol's price of this moment, None before its first quote."""
        prices = engine.book.prices
        if not prices.quoted[symbol]:
            return None
        instrument = engine.book.instruments[symbol]
        bid, ask = float(prices.bid[symbol]), float(prices.ask[symbol])
        markup = instrument.markup_points * instrument.point
        return Quote((bid + ask) / 2, max((ask - bid) / 2 - markup, 0.0))


class ProviderModel:
    """Prices and charges of modelled hedges."""

    def __init__(self, terms: ProviderTerms, tape: HedgeTape) -> None:
        self._terms = terms
        self._tape = tape
        lots = tape.lots_of_lp
        self.lp = max(lots, key=lots.__getitem__) if lots else _DEFAULT_LP
        self.swap_ratio = self._swap_ratio()

    def price(
        self, engine: ExposureEngine, symbol: int, sign: float, raw_price: float | None
    ) -> float | None:
        """Return what the house pays; a deal's own raw price is the provider's price of its moment.

        Args:
            engine: Has the prices.
            symbol: Index of the symbol.
            sign: +1 if the house buys, -1 if it sells.
            raw_price: The provider's price behind the deal, None if it is not known.
        """
        instrument = engine.book.instruments[symbol]
        slippage = sign * self.slippage_pips(instrument.symbol, instrument.pip) * instrument.pip
        if raw_price is not None:
            return raw_price + slippage
        quote = Quote.of(engine, symbol)
        if quote is None:
            return None
        return quote.mid + sign * quote.half_spread * self._terms.spread_ratio + slippage

    def slippage_pips(self, symbol: str, pip: float) -> float:
        """Return what a fill costs beyond half the provider's spread."""
        if self._terms.slippage_pips != RECORDED:
            return float(self._terms.slippage_pips)
        tape = self._tape.symbols.get(symbol)
        if tape is None or tape.hedges < _ENOUGH_HEDGES or tape.lots == 0.0:
            return 0.0
        return (tape.paid - self._terms.spread_ratio * tape.half_spread) / tape.lots / pip

    def commission_usd(self, symbol: str, lots: float) -> float:
        """Return what the provider charges for a fill, above 0 if it is a cost."""
        if self._terms.commission_usd_per_lot != RECORDED:
            return float(self._terms.commission_usd_per_lot) * lots
        tape = self._tape.symbols.get(symbol)
        return tape.commission_usd / tape.lots * lots if tape is not None and tape.lots else 0.0

    def _swap_ratio(self) -> float:
        tape = self._tape
        if self._terms.swap_ratio != RECORDED:
            return float(self._terms.swap_ratio)
        if tape.has_lp_swaps:
            return 0.0  # the providers' own rollovers are in the files
        known = tape.swap_usd != 0.0 and tape.client_swap_usd * tape.swap_usd > 0.0
        return tape.swap_usd / tape.client_swap_usd if known else 1.0
