"""Two compiled passes over all open positions: what each symbol's row adds up.

The first takes positions as they lie in memory. The second walks clients, their accounts and their
positions, so that a client's gross lots over several logins are known without sorting anything.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.client_book import BOOKS, ClientBook
from exposure.kernels import kernel
from exposure.ragged import RaggedArrays
from exposure.state import BookArrays

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

_NOBODY: Final = -1


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


class Holders(NamedTuple):
    """Scratch of one pass: a client's lots, the last account, what to reset.

    Shapes: (symbols,) each.
    """

    lots: Floats
    account: NDArray[np.int32]
    seen: NDArray[np.int32]


@kernel
def sum_symbols(book: BookArrays, sums: SymbolSums) -> None:
    """Add all open positions up into zeroed ``sums``, in the order of their slots."""
    p, prices = book.positions, book.prices
    for slot in range(len(p.account)):
        size = p.lots[slot]
        if p.account[slot] < 0 or size == 0.0:
            continue
        symbol, opened, code = p.symbol[slot], p.open_price[slot], p.book[slot]
        side = p.side[slot]
        sums.positions[symbol] += 1
        sums.unpriced[symbol] += np.isnan(p.value[slot])
        if side > 0.0:
            sums.long_lots[symbol, code] += size
            sums.long_value[symbol] += size * opened
            close = prices.bid[symbol]
        else:
            sums.short_lots[symbol, code] += size
            sums.short_value[symbol] += size * opened
            close = prices.ask[symbol]
        profit = side * (close - opened) * size * prices.units_per_lot[symbol]
        sums.profit[symbol] += profit
        sums.hedged_profit[symbol] += profit * p.hedge_ratio[slot]
        sums.meant_lots[symbol] += side * size * p.hedge_ratio[slot]


@kernel
def count_holders(
    book: BookArrays, of_client: RaggedArrays, clients: int, sums: SymbolSums, scratch: Holders
) -> None:
    """Count each symbol's accounts and find its largest client, over all of his logins."""
    p, of_account = book.positions, book.of_account
    for client in range(clients):
        seen = 0
        first = of_client.start[client]
        for k in range(first, first + of_client.length[client]):
            account = of_client.items[k]
            begin = of_account.start[account]
            for place in range(begin, begin + of_account.length[account]):
                slot = of_account.items[place]
                symbol = p.symbol[slot]
                if scratch.lots[symbol] == 0.0:
                    scratch.seen[seen] = symbol
                    seen += 1
                scratch.lots[symbol] += p.lots[slot]
                if scratch.account[symbol] != account:
                    scratch.account[symbol] = account
                    sums.accounts[symbol] += 1
        for k in range(seen):
            symbol = scratch.seen[k]
            sums.top_client_lots[symbol] = max(sums.top_client_lots[symbol], scratch.lots[symbol])
            scratch.lots[symbol] = 0.0


def sum_positions(book: ClientBook, *, with_holders: bool = True) -> SymbolSums:
    """Return the sums of all open positions; who holds them takes most of the time."""
    n = len(book.instruments)
    floats = [np.zeros((n, len(BOOKS))) for _ in range(2)] + [np.zeros(n) for _ in range(6)]
    counts = [np.zeros(n, np.int64) for _ in range(3)]
    sums = SymbolSums(*floats, *counts)  # type: ignore[arg-type] # mypy cannot count a splat
    arrays, of_client = book.arrays(), book.of_client
    sum_symbols(arrays, sums)
    if not with_holders:
        return sums
    scratch = Holders(np.zeros(n), np.full(n, _NOBODY, np.int32), np.zeros(n, np.int32))
    count_holders(arrays, of_client.arrays, of_client.rows, sums, scratch)
    return sums
