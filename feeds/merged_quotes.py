"""Many recordings as one stream of quotes, given out step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from exposure.model.quotes import QuoteColumns
from feeds.recordings import Recording


class MergedQuotes:
    """The quotes of several recordings in the order they are given.

    The symbol of a quote is the index of its recording. It is given at the running maximum of its
    recording's times and keeps its own time. Of what was quoted up to the start, the last quote of
    each recording stands and is given first.

    Attributes:
        given: How many quotes were given so far.
    """

    def __init__(self, recordings: Sequence[Recording], start: int) -> None:
        """Merge recordings; ``start`` in ns UTC."""
        self.given = 0
        at = [np.maximum.accumulate(one.ts) for one in recordings]
        standing = [max(int(np.searchsorted(one, start, "right")) - 1, 0) for one in at]
        kept = [_from_row(one, first) for one, first in zip(recordings, standing, strict=True)]
        due = np.concatenate([one[first:] for one, first in zip(at, standing, strict=True)])
        order = np.argsort(due, kind="stable")
        index = np.arange(len(kept), dtype=np.int32)
        self._due = due[order]
        self._quotes = QuoteColumns(
            np.repeat(index, [len(one.ts) for one in kept])[order],
            np.concatenate([one.bid for one in kept])[order],
            np.concatenate([one.ask for one in kept])[order],
            np.concatenate([one.ts for one in kept])[order],
        )

    def __len__(self) -> int:
        return len(self._due)

    @property
    def last(self) -> int:
        """When the last quote is due, ns UTC."""
        return int(self._due[-1])

    @property
    def exhausted(self) -> bool:
        """Whether every quote was given."""
        return self.given == len(self)

    def take_until(self, ts: int) -> QuoteColumns:
        """Give the quotes that are due up to and including a moment."""
        first, self.given = self.given, int(np.searchsorted(self._due, ts, side="right"))
        rows, quotes = slice(first, self.given), self._quotes
        return QuoteColumns(
            quotes.symbol[rows], quotes.bid[rows], quotes.ask[rows], quotes.ts_event[rows]
        )


def _from_row(one: Recording, first: int) -> Recording:
    return one._replace(ts=one.ts[first:], bid=one.bid[first:], ask=one.ask[first:])
