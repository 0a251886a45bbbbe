"""What prices and rates are now, and what positions are worth at them.

An account's floating profit is the sum over its positions in their order, computed
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
    BY_MID,
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
def value_of(
    slot: int | np.uint32, positions: PositionArrays, prices: PriceArrays, pairs: PairArrays
) -> float:
    """Return a position's floating profit in account currency, NaN while unpriced.

    Sides and conversions follow no order that a processor could guess, so every way is computed and
    one is selected; unsigned indices spare the check for negative ones.
    """
    symbol = np.uint32(positions.symbol[slot])
    pair = np.uint32(max(positions.pair[slot], 0))
    side, conversion = positions.side[slot], positions.conversion[slot]
    bid, ask = prices.bid[symbol], prices.ask[symbol]
    close = bid if side > 0.0 else ask
    profit = side * (close - positions.open_price[slot]) * positions.lots[slot]
    profit *= prices.units_per_lot[symbol]
    mid, gain, loss = pairs.mid[pair], pairs.gain[pair], pairs.loss[pair]
    value = profit * mid if conversion == BY_MID else profit * (gain if profit > 0.0 else loss)
    at_close = profit / (close if close != 0.0 else np.nan)
    value = at_close if conversion == BY_CLOSE else value
    value = profit if conversion == SAME else value
    return value if prices.quoted[symbol] else np.nan


@kernel
def revalue(row: int, lists: RaggedArrays, book: BookArrays) -> None:
    """Compute the floating profit in account currency of a row's positions."""
    begin = np.uint64(lists.start[row])
    for k in range(begin, begin + np.uint64(lists.length[row])):
        slot = np.uint32(lists.items[k])
        book.positions.value[slot] = value_of(slot, book.positions, book.prices, book.pairs)


@kernel
def sum_floating(rows: NDArray[np.int32], book: BookArrays) -> None:
    """Add up the floating profit of accounts whose positions were valued."""
    start, length, items = book.of_account.start, book.of_account.length, book.of_account.items
    value, swap, floating = book.positions.value, book.positions.swap, book.accounts.floating
    for k in range(len(rows)):
        account = np.uint32(rows[k])
        total, begin = 0.0, np.uint64(start[account])
        for place in range(begin, begin + np.uint64(length[account])):
            slot = np.uint32(items[place])
            worth = value[slot] + swap[slot]
            total += worth if not np.isnan(value[slot]) else 0.0
        floating[account] = total


@kernel
def refresh_account(account: int, book: BookArrays) -> None:
    """Make an account's floating profit and its positions' values those of this moment."""
    revalue(account, book.of_account, book)
    sum_floating(book.everybody[account : account + 1], book)


@kernel
def refresh_everybody(book: BookArrays, accounts: int, slots: int) -> None:
    """Make all values and floating profits those of this moment.

    It is ``value_of`` written out over plain columns in the order of memory, so that the processor
    takes several positions at once: three times as fast as account by account.

    Args:
        book: All tables.
        accounts: How many rows of accounts are in use.
        slots: How many slots of positions are in use or free.
    """
    _value_all(book, slots)
    _sum_all(book, accounts)


@kernel
def _value_all(book: BookArrays, slots: int) -> None:
    """Value every position; a free slot keeps what it has."""
    p, prices, pairs = book.positions, book.prices, book.pairs
    accounts, symbols, sides, lots, opens = p.account, p.symbol, p.side, p.lots, p.open_price
    conversions, pair_of, values = p.conversion, p.pair, p.value
    bids, asks, quoted, units = prices.bid, prices.ask, prices.quoted, prices.units_per_lot
    mids, gains, losses = pairs.mid, pairs.gain, pairs.loss
    for slot in range(slots):
        symbol, side, conversion = np.uint32(symbols[slot]), sides[slot], conversions[slot]
        pair = np.uint32(max(pair_of[slot], 0))
        bid, ask = bids[symbol], asks[symbol]
        close = bid if side > 0.0 else ask
        profit = side * (close - opens[slot]) * lots[slot] * units[symbol]
        mid, gain, loss = mids[pair], gains[pair], losses[pair]
        at_market = profit * (gain if profit > 0.0 else loss)
        at_close = profit / (close if close != 0.0 else np.nan)
        value = profit * mid if conversion == BY_MID else at_market
        value = at_close if conversion == BY_CLOSE else value
        value = profit if conversion == SAME else value
        value = value if quoted[symbol] else np.nan
        values[slot] = value if accounts[slot] >= 0 else values[slot]


@kernel
def _sum_all(book: BookArrays, accounts: int) -> None:
    """Add every account's positions up in their order."""
    start, length, items = book.of_account.start, book.of_account.length, book.of_account.items
    values, swaps, floating = book.positions.value, book.positions.swap, book.accounts.floating
    for account in range(accounts):
        total, begin = 0.0, np.uint64(start[account])
        for place in range(begin, begin + np.uint64(length[account])):
            slot = np.uint32(items[place])
            value = values[slot]
            total += value + swaps[slot] if not np.isnan(value) else 0.0
        floating[account] = total
