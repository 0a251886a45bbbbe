"""The full refresh, compiled: what everybody's positions are worth at this moment's prices.

``kernels.refresh_values`` does the same account by account, which is right for a few of them. For
all it is faster to go through the positions in the order of memory and without branches, so that
the processor can value several at once, and to add them up afterwards, account by account in the
order of their positions, as a tick does: both ways give the same bits.
"""

from __future__ import annotations

import numpy as np

from exposure.kernels import kernel
from exposure.state import BY_CLOSE, BY_MID, SAME, BookArrays


@kernel
def refresh_all(book: BookArrays, accounts: int, slots: int) -> None:
    """Make all values and floating profits those of this moment.

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
