"""The reference workload of performance.md: a book, and the ticks that hit it.

Account currencies USD 85, EUR 8, GBP 4, AUD 2, CHF 1 %, quote currencies converted through live
symbols, hedged positions included. *Calm* has margin levels that are lognormal around 8 and none
below 1.1; *stress* is the same but for 4 % of the accounts, which stand within 5 % above a
threshold, half of them above their margin call and half above their stop-out. Everything follows
from the seed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dealing.bench.market import Market, market
from exposure.engine import ExposureEngine
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    EventBatch,
    InputEvent,
    InstrumentDefined,
    PositionRestored,
    QuoteReceived,
)
from exposure.model.ids import ClientId, Currency, Login
from exposure.model.quotes import QuoteColumns
from exposure.settings import EngineSettings

TICKS_PER_SECOND: Final = 2_000
HALF_SPREAD: Final = 5e-5
"""Half of the spread, as a part of the mid price."""

_SECOND_NS: Final = 1_000_000_000
_SECONDS_PER_DAY: Final = 86_400
_ACCOUNT_CURRENCIES: Final = {"USD": 0.85, "EUR": 0.08, "GBP": 0.04, "AUD": 0.02, "CHF": 0.01}
_HEDGED_SHARE: Final = 0.05
"""Positions that stand against another one of the same account and symbol."""

_USUAL_LEVEL: Final = 8.0
_LEVEL_SPREAD: Final = 0.6
_LOWEST_CALM_LEVEL: Final = 1.1
_STRESSED_SHARE: Final = 0.04
_STRESSED_WITHIN: Final = 0.05
_CALL_LEVEL, _OUT_LEVEL = 1.0, 0.5


class Size(StrEnum):
    """How large the book is."""

    SMALL = "small"
    SEED = "seed"
    BIG = "big"


class Levels(StrEnum):
    """How close accounts stand to their thresholds."""

    CALM = "calm"
    STRESS = "stress"


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


def settings(*, lazy: bool) -> EngineSettings:
    """Return the settings of a measured engine; ``lazy`` for the hybrid, else every tick eager."""
    return EngineSettings(kept_events=1_000, lazy_ticks=lazy)


def build(
    size: Size,
    ticks: int,
    seed: int = 1,
    levels: Levels = Levels.CALM,
    *,
    lazy: bool = True,
) -> Workload:
    """Make the book of a size and ``ticks`` quotes that follow its opening prices."""
    engine = open_book(size, levels, seed, lazy=lazy)
    return Workload(engine, make_ticks(SHAPES[size].symbols, ticks, seed))


def open_book(
    size: Size, levels: Levels = Levels.CALM, seed: int = 1, *, lazy: bool = True
) -> ExposureEngine:
    """Return an engine with a book whose margin levels are those wanted."""
    shape, random = SHAPES[size], np.random.default_rng(seed)
    traded = market(shape.symbols)
    engine = ExposureEngine(settings(lazy=lazy))
    opening: list[InputEvent] = [InstrumentDefined(0, terms) for terms in traded.instruments]
    opening += _accounts(shape, random)
    opening += [
        QuoteReceived(0, i.symbol, price * (1.0 - HALF_SPREAD), price * (1.0 + HALF_SPREAD))
        for i, price in zip(traded.instruments, traded.prices.tolist(), strict=True)
    ]
    opening += _positions(shape, traded, random)
    engine.apply(EventBatch(len(opening), 0, opening))
    engine.value_restored()
    deposits = _deposits(engine, margin_levels(shape.accounts, levels, random))
    engine.apply(EventBatch(engine.position + len(deposits), 0, deposits))
    return engine


def make_ticks(
    symbols: int, count: int, seed: int = 1, volatility: float = 1.0, per_s: int = TICKS_PER_SECOND
) -> QuoteColumns:
    """Return quotes that walk on from the opening prices; ``volatility`` scales the daily one."""
    random, traded = np.random.default_rng([seed, 1]), market(symbols)
    named = random.choice(symbols, count, p=traded.popularity).astype(np.int32)
    per_day = traded.popularity * per_s * _SECONDS_PER_DAY
    per_tick = volatility * traded.volatility / np.sqrt(per_day)
    steps = random.standard_normal(count) * per_tick[named]
    mids = np.empty(count)
    for symbol in range(symbols):
        of_symbol = named == symbol
        mids[of_symbol] = traded.prices[symbol] * np.exp(np.cumsum(steps[of_symbol]))
    times = np.arange(1, count + 1, dtype=np.int64) * (_SECOND_NS // per_s)
    return QuoteColumns(named, mids * (1.0 - HALF_SPREAD), mids * (1.0 + HALF_SPREAD), times)


def part(ticks: QuoteColumns, places: slice | NDArray[np.int64]) -> QuoteColumns:
    """Return some of the ticks."""
    return QuoteColumns(
        ticks.symbol[places], ticks.bid[places], ticks.ask[places], ticks.ts_event[places]
    )


def margin_levels(
    accounts: int, levels: Levels, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return equity / margin of every account. Shape: (accounts,)."""
    wanted = _USUAL_LEVEL * random.lognormal(0.0, _LEVEL_SPREAD, accounts)
    wanted = np.maximum(wanted, _LOWEST_CALM_LEVEL)
    if levels is Levels.STRESS:
        close = random.choice(accounts, int(_STRESSED_SHARE * accounts), replace=False)
        threshold = np.where(np.arange(len(close)) % 2 == 0, _CALL_LEVEL, _OUT_LEVEL)
        wanted[close] = threshold * (1.0 + _STRESSED_WITHIN * random.random(len(close)))
    return wanted


