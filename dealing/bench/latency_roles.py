"""The other processes of the latency measurement: the engine role and a desk's reader.

``python -m dealing.bench.latency_roles engine|reader DIRECTORY SIZE``. Each works until its
standard input closes and then leaves a file of moments: when it knew of which crossing.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import structlog

from dealing.backoff import Backoff
from dealing.bench.latency import ENGINE, KNOWN, PLATFORM, READ, Moments
from dealing.bench.workload import Levels, Size, open_book
from dealing.flow.keeping import acquainted_flow
from dealing.garbage import spare_what_is_old
from dealing.hub import HubClient, SnapshotHubServer
from dealing.process import run_until
from dealing.revenue.closing import DayClosing
from dealing.revenue.facts import Bookkeeper
from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.revenue.writer import Look, RevenueWriter
from dealing.runtime import SWITCH_S, EngineQueries, EngineRuntime, FlowKept, Pace
from dealing.server_day import ServerDay
from dealing.storage.journal import Journal
from dealing.storage.lake import RevenueLake
from dealing.storage.snapshots import SnapshotStore
from exposure.model.events import MarginLevelCrossed, OutputEvent
from feeds.socket_feed import SocketEventFeed

PACE: Final = Pace(frame_s=0.2, sync_s=0.02, save_s=3_600.0)
"""As the default configuration has it, but without saving the state in so short a time."""


class NotingWriter(RevenueWriter):
    """Hears of every output right after its event was journaled and applied."""

    moments: Moments

    def take(self, outputs: Iterable[OutputEvent], look: Look) -> None:
        """Note when crossings became known, then do the writer's work."""
        told = list(outputs)
        now = time.monotonic_ns()
        for event in told:
            if isinstance(event, MarginLevelCrossed):
                self.moments.setdefault(event.position, now)
        super().take(told, look)


async def be_engine(directory: Path, size: Size, stop: asyncio.Event) -> Moments:
    """Run the engine role over a stressed book."""
    sys.setswitchinterval(SWITCH_S)
    engine = open_book(size, Levels.STRESS)
    revenue = _revenue(directory)
    revenue.begin(engine.snapshot())
    store = SnapshotStore(directory / "snapshots")
    hub = SnapshotHubServer(directory / ENGINE, EngineQueries(engine))
    feed = SocketEventFeed(directory / PLATFORM, time.time_ns)
    with Journal.open(directory / "journal") as journal:
        flow = FlowKept(acquainted_flow(engine), SnapshotStore(directory / "flow"))
        runtime = EngineRuntime(
            engine, feed, journal, store, hub, PACE, Backoff(random.random), revenue, flow
        )
        spare_what_is_old()
        await runtime.run(stop)
    return revenue.moments


async def be_reader(directory: Path, _: Size, stop: asyncio.Event) -> Moments:
    """Read what is announced, beside the frames, as a desk does."""
    client = HubClient(directory / ENGINE, Backoff(random.random, limit_s=0.1))
    moments: Moments = {}
    await run_until(stop, client.run(), _note(client, moments))
    return moments


async def _note(client: HubClient, moments: Moments) -> None:
    async for finding in client.findings():
        moments.setdefault(finding.position, time.monotonic_ns())


def _revenue(directory: Path) -> NotingWriter:
    day = ServerDay(ZoneInfo("America/New_York"), 17)
    store = MemoryRevenueStore(time.time_ns)
    closing = DayClosing(store, RevenueLake(directory / "lake"), day)
    backoff = Backoff(random.random)
    writer = NotingWriter(store, Bookkeeper(day, "bench"), closing, time.monotonic, backoff)
    writer.moments = {}
    return writer


async def _work(role: str, directory: Path, size: Size) -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(asyncio.to_thread(sys.stdin.buffer.read))
    waiting.add_done_callback(lambda _: stop.set())
    if role == "engine":
        moments, path = await be_engine(directory, size, stop), directory / KNOWN
    else:
        moments, path = await be_reader(directory, size, stop), directory / READ
    path.write_bytes(msgspec.json.encode(moments))


def main() -> None:
    """Be a role."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    role, directory, size = sys.argv[1:]
    asyncio.run(_work(role, Path(directory), Size(size)))


if __name__ == "__main__":
    main()
