"""Who brought what: each client's own result, and the share of the hedges that were made for him.

Clients' shares of the hedges are kept position by position as the house's own are, so that what
they do not add up to (netting between clients, what was held before the day) is a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from dealing.whatif.provider import Quote
from exposure.coverage import FLAT, LpPosition, netted
from exposure.engine import ExposureEngine
from exposure.kernels import LOTS_TOLERANCE
from exposure.model.deals import Entry, Side
from exposure.model.events import DealExecuted, DividendPaid, HedgeExecuted, PriceAdjusted
from exposure.reading import positions_frame


class Change:
    """What a deal changed: filled in once the engine has applied it.

    Units: ``meant_lots`` signed, + is more that the house means to be long of at providers;
    ``hedged_swap_usd`` the part of the client's swap that belongs to hedged lots.
    """

    __slots__ = ("hedged_swap_usd", "meant_lots", "symbol")

    def __init__(self) -> None:
        self.symbol = -1
        self.meant_lots = 0.0
        self.hedged_swap_usd = 0.0


class LoginLine:
    """One login's day. Units: USD from the side that is named, lots."""

    __slots__ = ("client_usd", "deals", "hedge_usd", "meant_lots", "opened_lots")

    def __init__(self) -> None:
        self.deals = 0
        self.opened_lots = 0.0
        self.meant_lots = 0.0
        self.client_usd = 0.0
        self.hedge_usd = 0.0


class HedgeCosts:
    """What hedging came to. Units: USD, + is a cost."""

    __slots__ = ("commission_usd", "count", "notional_usd", "spread_usd", "swap_usd")

    def __init__(self) -> None:
        self.count = 0
        self.notional_usd = 0.0
        self.spread_usd = 0.0
        self.commission_usd = 0.0
        self.swap_usd = 0.0

    @property
    def total_usd(self) -> float:
        """Everything together."""
        return self.spread_usd + self.commission_usd + self.swap_usd


class _Held(NamedTuple):
    lots: float
    side: float
    ratio: float

    @property
    def meant(self) -> float:
        return self.lots * self.side * self.ratio


_NOTHING = _Held(0.0, 0.0, 0.0)


