"""Clusters while trading goes on: a sliding store of opening deals, looked at every few minutes.

The store is bounded in time and in number. Looking again is a whole new look, so what a cluster is
depends on what is in the store only; its id goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from bookrouting.clusters.discovery import FALSE_DISCOVERY_RATE, Link, Pair, find_pairs
from bookrouting.clusters.fills import STILL_OPEN, FillColumns, decisions
from bookrouting.clusters.groups import Cluster, group

KEPT_NS: Final = 30 * 86_400 * 1_000_000_000
KEPT_FILLS: Final = 1_000_000

_START_ROOM: Final = 1_024


class ClusterWatch:
    """The opening deals of the last weeks, and the clusters seen in them.

    Accounts and symbols are indexes that never change their meaning.

    Attributes:
        clusters: What the last look found.
        pairs: The pairs behind it, hedges that are not confirmed included.
    """

    def __init__(self, kept_ns: int = KEPT_NS, kept_fills: int = KEPT_FILLS) -> None:
        """Keep deals for so long, and at most so many of them (the newest)."""
        self.clusters: list[Cluster] = []
        self.pairs: list[Pair] = []
        self._kept_ns, self._kept_fills = kept_ns, kept_fills
        self._store = _empty(_START_ROOM)
        self._begin = self._end = 0
        self._row_of: dict[str, int] = {}
        self._position_of: dict[int, str] = {}

    def __len__(self) -> int:
        return self._end - self._begin

    def opened(
        self, position: str, account: int, symbol: int, side: int, lots: float, ts: int
    ) -> None:
        """Take an opening deal; its position is named so that its close can be told later."""
        self._make_room()
        row = self._end
        store = self._store
        store.account[row], store.symbol[row], store.side[row] = account, symbol, side
        store.lots[row], store.ts[row], store.closed[row] = lots, ts, STILL_OPEN
        self._row_of[position], self._position_of[row] = row, position
        self._end += 1

    def closed(self, position: str, ts: int) -> None:
        """Take the close of a position; one that is not in the store is none of ours."""
        row = self._row_of.get(position)
        if row is not None:
            self._store.closed[row] = ts

    def look(self, now: int, links: Iterable[Link] = ()) -> list[Cluster]:
        """Forget what is too old and find the clusters of the rest.

        Args:
            now: The market's time, ns UTC.
            links: Accounts that share a device, an address or a means of payment.
        """
        self._forget(now)
        held = FillColumns._make(column[self._begin : self._end] for column in self._store)
        self.pairs = find_pairs(decisions(held), links, FALSE_DISCOVERY_RATE)
        self.clusters = group(self.pairs, self.clusters)
        return self.clusters

    def _forget(self, now: int) -> None:
        old = self._store.ts[self._begin : self._end] < now - self._kept_ns
        fresh = np.flatnonzero(~old)
        first = int(fresh[0]) if len(fresh) else len(old)
        self._drop(first)

    def _drop(self, count: int) -> None:
        for row in range(self._begin, self._begin + count):
            position = self._position_of.pop(row)
            if self._row_of.get(position) == row:
                del self._row_of[position]
        self._begin += count

    def _make_room(self) -> None:
        if len(self) >= self._kept_fills:
            self._drop(1)
        if self._end < len(self._store.ts):
            return
        moved, room = self._begin, max(_START_ROOM, 2 * len(self))
        store = FillColumns._make(
            np.resize(column[moved : self._end], room) for column in self._store
        )
        self._row_of = {name: row - moved for name, row in self._row_of.items()}
        self._position_of = {row - moved: name for row, name in self._position_of.items()}
        self._store, self._begin, self._end = store, 0, self._end - moved


def _empty(room: int) -> FillColumns:
    return FillColumns(
        np.zeros(room, np.int32), np.zeros(room, np.int32), np.zeros(room, np.int8),
        np.zeros(room), np.zeros(room, np.int64), np.full(room, STILL_OPEN, np.int64),
    )  # fmt: skip
