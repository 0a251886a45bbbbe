"""kill -9 of the engine at any moment, and damage: afterwards it is as if nothing had happened.

The platform goes on meanwhile; the engine has to come back from its snapshot, its journal and the
platform's log. All moments of its life are hit: starting, recovering, streaming and saving.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import time

import pytest

from crm_sync.database import database_at
from dealing.directory import DataDirectory, Role
from dealing.revenue.check import check
from dealing.snapshot_json import snapshot_json
from dealing.storage.lake import RevenueLake
from dealing.storage.revenue_store import SqlRevenueStore
from tests.dealing.moments import MOMENTS, newest_file, saved
from tests.dealing.processes import (
    PATIENCE_S,
    alone,
    caught_up,
    end,
    kept_engine,
    stored_bytes,
    uninterrupted_engine,
    until,
)

KILLS = 20 if os.environ.get("PLIMSOLL_LONG_TESTS") else 5

pytestmark = pytest.mark.slow


@pytest.fixture
def directory(tmp_path):
    return DataDirectory(tmp_path / "data")


@pytest.fixture
def configured(tmp_path):
    def write(**sections):
        path = tmp_path / "mine.yaml"
        path.write_text(json.dumps({"market": {"clients": 200, "speed": 30}, **sections}))
        return "--config", path

    return write


@pytest.fixture
def same_as_uninterrupted(directory, tmp_path):
    """Return a check that the kept state equals an engine that never stopped."""

    def compare():
        kept = kept_engine(directory)
        fresh = uninterrupted_engine(directory, kept.position)
        assert kept.counters["deals"] > 0
        assert snapshot_json(kept.snapshot()) == snapshot_json(fresh.snapshot())
        assert stored_bytes(kept, tmp_path / "kept") == stored_bytes(fresh, tmp_path / "fresh")
        assert_every_fact_is_kept_once(directory, fresh)

    return compare


def assert_every_fact_is_kept_once(directory, uninterrupted):
    database = database_at(None, directory.database, directory.held_run_id)
    report = check(SqlRevenueStore(database, time.time_ns), RevenueLake(directory.revenue_lake))
    assert report.violations == []
    assert report.amount_micro_usd == sum(uninterrupted.revenue.totals.values())
    database.close()


def set_aside(directory):
    return [path.name for path in directory.set_aside()]


def damage_the_middle_of(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_killed_engine_comes_back_as_if_it_had_never_been_away(
    directory, configured, same_as_uninterrupted
):
    chance = random.Random(20)  # noqa: S311 - which moment is no secret
    options = configured(engine={"snapshot_every_s": 1})
    with alone("feed", directory, *options) as platform:
        until(directory.socket(Role.PLATFORM).exists)
        for moment in itertools.islice(itertools.cycle(MOMENTS), KILLS):
            directory.socket(Role.ENGINE).unlink(missing_ok=True)
            with alone("engine", directory, *options):
                moment(directory, chance)
        with alone("engine", directory, *options) as engine:
            asyncio.run(caught_up(directory))
            assert end(engine)[0] == 0
        assert end(platform)[0] == 0
    same_as_uninterrupted()
    assert set_aside(directory) == []


def test_a_damaged_journal_is_completed_by_the_platform(
    directory, configured, same_as_uninterrupted
):
    options = configured(engine={"snapshot_every_s": 3600})
    with alone("feed", directory, *options) as platform:
        until(directory.socket(Role.PLATFORM).exists)
        with alone("engine", directory, *options):
            until(lambda: newest_file(directory)[1] > 500_000)
        (journal,) = directory.journal.glob("*.frames")
        damage_the_middle_of(journal)
        with alone("engine", directory, *options) as engine:
            asyncio.run(caught_up(directory))
            code, said = end(engine)
        assert code == 0
        assert "the journal is damaged: the rest is set aside and the platform is asked" in said
        assert end(platform)[0] == 0
    (aside,) = directory.set_aside()
    assert aside.name.startswith(f"{journal.stem}-from-byte-")
    assert aside.stat().st_size > 200_000
    same_as_uninterrupted()


def test_a_damaged_saved_state_gives_way_to_the_one_before(
    directory, configured, same_as_uninterrupted
):
    options = configured(engine={"snapshot_every_s": 1})
    with alone("feed", directory, *options) as platform:
        until(directory.socket(Role.PLATFORM).exists)
        with alone("engine", directory, *options):
            until(lambda: len(saved(directory)) >= 2)
        newest = saved(directory)[-1]
        damage_the_middle_of(directory.snapshots / newest)
        with alone("engine", directory, *options) as engine:
            asyncio.run(caught_up(directory))
            code, said = end(engine)
        assert code == 0
        assert f"{newest} is damaged" in said
        assert end(platform)[0] == 0
    assert set_aside(directory) == [newest]
    same_as_uninterrupted()


def test_an_engine_that_the_platform_cannot_help_any_more_stops_with_a_sentence(
    directory, configured
):
    options = configured(
        market={"clients": 100, "speed": 60}, storage={"file_mb": 1, "platform_log_mb": 1}
    )
    first_file = directory.platform / "log" / f"{1:020d}.frames"
    with alone("feed", directory, *options) as platform:
        until(directory.socket(Role.PLATFORM).exists)
        until(lambda: not first_file.exists())
        with alone("engine", directory, *options) as engine:
            said, _ = engine.communicate(timeout=PATIENCE_S)
        assert engine.returncode == 1
        assert said.startswith(
            "plimsoll engine: the engine has every event up to 0 and cannot get the next ones (the "
            "feed skipped events: expected position 1, was "
        )
        assert said.endswith(
            "older events are no longer kept there): restore a copy of the data directory, or "
            "start anew with --fresh\n"
        )
        assert end(platform)[0] == 0
