"""The simulated market: prices that behave like real ones and need nobody.

Time is cut where anything changes (a session opens or closes, news comes out, an asset is split or
pays a dividend), at the latest after two minutes. Inside a cut everything is one vectorised draw:
how many quotes, of which symbols, when, and the price path through those moments. The same seed and
the same steps give the same quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from exposure.errors import StorageError
from exposure.model.instruments import Instrument
from exposure.model.quotes import QuoteColumns
from feeds.catalogue import load_catalogue
from feeds.ports import MarketAction, MarketStep
from feeds.simulator.actions import ActionSchedule
from feeds.simulator.calendar import DAY, SECOND, TradingHours, new_york_time
from feeds.simulator.factors import PricePaths, load_factors
from feeds.simulator.news import NewsEvent, NewsSchedule
from feeds.simulator.packing import generator_state, pack, set_generator_state, unpack
from feeds.simulator.quoting import QuotedSymbols
from feeds.simulator.seasons import DailySeasons

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_Quotes = tuple[_Ints, _Ints, _Ints, _Ints]

DEFAULT_START: Final = 1_773_144_000 * SECOND
"""Tuesday 2026-03-10 12:00 UTC."""

_LONGEST_CUT: Final = 120 * SECOND
_HEAT_ACTIVITY: Final = 2.5
_ANXIOUS_SECONDS: Final = 25.0
_ROLLOVER_HOUR: Final = 17
_NEVER: Final = -1


class SimulatedMarket:
    """A market of correlated random prices; implements ``Market`` of feeds/ports.py."""

    label = "simulated"
    exhausted = False

    def __init__(
        self,
        seed: int,
        instruments: Sequence[Instrument] | None = None,
        *,
        start: int = DEFAULT_START,
        quotes_per_second: float = 330.0,
    ) -> None:
        """Start a market.

        Args:
            seed: Decides everything that is drawn.
            instruments: Symbols of the catalogue to quote, all of them by default.
            start: The first moment, ns UTC.
            quotes_per_second: How often all symbols together are looked at in an average hour with
                everything open; quotes that did not change are not sent.
        """
        self.instruments = load_catalogue() if instruments is None else list(instruments)
        self.now = start
        self._quotes_per_second = quotes_per_second
        self._random = np.random.default_rng(seed)
        self._factors = load_factors()
        self._paths = PricePaths(self._factors)
        self._hours = TradingHours()
        self._news = NewsSchedule()
        self._seasons = DailySeasons(self._factors.seasons)
        self._symbols = QuotedSymbols(
            self.instruments, self._factors, self._hours.names, self._seasons.names
        )
        self._last_bid = np.full(len(self.instruments), _NEVER)
        self._last_ask = np.full(len(self.instruments), _NEVER)
        self._happened: list[MarketAction] = []
        self._begin(start)

    def upcoming_news(self, horizon_ns: int = DAY) -> list[NewsEvent]:
        """Return the releases that are due within the horizon, in order."""
        return self._news.between(self.now, self.now + horizon_ns)

    def step(self, duration_ns: int) -> MarketStep:
        """Advance market time and return what was quoted meanwhile.

        The first step quotes every symbol, closed ones at their last price.

        Units: ``duration_ns`` in ns, more than zero.
        """
        end = self.now + duration_ns
        cuts = []
        while self.now < end:
            cuts.append(self._advance(self._next_cut(end)))
        return self._market_step(_join(cuts))

    def save(self) -> bytes:
        """Return the state (random generator included) from which ``load`` goes on."""
        return pack(
            {
                "symbols": [one.symbol for one in self.instruments],
                "start": self._start,
                "now": self.now,
                "paths": self._paths.export_state(),
                "last_bid": self._last_bid,
                "last_ask": self._last_ask,
                "random": generator_state(self._random),
            }
        )

    def load(self, state: bytes) -> None:
        """Go on exactly where ``save`` was called; other symbols are a StorageError."""
        saved = _unpacked(state)
        if saved["symbols"] != [one.symbol for one in self.instruments]:
            raise StorageError(
                "the saved market quotes other symbols than this one: start it with the same "
                "catalogue, or with a new data directory"
            )
        self._begin(saved["start"])
        self.now = saved["now"]
        self._paths.restore_state(saved["paths"])
        self._last_bid, self._last_ask = saved["last_bid"], saved["last_ask"]
        set_generator_state(self._random, saved["random"])

    def _begin(self, start: int) -> None:
        sessions = [self._hours.names[k] for k in self._symbols.session.tolist()]
        self._start = start
        self._actions = ActionSchedule(self.instruments, sessions, start)

    def _next_cut(self, end: int) -> int:
        return min(
            end,
            self.now + _LONGEST_CUT,
            self._hours.next_change(self.now),
            self._news.next_after(self.now).ts,
            self._actions.next_after(self.now),
        )

    def _advance(self, until: int) -> _Quotes:
        span = until - self.now
        new_york = new_york_time(self.now)
        season = self._seasons.at(new_york)
        self._paths.advance_volatility(span / DAY, self._random)
        heat = self._symbols.heat(self._paths.heat)
        symbol_season = season[self._symbols.season]
        spreads = self._symbols.spreads(
            self._symbols.volatility(self._paths.volatility()),
            heat + self._symbols.heat(self._anxiety()),
            symbol_season,
            _seconds_since_rollover(new_york.hour, new_york.minute, new_york.second),
        )
        activity = symbol_season * (1.0 + _HEAT_ACTIVITY * heat)
        symbol, at = self._moments(activity, span)
        log_mid = self._log_mid(symbol, at, span, season[self._seasons.of_codes])
        bid, ask = self._symbols.provider_quotes(symbol, log_mid, spreads, self._random)
        ts = self.now + 1 + (at * (span - 1)).astype(np.int64)
        self.now = until
        self._release_news()
        self._act()
        return self._changed(symbol, bid, ask, ts)

    def _anxiety(self) -> _Floats:
        # The minute before a release belongs to those who pull their quotes.
        release = self._news.next_after(self.now)
        closeness = np.exp((self.now - release.ts) / SECOND / _ANXIOUS_SECONDS)
        if closeness < 0.01:  # noqa: PLR2004 - nearly two minutes ahead: nobody cares yet
            return np.zeros_like(self._paths.heat)
        exposure = np.max([self._paths.exposure(driver) for driver in release.drivers], axis=0)
        result: _Floats = release.impact.heat * closeness * exposure
        return result

    def _moments(self, activity: _Floats, span: int) -> tuple[_Ints, _Floats]:
        is_open = self._hours.open_sessions(self.now)[self._symbols.session]
        rates = np.cumsum(self._symbols.popularity * activity * is_open)
        expected = self._quotes_per_second * float(rates[-1]) * span / SECOND
        count = self._random.poisson(expected)
        at = np.sort(self._random.random(count))
        symbol = np.searchsorted(rates, self._random.random(count) * rates[-1], side="right")
        if self._last_bid[0] == _NEVER:
            every = np.arange(len(self.instruments))
            return np.concatenate([every, symbol]), np.concatenate([np.zeros(len(every)), at])
        return symbol, at

    def _log_mid(self, symbol: _Ints, at: _Floats, span: int, season: _Floats) -> _Floats:
        gaps = np.diff(np.concatenate([[0.0], at, [1.0]])) * (span / DAY)
        path = self._paths.walk(gaps, season, self._random)
        path = np.hstack([path, np.zeros((len(path), 1))])
        row = np.arange(len(symbol))
        result: _Floats = path[row, self._symbols.base[symbol]]
        result -= path[row, self._symbols.quote[symbol]]
        return result

    def _release_news(self) -> None:
        for release in self._news.at(self.now):
            surprise = self._random.standard_t(4) / np.sqrt(2.0)
            for driver in release.drivers:
                self._paths.shock(driver, surprise * release.impact.shock, release.impact.heat)

    def _act(self) -> None:
        for action in self._actions.at(self.now):
            self._paths.reprice(action.asset, action.drop, action.ratio)
            self._happened += action.seen

    def _changed(self, symbol: _Ints, bid: _Ints, ask: _Ints, ts: _Ints) -> _Quotes:
        order = np.argsort(symbol, kind="stable")
        sorted_symbol, sorted_bid, sorted_ask = symbol[order], bid[order], ask[order]
        before_bid, before_ask = self._last_bid[sorted_symbol], self._last_ask[sorted_symbol]
        again = np.flatnonzero(sorted_symbol[1:] == sorted_symbol[:-1]) + 1
        before_bid[again], before_ask[again] = sorted_bid[again - 1], sorted_ask[again - 1]
        changed = np.empty(len(symbol), np.bool_)
        changed[order] = (sorted_bid != before_bid) | (sorted_ask != before_ask)
        self._last_bid[symbol], self._last_ask[symbol] = bid, ask
        return symbol[changed], bid[changed], ask[changed], ts[changed]

    def _market_step(self, quotes: _Quotes) -> MarketStep:
        symbol, bid, ask, ts = quotes
        index, half = symbol.astype(np.int32), self._symbols.half_markup(symbol)
        prices = self._symbols.prices
        client = QuoteColumns(index, prices(symbol, bid - half), prices(symbol, ask + half), ts)
        provider = QuoteColumns(index, prices(symbol, bid), prices(symbol, ask), ts)
        happened, self._happened = tuple(self._happened), []
        return MarketStep(self.now, client, provider, happened)


def _seconds_since_rollover(hour: int, minute: int, second: int) -> float:
    return (hour - _ROLLOVER_HOUR) * 3600.0 + minute * 60.0 + second


def _join(cuts: list[_Quotes]) -> _Quotes:
    if len(cuts) == 1:
        return cuts[0]
    symbol, bid, ask, ts = (np.concatenate(column) for column in zip(*cuts, strict=True))
    return symbol, bid, ask, ts


def _unpacked(state: bytes) -> dict[str, Any]:
    try:
        saved: dict[str, Any] = unpack(state)
    except msgspec.DecodeError as error:
        raise StorageError(
            "the saved state of the market cannot be read: start with a new data directory"
        ) from error
    return saved
