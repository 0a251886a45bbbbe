"""How the provider turns a price into a quote, and what the clients see of it.

The provider's spread is a symbol's usual one, wider when prices are nervous, when few people are
awake, around rollover and shortly before a release. The clients' quote is the provider's with the
markup added, half on each side and rounded outwards to a whole point.

Units: spreads and quotes in points (whole price steps of the symbol), prices only where named so.
Shapes: s symbols, n quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exposure.errors import ConfigError
from exposure.model.instruments import AssetClass, Instrument
from feeds.simulator.factors import Factors
from feeds.simulator.parameters import read_parameters

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]

_VOLATILITY_POWER: Final = 0.8
_THIN_SEASON: Final = 1.0
_THIN_POWER: Final = 0.5
_HEAT_SPREAD: Final = 6.0
_ROLLOVER_SPREAD: Final = 5.0
_ROLLOVER_SECONDS: Final = 8 * 60
_SPREAD_NOISE: Final = 0.15


class QuotedSymbols:
    """The symbols of a market and how each is quoted, column by column.

    Attributes:
        base, quote: (s,) the codes whose difference of log prices is the symbol's.
        session: (s,) index of its session in the trading hours.
        season: (s,) index of its daily season.
        popularity: (s,) its share of all quotes when everything is open, summing to one.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        factors: Factors,
        sessions: Sequence[str],
        seasons: Sequence[str],
    ) -> None:
        """Look up every instrument's parameters; one that has none is a ConfigError."""
        rows = _parameter_rows(instruments, factors)
        self.base, self.quote = _legs(instruments, factors)
        nothing = len(factors.codes)
        self._moving_base = np.where(self.base == nothing, self.quote, self.base)
        self._moving_quote = np.where(self.quote == nothing, self.base, self.quote)
        self.session = np.array([sessions.index(row["session"]) for row in rows])
        self.season = np.array([seasons.index(one.asset_class) for one in instruments])
        ranks = np.array([float(row["popularity_rank"]) for row in rows])
        self.popularity = (1.0 / ranks) / (1.0 / ranks).sum()
        self._usual_spread = np.array([float(row["spread_points"]) for row in rows])
        self._points_per_unit = np.array([10.0**one.digits for one in instruments])
        self._half_markup = np.array([np.ceil(one.markup_points / 2) for one in instruments], int)
        self._rolls_over = np.array(
            [one.asset_class not in {AssetClass.SHARE, AssetClass.CRYPTO} for one in instruments]
        )

    def volatility(self, codes: _Floats) -> _Floats:
        """Return the volatility of each symbol, 1 on a usual day, from that of the codes (k,)."""
        squared = codes**2
        result: _Floats = np.sqrt((squared[self._moving_base] + squared[self._moving_quote]) / 2)
        return result

    def heat(self, codes: _Floats) -> _Floats:
        """Return the heat of each symbol: that of its hotter leg."""
        return np.maximum(codes[self._moving_base], codes[self._moving_quote])

    def spreads(
        self, volatility: _Floats, heat: _Floats, season: _Floats, seconds_to_rollover: float
    ) -> _Floats:
        """Return the spread of each symbol for now."""
        thin = np.minimum(season, _THIN_SEASON) ** -_THIN_POWER
        closeness = float(np.exp(-abs(seconds_to_rollover) / _ROLLOVER_SECONDS))
        rollover = 1.0 + _ROLLOVER_SPREAD * closeness * self._rolls_over
        nervous = volatility**_VOLATILITY_POWER * (1.0 + _HEAT_SPREAD * heat)
        result: _Floats = self._usual_spread * thin * rollover * nervous
        return result

    def provider_quotes(
        self, symbol: _Ints, log_mid: _Floats, spreads: _Floats, random: np.random.Generator
    ) -> tuple[_Ints, _Ints]:
        """Return the provider's bid and ask of n moments, in points.

        Shapes: symbol (n,), log_mid (n,), spreads (s,) -> two of (n,).
        """
        noise = np.exp(_SPREAD_NOISE * random.standard_normal(len(symbol)))
        width = np.maximum(1.0, np.rint(spreads[symbol] * noise))
        mid = np.exp(log_mid) * self._points_per_unit[symbol]
        bid = np.rint(mid - 0.5 * width)
        return bid.astype(np.int64), (bid + width).astype(np.int64)

    def prices(self, symbol: _Ints, points: _Ints) -> _Floats:
        """Return whole points as prices, each the closest float to its decimal."""
        result: _Floats = points / self._points_per_unit[symbol]
        return result

    def half_markup(self, symbol: _Ints) -> _Ints:
        """Return what each side of a client's quote adds, in points."""
        result: _Ints = self._half_markup[symbol]
        return result


def _parameter_rows(instruments: Sequence[Instrument], factors: Factors) -> list[dict[str, str]]:
    known = {row["symbol"]: row for row in read_parameters("quoting")}
    problems = [
        f"instruments.{one.symbol}: the simulator cannot quote it; use a symbol of its catalogue"
        for one in instruments
        if one.symbol not in known or one.base not in {*factors.codes, "USD"}
    ]
    if problems:
        raise ConfigError(problems)
    return [known[one.symbol] for one in instruments]


def _legs(instruments: Sequence[Instrument], factors: Factors) -> tuple[_Ints, _Ints]:
    # A leg without a factor (the dollar, or the currency an index is quoted in) points one past
    # the last code, where the price is always one.
    column = {code: index for index, code in enumerate(factors.codes)}
    nothing = len(factors.codes)
    own_currency = dict(zip(factors.codes, factors.quoted_in, strict=True))
    base = [column.get(one.base, nothing) for one in instruments]
    quote = [
        nothing if own_currency.get(one.base) == one.quote else column.get(one.quote, nothing)
        for one in instruments
    ]
    return np.array(base), np.array(quote)
