"""``make soak``: a whole run under load for a while, and whether anything grows.

The product is started as its users start it, with a book of the seed size and a market that is fast
enough for 5,000 ticks and 1,000 deals a second. Viewers read the desk's stream as browsers do.
What is compared at the end is the first third of the time with the last. On a machine that cannot
simulate so much beside the rest, --recorded simulates it before.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import websockets
from rich.console import Console
from rich.progress import Progress

from dealing.backoff import Backoff
from dealing.directory import DataDirectory, Role, RunIdentity
from dealing.hub import HubClient
from dealing.ports import Delays, EngineFrame
from dealing.settings import SIMULATED
from exposure.errors import StorageError
from feeds.durable_platform import DurablePlatform
from feeds.event_log import EventLog
from feeds.sealed_files import SealedFiles
from feeds.simulator.market import DEFAULT_START, SimulatedMarket
from feeds.simulator.platform import PlatformSettings, SimulatedPlatform

CLIENTS: Final = 45_000
SPEED: Final = 14.0
PORT: Final = 8_055
_EVERY_S: Final = 10.0
_START_S: Final = 120.0
_MB: Final = 2**20
_QUOTES_PER_S: Final = 450.0
_STEP_NS: Final = 250_000_000
_WARM_UP_MINUTES: Final = 20.0


class Sample(NamedTuple):
    """One look at the run. Units: MiB resident, ms, events per second."""

    at_s: float
    platform_mb: float
    engine_mb: float
    desk_mb: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    quotes_per_s: float
    deals_per_s: float
    frames: int


def main() -> int:
    """Parse the command line, soak, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--speed", type=float, default=SPEED)
    parser.add_argument("--viewers", type=int, default=10)
    parser.add_argument(
        "--recorded", type=Path, metavar="DIR",
        help="let the market happen first, into DIR, and play it then: its simulation costs more "
        "than all that it is meant to measure",
    )  # fmt: skip
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the run must not outlive this
    market = []
    if chosen.recorded is not None:
        _record(DataDirectory(chosen.recorded), chosen.clients, chosen.minutes * chosen.speed)
        market = ["--market", str(chosen.recorded)]
    with tempfile.TemporaryDirectory() as name:
        directory = DataDirectory(Path(name) / "data")
        with _running(directory, chosen.clients, chosen.speed, market) as run:
            samples = asyncio.run(_watch(directory, run, chosen.minutes * 60.0, chosen.viewers))
    _report(samples)
    return 0


def _record(directory: DataDirectory, clients: int, minutes: float) -> None:
    """Let a simulated market happen as fast as it goes; one that is there already is kept."""
    directory.claim(RunIdentity(market=SIMULATED, seed=1, clients=clients))
    market = SimulatedMarket(1, quotes_per_second=_QUOTES_PER_S)
    platform = SimulatedPlatform(market, PlatformSettings(seed=1, clients=clients))
    checkpoints = SealedFiles(directory.platform / "checkpoints", ".checkpoint", keep=2)
    with EventLog(directory.platform / "log") as log, Progress() as progress:
        durable = DurablePlatform(platform, log, checkpoints)
        durable.resume()
        end = DEFAULT_START + round((minutes + _WARM_UP_MINUTES) * 60e9)
        task = progress.add_task("recording", total=end - platform.now)
        while platform.now < end:
            durable.step(_STEP_NS)
            progress.advance(task, _STEP_NS)
        durable.sync()
        durable.checkpoint(durable.position, platform.save())


@contextlib.contextmanager
def _running(
    directory: DataDirectory, clients: int, speed: float, market: list[str]
) -> Iterator[subprocess.Popen[bytes]]:
    plimsoll = Path(sys.executable).with_name("plimsoll")
    process = subprocess.Popen(  # noqa: S603 # our own command
        [plimsoll, "run", "--no-browser", "--data", directory.root, "--port", str(PORT),
         "--clients", str(clients), "--speed", str(speed), *market],
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60.0)


async def _watch(
    directory: DataDirectory, run: subprocess.Popen[bytes], seconds: float, viewers: int
) -> list[Sample]:
    hub = HubClient(directory.socket(Role.ENGINE), Backoff(random.random))
    listening = asyncio.create_task(hub.run())
    async with asyncio.timeout(_START_S):
        frame = await hub.next(None)
        while frame.delays is None or frame.deals_per_s == 0.0:
            frame = await hub.next(frame)
    counts = [0] * viewers
    watching = [asyncio.create_task(_view(counts, k)) for k in range(viewers)]
    samples, began_s = [], time.monotonic()
    while (at_s := time.monotonic() - began_s) < seconds:
        await asyncio.sleep(_EVERY_S)
        if run.poll() is not None:
            raise StorageError("the run ended by itself: its log says why")
        latest = hub.latest()
        if latest is not None:
            samples.append(_sample(directory, at_s, latest, sum(counts)))
            _print(samples[-1])
    for task in (listening, *watching):
        task.cancel()
    return samples


async def _view(counts: list[int], number: int) -> None:
    address = f"ws://127.0.0.1:{PORT}/stream"
    async with websockets.connect(
        address, origin=websockets.Origin(f"http://127.0.0.1:{PORT}"), max_size=None
    ) as socket:
        async for _ in socket:
            counts[number] += 1
            await socket.send("shown")  # as a browser does: only then comes the next one


def _sample(directory: DataDirectory, at_s: float, frame: EngineFrame, frames: int) -> Sample:
    delays = frame.delays or Delays(0.0, 0.0, 0.0)
    return Sample(
        at_s=at_s,
        platform_mb=_resident_mb(directory.owner(Role.PLATFORM)),
        engine_mb=_resident_mb(directory.owner(Role.ENGINE)),
        desk_mb=_resident_mb(directory.owner(Role.DESK)),
        p50_ms=delays.p50_ms,
        p99_ms=delays.p99_ms,
        worst_ms=delays.worst_ms,
        quotes_per_s=frame.quotes_per_s,
        deals_per_s=frame.deals_per_s,
        frames=frames,
    )


def _resident_mb(pid: int | None) -> float:
    if pid is None:
        return float("nan")
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / _MB


def _print(sample: Sample) -> None:
    Console().print(
        f"{sample.at_s:6.0f} s  platform {sample.platform_mb:5.0f} engine {sample.engine_mb:5.0f} "
        f"desk {sample.desk_mb:5.0f} MB  p50 {sample.p50_ms:6.2f} p99 {sample.p99_ms:7.2f} worst "
        f"{sample.worst_ms:7.2f} ms  {sample.quotes_per_s:6.0f} quotes/s {sample.deals_per_s:6.0f} "
        f"deals/s  {sample.frames} frames"
    )


def _report(samples: list[Sample]) -> None:
    third = max(len(samples) // 3, 1)
    first, last = samples[:third], samples[-third:]
    console = Console()
    console.print("\nmedians of the first and the last third")
    for name in Sample._fields[1:-1]:
        before, after = (
            statistics.median(getattr(one, name) for one in part) for part in (first, last)
        )
        console.print(f"  {name:14} {before:10.2f} -> {after:10.2f}")


if __name__ == "__main__":
    sys.exit(main())
