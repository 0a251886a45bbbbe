"""The platform process put together: which market, whose clients, and the parties around them.

A part of the composition root that stands by itself: it knows the adapters of the outside world.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from dealing.back_office.clock import now_us
from dealing.back_office.parties import keep_parties
from dealing.back_office.secrets import secrets_of
from dealing.directory import DataDirectory, Role, identity_of, recorded_run
from dealing.settings import SAMPLE, SIMULATED, MarketSettings, Settings
from feeds.pacing import Pace
from feeds.platform_process import Upkeep, run_platform
from feeds.ports import Market, SteppedPlatform
from feeds.recorded_market import RecordedMarket
from feeds.recorded_run import RecordedRun
from feeds.samples import sample_directory
from feeds.simulator.market import DEFAULT_START, SimulatedMarket
from feeds.simulator.platform import PlatformSettings, SimulatedPlatform

MB: Final = 1_000_000


async def be_platform(settings: Settings, directory: DataDirectory, stop: asyncio.Event) -> None:
    """Be the platform until told to stop, and the parties around it if a back office listens."""
    directory.claim(identity_of(settings.market))
    storage = settings.storage
    upkeep = Upkeep(log_bytes=storage.platform_log_mb * MB, segment_bytes=storage.file_mb * MB)
    platform = _outside_world(settings.market)
    work = run_platform(
        platform,
        directory.platform,
        directory.socket(Role.PLATFORM),
        Pace(settings.market.speed),
        stop,
        upkeep,
        say=structlog.get_logger().warning,
    )
    parties = _parties(settings, directory, platform, stop)
    await asyncio.gather(work, *parties)


def _parties(
    settings: Settings, directory: DataDirectory, platform: SteppedPlatform, stop: asyncio.Event
) -> list[Coroutine[Any, Any, None]]:
    """Return what the other systems around a simulated broker do, if a back office listens."""
    if not settings.sync.enabled or not isinstance(platform, SimulatedPlatform):
        return []
    secrets = secrets_of(directory.secrets_file, os.environ)
    rates = (settings.market.seed, settings.sync.payments_per_min)
    return [keep_parties(directory, platform.accounts, secrets, rates, now_us, stop)]


def _outside_world(settings: MarketSettings) -> SteppedPlatform:
    run = recorded_run(settings.source)
    if run is None:
        return _simulated(settings)
    held = run.held_identity()
    market = "" if held is None else held.market
    return RecordedRun(run.platform / "log", f"recorded run ({market})")


def _simulated(settings: MarketSettings) -> SteppedPlatform:
    chosen = PlatformSettings(seed=settings.seed, clients=settings.clients)
    if settings.source != SIMULATED:  # a recording's times are real: its providers' lag is in them
        chosen = msgspec.structs.replace(chosen, quote_lag_ms=0)
    return SimulatedPlatform(_market(settings), chosen)


def _market(settings: MarketSettings) -> Market:
    start = None if settings.start is None else round(settings.start.timestamp()) * 10**9
    if settings.source == SIMULATED:
        return SimulatedMarket(settings.seed, start=DEFAULT_START if start is None else start)
    source = sample_directory() if settings.source == SAMPLE else Path(settings.source)
    market = RecordedMarket(source, providers=settings.providers, start_at=start)
    for note in market.notes:
        structlog.get_logger().warning(note)
    return market
