"""Rows of different lengths in one flat array, so that compiled kernels can walk them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_FIRST_CAPACITY = 4


class RaggedArrays(NamedTuple):
    """What a kernel sees: row r is ``items[start[r] : start[r] + length[r]]``.

    Shapes: start, length (rows,), items (m,).
    """

    start: NDArray[np.int64]
    length: NDArray[np.int32]
    items: NDArray[np.int32]


class Ragged:
    """Rows of int32 that grow and shrink; removal either keeps the order or swaps the last in."""

    def __init__(self) -> None:
        self.rows = 0
        self._used = 0
        self._capacity: NDArray[np.int32] = np.zeros(_FIRST_CAPACITY, np.int32)
        self.arrays = RaggedArrays(
            np.zeros(_FIRST_CAPACITY, np.int64),
            np.zeros(_FIRST_CAPACITY, np.int32),
            np.zeros(64, np.int32),
        )

    def add_row(self) -> int:
        """Add an empty row and return its number."""
        if self.rows == len(self._capacity):
            self._capacity = np.concatenate([self._capacity, np.zeros_like(self._capacity)])
            start, length, items = self.arrays
            self.arrays = RaggedArrays(
                np.concatenate([start, np.zeros_like(start)]),
                np.concatenate([length, np.zeros_like(length)]),
                items,
            )
        self.rows += 1
        return self.rows - 1

    def row(self, row: int) -> NDArray[np.int32]:
        """Return a view of one row."""
        start, length, items = self.arrays
        first = int(start[row])
        return items[first : first + int(length[row])]

    def append(self, row: int, item: int) -> int:
        """Append to a row and return the item's place in it."""
        place = int(self.arrays.length[row])
        if place == self._capacity[row]:
            self._widen(row)
        start, length, items = self.arrays
        items[int(start[row]) + place] = item
        length[row] = place + 1
        return place

    def remove_swapping(self, row: int, place: int) -> int:
        """Remove one place; return the item that moved into it, -1 if none had to."""
        view = self.row(row)
        last = len(view) - 1
        moved = int(view[last]) if place != last else -1
        view[place] = view[last]
        self.arrays.length[row] = last
        return moved

    def remove_keeping_order(self, row: int, item: int) -> None:
        """Remove an item; those behind it move up."""
        view = self.row(row)
        place = int(np.flatnonzero(view == item)[0])
        view[place:-1] = view[place + 1 :].copy()
        self.arrays.length[row] = len(view) - 1

    def clear(self) -> None:
        """Empty all rows but keep them."""
        self.arrays.length[: self.rows] = 0

    def export(self) -> dict[str, NDArray[np.int32]]:
        """Return the rows as lengths and items, without the gaps."""
        start, length = self.arrays.start[: self.rows], self.arrays.length[: self.rows].copy()
        before = np.cumsum(length, dtype=np.int64) - length
        places = np.repeat(start - before, length) + np.arange(length.sum(dtype=np.int64))
        return {"length": length, "items": self.arrays.items[places]}

    @classmethod
    def restore(cls, length: NDArray[np.int32], items: NDArray[np.int32]) -> Ragged:
        """Build from what ``export`` returned."""
        ragged = cls()
        count = len(length)
        ragged.rows = count
        ragged._used = len(items)
        ragged._capacity = np.zeros(max(count, _FIRST_CAPACITY), np.int32)
        ragged._capacity[:count] = length
        ends = np.cumsum(length, dtype=np.int64)
        start = np.zeros(len(ragged._capacity), np.int64)
        start[1:count] = ends[: max(count - 1, 0)]
        padded = np.zeros(len(ragged._capacity), np.int32)
        padded[:count] = length
        room = np.zeros(max(64, 2 * len(items)), np.int32)
        room[: len(items)] = items
        ragged.arrays = RaggedArrays(start, padded, room)
        return ragged

    def _widen(self, row: int) -> None:
        wanted = max(_FIRST_CAPACITY, 2 * int(self._capacity[row]))
        if self._used + wanted > len(self.arrays.items):
            self._repack(wanted)
        start, _, items = self.arrays
        old = self.row(row)
        items[self._used : self._used + len(old)] = old
        start[row] = self._used
        self._capacity[row] = wanted
        self._used += wanted

    def _repack(self, wanted: int) -> None:
        start, length, items = self.arrays
        live = int(self._capacity[: self.rows].sum())
        packed = np.zeros(2 * (live + wanted) + 64, np.int32)
        used = 0
        for r in range(self.rows):
            count = int(length[r])
            packed[used : used + count] = items[int(start[r]) : int(start[r]) + count]
            start[r] = used
            used += int(self._capacity[r])
        self._used = used
        self.arrays = RaggedArrays(start, length, packed)
