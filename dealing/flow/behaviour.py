"""Who trades how and with whom, while trading goes on.

Detectors take a millisecond a client, so only those are asked about who have dealt since, a few
milliseconds at a time with pauses for the engine's loop; lists show what was found last, cards ask
anew. Clusters are looked for every few minutes of market time in a thread, on a copy of the trades.
Nothing of it is saved but the clusters' names: all is found again from the flow book after a start.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from bookrouting.clusters.discovery import PairKind
from bookrouting.clusters.groups import Cluster
from bookrouting.flow_clusters import companies, look
from bookrouting.flow_findings import ALONE, NO_FINDINGS, Company, Findings, findings_of
from bookrouting.flow_habits import Crowd
from bookrouting.flow_settings import NS_PER_S
from dealing.score.reader import FlowReader
from dealing.score.study import clusters_json, crowd_now

KEPT_TRADES: Final = 200_000
"""How many opening deals are remembered for habits and clusters ..."""

KEPT_NS: Final = 30 * 86_400 * NS_PER_S
"""... and for how long."""

CLUSTERS_EVERY_NS: Final = 300 * NS_PER_S
TURN_S: Final = 0.001
PAUSE_S: Final = 0.002
"""Work and rest: the engine's loop is held up no longer than a turn, and mostly left alone."""


class LiveFindings:
    """What was last found of each client of a flow book that goes on."""

    def __init__(self, reader: FlowReader) -> None:
        """Take a reader that is fed elsewhere, in the same loop."""
        self._reader = reader
        reader.flow.trades.most = KEPT_TRADES
        self._found: dict[int, Findings] = {}
        self._due = set(range(len(reader.flow.client_ids)))
        self._clusters: list[Cluster] = []
        self._known: list[Cluster] = []
        self._company: dict[int, Company] = {}
        self._looked_at: int | None = None
        self._crowd: Crowd | None = None

    def of(self, row: int) -> Findings:
        """Return what was found of a client when he was last asked about."""
        return self._found.get(row, NO_FINDINGS)

    def all(self) -> Mapping[int, Findings]:
        """Return what was found of everybody so far, by row."""
        return self._found

    def now(self, row: int) -> Findings:
        """Ask about a client now."""
        found = findings_of(
            self._reader.flow, row, crowd_now(self._reader.flow), self._company.get(row, ALONE)
        )
        self._found[row] = found
        return found

    def clusters(self) -> list[dict[str, Any]]:
        """Return the clusters of the last look, each as one, in plain values."""
        return clusters_json(self._reader.flow, self._clusters)

    def forget_old(self) -> None:
        """Drop trades that are older than anything is asked about."""
        flow = self._reader.flow
        if flow.now is not None:
            flow.trades.forget(flow.now - KEPT_NS)

    async def refresh(self) -> None:
        """Look for clusters if it is time, and ask about those who have dealt since."""
        flow = self._reader.flow
        now = flow.now
        if now is None:
            return
        if self._looked_at is None or now - self._looked_at >= CLUSTERS_EVERY_NS:
            self._looked_at = now
            self._crowd = crowd_now(flow)
            found = await asyncio.to_thread(look, flow.trades.fills(), self._known)
            self._take_clusters(found)
        self._due |= flow.touched
        flow.touched = set()
        await self._ask(self._crowd or crowd_now(flow))

    def save(self) -> list[Any]:
        """Return the clusters' names and members, so that names go on after a restart."""
        return [[one.cluster_id, one.kind.value, list(one.members)] for one in self._known]

    def load(self, saved: list[Any]) -> None:
        """Take back what ``save`` returned."""
        self._known = [
            Cluster(name, PairKind(kind), tuple(members), None, ()) for name, kind, members in saved
        ]

    def _take_clusters(self, found: list[Cluster]) -> None:
        before, self._company = self._company, companies(found)
        self._clusters = self._known = found
        both = before.keys() | self._company.keys()
        self._due |= {row for row in both if before.get(row) != self._company.get(row)}

    async def _ask(self, crowd: Crowd) -> None:
        turn_ends_s = time.monotonic() + TURN_S
        while self._due:
            row = self._due.pop()
            company = self._company.get(row, ALONE)
            self._found[row] = findings_of(self._reader.flow, row, crowd, company)
            if time.monotonic() >= turn_ends_s:
                await asyncio.sleep(PAUSE_S)
                turn_ends_s = time.monotonic() + TURN_S
