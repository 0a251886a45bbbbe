"""``simulated``: the clients of the product's own simulator, seen through the deals they make.

Who a client is the simulator alone knows. What his kind earns per trade is measured on all trades
of the kind, those that are open at the end at the last prices; kinds that toss a coin lose what
they pay. Copies and hedged pairs are what their rings are, and no kind of skill: they count as
grey, and so does who bets a bonus.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from dealing.lab.columns import (
    MILLION,
    NS,
    Floats,
    Ints,
    Population,
    Quotes,
    Size,
    Terms,
    Trades,
    Truth,
    place_of,
    trades_of,
)
from exposure.model.deals import Entry, Side
from exposure.model.events import DealExecuted, InputEvent, InstrumentDefined, QuoteReceived
from exposure.model.instruments import Instrument
from feeds.simulator.kinds import KINDS, ClientKind
from feeds.simulator.market import SimulatedMarket
from feeds.simulator.platform import PlatformSettings, SimulatedPlatform

_QUOTES_PER_S: Final = 40.0
_STEP_NS: Final = 10 * NS
_DAY_NS: Final = 86_400 * NS

_COINS: Final = (ClientKind.NOISE, ClientKind.MARTINGALE, ClientKind.SCALPER)
_GREY: Final = (ClientKind.COPY, ClientKind.HEDGED_PAIR, ClientKind.BONUS_ABUSE)
_GREY_EDGE: Final = -0.35


class Day(NamedTuple):
    """What a platform did: its symbols, its quotes, and round trips of clients by number."""

    terms: tuple[Terms, ...]
    quotes: Quotes
    trades: Trades
    kind: Ints


class Trip(NamedTuple):
    """A position on its way from its first deal to its last."""

    client: int
    symbol: int
    side: float
    lots: float
    entry_ns: int
    entry_price: float
    commission: float
    swap: float
    closed_lots: float = 0.0
    proceeds: float = 0.0
    exit_ns: int = 0

    def after(self, deal: DealExecuted) -> Trip:
        """Return the position after a deal that closes it or a part of it."""
        return self._replace(
            closed_lots=self.closed_lots + deal.lots,
            proceeds=self.proceeds + deal.lots * deal.price,
            exit_ns=deal.ts_event,
            commission=self.commission - deal.commission,
            swap=self.swap + deal.swap,
        )


def simulated_population(seed: int, size: Size) -> Population:
    """Let the simulator run and take what its clients did."""
    mine = _day(seed, size)
    edges, millions = _edges_by_kind(mine)
    truth = Truth(mine.kind, edges[mine.kind], millions[mine.kind], np.zeros(len(mine.kind)))
    first = place_of(mine.trades) < size.trades
    trades = trades_of(column[first] for column in mine.trades)
    kinds = tuple(kind.value for kind in KINDS)
    return Population("simulated", seed, mine.terms, mine.quotes, None, trades, truth, kinds)


def _day(seed: int, size: Size) -> Day:
    market = SimulatedMarket(seed, quotes_per_second=_QUOTES_PER_S)
    platform = SimulatedPlatform(market, PlatformSettings(seed=seed, clients=size.clients))
    opening = platform.opening_events()
    defined = [event.instrument for event in opening if isinstance(event, InstrumentDefined)]
    symbols = {str(one.symbol): code for code, one in enumerate(defined)}
    truth = platform.truth()
    clients = {login: number for number, login in enumerate(truth["login"].to_list())}
    end = platform.now + round(size.days * _DAY_NS)
    floor = Floor(symbols, clients)
    floor.take(opening)
    while platform.now < end:
        floor.take(platform.advance(_STEP_NS))
    codes = {kind.value: code for code, kind in enumerate(KINDS)}
    kind = np.array([codes[name] for name in truth["kind"].to_list()])
    quotes = floor.quotes()
    floor.close_all(quotes)
    return Day(_terms(defined, quotes), quotes, floor.trades(defined), kind)


class Floor:
    """Gathers quotes and whole round trips from events; who held before is left out."""

    def __init__(self, symbols: dict[str, int], clients: dict[str, int]) -> None:
        self._symbols, self._clients = symbols, clients
        self._quotes: list[tuple[int, int, float, float]] = []
        self._open: dict[str, Trip] = {}
        self._done: list[Trip] = []

    def take(self, events: list[InputEvent]) -> None:
        """Take what happened."""
        for event in events:
            if isinstance(event, QuoteReceived):
                row = (self._symbols[event.symbol], event.ts_event, event.bid, event.ask)
                self._quotes.append(row)
            elif isinstance(event, DealExecuted):
                self._take_deal(event)

    def close_all(self, quotes: Quotes) -> None:
        """Take what is still open as closed at the last prices."""
        last = {code: row for row, code in enumerate(quotes.symbol.tolist())}
        for held in self._open.values():
            row = last[held.symbol]
            price = float((quotes.bid if held.side > 0.0 else quotes.ask)[row])
            left = held.lots - held.closed_lots
            self._done.append(
                held._replace(
                    closed_lots=held.lots,
                    proceeds=held.proceeds + left * price,
                    exit_ns=int(quotes.ts[-1]),
                )
            )
        self._open.clear()

    def quotes(self) -> Quotes:
        """Return all quotes in order of time."""
        symbol, ts, bid, ask = zip(*self._quotes, strict=True)
        columns = (np.array(symbol), np.array(ts), np.array(bid), np.array(ask))
        order = np.argsort(columns[1], kind="stable")
        return Quotes(*(column[order] for column in columns))

    def trades(self, instruments: list[Instrument]) -> Trades:
        """Return whole round trips, by client and time of entry."""
        columns: list[Any] = [
            np.array(column) for column in zip(*self._rows(instruments), strict=True)
        ]
        trades = trades_of(columns)
        order = np.lexsort((trades.entry_ns, trades.client))
        return trades_of(column[order] for column in trades)

    def _rows(self, instruments: list[Instrument]) -> Iterator[tuple[Any, ...]]:
        for one in self._done:
            units = one.lots * instruments[one.symbol].contract_size
            yield (
                one.client, one.symbol, one.side, one.lots, one.entry_ns, one.entry_price,
                one.exit_ns, one.proceeds / one.closed_lots, one.commission / units,
                one.swap / units, 0,
            )  # fmt: skip

    def _take_deal(self, deal: DealExecuted) -> None:
        if deal.entry == Entry.IN:
            self._open[deal.position_id] = Trip(
                self._clients[deal.login], self._symbols[deal.symbol],
                float(Side(deal.side).sign), deal.lots, deal.ts_event, deal.price,
                -deal.commission, deal.swap,
            )  # fmt: skip
            return
        held = self._open.pop(deal.position_id, None)
        if held is None:
            return
        after = held.after(deal)
        if after.closed_lots < after.lots - 1e-9:
            self._open[deal.position_id] = after
        else:
            self._done.append(after)


def _terms(instruments: list[Instrument], quotes: Quotes) -> tuple[Terms, ...]:
    mids = {str(one.symbol): _first_mid(quotes, code) for code, one in enumerate(instruments)}
    return tuple(
        Terms(
            str(one.symbol), str(one.asset_class), str(one.base), str(one.quote),
            one.contract_size, one.digits, _usd_per(str(one.quote), mids),
        )
        for one in instruments
    )  # fmt: skip


def _first_mid(quotes: Quotes, code: int) -> float:
    rows = np.flatnonzero(quotes.symbol == code)[:1]
    return float(0.5 * (quotes.bid[rows] + quotes.ask[rows]).sum()) if len(rows) else float("nan")


def _usd_per(quote: str, mids: dict[str, float]) -> float:
    if quote == "USD":
        return 1.0
    if f"{quote}USD" in mids:
        return mids[f"{quote}USD"]
    return 1.0 / mids[f"USD{quote}"] if f"USD{quote}" in mids else 1.0


def _edges_by_kind(day: Day) -> tuple[Floats, Floats]:
    """Return what each kind earns per trade in costs, and in USD per million.

    Shapes: (kinds,) twice.
    """
    kind, gain, cost, price = _gains(day)
    edges, millions = np.full(len(KINDS), _GREY_EDGE), np.zeros(len(KINDS))
    for code, name in enumerate(KINDS):
        mine = kind == code
        if name in _GREY or not mine.any():
            continue
        earned = -cost[mine] if name in _COINS else gain[mine]
        edges[code] = float((earned / cost[mine]).clip(-50.0, 50.0).mean())
        millions[code] = float((MILLION * earned / price[mine]).mean())
    return edges, millions


def _gains(day: Day) -> tuple[Ints, Floats, Floats, Floats]:
    """Return every trade's kind, its net result, its cost and its price, per unit."""
    trades = day.trades
    cost = _spreads(day.quotes, trades) + trades.commission
    gain = trades.side * (trades.exit_price - trades.entry_price) - trades.commission + trades.swap
    kept = np.isfinite(cost) & (cost > 0.0)
    return day.kind[trades.client][kept], gain[kept], cost[kept], trades.entry_price[kept]


def _spreads(quotes: Quotes, trades: Trades) -> Floats:
    spreads = np.full(len(trades.client), np.nan)
    for code in np.unique(trades.symbol).tolist():
        rows, mine = np.flatnonzero(quotes.symbol == code), trades.symbol == code
        place = np.searchsorted(quotes.ts[rows], trades.entry_ns[mine], side="right") - 1
        spreads[mine] = (quotes.ask - quotes.bid)[rows][np.maximum(place, 0)]
    return spreads
