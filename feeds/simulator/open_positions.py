"""The positions that are open when the platform's time begins, and the money behind them.

Positions are as old as the habits of their owners make them, so the rate at which they close is
steady from the first second; their open prices lie one random walk of that age behind the market,
so floating profit is spread around zero. Every account then gets the money that puts it at a
margin level drawn from a retail book: most far from the edge, a few near a margin call.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from exposure.client_book import ClientBook
from exposure.kernels import MONEY_TOLERANCE
from exposure.model.accounts import Account
from exposure.swaps import SwapMode, swap_mode, swap_per_lot
from feeds.simulator.choices import favourite_of
from feeds.simulator.clients import hold_seconds, whole_lots
from feeds.simulator.kinds import KINDS, ClientKind, habit_column
from feeds.simulator.population import Population
from feeds.simulator.signals import SECONDS_PER_DAY, sigma_per_root_second
from feeds.simulator.trade_server import TradeServer, to_cents

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Generator = np.random.Generator

POSITIONS_PER_HOLDER: Final = 4.4

_MOST_POSITIONS: Final = 40
_HEDGED_PAIR_SHARE: Final = 0.06
_HERD: Final = 0.15
_LONGEST_AGE_S: Final = 10 * SECONDS_PER_DAY
_MEDIAN_LEVEL: Final = 8.0
_LEVEL_SIGMA: Final = 0.9
_CLOSEST_TO_CALL: Final = 1.02
_CREDIT_SHARE: Final = 0.04
_CREDIT_RATIO: Final = 0.2
_IDLE_EQUITY_PER_STAKE: Final = 0.15
_PAIR_EQUITY_PER_STAKE: Final = 0.3
_SMALLEST_BALANCE: Final = 10.0


class OpenPositions(NamedTuple):
    """The open book, column by column.

    Units: ``account`` and ``symbol`` indexes, ``sign`` +1 long, ``age_s`` and ``remaining_s`` from
    and until its opening and its planned close.
    """

    account: Ints
    symbol: Ints
    sign: NDArray[np.int8]
    lots: Floats
    open_price: Floats
    age_s: Floats
    remaining_s: Floats


def draw_positions(population: Population, server: TradeServer, rng: Generator) -> OpenPositions:
    """Draw who holds what, from which price, where prices and conversion rates exist."""
    book = server.book
    account = _holders(population, rng)
    symbol = favourite_of(population.favourites[account], rng).astype(np.int64)
    usd_per_lot = server.board.usd_per_lot()
    # A price without a spread is a conversion rate: nobody holds positions in it.
    has_spread = book.prices.ask[symbol] > book.prices.bid[symbol]
    possible = has_spread & np.isfinite(usd_per_lot[symbol])
    possible &= _convertible(server, account, symbol) & ~population.banned[account, symbol]
    account, symbol = account[possible], symbol[possible]
    bias = 0.5 + _HERD * rng.standard_normal(len(book.instruments))
    sign = np.where(rng.random(len(account)) < bias[symbol], 1, -1)
    account, symbol, sign = _with_hedged_pairs(account, symbol, sign, rng)
    stake = population.stake_usd[account] * np.exp(rng.normal(0.0, 0.4, len(account)))
    age, remaining = _ages(population.kind[account], rng)
    return OpenPositions(
        account=account,
        symbol=symbol,
        sign=sign.astype(np.int8),
        lots=whole_lots(stake / usd_per_lot[symbol]),
        open_price=_open_prices(book, symbol, sign, age, rng),
        age_s=age,
        remaining_s=remaining,
    )


def funded(population: Population, book: ClientBook, rng: Generator) -> list[Account]:
    """Return the accounts with the money that puts their open positions at a drawn margin level.

    ``book`` holds the same accounts with their positions, valued and without money.
    """
    n = len(population.accounts)
    floating, margin = book.accounts.floating[:n], book.accounts.margin[:n]
    call = book.accounts.margin_call_level[:n] / 100.0
    level = np.exp(rng.normal(math.log(_MEDIAN_LEVEL), _LEVEL_SIGMA, n))
    level = np.maximum(level, call * _CLOSEST_TO_CALL * (1.0 + 0.3 * rng.random(n)))
    idle = population.stake_usd * _IDLE_EQUITY_PER_STAKE * np.exp(rng.normal(0.0, 0.8, n))
    pairs = population.kind == KINDS.index(ClientKind.HEDGED_PAIR)
    idle[pairs] = np.maximum(idle[pairs], _PAIR_EQUITY_PER_STAKE * population.stake_usd[pairs])
    equity = np.where(margin > MONEY_TOLERANCE, level * margin, idle + np.maximum(-floating, 0.0))
    has_bonus = population.kind == KINDS.index(ClientKind.BONUS_ABUSE)
    has_bonus |= population.rings.sign < 0  # of two who stand against each other, one
    has_credit = (rng.random(n) < _CREDIT_SHARE) | has_bonus
    credit = np.where(has_credit, np.round(_CREDIT_RATIO * equity, -1), 0.0)
    balance = np.round(np.maximum(equity - credit - floating, _SMALLEST_BALANCE), 2)
    return [
        msgspec.structs.replace(account, balance=amount, credit=given)
        for account, amount, given in zip(
            population.accounts, balance.tolist(), credit.tolist(), strict=True
        )
    ]


def accrued_swaps(positions: OpenPositions, book: ClientBook) -> Floats:
    """Return the swap that positions have gathered in the nights they were held, in cents."""
    nights = np.floor(positions.age_s / SECONDS_PER_DAY)
    swaps = np.zeros(len(nights))
    for symbol in np.unique(positions.symbol[nights > 0.0]).tolist():
        held = np.flatnonzero((positions.symbol == symbol) & (nights > 0.0))
        swaps[held] = nights[held] * positions.lots[held] * _night(positions, held, symbol, book)
    return np.array([to_cents(swap) for swap in swaps.tolist()])


def _night(positions: OpenPositions, held: Ints, symbol: int, book: ClientBook) -> Floats:
    """Return what a night of one lot comes to for positions of a symbol, in account currency."""
    instrument = book.instruments[symbol]
    mode = swap_mode(instrument) or SwapMode.DISABLED
    rates = np.where(positions.sign[held] > 0, instrument.swap_long, instrument.swap_short)
    opened = positions.open_price[held]
    per_lot = swap_per_lot(instrument, mode, rates, opened, opened)
    currencies = [book.terms[account].currency for account in positions.account[held].tolist()]
    if not per_lot.currency:
        return per_lot.amount
    to_account = {one: book.rates.mid(book.prices, per_lot.currency, one) for one in currencies}
    night: Floats = per_lot.amount * np.array([to_account[one] for one in currencies])
    return night


def _holders(population: Population, rng: Generator) -> Ints:
    holding = habit_column("holding_share")[population.kind]
    n = len(holding)
    counts = np.minimum(rng.geometric(1.0 / POSITIONS_PER_HOLDER, n), _MOST_POSITIONS)
    return np.repeat(np.arange(n), np.where(rng.random(n) < holding, counts, 0))


def _with_hedged_pairs(
    account: Ints, symbol: Ints, sign: Ints, rng: Generator
) -> tuple[Ints, Ints, Ints]:
    pair = np.flatnonzero(rng.random(len(account)) < _HEDGED_PAIR_SHARE)
    account, symbol = np.append(account, account[pair]), np.append(symbol, symbol[pair])
    sign = np.append(sign, -sign[pair])
    order = np.argsort(account, kind="stable")
    return account[order], symbol[order], sign[order]


def _convertible(server: TradeServer, account: Ints, symbol: Ints) -> NDArray[np.bool_]:
    currencies = [terms.currency for terms in server.book.terms]
    known = sorted(set(currencies))
    table = np.array([server.board.convertible(currency) for currency in known])
    flags: NDArray[np.bool_] = table[np.searchsorted(known, currencies)[account], symbol]
    return flags


def _ages(kind: NDArray[np.int8], rng: Generator) -> tuple[Floats, Floats]:
    # A moment meets long holds more often than short ones, at any point of their life.
    whole = np.minimum(hold_seconds(kind, rng, met=True), _LONGEST_AGE_S)
    passed = rng.random(len(kind))
    return whole * passed, whole * (1.0 - passed)


def _open_prices(
    book: ClientBook, symbol: Ints, sign: Ints, age_s: Floats, rng: Generator
) -> Floats:
    close = np.where(sign > 0, book.prices.bid[symbol], book.prices.ask[symbol])
    sigma = sigma_per_root_second(book.instruments)[symbol] * np.sqrt(age_s)
    move = np.clip(sigma * rng.standard_normal(len(symbol)), -0.5, 0.5)
    digits = np.array([instrument.digits for instrument in book.instruments])[symbol]
    scale = 10.0**digits
    # Dividing whole points gives the float that a price text would be read as.
    prices: Floats = np.maximum(np.rint(close * (1.0 - sign * move) * scale), 1.0) / scale
    return prices
