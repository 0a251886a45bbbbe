"""The lazy trigger index: membership of its rows. Kernels set its bounds and read them.

Every open position has an entry in the row of its closing price and, if its profit is converted at
a rate, in the row of that rate. A quote that stays inside all bounds of its rows cannot bring any
account to a threshold, so it touches nothing (kernels/bounds.py says how bounds are chosen).
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from exposure.ragged import Ragged
from exposure.state import Flags, Floats, Int32s, Int64s, TriggerArrays, ZoneArrays

BLOCK: Final = 128
"""Entries per block: about the root of the entries of a hot symbol, so both scans are short."""

LAZY, PAYING, EAGER = 0, 1, 2
"""Modes: ticks look at bounds only; every tick is eager until the debt is paid; always eager."""

MODE, DEBT_FIRST, DEBT_LENGTH = 0, 1, 2
"""Places in ``status``."""

NONE: Final = -1

Column = TypeVar("Column", Floats, Int32s, Flags)


class Moved(NamedTuple):
    """A slot whose entry stands elsewhere now."""

    slot: int
    entry: int


class Zones:
    """Rows of entries in blocks; adding and removing keeps every bound safe, if not narrow."""

    def __init__(self) -> None:
        self._blocks = Ragged()
        self._used = 0
        self._count: Int32s = np.zeros(4, np.int32)
        self._row_lo: Floats = np.full(4, -np.inf)
        self._row_hi: Floats = np.full(4, np.inf)
        self._block_lo: Floats = np.full(4, -np.inf)
        self._block_hi: Floats = np.full(4, np.inf)
        self._lo: Floats = np.full(4 * BLOCK, -np.inf)
        self._hi: Floats = np.full(4 * BLOCK, np.inf)
        self._slot: Int32s = np.zeros(4 * BLOCK, np.int32)

    @property
    def arrays(self) -> ZoneArrays:
        """The tables as kernels take them."""
        return ZoneArrays(
            self._blocks.arrays, self._count, self._row_lo, self._row_hi, self._block_lo,
            self._block_hi, self._lo, self._hi, self._slot,
        )  # fmt: skip

    def make_rows(self, rows: int) -> None:
        """Have at least this many rows."""
        while self._blocks.rows < rows:
            self._blocks.add_row()
        if rows > len(self._count):
            self._count = _longer(self._count, rows, 0)
            self._row_lo = _longer(self._row_lo, rows, -np.inf)
            self._row_hi = _longer(self._row_hi, rows, np.inf)

    def add(self, row: int, slot: int) -> int:
        """Add a slot without bounds and return its entry."""
        place = int(self._count[row])
        blocks = self._blocks.row(row)
        if place == BLOCK * len(blocks):
            self._blocks.append(row, self._new_block())
            blocks = self._blocks.row(row)
        entry = int(blocks[place // BLOCK]) * BLOCK + place % BLOCK
        self._count[row] = place + 1
        self._lo[entry], self._hi[entry], self._slot[entry] = -np.inf, np.inf, slot
        return entry

    def remove(self, row: int, entry: int) -> Moved | None:
        """Remove an entry; return which slot's entry took its place, None if none had to."""
        place = int(self._count[row]) - 1
        last = int(self._blocks.row(row)[place // BLOCK]) * BLOCK + place % BLOCK
        self._count[row] = place
        if last == entry:
            return None
        lo, hi, slot = self._lo[last], self._hi[last], int(self._slot[last])
        self._lo[entry], self._hi[entry], self._slot[entry] = lo, hi, slot
        block = entry // BLOCK
        self._block_lo[block] = max(self._block_lo[block], lo)
        self._block_hi[block] = min(self._block_hi[block], hi)
        return Moved(slot, entry)

    def rebuild(self, rows: NDArray[np.int64], slots: NDArray[np.int64]) -> NDArray[np.int32]:
        """Add many slots to empty rows at once; return their entries.

        Shapes: rows, slots and the result (n,).
        """
        entries = np.zeros(len(rows), np.int32)
        for row in np.unique(rows).tolist():
            members = np.flatnonzero(rows == row)
            needed = -(-len(members) // BLOCK)
            first = self._used
            self._use(first + needed)
            for block in range(first, first + needed):
                self._blocks.append(row, block)
            entries[members] = first * BLOCK + np.arange(len(members))
            self._count[row] = len(members)
        self._slot[entries] = slots
        return entries

    def _new_block(self) -> int:
        self._use(self._used + 1)
        return self._used - 1

    def _use(self, blocks: int) -> None:
        self._used = blocks
        if blocks > len(self._block_lo):
            self._block_lo = _longer(self._block_lo, blocks, -np.inf)
            self._block_hi = _longer(self._block_hi, blocks, np.inf)
            entries = BLOCK * len(self._block_lo)
            self._lo = _longer(self._lo, entries, -np.inf)
            self._hi = _longer(self._hi, entries, np.inf)
            self._slot = _longer(self._slot, entries, 0)


class TriggerIndex:
    """Both tables of rows, and what the kernels remember between ticks."""

    def __init__(self, *, lazy: bool) -> None:
        self.prices, self.rates = Zones(), Zones()
        self._price_entry: Int32s = np.full(256, NONE, np.int32)
        self._rate_entry: Int32s = np.full(256, NONE, np.int32)
        self._price_variation: Floats = np.zeros(4)
        self._rate_variation: Floats = np.zeros(4)
        self._status: Int64s = np.array([LAZY if lazy else EAGER, 0, 0], np.int64)
        self._debt: Int32s = np.zeros(64, np.int32)
        self._in_debt: Flags = np.zeros(64, np.bool_)
        self._legs = _new_legs(1)

    @property
    def is_current(self) -> bool:
        """Whether every position's value is that of this moment's prices."""
        return bool(self._status[MODE] != LAZY)

    @property
    def arrays(self) -> TriggerArrays:
        """The tables as kernels take them."""
        return TriggerArrays(
            self.prices.arrays, self.rates.arrays, self._price_entry, self._rate_entry,
            self._price_variation, self._rate_variation, self._status, self._debt, self._in_debt,
            *self._legs,
        )  # fmt: skip

    def make_room(self, *, symbols: int = 0, pairs: int = 0, accounts: int = 0) -> None:
        """Have room for at least this many of each."""
        if symbols:
            self.prices.make_rows(2 * symbols)
            self._price_variation = _longer(self._price_variation, symbols, 0.0)
            if 2 * symbols > len(self._legs[0]):
                self._legs = _new_legs(4 * symbols)
        if pairs:
            self.rates.make_rows(2 * pairs)
            self._rate_variation = _longer(self._rate_variation, pairs, 0.0)
        if accounts > len(self._debt):
            self._unroll_debt()
            self._debt = _longer(self._debt, accounts, 0)
            self._in_debt = _longer(self._in_debt, accounts, fill=False)

    def add_price(self, slot: int, symbol: int, side: float) -> None:
        """Let a position depend on its closing price."""
        self._price_entry = _longer(self._price_entry, slot + 1, NONE)
        self._rate_entry = _longer(self._rate_entry, slot + 1, NONE)
        self._price_entry[slot] = self.prices.add(price_row(symbol, side), slot)

    def remove_price(self, slot: int, symbol: int, side: float) -> None:
        """Forget a position's closing price."""
        moved = self.prices.remove(price_row(symbol, side), int(self._price_entry[slot]))
        if moved is not None:
            self._price_entry[moved.slot] = moved.entry
        self._price_entry[slot] = NONE

    def add_rate(self, slot: int, pair: int, *, at_market: bool) -> None:
        """Let a position depend on a conversion rate."""
        self._rate_entry[slot] = self.rates.add(2 * pair + at_market, slot)

    def remove_rate(self, slot: int, pair: int, *, at_market: bool) -> None:
        """Forget a position's conversion rate."""
        moved = self.rates.remove(2 * pair + at_market, int(self._rate_entry[slot]))
        if moved is not None:
            self._rate_entry[moved.slot] = moved.entry
        self._rate_entry[slot] = NONE

    def rebuild(
        self, slots: NDArray[np.int64], price_rows: NDArray[np.int64], rate_rows: NDArray[np.int64]
    ) -> None:
        """Add all positions of a restored book; ``rate_rows`` is -1 without a rate.

        Shapes: (n,) each.
        """
        room = int(slots.max(initial=0)) + 1
        self._price_entry = _longer(self._price_entry, room, NONE)
        self._rate_entry = _longer(self._rate_entry, room, NONE)
        self._price_entry[slots] = self.prices.rebuild(price_rows, slots)
        converted = rate_rows >= 0
        self._rate_entry[slots[converted]] = self.rates.rebuild(
            rate_rows[converted], slots[converted]
        )

    def _unroll_debt(self) -> None:
        self._debt = np.roll(self._debt, -int(self._status[DEBT_FIRST]))
        self._status[DEBT_FIRST] = 0


def price_row(symbol: int, side: float) -> int:
    """Return the row of a symbol's closing prices for longs (+1) or shorts (-1)."""
    return 2 * symbol + (side < 0.0)


def _longer(column: Column, rows: int, fill: float) -> Column:
    """Return a column with at least this many rows, twice as long where it has to grow."""
    if rows <= len(column):
        return column
    grown: Column = np.full(max(rows, 2 * len(column)), fill, column.dtype)
    grown[: len(column)] = column
    return grown


def _new_legs(size: int) -> tuple[Int32s, Int32s, Floats, Floats, Floats, Floats, Floats]:
    return (
        np.zeros(size, np.int32), np.zeros(size, np.int32), np.zeros(size), np.zeros(size),
        np.zeros(size), np.zeros(size), np.zeros(size),
    )  # fmt: skip
