"""A market of a few symbols on a fixed grid: quick, deterministic, with jumps and opening hours."""

import json

import numpy as np

from exposure.model.quotes import QuoteColumns
from feeds.catalogue import load_catalogue
from feeds.ports import MarketStep

SECOND = 1_000_000_000
START = 1_773_144_000 * SECOND  # Tuesday 2026-03-10 12:00 UTC
GRID = SECOND // 5

PRICES = {
    "EURUSD": 1.16,
    "GBPUSD": 1.34,
    "USDJPY": 156.0,
    "AUDUSD": 0.71,
    "USDCHF": 0.78,
    "XAUUSD": 5_100.0,
    "XAUUSD.pro": 5_100.0,
    "US500": 6_800.0,
    "WTI": 75.0,
}


class SmallMarket:
    """Random walks on a grid of 200 ms; every symbol is quoted at each of its moments.

    ``closed`` maps a symbol to (from, until) in seconds after the start. A jump comes every
    ``jump_every_s`` to one symbol, then its price goes on as before. ``actions`` happen at their
    time; prices follow them.
    """

    label = "small"

    def __init__(self, symbols=tuple(PRICES), seed=1, **ways):
        terms = {instrument.symbol: instrument for instrument in load_catalogue()}
        self.instruments = [terms[symbol] for symbol in symbols]
        self.now = ways.get("start", START)
        self._rng = np.random.default_rng(seed)
        self._daily = ways.get("daily_volatility", 0.01)
        self._jump_every_s = ways.get("jump_every_s", 0)
        self._closed = ways.get("closed", {})
        self._length_s = ways.get("length_s")
        self._actions = ways.get("actions", [])
        self._log_price = np.log([PRICES[symbol] for symbol in symbols])

    @property
    def exhausted(self):
        return self._length_s is not None and self.now >= START + self._length_s * SECOND

    def step(self, duration_ns):
        end = self.now + duration_ns
        first = -(-(self.now + 1) // GRID) * GRID
        happened = tuple(action for action in self._actions if self.now < action.ts <= end)
        moments = [self._moment(ts) for ts in range(first, end + 1, GRID)]
        self.now = end
        columns = [np.concatenate(column) for column in zip(*moments, strict=True)]
        if not columns:
            columns = [np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0, np.int64)]
        symbol, bid, ask, ts = columns
        half = np.array([i.markup_points / 2 * i.point for i in self.instruments])[symbol]
        digits = np.array([i.digits for i in self.instruments])[symbol]
        client = QuoteColumns(
            symbol, _rounded(bid - half, digits), _rounded(ask + half, digits), ts
        )
        return MarketStep(end, client, QuoteColumns(symbol, bid, ask, ts), happened)

    def save(self):
        state = [self.now, self._log_price.tolist(), self._rng.bit_generator.state]
        return json.dumps(state).encode()

    def load(self, state):
        self.now, log_price, self._rng.bit_generator.state = json.loads(state)
        self._log_price = np.array(log_price)

    def _moment(self, ts):
        n = len(self.instruments)
        for action in self._actions:
            if ts - GRID < action.ts <= ts:
                drop = action.short_per_unit / np.exp(self._log_price[action.symbol])
                self._log_price[action.symbol] += np.log1p(-drop) - np.log(action.ratio)
        sigma = self._daily * np.sqrt(GRID / SECOND / 86_400)
        self._log_price += sigma * self._rng.standard_normal(n)
        seconds = (ts - START) / SECOND
        if self._jump_every_s and seconds % self._jump_every_s == 0:
            self._log_price[self._rng.integers(n)] += 0.004 * self._rng.choice([-1, 1])
        symbol = np.array([s for s in range(n) if self._is_open(s, seconds)], np.int32)
        price = np.exp(self._log_price[symbol])
        digits = np.array([i.digits for i in self.instruments])[symbol]
        bid, ask = _rounded(price * (1 - 2e-5), digits), _rounded(price * (1 + 2e-5), digits)
        return symbol, bid, ask, np.full(len(symbol), ts)

    def _is_open(self, symbol, seconds):
        begin, end = self._closed.get(self.instruments[symbol].symbol, (0, 0))
        return not begin <= seconds < end


def _rounded(prices, digits):
    return np.rint(prices * 10.0**digits) / 10.0**digits
