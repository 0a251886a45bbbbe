"""A full disk: refused loudly, nothing corrupted, and with room again the same run goes on.

The disk is full for a real process whose files may not grow beyond a size: the system refuses the
rest of a write, as it does on a full disk.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys

import pytest

from dealing.components import ComponentState
from dealing.directory import DataDirectory, Role
from dealing.snapshot_json import snapshot_json
from dealing.storage.snapshots import SnapshotStore
from feeds.event_log import EventLog
from tests.dealing.processes import (
    PATIENCE_S,
    ROOT,
    Run,
    alone,
    caught_up,
    end,
    frame_of,
    kept_engine,
    stored_bytes,
    uninterrupted_engine,
    until,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def directory(tmp_path):
    return DataDirectory(tmp_path / "data")


def configured(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return ("--config", path)


def lines_of(directory, role):
    return [json.loads(line) for line in directory.log_file(role).read_text().splitlines()]


def assert_nothing_was_lost_or_doubled(directory, tmp_path):
    kept = kept_engine(directory)
    fresh = uninterrupted_engine(directory, kept.position)
    assert kept.counters["duplicates"] == 0
    assert snapshot_json(kept.snapshot()) == snapshot_json(fresh.snapshot())
    assert stored_bytes(kept, tmp_path / "kept") == stored_bytes(fresh, tmp_path / "fresh")
    return kept.position


def test_a_journal_without_room_ends_the_engine_and_with_room_it_goes_on(directory, tmp_path):
    options = configured(
        tmp_path, "engine: {snapshot_every_s: 1}\nmarket: {clients: 100, speed: 30}\n"
    )
    with alone("feed", directory, *options) as platform:
        until(directory.socket(Role.PLATFORM).exists)
        with alone("engine", directory, *options, files_up_to=900_000) as engine:
            said, _ = engine.communicate(timeout=PATIENCE_S)
        assert engine.returncode == 1
        sentence = (
            f"{directory.journal} takes no more events: File too large; make room or repair the "
            "disk, then start again"
        )
        assert said == f"plimsoll engine: {sentence}\n"
        (critical,) = [
            line for line in lines_of(directory, Role.ENGINE) if line["level"] == "critical"
        ]
        assert critical["event"] == sentence
        stopped_at = assert_nothing_was_lost_or_doubled_so_far(directory)
        with alone("engine", directory, *options) as engine:
            asyncio.run(caught_up(directory))
            assert end(engine)[0] == 0
        assert end(platform)[0] == 0
    assert assert_nothing_was_lost_or_doubled(directory, tmp_path) > stopped_at


def assert_nothing_was_lost_or_doubled_so_far(directory):
    """Check the journal alone: the platform, which writes its own log, is still running."""
    (file,) = directory.journal.glob("*.frames")
    assert 800_000 < file.stat().st_size <= 900_000
    with EventLog(directory.journal) as journal:
        assert journal.torn_bytes == 0
        return journal.last_position


def test_a_state_without_room_degrades_an_engine_that_goes_on(directory, tmp_path):
    options = configured(
        tmp_path,
        "engine: {snapshot_every_s: 1}\nmarket: {clients: 4000, speed: 5}\nstorage: {file_mb: 1}\n",
    )
    with alone("feed", directory, *options) as platform:
        until(directory.socket(Role.PLATFORM).exists)
        with alone("engine", directory, *options, files_up_to=2_000_000) as engine:
            degraded = asyncio.run(frame_of(directory, is_degraded))
            reached = degraded.snapshot.position
            later = asyncio.run(frame_of(directory, lambda f: f.snapshot.position > reached + 500))
            assert is_degraded(later)
            assert "cannot be written: File too large; make room" in saved_state(later).detail
            assert any("saved state is DEGRADED" in problem for problem in problems_of(directory))
            code, said = end(engine)
        assert code == 0
        assert said.count("state not saved, tried again") == 1
        assert all(position < reached for position in saved_positions(directory))
        with alone("engine", directory, *options) as engine:
            asyncio.run(
                frame_of(
                    directory, lambda frame: saved_state(frame).state is ComponentState.RUNNING
                )
            )
            assert end(engine)[0] == 0
        assert saved_positions(directory)[-1] > reached
        assert end(platform)[0] == 0
    assert_nothing_was_lost_or_doubled(directory, tmp_path)


def saved_positions(directory):
    return SnapshotStore(directory.snapshots).positions()


def saved_state(frame):
    (part,) = [part for part in frame.components if part.name == "saved state"]
    return part


def is_degraded(frame):
    return saved_state(frame).state is ComponentState.DEGRADED


def problems_of(directory):
    """Return what the doctor finds wrong."""
    done = subprocess.run(
        [sys.executable, ROOT / "app.py", "doctor", "--data", directory.root, "--json", "-"],
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 1
    return json.loads(done.stdout)["problems"]


def test_a_run_without_room_says_why_and_with_room_goes_on(directory, tmp_path):
    # slowly: the log must not be full before the engine has heard of the first trades
    options = ("--clients", 100, "--speed", 10)
    run = Run(directory, *options, files_up_to=1_000_000)
    try:
        until(lambda: "takes no more events" in run.status().get("platform", {}).get("detail", ""))
        status = run.status()["platform"]
        assert (
            f"{directory.platform / 'log'} takes no more events: File too large"
            in (status["detail"])
        )
        until(lambda: any("File too large; make room" in said for said in problems_of(directory)))
        until(lambda: (run.get("/api/v1/snapshot")[1] or {}).get("accounts"))
        code, said = end(run.process)
    finally:
        run.process.kill()
        run.process.communicate(timeout=PATIENCE_S)
    assert code == 0
    assert "Traceback" not in said
    assert "takes no more events: File too large; make room or repair the disk" in said
    until(lambda: all(directory.owner(role) is None for role in Role))
    stopped_at = assert_nothing_was_lost_or_doubled(directory, tmp_path)
    again = Run(directory)
    try:
        again.until_live()
        again.until_it_goes_on()
        code, said = end(again.process, signal.SIGTERM)
    finally:
        again.process.kill()
        again.process.communicate(timeout=PATIENCE_S)
    assert code == 0
    assert "Traceback" not in said
    assert assert_nothing_was_lost_or_doubled(directory, tmp_path) > stopped_at
