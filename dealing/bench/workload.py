"""The reference workload of performance.md: a book, and the ticks that hit it.

Zipf popularity of symbols, account currencies USD 85, EUR 8, GBP 4, AUD 2, CHF 1 %, quote
currencies converted through live symbols, hedged positions included. Everything follows from the
seed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.engine import ExposureEngine
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import (
    AccountChanged,
    EventBatch,
    InputEvent,
    InstrumentDefined,
    PositionRestored,
    QuoteReceived,
)
from exposure.model.ids import ClientId, Currency, Login, Symbol
from exposure.model.instruments import CalcMode, Instrument
from exposure.model.quotes import QuoteColumns
from exposure.settings import EngineSettings

_SECOND_NS: Final = 1_000_000_000
_SECONDS_PER_DAY: Final = 86_400
_TICKS_PER_SECOND: Final = 2_000
_ACCOUNT_CURRENCIES: Final = {"USD": 0.85, "EUR": 0.08, "GBP": 0.04, "AUD": 0.02, "CHF": 0.01}
_FX: Final = {
    "EURUSD": 1.1, "USDJPY": 150.0, "GBPUSD": 1.3, "AUDUSD": 0.66, "USDCHF": 0.88,
    "EURJPY": 165.0, "EURGBP": 0.85, "GBPJPY": 195.0,
}  # fmt: skip
_SHARE_QUOTES: Final = ("USD", "USD", "USD", "USD", "EUR", "USD", "USD", "USD", "GBP", "JPY")
_FX_DAILY_VOLATILITY: Final = 0.006
_OTHER_DAILY_VOLATILITY: Final = 0.02
_CALM_LEVEL: Final = 8.0


class Size(StrEnum):
    """How large the book is."""

    SMALL = "small"
    SEED = "seed"
    BIG = "big"


class Shape(NamedTuple):
    """Accounts with positions, open positions and symbols."""

    accounts: int
    positions: int
    symbols: int


SHAPES: Final = {
    Size.SMALL: Shape(5_000, 20_000, 60),
    Size.SEED: Shape(45_000, 200_000, 300),
    Size.BIG: Shape(250_000, 1_000_000, 500),
}


class Workload(NamedTuple):
    """An engine that holds the book at its opening prices, and the ticks to come."""

    engine: ExposureEngine
    ticks: QuoteColumns


def build(size: Size, ticks: int, seed: int = 1) -> Workload:
    """Make the book of a size and ``ticks`` quotes that follow its opening prices."""
    shape = SHAPES[size]
    random = np.random.default_rng(seed)
    instruments = _instruments(shape.symbols)
    prices = np.array([_FX.get(i.symbol, 100.0) for i in instruments])
    popularity = 1.0 / np.arange(1, shape.symbols + 1)
    popularity /= popularity.sum()
    engine = ExposureEngine(EngineSettings(kept_events=1_000))
    opening: list[InputEvent] = [InstrumentDefined(0, terms) for terms in instruments]
    opening += _accounts(shape, random)
    opening += [
        QuoteReceived(0, i.symbol, price * 0.99995, price * 1.00005)
        for i, price in zip(instruments, prices.tolist(), strict=True)
    ]
    opening += _positions(shape, instruments, prices, popularity, random)
    engine.apply(EventBatch(len(opening), 0, opening))
    engine.value_restored()
    return Workload(engine, _ticks(ticks, prices, popularity, random))


def _instruments(count: int) -> list[Instrument]:
    names = [*_FX, *(f"SHARE{k:03d}" for k in range(count - len(_FX)))]
    return [_instrument(name) for name in names]


def _instrument(name: str) -> Instrument:
    is_fx = name in _FX
    return Instrument(
        symbol=Symbol(name),
        asset_class="fx" if is_fx else "share",
        base=Currency(name[:3] if is_fx else name),
        quote=Currency(name[3:] if is_fx else _SHARE_QUOTES[int(name[5:]) % len(_SHARE_QUOTES)]),
        contract_size=100_000.0 if is_fx else 100.0,
        digits=5 if is_fx else 2,
        calc_mode=CalcMode.FOREX if is_fx else CalcMode.CFD_LEVERAGE,
    )


def _accounts(shape: Shape, random: np.random.Generator) -> list[InputEvent]:
    shares = np.array(list(_ACCOUNT_CURRENCIES.values()))
    currencies = random.choice(list(_ACCOUNT_CURRENCIES), shape.accounts, p=shares)
    level = _CALM_LEVEL * random.lognormal(0.0, 0.6, shape.accounts)
    balance = 3_000.0 * np.maximum(level, 1.1)
    return [
        AccountChanged(
            0,
            Account(
                login=Login(str(k)),
                client_id=ClientId(str(k)),
                currency=Currency(str(currencies[k])),
                balance=float(balance[k]),
                leverage=100.0,
                book=Book.B,
            ),
        )
        for k in range(shape.accounts)
    ]


def _positions(
    shape: Shape,
    instruments: list[Instrument],
    prices: NDArray[np.float64],
    popularity: NDArray[np.float64],
    random: np.random.Generator,
) -> list[InputEvent]:
    symbols = random.choice(shape.symbols, shape.positions, p=popularity)
    logins = np.concatenate(
        [
            np.arange(shape.accounts),
            random.integers(0, shape.accounts, shape.positions - shape.accounts),
        ]
    )
    is_long = random.random(shape.positions) < 0.5  # noqa: PLR2004 # a fair coin
    lots = random.integers(1, 50, shape.positions) / 100
    opens = prices[symbols] * (1.0 + 0.004 * random.standard_normal(shape.positions))
    columns = [column.tolist() for column in (logins, symbols, is_long, lots, opens)]
    return [
        PositionRestored(
            0,
            str(login),
            str(k),
            instruments[symbol].symbol,
            "buy" if long else "sell",
            size,
            open_,
        )
        for k, (login, symbol, long, size, open_) in enumerate(zip(*columns, strict=True))
    ]


def _ticks(
    count: int,
    prices: NDArray[np.float64],
    popularity: NDArray[np.float64],
    random: np.random.Generator,
) -> QuoteColumns:
    symbols = random.choice(len(prices), count, p=popularity).astype(np.int32)
    daily = np.where(
        np.arange(len(prices)) < len(_FX), _FX_DAILY_VOLATILITY, _OTHER_DAILY_VOLATILITY
    )
    per_day = popularity * _TICKS_PER_SECOND * _SECONDS_PER_DAY
    steps = random.standard_normal(count) * (daily / np.sqrt(per_day))[symbols]
    mids = np.empty(count)
    for symbol in range(len(prices)):
        of_symbol = symbols == symbol
        mids[of_symbol] = prices[symbol] * np.exp(np.cumsum(steps[of_symbol]))
    times = np.arange(1, count + 1, dtype=np.int64) * (_SECOND_NS // _TICKS_PER_SECOND)
    return QuoteColumns(symbols, mids * 0.99995, mids * 1.00005, times)
