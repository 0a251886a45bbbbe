"""A small broker for the desk's tests: a real engine, a scripted market, a fake source.

Every number on screen comes from the engine, so tiles, rows and accounts agree with one another.
"""

import asyncio
import time

import numpy as np

from dealing.ports import BookTaken, ComponentState, ComponentStatus, EngineFrame
from exposure.engine import ExposureEngine
from exposure.errors import DisconnectedError
from exposure.limits import LimitRule, Scope
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import (
    AccountChanged,
    ClockTicked,
    DealExecuted,
    EventBatch,
    HedgeExecuted,
    InstrumentDefined,
    LeverageCapDefined,
    LeverageTierDefined,
    QuoteReceived,
)
from exposure.risk.book_copy import copy_of
from exposure.settings import EngineSettings
from feeds.catalogue import load_catalogue

NS = 1_000_000_000
START = 1_768_305_600 * NS  # Tuesday 13 January 2026 12:00 UTC
VALUES = {
    "USD": 1.0, "EUR": 1.084, "GBP": 1.271, "AUD": 0.662, "NZD": 0.611, "CAD": 0.731, "CHF": 1.125,
    "JPY": 0.0064, "SEK": 0.0961, "NOK": 0.0938, "DKK": 0.1453, "PLN": 0.252, "HUF": 0.00274,
    "CZK": 0.0431, "TRY": 0.0305, "ZAR": 0.0547, "MXN": 0.0548, "SGD": 0.744, "CNH": 0.138,
    "HKD": 0.1281, "THB": 0.0278, "ILS": 0.27, "XAU": 2_412.0, "XAG": 28.4, "XPT": 985.0,
    "XPD": 921.0, "BTC": 60_250.0, "ETH": 3_120.0, "LTC": 84.0, "XRP": 0.58, "SOL": 143.0,
}  # fmt: skip
"""What a unit is worth in USD at first; the walk moves these, so triangles are consistent."""

LEVELS = {"index": 18_000.0, "energy": 75.0, "share": 180.0, "crypto": 140.0, "metal": 30.0}
LIMITS = (
    LimitRule(scope=Scope.ASSET_CLASS, name="metal", hard_usd=40e6),
    LimitRule(scope=Scope.CURRENCY, name="JPY", soft_usd=50e6),
    LimitRule(scope=Scope.UNDERLYING, name="EURUSD", hard_usd=60e6),
    LimitRule(scope=Scope.CLIENT, name="C5000", soft_usd=1e6, hard_usd=2e6),
)
"""One limit of each scope beside those of the instruments, far away at first."""

SECOND_PROVIDER_SHARE = 0.25


