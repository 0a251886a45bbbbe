"""kill -9 of the engine at any moment: afterwards it is as if nothing had happened.

The platform goes on meanwhile; the engine has to come back from its snapshot, its journal and the
platform's log. All moments of its life are hit: starting, recovering, streaming and saving.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from contextlib import contextmanager

import pytest

from dealing.backoff import Backoff
from dealing.directory import DataDirectory, Role
from dealing.hub import HubClient
from dealing.revenue.check import check
from dealing.snapshot_json import snapshot_json
from dealing.storage.database import database_at
from dealing.storage.lake import RevenueLake
from dealing.storage.revenue_store import SqlRevenueStore
from feeds.socket_feed import ask_status
from tests.dealing.processes import (
    PATIENCE_S,
    end,
    kept_engine,
    start,
    stored_bytes,
    uninterrupted_engine,
    until,
)

LONG = bool(os.environ.get("PLIMSOLL_LONG_TESTS"))
KILLS = int(os.environ.get("PLIMSOLL_KILLS", "20" if LONG else "5"))

pytestmark = pytest.mark.slow


@pytest.fixture
def directory(tmp_path):
    return DataDirectory(tmp_path / "data")


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "often.yaml"
    path.write_text("engine: {snapshot_every_s: 1}\nmarket: {clients: 200, speed: 30}\n")
    return path


@contextmanager
def alone(role, directory, config):
    """Yield one role's process, and kill it if it is still there."""
    process = start(role, "--data", directory.root, "--config", config)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


def written(directory):
    return sum(path.stat().st_size for path in directory.journal.glob("*.frames"))


def saved(directory):
    return sorted(path.name for path in directory.snapshots.glob("*.snapshot"))


def until_it_starts(directory, _):
    until(lambda: directory.owner(Role.ENGINE) is not None)


def until_it_has_recovered(directory, _):
    until(directory.socket(Role.ENGINE).exists)


def until_it_has_written(directory, chance):
    enough = written(directory) + chance.randrange(200_000)
    until(lambda: written(directory) > enough)


def until_it_saves(directory, _):
    until((directory.snapshots / ".draft.snapshot").exists)


def until_it_has_saved(directory, _):
    known = saved(directory)
    until(lambda: saved(directory) != known)


MOMENTS = (
    until_it_has_written,
    until_it_saves,
    until_it_starts,
    until_it_has_saved,
    until_it_has_recovered,
)


async def caught_up(directory):
    """Wait until the engine shows everything that the platform has now."""
    target = (await ask_status(directory.socket(Role.PLATFORM))).position
    hub = HubClient(directory.socket(Role.ENGINE), Backoff(lambda: 0.5))
    listening = asyncio.create_task(hub.run())
    async with asyncio.timeout(PATIENCE_S):
        frame = await hub.next(None)
        while frame.snapshot.position < target:
            frame = await hub.next(frame)
    listening.cancel()


def test_a_killed_engine_comes_back_as_if_it_had_never_been_away(directory, config, tmp_path):
    chance = random.Random(20)  # noqa: S311 - which moment is no secret
    with alone("feed", directory, config) as platform:
        until(directory.socket(Role.PLATFORM).exists)
        for moment in itertools.islice(itertools.cycle(MOMENTS), KILLS):
            directory.socket(Role.ENGINE).unlink(missing_ok=True)
            with alone("engine", directory, config):
                moment(directory, chance)
        with alone("engine", directory, config) as engine:
            asyncio.run(caught_up(directory))
            assert end(engine)[0] == 0
        assert end(platform)[0] == 0
    kept = kept_engine(directory)
    fresh = uninterrupted_engine(directory, kept.position)
    assert kept.counters["deals"] > 0
    assert snapshot_json(kept.snapshot()) == snapshot_json(fresh.snapshot())
    assert stored_bytes(kept, tmp_path / "kept") == stored_bytes(fresh, tmp_path / "fresh")
    assert_every_fact_is_kept_once(directory, fresh)


def assert_every_fact_is_kept_once(directory, uninterrupted):
    database = database_at(None, directory.database, directory.held_run_id)
    report = check(SqlRevenueStore(database, time.time_ns), RevenueLake(directory.revenue_lake))
    assert report.violations == []
    assert report.amount_micro_usd == sum(uninterrupted.revenue.totals.values())
    database.close()
