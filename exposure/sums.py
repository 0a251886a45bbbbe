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

    Shapes: ``lots`` (symbols,) zero before and after: one client's gross lots.
    """
    counted = np.full(len(lots), _NEVER, np.int64)
    for client in range(clients):
        begin = of_client.start[client]
        for k in range(begin, begin + of_client.length[client]):
            _sum_account(of_client.items[k], book, sums, lots, counted)
        for k in range(begin, begin + of_client.length[client]):
            _close_client(of_client.items[k], book, sums, lots)


@njit(cache=True)
def _sum_account(
    account: int,
    book: BookArrays,
    sums: SymbolSums,
    lots: Floats,
    counted: Int64s,
) -> None:
    p, prices = book.positions, book.prices
    begin = book.of_account.start[account]
    for k in range(begin, begin + book.of_account.length[account]):
        slot = book.of_account.items[k]
        s = p.symbol[slot]
        lots[s] += p.lots[slot]
        sums.positions[s] += 1
        if counted[s] != account:
            counted[s] = account
            sums.accounts[s] += 1
        if np.isnan(p.value[slot]):
            sums.unpriced[s] += 1
        is_long = p.side[slot] > 0.0
        if is_long:
            sums.long_lots[s, p.book[slot]] += p.lots[slot]
            sums.long_value[s] += p.lots[slot] * p.open_price[slot]
        else:
            sums.short_lots[s, p.book[slot]] += p.lots[slot]
            sums.short_value[s] += p.lots[slot] * p.open_price[slot]
        sums.meant_lots[s] += p.side[slot] * p.lots[slot] * p.hedge_ratio[slot]
        close = prices.bid[s] if is_long else prices.ask[s]
        profit = p.side[slot] * (close - p.open_price[slot]) * p.lots[slot]
        profit *= prices.units_per_lot[s]
        sums.profit[s] += profit
        sums.hedged_profit[s] += profit * p.hedge_ratio[slot]


@njit(cache=True)
def _close_client(account: int, book: BookArrays, sums: SymbolSums, lots: Floats) -> None:
    begin = book.of_account.start[account]
    for k in range(begin, begin + book.of_account.length[account]):
        s = book.positions.symbol[book.of_account.items[k]]
        sums.top_client_lots[s] = max(sums.top_client_lots[s], lots[s])
        lots[s] = 0.0


def sum_positions(book: ClientBook) -> SymbolSums:
    """Return the sums of all open positions."""
    n = len(book.instruments)
    floats = [np.zeros((n, len(BOOKS))) for _ in range(2)] + [np.zeros(n) for _ in range(6)]
    counts = [np.zeros(n, np.int64) for _ in range(3)]
    sums = SymbolSums(*floats, *counts)  # type: ignore[arg-type] # mypy cannot count a splat
    sum_symbols(book.arrays(), book.of_client.arrays, book.of_client.rows, sums, np.zeros(n))
    return sums