def _accounts(shape: Shape, random: np.random.Generator) -> list[InputEvent]:
    shares = np.array(list(_ACCOUNT_CURRENCIES.values()))
    currencies = random.choice(list(_ACCOUNT_CURRENCIES), shape.accounts, p=shares)
    return [
        AccountChanged(
            0,
            Account(
                login=Login(str(k)),
                client_id=ClientId(str(k)),
                currency=Currency(currency),
                balance=0.0,
                leverage=100.0,
                book=Book.B,
            ),
        )
        for k, currency in enumerate(currencies.tolist())
    ]


def _positions(shape: Shape, traded: Market, random: np.random.Generator) -> list[InputEvent]:
    count = shape.positions
    others = random.integers(0, shape.accounts, count - shape.accounts)
    logins = np.concatenate([np.arange(shape.accounts), others])
    symbols = random.choice(shape.symbols, count, p=traded.popularity)
    is_long = random.random(count) < 0.5  # noqa: PLR2004 # a fair coin
    lots = random.integers(1, 50, count) / 100
    hedges = np.arange(count - int(_HEDGED_SHARE * count), count)
    against = random.integers(0, hedges[0], len(hedges))
    logins[hedges], symbols[hedges] = logins[against], symbols[against]
    is_long[hedges] = ~is_long[against]
    opens = traded.prices[symbols] * (1.0 + 0.004 * random.standard_normal(count))
    columns = [column.tolist() for column in (logins, symbols, is_long, lots, opens)]
    return [
        PositionRestored(
            0,
            str(login),
            str(k),
            traded.instruments[symbol].symbol,
            "buy" if long else "sell",
            size,
            open_,
        )
        for k, (login, symbol, long, size, open_) in enumerate(zip(*columns, strict=True))
    ]


def _deposits(engine: ExposureEngine, levels: NDArray[np.float64]) -> list[InputEvent]:
    """Return what accounts without a balance need for their margin levels."""
    accounts, count = engine.book.accounts, len(levels)
    amounts = levels * accounts.margin[:count] - accounts.floating[:count]
    return [
        BalanceChanged(0, str(k), "deposit", amount) for k, amount in enumerate(amounts.tolist())
    ]
