"""``simulator``: the product's own simulated broker, on a few symbols, with busier clients.

Its market has no memory, so whoever knows neither the future nor a quicker price loses what he
pays; the truth of the others is the mean of their kind over another day with other people.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dealing.lab.columns import (
    CLOSED,
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
    weighted_by_client,
)
from dealing.lab.observed import QuoteIndex
from exposure.model.events import ClockTicked, DealExecuted, InputEvent
from exposure.model.instruments import AssetClass, Instrument
from feeds.catalogue import load_catalogue
from feeds.simulator.calendar import DAY
from feeds.simulator.floor import TradingFloor
from feeds.simulator.kinds import KINDS, ClientKind
from feeds.simulator.market import SimulatedMarket
from feeds.simulator.opening import open_book
from feeds.simulator.population import Population as Crowd
from feeds.simulator.population import populate
from feeds.simulator.tape import Arrivals, QuoteTape
from feeds.simulator.trade_server import TradeServer

SYMBOLS: Final = (
    "EURUSD", "USDJPY", "GBPUSD", "XAUUSD", "NAS100", "US500", "BTCUSD", "AUDUSD", "USDCHF",
)  # fmt: skip

SHARES: Final = {
    ClientKind.NOISE: 0.36,
    ClientKind.TREND: 0.14,
    ClientKind.MARTINGALE: 0.12,
    ClientKind.SCALPER: 0.14,
    ClientKind.LATENCY: 0.08,
    ClientKind.NEWS: 0.06,
    ClientKind.INFORMED: 0.10,
}

_KNOWING: Final = (ClientKind.LATENCY, ClientKind.INFORMED)
_QUOTE_LAG_NS: Final = 250_000_000
_FORESIGHT_S: Final = 60
_MOST_QUOTE_AGE_NS: Final = 30 * NS
_QUOTES_PER_S: Final = 8.0
_LOOKS_PER_STEP: Final = 4
_ENOUGH_ORDERS: Final = 1e6
_QUICKER: Final = 10.0


class Day(NamedTuple):
    """What a day of the broker left behind."""

    instruments: list[Instrument]
    crowd: Crowd
    quotes: Quotes
    reference: Quotes
    deals: list[DealExecuted]


class RecordingTape(QuoteTape):
    """A tape that remembers what both sides were quoted."""

    recorded: tuple[list[Arrivals], list[Arrivals]]

    def advance(self, end: int) -> tuple[Arrivals, Arrivals]:
        """Return what arrives, and remember it."""
        both = super().advance(end)
        if not hasattr(self, "recorded"):
            self.recorded = ([], [])
        for kept, part in zip(self.recorded, both, strict=True):
            kept.append(part)
        return both


def broker_population(seed: int, size: Size) -> Population:
    """Draw a day of the simulated broker, and measure kinds on another."""
    day, other = _day(seed, size), _day(seed + 5_000, size)
    terms = _terms(day)
    trades, kind = _round_trips(day, terms, size.trades)
    edge, million, stale = _edges(day, trades, terms, kind, coins=True)
    other_trades, other_kind = _round_trips(other, terms, size.trades)
    fresh = _edges(other, other_trades, terms, other_kind, coins=False)
    for one in _KNOWING:
        code = KINDS.index(one)
        theirs = np.bincount(other_trades.client, minlength=len(other_kind)) * (other_kind == code)
        for column, values in zip((edge, million, stale), fresh, strict=True):
            column[kind == code] = np.average(values, weights=theirs) if theirs.any() else 0.0
    names = tuple(one.value for one in KINDS)
    truth = Truth(kind, edge, million, stale)
    return Population("simulator", seed, terms, day.quotes, day.reference, trades, truth, names)


def _day(seed: int, size: Size) -> Day:
    """Run the broker for as long as the size says."""
    wanted = set(SYMBOLS)
    instruments = [one for one in load_catalogue() if one.symbol in wanted]
    market = SimulatedMarket(seed, instruments, quotes_per_second=_QUOTES_PER_S)
    crowd = _crowd(size.clients, instruments, np.random.default_rng([seed, 11]))
    rng = np.random.default_rng([seed, 12])
    server = TradeServer(instruments, crowd, max_quote_age_ns=_MOST_QUOTE_AGE_NS, lp="LP1")
    tape = RecordingTape(market, _FORESIGHT_S * NS, _QUOTE_LAG_NS)
    floor = TradingFloor(
        tape,
        server,
        crowd,
        rng=rng,
        foresight_s=_FORESIGHT_S,
        looks_per_step=_LOOKS_PER_STEP,
        orders_per_s_cap=_ENOUGH_ORDERS,
    )
    open_book(floor, crowd, rng)
    deals: list[DealExecuted] = []
    end = tape.now + int(size.days * DAY)
    while tape.now < end:
        floor.step(tape.now + NS)
        server.publish([ClockTicked(tape.now)])
        deals += _deals(server.take_events())
    client, provider = tape.recorded
    return Day(instruments, crowd, _columns(client), _columns(provider), deals)


def _crowd(clients: int, instruments: list[Instrument], rng: np.random.Generator) -> Crowd:
    """Return busy clients with dollar accounts in the lab's shares."""
    crowd = populate(clients, instruments, rng)
    shares = np.array([SHARES[one] for one in KINDS])
    many = np.ceil(shares / shares.sum() * len(crowd.kind)).astype(int)
    kinds = rng.permutation(np.repeat(np.arange(len(KINDS)), many)[: len(crowd.kind)])
    return crowd._replace(kind=kinds.astype(np.int8), pace=np.full(len(kinds), _QUICKER))


