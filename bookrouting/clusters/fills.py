"""Opening deals as columns, merged into decisions.

A grid robot opens ten tickets in a second, and that is one decision: counted ten times, one
accident would look like ten. Decisions lie in order of symbol and time, so that what the market did
around a moment is one run of rows; each account's own rows are listed beside them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.kernels import kernel

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]
Int8s = NDArray[np.int8]

STILL_OPEN: Final = np.iinfo(np.int64).max
"""The closing time of a position that is open."""

MERGED_NS: Final = 60_000_000_000
"""Deals of an account in one symbol and side are one decision for so long after its first."""

_CLOCK_NS: Final = 60_000_000_000
_ON_THE_MINUTE_NS: Final = 3_000_000_000
_CLOCKED_SHARE: Final = 0.4
_FEWEST_CLOCKED: Final = 4


class FillColumns(NamedTuple):
    """Opening deals in any order.

    Shapes: (n,). Units: ``account`` and ``symbol`` indexes from 0, ``side`` +1 client buy, -1
    client sell, ``lots`` positive, ``ts`` and ``closed`` ns UTC (STILL_OPEN while it is).
    """

    account: Int32s
    symbol: Int32s
    side: Int8s
    lots: Floats
    ts: Int64s
    closed: Int64s


class Decisions(NamedTuple):
    """Decisions in order of symbol and time, and where to find what.

    ``buys`` (n + 1,) counts the buys before each row; ``symbol_start`` (symbols + 1,) is each
    symbol's first row; ``rows`` (n,) lists the rows account by account, from ``account_start``
    (accounts + 1,) on, each account's in order of symbol and time. ``traded_symbol`` and
    ``traded_count`` say how often an account decided in each of its symbols, from
    ``traded_start`` (accounts + 1,) on. ``clocked`` (accounts,) marks those who decide at whole
    minutes, as robots do that wait for a bar to close.
    """

    account: Int32s
    symbol: Int32s
    side: Int8s
    lots: Floats
    ts: Int64s
    closed: Int64s
    buys: Int64s
    symbol_start: Int64s
    rows: Int64s
    account_start: Int64s
    traded_symbol: Int32s
    traded_count: Int64s
    traded_start: Int64s
    clocked: NDArray[np.bool_]

    @property
    def accounts(self) -> int:
        """How many accounts there can be: one more than the largest index."""
        return len(self.clocked)

    @property
    def counts(self) -> Int64s:
        """Decisions per account. Shapes: (accounts,)."""
        counts: Int64s = np.diff(self.account_start)
        return counts


def decisions(fills: FillColumns, merged_ns: int = MERGED_NS) -> Decisions:
    """Merge an account's tickets into decisions and sort them for looking up."""
    by_time = _in_order_of_time(_merged(_in_order_of_time(fills), merged_ns))
    symbols = int(by_time.symbol.max(initial=-1)) + 1
    by_symbol, symbol_start = _bucketed(by_time.symbol, symbols)
    found = _taken(by_time, by_symbol)
    rows, account_start = _bucketed(found.account, int(found.account.max(initial=-1)) + 1)
    traded = _changes(found.account[rows], found.symbol[rows])
    return Decisions(
        *found,
        buys=np.concatenate([[0], np.cumsum(found.side > 0)]).astype(np.int64),
        symbol_start=symbol_start,
        rows=rows,
        account_start=account_start,
        traded_symbol=found.symbol[rows][traded],
        traded_count=np.diff(np.append(traded, len(rows))),
        traded_start=np.searchsorted(traded, account_start),
        clocked=_clocked(found.account, found.ts, np.diff(account_start)),
    )


def _merged(fills: FillColumns, merged_ns: int) -> FillColumns:
    if not len(fills.ts):
        return fills
    streams = 2 * fills.symbol.astype(np.int32) + (fills.side > 0)
    by_stream, _ = _bucketed(streams, int(streams.max()) + 1)
    by_account, _ = _bucketed(fills.account[by_stream], int(fills.account.max()) + 1)
    order = by_stream[by_account]
    first = np.zeros(len(order), np.bool_)
    _mark_first(fills.account[order], streams[order], fills.ts[order], merged_ns, first)
    begin = np.flatnonzero(first)
    lots = np.add.reduceat(fills.lots[order], begin)
    return _taken(fills, order[begin])._replace(lots=lots)


def _in_order_of_time(fills: FillColumns) -> FillColumns:
    if (np.diff(fills.ts) >= 0).all():
        return fills
    return _taken(fills, np.argsort(fills.ts, kind="stable"))


def _taken(fills: FillColumns, rows: Int64s) -> FillColumns:
    return FillColumns._make(column[rows] for column in fills)


def _bucketed(keys: Int32s, count: int) -> tuple[Int64s, Int64s]:
    """Return a stable order by small keys, and where each key begins.

    Shapes: keys (n,) -> (n,), (count + 1,).
    """
    order = np.empty(len(keys), np.int64)
    start = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(keys, minlength=count), out=start[1:])
    _place(keys, start[:-1].copy(), order)
    return order, start


def _changes(first: Int32s, second: Int32s) -> Int64s:
    """Return the rows at which either column differs from the row before."""
    changed = (np.diff(first, prepend=-1) != 0) | (np.diff(second, prepend=-1) != 0)
    rows: Int64s = np.flatnonzero(changed)
    return rows


def _clocked(account: Int32s, ts: Int64s, counts: Int64s) -> NDArray[np.bool_]:
    on_time = np.bincount(account[ts % _CLOCK_NS < _ON_THE_MINUTE_NS], minlength=len(counts))
    clocked: NDArray[np.bool_] = (counts >= _FEWEST_CLOCKED) & (on_time >= _CLOCKED_SHARE * counts)
    return clocked


@kernel
def _place(keys: Int32s, next_place: Int64s, order: Int64s) -> None:
    for k in range(len(keys)):
        order[next_place[keys[k]]] = k
        next_place[keys[k]] += 1


@kernel
def _mark_first(
    account: Int32s, stream: Int32s, ts: Int64s, merged_ns: int, first: NDArray[np.bool_]
) -> None:
    began = 0
    for k in range(len(ts)):
        same = k > 0 and account[k] == account[k - 1] and stream[k] == stream[k - 1]
        if not same or ts[k] - began >= merged_ns:
            first[k], began = True, ts[k]
