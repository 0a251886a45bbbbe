"""What prices and rates are now, and what positions are worth at them.

An account's floating profit is the sum over its positions in the order of their slots, computed
anew whenever it is looked at. Adding differences instead would be a little faster, but rounding
would then depend on history, and a restarted engine could differ from one that never stopped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from exposure.kernels.compiling import kernel
from exposure.model.quotes import QuoteColumns
from exposure.ragged import RaggedArrays
from exposure.state import (
    BY_CLOSE,
    BY_MARKET,
    SAME,
    BookArrays,
    PairArrays,
    PositionArrays,
    PriceArrays,
    TriggerArrays,
)

ACCEPTED, UNKNOWN_SYMBOL, BAD_QUOTE, OUT_OF_ORDER = 0, 1, 2, 3
"""What became of a quote."""


@kernel
def take_quote(quotes: QuoteColumns, i: int, prices: PriceArrays) -> int:
    """Take a quote's prices if they can be used; return what became of it (ACCEPTED, ...)."""
    symbol, bid, ask = quotes.symbol[i], quotes.bid[i], quotes.ask[i]
    if symbol < 0:
        return UNKNOWN_SYMBOL
    if not (np.isfinite(bid) and np.isfinite(ask)):
        return BAD_QUOTE
    if not prices.allow_negative[symbol] and (bid <= 0.0 or ask <= 0.0):
        return BAD_QUOTE
    if prices.quoted[symbol] and quotes.ts_event[i] < prices.last_ts[symbol]:
        return OUT_OF_ORDER
    prices.bid[symbol], prices.ask[symbol] = bid, ask
    prices.last_ts[symbol] = quotes.ts_event[i]
    prices.locked[symbol] += bid == ask
    prices.crossed[symbol] += bid > ask
    return ACCEPTED


@kernel
def refresh_pair(pair: int, pairs: PairArrays, prices: PriceArrays) -> None:
    """Bring one conversion's rates up to date with the prices of its legs."""
    mid, gain, loss = 1.0, 1.0, 1.0
    for which in range(2):
        symbol = pairs.leg_1[pair] if which == 0 else pairs.leg_2[pair]
        inverted = pairs.inverted_1[pair] if which == 0 else pairs.inverted_2[pair]
        if symbol < 0:
            break
        bid, ask = prices.bid[symbol], prices.ask[symbol]
        leg_mid = (bid + ask) / 2
        if bid <= 0.0 or ask <= 0.0:
            mid = gain = loss = np.nan
        elif inverted:
            mid, gain, loss = mid / leg_mid, gain / ask, loss / bid
        else:
            mid, gain, loss = mid * leg_mid, gain * bid, loss * ask
    pairs.mid[pair], pairs.gain[pair], pairs.loss[pair] = mid, gain, loss


@kernel
def refresh_pairs(
    symbol: int,
    pairs_of_symbol: RaggedArrays,
    pairs: PairArrays,
    prices: PriceArrays,
    triggers: TriggerArrays,
) -> None:
    """Bring the rates that a symbol is a leg of up to date, and note how far they moved."""
    begin = pairs_of_symbol.start[symbol]
    for k in range(begin, begin + pairs_of_symbol.length[symbol]):
        pair = pairs_of_symbol.items[k]
        before = pairs.mid[pair]
        refresh_pair(pair, pairs, prices)
        move = pairs.mid[pair] - before
        if np.isfinite(move):
            triggers.rate_variation[pair] += move * move


@kernel
def value_of(slot: int, positions: PositionArrays, prices: PriceArrays, pairs: PairArrays) -> float:
    """Return a position's floating profit in account currency, NaN while unpriced."""
    symbol, side = positions.symbol[slot], positions.side[slot]
    if not prices.quoted[symbol]:
        return np.nan
    close = prices.bid[symbol] if side > 0.0 else prices.ask[symbol]
    move = side * (close - positions.open_price[slot])
    profit: float = move * positions.lots[slot] * prices.units_per_lot[symbol]
    conversion = positions.conversion[slot]
    if conversion == SAME:
        return profit
    if conversion == BY_CLOSE:
        return profit / close if close != 0.0 else np.nan
    pair = positions.pair[slot]
    rate: float = pairs.mid[pair]
    if conversion == BY_MARKET:
        rate = pairs.gain[pair] if profit > 0.0 else pairs.loss[pair]
    return profit * rate


@kernel
def revalue(row: int, lists: RaggedArrays, book: BookArrays) -> None:
    """Compute the floating profit in account currency of a row's positions."""
    begin = lists.start[row]
    for k in range(begin, begin + lists.length[row]):
        slot = lists.items[k]
        book.positions.value[slot] = value_of(slot, book.positions, book.prices, book.pairs)


@kernel
def sum_floating(rows: NDArray[np.int32], book: BookArrays) -> None:
    """Add up the floating profit of accounts whose positions were valued."""
    start, length, items = book.of_account.start, book.of_account.length, book.of_account.items
    value, swap, floating = book.positions.value, book.positions.swap, book.accounts.floating
    for k in range(len(rows)):
        account = rows[k]
        total = 0.0
        begin = start[account]
        for place in range(begin, begin + length[account]):
            slot = items[place]
            if not np.isnan(value[slot]):
                total += value[slot] + swap[slot]
        floating[account] = total


@kernel
def refresh_account(account: int, book: BookArrays) -> None:
    """Make an account's floating profit and its positions' values those of this moment."""
    revalue(account, book.of_account, book)
    sum_floating(book.everybody[account : account + 1], book)


@kernel
def refresh_everybody(book: BookArrays) -> None:
    """Make everything that is kept that of this moment, in one pass through memory.

    An account's positions are listed in ascending order, so its sum is that of ``_sum_floating``.
    """
    positions, floating = book.positions, book.accounts.floating
    floating[:] = 0.0
    for slot in range(len(positions.account)):
        account = positions.account[slot]
        if account < 0 or positions.lots[slot] == 0.0:
            continue
        value = value_of(slot, positions, book.prices, book.pairs)
        positions.value[slot] = value
        if not np.isnan(value):
            floating[account] += value + positions.swap[slot]
