"""Which rows of the other side are near each row: of the same key, and not too far away in time.

Counting is done by sorting once, so that a million equal rows cost no more than a million others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Counts = NDArray[np.int64]


class Window(NamedTuple):
    """For each row the others from ``first`` up to, not with, ``end``; both are in key order.

    Shapes: first, end (n,).
    """

    first: Counts
    end: Counts

    @property
    def size(self) -> Counts:
        """How many there are."""
        return self.end - self.first


class Windows(NamedTuple):
    """Both sides in the order of key and time, and what each row of one sees of the other.

    ``ours`` and ``theirs`` say which row of their frames stands where.
    """

    ours: Counts
    theirs: Counts
    of_ours: Window
    of_theirs: Window


def windows(ours: pl.DataFrame, theirs: pl.DataFrame, keys: list[str], within_us: int) -> Windows:
    """Return what is near what: equal ``keys`` and at most ``within_us`` between the ``at``."""
    our_keys, their_keys = _key_numbers(ours.select(keys), theirs.select(keys))
    mine, my_order = _in_order(our_keys, ours["at"].to_numpy())
    other, their_order = _in_order(their_keys, theirs["at"].to_numpy())
    return Windows(
        my_order,
        their_order,
        _window(mine, other, within_us),
        _window(other, mine, within_us),
    )


def _key_numbers(ours: pl.DataFrame, theirs: pl.DataFrame) -> tuple[Counts, Counts]:
    together = pl.concat([ours, theirs]).select(pl.struct(pl.all()).rank("dense"))
    numbers = together.to_series().to_numpy().astype(np.int64)
    return numbers[: ours.height], numbers[ours.height :]


class _Points(NamedTuple):
    key: Counts
    at: Counts


def _in_order(key: Counts, at: Counts) -> tuple[_Points, Counts]:
    order = np.lexsort((at, key)).astype(np.int64)
    return _Points(key[order], at[order]), order


def _window(asking: _Points, asked: _Points, within_us: int) -> Window:
    first = _count_before(asked, _Points(asking.key, asking.at - within_us), equal=False)
    end = _count_before(asked, _Points(asking.key, asking.at + within_us), equal=True)
    return Window(first, end)


def _count_before(asked: _Points, marks: _Points, *, equal: bool) -> Counts:
    """Return how many of ``asked`` come before each mark; those that are equal too if wanted."""
    size = len(asked.key)
    key, at = np.concatenate([asked.key, marks.key]), np.concatenate([asked.at, marks.at])
    is_mark = np.arange(len(key)) >= size
    comes_last = is_mark if equal else ~is_mark
    order = np.lexsort((comes_last, at, key))
    before = np.cumsum(~is_mark[order])
    counts = np.empty(len(key), np.int64)
    counts[order] = before
    return counts[size:]
