"""One compiled pass over all open positions: what each symbol's row adds up.

It walks clients, their accounts and their positions, so that a client's gross lots over several
logins are known without sorting anything.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from exposure.client_book import BOOKS, ClientBook
from exposure.ragged import RaggedArrays
from exposure.state import BookArrays

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

_NEVER: Final = -1


class SymbolSums(NamedTuple):
    """What a pass over all positions adds up per symbol.

    Shapes: ``long_lots``, ``short_lots`` (symbols, 3 books), others (symbols,).
    Units: ``*_value`` lots x open price, ``profit`` in quote currency, ``hedged_profit`` the part
    of it that is meant to be hedged, ``meant_lots`` signed lots times hedge ratio.
    """

    long_lots: Floats
    short_lots: Floats
    long_value: Floats
    short_value: Floats
    meant_lots: Floats
    profit: Floats
    hedged_profit: Floats
    top_client_lots: Floats
    accounts: Int64s
    positions: Int64s
    unpriced: Int64s


@njit(cache=True)
def sum_symbols(
    book: BookArrays, of_client: RaggedArrays, clients: int, sums: SymbolSums, lots: Floats
) -> None:
    """Add up all open positions into zeroed ``sums``, client by client.

    Columns are taken out of their tables before the loops: inside, numba would count references.

    Shapes: ``lots`` (symbols,) zero before and after: one client's gross lots.
    """
    p = book.positions
    symbol_of, sides, sizes, opens = p.symbol, p.side, p.lots, p.open_price
    values, ratios, books = p.value, p.hedge_ratio, p.book
    bids, asks, units = book.prices.bid, book.prices.ask, book.prices.units_per_lot
    start, length, slots = book.of_account.start, book.of_account.length, book.of_account.items
    first, logins, accounts = of_client.start, of_client.length, of_client.items
    long_lots, short_lots, meant = sums.long_lots, sums.short_lots, sums.meant_lots
    long_value, short_value, unpriced = sums.long_value, sums.short_value, sums.unpriced
    profits, hedged, top_lots = sums.profit, sums.hedged_profit, sums.top_client_lots
    position_counts, account_counts = sums.positions, sums.accounts
    counted = np.full(len(lots), _NEVER, np.int64)
    for client in range(clients):
        for k in range(first[client], first[client] + logins[client]):
            account = accounts[k]
            for place in range(start[account], start[account] + length[account]):
                slot = slots[place]
                s, size, side = symbol_of[slot], sizes[slot], sides[slot]
                lots[s] += size
                position_counts[s] += 1
                if counted[s] != account:
                    counted[s] = account
                    account_counts[s] += 1
                if np.isnan(values[slot]):
                    unpriced[s] += 1
                if side > 0.0:
                    long_lots[s, books[slot]] += size
                    long_value[s] += size * opens[slot]
                    close = bids[s]
                else:
                    short_lots[s, books[slot]] += size
                    short_value[s] += size * opens[slot]
                    close = asks[s]
                profit = side * (close - opens[slot]) * size * units[s]
                profits[s] += profit
                hedged[s] += profit * ratios[slot]
                meant[s] += side * size * ratios[slot]
        for k in range(first[client], first[client] + logins[client]):
            account = accounts[k]
            for place in range(start[account], start[account] + length[account]):
                s = symbol_of[slots[place]]
                top_lots[s] = max(top_lots[s], lots[s])
                lots[s] = 0.0


def sum_positions(book: ClientBook) -> SymbolSums:
    """Return the sums of all open positions."""
    n = len(book.instruments)
    floats = [np.zeros((n, len(BOOKS))) for _ in range(2)] + [np.zeros(n) for _ in range(6)]
    counts = [np.zeros(n, np.int64) for _ in range(3)]
    sums = SymbolSums(*floats, *counts)  # type: ignore[arg-type] # mypy cannot count a splat
    sum_symbols(book.arrays(), book.of_client.arrays, book.of_client.rows, sums, np.zeros(n))
    return sums
