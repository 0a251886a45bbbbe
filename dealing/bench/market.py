"""What the reference workload trades: six asset classes in five quote currencies.

Names stand in the order of their popularity, EURUSD and XAUUSD first; shares fill up what a size
needs. A lot is worth some ten thousand USD of everything.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.model.ids import Currency, Symbol
from exposure.model.instruments import AssetClass, CalcMode, Instrument

DAILY_VOLATILITY: Final = {
    AssetClass.FX: 0.006,
    AssetClass.METAL: 0.01,
    AssetClass.INDEX: 0.012,
    AssetClass.ENERGY: 0.012,
    AssetClass.SHARE: 0.02,
    AssetClass.CRYPTO: 0.035,
}
"""Fixed in performance.md, so that ratios mean something."""

_FX, _METAL, _INDEX = AssetClass.FX, AssetClass.METAL, AssetClass.INDEX
_ENERGY, _CRYPTO = AssetClass.ENERGY, AssetClass.CRYPTO
_NAMED: Final[tuple[tuple[str, AssetClass, str, float, float], ...]] = (
    ("EURUSD", _FX, "USD", 1.1, 1e5), ("XAUUSD", _METAL, "USD", 2_400.0, 100.0),
    ("GBPUSD", _FX, "USD", 1.3, 1e5), ("USDJPY", _FX, "JPY", 150.0, 1e5),
    ("US500", _INDEX, "USD", 5_500.0, 10.0), ("BTCUSD", _CRYPTO, "USD", 60_000.0, 1.0),
    ("AUDUSD", _FX, "USD", 0.66, 1e5), ("DE40", _INDEX, "EUR", 18_000.0, 5.0),
    ("XTIUSD", _ENERGY, "USD", 75.0, 1_000.0), ("USDCHF", _FX, "CHF", 0.88, 1e5),
    ("EURJPY", _FX, "JPY", 165.0, 1e5), ("US100", _INDEX, "USD", 19_000.0, 5.0),
    ("GBPJPY", _FX, "JPY", 195.0, 1e5), ("XAGUSD", _METAL, "USD", 30.0, 5_000.0),
    ("EURGBP", _FX, "GBP", 0.85, 1e5), ("UK100", _INDEX, "GBP", 8_200.0, 10.0),
    ("ETHUSD", _CRYPTO, "USD", 3_000.0, 10.0), ("USDCAD", _FX, "CAD", 1.36, 1e5),
    ("JP225", _INDEX, "JPY", 39_000.0, 300.0), ("XBRUSD", _ENERGY, "USD", 79.0, 1_000.0),
    ("NZDUSD", _FX, "USD", 0.6, 1e5), ("EURCHF", _FX, "CHF", 0.97, 1e5),
    ("AUDJPY", _FX, "JPY", 99.0, 1e5), ("CHFJPY", _FX, "JPY", 170.0, 1e5),
    ("EURAUD", _FX, "AUD", 1.66, 1e5), ("XNGUSD", _ENERGY, "USD", 2.5, 10_000.0),
    ("LTCUSD", _CRYPTO, "USD", 80.0, 100.0), ("EU50", _INDEX, "EUR", 4_900.0, 10.0),
)  # fmt: skip
_SHARE_QUOTES: Final = ("USD", "USD", "USD", "USD", "EUR", "USD", "USD", "USD", "GBP", "JPY")
_SHARE_PRICE: Final = 100.0
_YEN_PER_USD: Final = 150.0


class Market(NamedTuple):
    """Symbols by popularity. Shapes: prices, volatility and popularity (symbols,)."""

    instruments: list[Instrument]
    prices: NDArray[np.float64]
    volatility: NDArray[np.float64]
    popularity: NDArray[np.float64]


def market(symbols: int) -> Market:
    """Return the most popular symbols; popularity is Zipf's with exponent 1."""
    named = [_instrument(*row[:3], contract_size=row[4]) for row in _NAMED[:symbols]]
    shares = [_share(k) for k in range(symbols - len(named))]
    instruments = named + shares
    prices = [row[3] for row in _NAMED[:symbols]] + [_share_price(i.quote) for i in shares]
    popularity = 1.0 / np.arange(1, symbols + 1)
    return Market(
        instruments,
        np.array(prices),
        np.array([DAILY_VOLATILITY[AssetClass(i.asset_class)] for i in instruments]),
        popularity / popularity.sum(),
    )


def _instrument(
    name: str, asset_class: AssetClass, quote: str, *, contract_size: float
) -> Instrument:
    is_fx = asset_class is AssetClass.FX
    return Instrument(
        symbol=Symbol(name),
        asset_class=asset_class.value,
        base=Currency(name[:3] if is_fx else name),
        quote=Currency(quote),
        contract_size=contract_size,
        digits=5 if is_fx else 2,
        calc_mode=CalcMode.FOREX if is_fx else CalcMode.CFD_LEVERAGE,
    )


def _share(k: int) -> Instrument:
    quote = _SHARE_QUOTES[k % len(_SHARE_QUOTES)]
    return _instrument(f"SHARE{k:03d}", AssetClass.SHARE, quote, contract_size=100.0)


def _share_price(quote: str) -> float:
    return _SHARE_PRICE * (_YEN_PER_USD if quote == "JPY" else 1.0)