def _deals(events: list[InputEvent]) -> list[DealExecuted]:
    return [event for event in events if isinstance(event, DealExecuted)]


def _columns(parts: list[Arrivals]) -> Quotes:
    symbol, bid, ask = (
        np.concatenate([getattr(part.quotes, name) for part in parts])
        for name in ("symbol", "bid", "ask")
    )
    due = np.concatenate([part.due for part in parts])
    good = np.isfinite(bid) & np.isfinite(ask) & (bid > 0.0) & (ask >= bid)
    return Quotes(symbol[good].astype(np.int64), due[good], bid[good], ask[good])


def _terms(day: Day) -> tuple[Terms, ...]:
    latest = {
        str(one.symbol): float(day.quotes.bid[day.quotes.symbol == s][-1])
        for s, one in enumerate(day.instruments)
    }
    return tuple(
        Terms(
            str(one.symbol),
            AssetClass(one.asset_class).value,
            str(one.base),
            str(one.quote),
            one.contract_size,
            one.digits,
            _usd_of(str(one.quote), latest),
        )
        for one in day.instruments
    )


def _usd_of(currency: str, latest: dict[str, float]) -> float:
    if currency == "USD":
        return 1.0
    direct, turned = latest.get(f"{currency}USD"), latest.get(f"USD{currency}")
    return direct if direct is not None else 1.0 / turned if turned else 1.0


def _round_trips(day: Day, terms: tuple[Terms, ...], most: int) -> tuple[Trades, Ints]:
    """Return positions opened and wholly closed in the day, by client; and the clients' kinds."""
    place = {str(one.symbol): s for s, one in enumerate(day.instruments)}
    client = {str(one.login): k for k, one in enumerate(day.crowd.accounts)}
    opened = {deal.position_id: deal for deal in day.deals if deal.entry == "in"}
    closing: dict[str, list[DealExecuted]] = {}
    for deal in day.deals:
        if deal.entry != "in" and deal.position_id in opened:
            closing.setdefault(str(deal.position_id), []).append(deal)
    made = [0] * len(client)
    rows = []
    for position, first in opened.items():
        parts = closing.get(str(position), [])
        whole = sum(part.lots for part in parts)
        who = client[str(first.login)]
        if abs(whole - first.lots) > 1e-9 or made[who] >= most:  # noqa: PLR2004
            continue
        made[who] += 1
        s = place[str(first.symbol)]
        per_unit = 1.0 / (whole * terms[s].contract_size * terms[s].usd_per_quote)
        rows.append(
            (
                who,
                s,
                1.0 if first.side == "buy" else -1.0,
                first.lots,
                first.ts_event,
                first.price,
                parts[-1].ts_event,
                sum(part.price * part.lots for part in parts) / whole,
                -sum(part.commission for part in (first, *parts)) * per_unit,
                sum(part.swap for part in parts) * per_unit,
                CLOSED.index(parts[-1].reason) if parts[-1].reason in CLOSED else 2,
            )
        )
    rows.sort(key=lambda row: (row[0], row[4]))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Trades(*columns), np.asarray(day.crowd.kind, np.int64)


def _edges(
    day: Day, trades: Trades, terms: tuple[Terms, ...], kind: Ints, *, coins: bool
) -> tuple[Floats, Floats, Floats]:
    """Return edges per client: from what he pays if he tosses coins, else from what he got."""
    index = QuoteIndex(day.quotes, len(terms))
    spread = index.spread(trades.symbol, trades.entry_ns)
    cost = spread + trades.commission
    if coins:
        leaving = index.spread(trades.symbol, trades.exit_ns)
        gain = -0.5 * (spread + leaving) - trades.commission
    else:
        gain = trades.side * (trades.exit_price - trades.entry_price) - trades.commission
    late = QuoteIndex(day.reference, len(terms)).mid(trades.symbol, trades.entry_ns)
    shown = index.mid(trades.symbol, trades.entry_ns)
    per_lot = np.array([one.contract_size * one.usd_per_quote for one in terms])
    weight = trades.lots * per_lot[trades.symbol] * trades.entry_price
    clients = len(kind)
    stale = np.zeros(len(gain)) if coins else trades.side * (late - shown) / cost
    return (
        weighted_by_client(gain / cost, weight, trades.client, clients),
        weighted_by_client(MILLION * gain / trades.entry_price, weight, trades.client, clients),
        weighted_by_client(stale, weight, trades.client, clients),
    )