class ScriptedBook:
    """A broker's engine that a test moves on step by step."""

    def __init__(self, accounts=400, positions=1_500, seed=7):
        self.engine = ExposureEngine(EngineSettings(kept_events=5_000, limits=LIMITS))
        self.random = np.random.default_rng(seed)
        self.instruments = load_catalogue()
        self.now = START
        self.deals = 0
        self.assets = sorted({name for i in self.instruments for name in (i.base, i.quote)})
        self.values = {name: VALUES.get(name) for name in self.assets}
        self.levels = {i.symbol: LEVELS.get(i.asset_class, 1.0) for i in self.instruments}
        self._apply([InstrumentDefined(self.now, i) for i in self.instruments])
        self._apply([AccountChanged(self.now, self.account_of(k)) for k in range(accounts)])
        self._apply([LeverageCapDefined(self.now, "eu", "retail", "EURUSD", 30.0)])
        tiers = ((0.5, 200.0), (None, 50.0))
        self._apply([LeverageTierDefined(self.now, "pro", "GBPUSD", *tier) for tier in tiers])
        self.accounts = accounts
        self.quote(np.arange(len(self.instruments)))
        self.trade(positions)
        self.hedge(0.85)

    def step(self, seconds=0.2, deals=2):
        """Let the market move for a moment and a few clients trade."""
        self.now += int(seconds * NS)
        for walk in (self.values, self.levels):
            moves = self.random.normal(0, 0.00015, len(walk))
            for name, move in zip(walk, moves.tolist(), strict=True):
                if name != "USD" and walk[name] is not None:
                    walk[name] *= 1 + move
        self.quote(np.flatnonzero(self.random.random(len(self.instruments)) < 0.6))
        self.trade(deals)
        self._apply([ClockTicked(self.now)])

    def shock(self, symbol, share):
        """Move one symbol at once."""
        index = [i.symbol for i in self.instruments].index(symbol)
        base = self.instruments[index].base
        walk, name = (self.values, base) if self.values[base] else (self.levels, symbol)
        walk[name] *= 1 + share
        self.quote(np.arange(len(self.instruments)))

    def quote(self, moving):
        events = []
        for index in moving.tolist():
            instrument = self.instruments[index]
            mid = self.mid(instrument)
            half = max(instrument.point, mid * 0.00004)
            bid = round(mid - half, instrument.digits)
            ask = round(mid + half, instrument.digits)
            events.append(QuoteReceived(self.now, instrument.symbol, bid, ask))
        self._apply(events)

    def trade(self, count):
        popular = 1.0 / np.arange(1, len(self.instruments) + 1)
        popular /= popular.sum()
        events = []
        for _ in range(count):
            self.deals += 1
            index = int(self.random.choice(len(self.instruments), p=popular))
            instrument = self.instruments[index]
            login = str(10_000 + int(self.random.integers(self.accounts)))
            price = round(self.mid(instrument), instrument.digits)
            worth = price * instrument.units_per_lot * (self.values[instrument.quote] or 1.0)
            lots = max(0.01, round(float(self.random.lognormal(9.5, 0.9)) / worth * 4, 2))
            side = "buy" if self.random.random() < 0.55 else "sell"
            number = f"D{self.deals}"
            events.append(
                DealExecuted(self.now, number, login, number, instrument.symbol, side, "in",
                             lots, price)
            )  # fmt: skip
        self._apply(events)

    def hedge(self, share):
        exposure = self.engine.snapshot().exposure
        events = []
        for symbol, meant, mid in exposure.select("symbol", "meant_lots", "mid").iter_rows():
            side = "buy" if meant > 0 else "sell"
            for lp, part in (("LP1", 1 - SECOND_PROVIDER_SHARE), ("LP2", SECOND_PROVIDER_SHARE)):
                lots = round(abs(meant) * share * part, 2)
                if lots > 0 and mid:
                    self.deals += 1
                    number = f"H{self.deals}"
                    events.append(HedgeExecuted(self.now, number, lp, symbol, side, lots, mid))
        self._apply(events)

    def frame(self, sent_at=None, market="simulated"):
        return EngineFrame(
            sent_at=time.time_ns() if sent_at is None else sent_at,
            snapshot=self.engine.snapshot(),
            market=market,
            speed=1.0,
            quotes_per_s=184.0,
            deals_per_s=9.6,
            components=[
                ComponentStatus("platform", ComponentState.RUNNING, "simulated market", 120.0),
                ComponentStatus("feed", ComponentState.RUNNING, "position 120,331", 80.0),
                ComponentStatus("engine", ComponentState.RUNNING, "0.4 ms a batch", 12.0),
                ComponentStatus("LP1", ComponentState.RUNNING, "fills hedges", 900.0),
            ],
        )

    def account_of(self, k):
        book = (Book.B, Book.B, Book.B, Book.A, Book.C)[k % 5]
        currency = ("USD", "USD", "USD", "EUR", "GBP")[k % 5 if k % 3 else 0]
        return Account(
            login=str(10_000 + k),
            client_id=f"C{5_000 + k // 2}",
            currency=currency,
            balance=round(float(self.random.lognormal(8.3, 1.1)), 2),
            leverage=(30.0, 100.0, 200.0, 500.0)[k % 4],
            book=book,
            hedge_ratio=0.4 if book is Book.C else None,
            region="eu" if k % 2 else "",
            category="retail" if k % 2 else "",
            leverage_profile="" if k % 2 else "pro",
        )

    def mid(self, instrument):
        base, quote = self.values[instrument.base], self.values[instrument.quote] or 1.0
        return (base or self.levels[instrument.symbol]) / (quote if base else 1.0)

    def apply(self, *events):
        """Let anything else happen."""
        self._apply(list(events))

    def _apply(self, events):
        if events:
            self.engine.apply(EventBatch(self.engine.position + len(events), self.now, events))


class FakeSource:
    """The engine's end as the desk sees it: tests decide when a frame comes."""

    def __init__(self):
        self.newest = None
        self.arrived = asyncio.Event()

    def publish(self, frame):
        self.newest = frame
        self.arrived.set()

    def latest(self):
        return self.newest

    async def next(self, after):
        while self.newest is None or self.newest is after:
            self.arrived.clear()
            await self.arrived.wait()
        return self.newest


class EngineQueries:
    """Answers of a scripted book, or none while it is away."""

    def __init__(self, book):
        self.book = book
        self.away = False

    async def positions_of_symbol(self, symbol, limit):
        self._require()
        return self.book.engine.positions_of_symbol(symbol, limit)

    async def positions_of_account(self, login):
        self._require()
        return self.book.engine.positions_of_account(login)

    async def terms_of_account(self, login):
        self._require()
        return self.book.engine.terms_of_account(login)

    async def books_of(self, logins, clients):
        self._require()
        return self.book.engine.books_of(logins, clients)

    async def clusters(self):
        self._require()
        return [{"id": "copy-1", "members": ["C1", "C2"]}]

    async def book_copy(self):
        self._require()
        copy = copy_of(self.book.engine)
        return BookTaken(copy=copy, taken_at=time.time_ns(), took_ms=1.25)

    def _require(self):
        if self.away:
            raise DisconnectedError("the engine is away")