class ClientLedger:
    """Follows an engine through a day and keeps what its totals do not say.

    ``a_usd`` and ``b_usd`` are realised: hedged shares of clients' results and the providers' in
    A, the rest in B.
    """

    def __init__(self, engine: ExposureEngine) -> None:
        self._engine = engine
        self.lines: dict[str, LoginLine] = {}
        self.costs = HedgeCosts()
        self.client_a_usd = 0.0
        self.client_b_usd = 0.0
        self._shares: dict[int, dict[str, LpPosition]] = {}
        self._hedged_lots: dict[int, float] = {}

    # Clients ----------------------------------------------------------------------------------

    @contextmanager
    def deal(self, deal: DealExecuted) -> Iterator[Change]:
        """Follow a deal while the engine applies it."""
        change, before = Change(), self._held(deal)
        cash_usd = self._engine.house.client_cash_usd
        yield change
        after = self._held(deal)
        gained_usd = self._engine.house.client_cash_usd - cash_usd
        change.symbol = self._engine.symbol_index(deal.symbol)
        change.meant_lots = after.meant - before.meant
        if before == after and gained_usd == 0.0:
            return
        line = self._line(deal.login)
        line.deals += 1
        opened = after.lots - before.lots
        ratio = before.ratio
        if before.lots == 0.0 or deal.entry == Entry.IN:
            ratio = abs(change.meant_lots / opened) if opened else after.ratio
            line.opened_lots += opened
            line.meant_lots += abs(change.meant_lots)
        self._book_client(deal.login, gained_usd, ratio)
        currency = self._engine.book.terms[self._engine.book.account_of[deal.login]].currency
        swap_usd = deal.swap * self._engine.trades.rate_usd(currency) if deal.swap else 0.0
        change.hedged_swap_usd = ratio * swap_usd

    @contextmanager
    def client_action(self, event: DividendPaid | PriceAdjusted) -> Iterator[None]:
        """Follow cash that is paid to all holders of a symbol: each gets his share of it."""
        house, book = self._engine.house, self._engine.book
        before_usd = house.client_cash_usd
        yield
        paid_usd = house.client_cash_usd - before_usd
        if paid_usd == 0.0:
            return
        slots, p = book.of_symbol.row(self._engine.symbol_index(event.symbol)), book.positions
        per_lot = np.where(p.side[slots] > 0.0, event.long_per_unit, -event.short_per_unit)
        amounts = per_lot * p.lots[slots]
        shares = paid_usd * amounts / amounts.sum()
        for slot, share in zip(slots.tolist(), shares.tolist(), strict=True):
            login = book.terms[int(p.account[slot])].login
            self._book_client(login, share, float(p.hedge_ratio[slot]))

    def _book_client(self, login: str, gained_usd: float, ratio: float) -> None:
        self._line(login).client_usd += gained_usd
        self.client_a_usd += ratio * gained_usd
        self.client_b_usd += (1.0 - ratio) * gained_usd

    def _held(self, deal: DealExecuted) -> _Held:
        book = self._engine.book
        account = book.account_of.get(deal.login)
        slot = None if account is None else book.slot_of.get((account, deal.position_id))
        if slot is None:
            return _NOTHING
        p = book.positions
        return _Held(float(p.lots[slot]), float(p.side[slot]), float(p.hedge_ratio[slot]))

    def _line(self, login: str) -> LoginLine:
        line = self.lines.get(login)
        if line is None:
            line = self.lines[login] = LoginLine()
        return line

    # Hedges -----------------------------------------------------------------------------------

    @contextmanager
    def recorded_hedge(self, hedge: HedgeExecuted) -> Iterator[None]:
        """Follow a recorded hedge: what it cost, without saying for whom."""
        symbol, count = self._engine.symbol_index(hedge.symbol), self._engine.counters["duplicates"]
        refused = self._engine.counters["quarantined"]
        yield
        counters = self._engine.counters
        if counters["duplicates"] == count and counters["quarantined"] == refused:
            self._charge(hedge, symbol)

    @contextmanager
    def modelled_hedge(self, hedge: HedgeExecuted, symbol: int, login: str) -> Iterator[None]:
        """Follow a hedge that was made for a login, or for the house as a whole (empty text)."""
        refused = self._engine.counters["quarantined"]
        yield
        if self._engine.counters["quarantined"] > refused:
            return
        self._charge(hedge, symbol)
        lots = Side(hedge.side).sign * hedge.lots
        self._hedged_lots[symbol] = self._hedged_lots.get(symbol, 0.0) + lots
        if login:
            self.share(symbol, login, lots, hedge.price)
            self._line(login).hedge_usd += hedge.commission + hedge.swap

    def share(self, symbol: int, login: str, lots: float, price: float) -> None:
        """Add signed lots to a login's share of what the house holds at providers."""
        shares = self._shares.setdefault(symbol, {})
        side = Side.BUY if lots > 0.0 else Side.SELL
        after = netted(shares.get(login, FLAT), side, abs(lots), price)
        shares[login] = after.position
        if after.closed_lots > 0.0:
            self._line(login).hedge_usd += after.realised_lots * self._usd_per_price(symbol)

    def hedged_lots_of(self, symbol: int) -> float:
        """Return the signed lots of a symbol that were hedged since the day began."""
        return self._hedged_lots.get(symbol, 0.0)

    @contextmanager
    def provider_action(self, name: str, lp: str) -> Iterator[None]:
        """Follow a provider's swap or dividend: shares bear it by their lots."""
        house, symbol = self._engine.house, self._engine.symbol_index(name)
        cash_usd = house.lp_cash_usd
        before = self._engine.coverage.held(lp, symbol)
        yield
        paid_usd, after = house.lp_cash_usd - cash_usd, self._engine.coverage.held(lp, symbol)
        self.costs.swap_usd -= paid_usd
        shares = self._shares.get(symbol, {})
        if abs(before.lots) <= LOTS_TOLERANCE:
            return
        for login, held in shares.items():
            self._line(login).hedge_usd += paid_usd * held.lots / before.lots
            if held.lots and after.lots:
                shares[login] = held._replace(price=held.price + after.price - before.price)

    def split(self, name: str, ratio: float) -> None:
        """Multiply the lots and divide the prices of the shares in a symbol."""
        symbol = self._engine.symbol_index(name)
        shares = self._shares.get(symbol, {})
        for login, held in shares.items():
            shares[login] = LpPosition(held.lots * ratio, held.price / ratio)
        if symbol in self._hedged_lots:
            self._hedged_lots[symbol] *= ratio

    def clients_by_login(self) -> dict[str, float]:
        """Return what each login gained, open positions at their closing price included.

        Units: USD, converted as the house's floating result is.
        """
        totals = {login: line.client_usd for login, line in self.lines.items()}
        slots = np.array(sorted(self._engine.book.slot_of.values()), np.int64)
        frame = positions_frame(self._engine.book, slots)
        for login, profit_usd in frame.select("login", "profit_usd").drop_nulls().iter_rows():
            totals[login] = totals.get(login, 0.0) + profit_usd
        return totals

    def hedges_by_login(self) -> dict[str, float]:
        """Return what the hedges made for each login came to, open ones at their closing price."""
        prices = self._engine.book.prices
        totals = {login: line.hedge_usd for login, line in self.lines.items()}
        for symbol, shares in self._shares.items():
            usd = self._usd_per_price(symbol)
            for login, held in shares.items():
                if held.lots == 0.0 or not prices.quoted[symbol]:
                    continue
                close = float((prices.bid if held.lots > 0.0 else prices.ask)[symbol])
                totals[login] = totals.get(login, 0.0) + (close - held.price) * held.lots * usd
        return totals

    def _charge(self, hedge: HedgeExecuted, symbol: int) -> None:
        costs, quote = self.costs, Quote.of(self._engine, symbol)
        costs.count += 1
        costs.commission_usd -= hedge.commission
        costs.swap_usd -= hedge.swap
        if quote is not None:
            usd = self._usd_per_price(symbol) * hedge.lots
            costs.spread_usd += Side(hedge.side).sign * (hedge.price - quote.mid) * usd
            costs.notional_usd += abs(quote.mid * usd)

    def _usd_per_price(self, symbol: int) -> float:
        """Return the USD of one lot per unit of price, 0 while there is no rate."""
        instrument = self._engine.book.instruments[symbol]
        rate = self._engine.trades.rate_usd(instrument.quote)
        return instrument.units_per_lot * rate if rate == rate else 0.0  # noqa: PLR0124 # NaN
