"""``plimsoll run`` as a person sees it: it starts, lives, heals, ends, and continues."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from dealing.directory import DataDirectory, Role
from dealing.snapshot_json import snapshot_json
from tests.dealing.processes import (
    ROOT,
    end,
    kept_engine,
    running,
    start,
    stored_bytes,
    uninterrupted_engine,
    until,
)

pytestmark = pytest.mark.slow

QUICK = ("--clients", 50, "--speed", 20)


@pytest.fixture
def directory(tmp_path):
    return DataDirectory(tmp_path / "data")


@pytest.fixture
def same_as_uninterrupted(directory, tmp_path):
    """Return a check that the kept state equals an engine that never stopped, and its position."""

    def check():
        kept = kept_engine(directory)
        fresh = uninterrupted_engine(directory, kept.position)
        assert snapshot_json(kept.snapshot()) == snapshot_json(fresh.snapshot())
        name = str(kept.position)
        assert stored_bytes(kept, tmp_path / "kept" / name) == stored_bytes(
            fresh, tmp_path / "fresh" / name
        )
        return kept.position

    return check


def test_a_run_lives_ends_with_ctrl_c_and_continues_with_the_same_book(
    directory, same_as_uninterrupted
):
    with running(directory, *QUICK) as run:
        assert run.get("/healthz")[0] == 200
        first = run.get("/api/v1/snapshot")[1]
        assert first["market"] == "simulated"
        assert len(first["accounts"]) >= 50
        until(lambda: run.get("/api/v1/snapshot")[1]["as_of_ms"] > first["as_of_ms"])
        doctor = subprocess.run(
            [sys.executable, ROOT / "app.py", "doctor", "--data", directory.root, "--json", "-"],
            capture_output=True,
            check=False,
            timeout=60,
        )
        found = json.loads(doctor.stdout)
        assert [process["state"] for process in found["processes"]] == ["RUNNING"] * 4
        assert found["book"]["accounts"] == len(first["accounts"])
        assert (doctor.returncode == 0) == (found["problems"] == [])
        code, output = end(run.process)
    assert code == 0
    assert "Live after" in output
    assert f"{directory.root} (new)" in output
    stopped_at = same_as_uninterrupted()
    with running(directory) as run:
        again = run.get("/api/v1/snapshot")[1]
        assert again["as_of_ms"] >= first["as_of_ms"]
        assert len(again["accounts"]) == len(first["accounts"])
        run.until_it_goes_on()
        code, output = end(run.process, signal.SIGTERM)
    assert code == 0
    assert f"{directory.root} (continues)" in output
    assert same_as_uninterrupted() > stopped_at


def test_ctrl_c_during_the_start_is_a_clean_end_too(directory):
    process = start("run", "--data", directory.root, "--port", 0, *QUICK)
    assert process.stdout.readline().startswith("Plimsoll")
    code, output = end(process)
    assert code == 0
    assert "Traceback" not in output


def test_every_process_may_be_killed_and_the_run_goes_on(directory, same_as_uninterrupted):
    with running(directory, *QUICK) as run:
        for role in ("engine", "platform", "desk"):
            before = run.get("/api/v1/snapshot")[1]["as_of_ms"]
            os.kill(run.status()[role]["pid"], signal.SIGKILL)
            until(lambda role=role: run.status()[role]["restarts"] == 1)
            until(lambda role=role: run.status()[role]["state"] == "RUNNING")
            until(lambda: run.get("/readyz")[0] == 200)
            until(
                lambda before=before: run.get("/api/v1/snapshot")[1]["as_of_ms"] > before + 20_000
            )
        code, output = end(run.process)
    assert code == 0
    assert output.count("killed by signal 9") == 3
    same_as_uninterrupted()


def test_a_killed_supervisor_takes_its_children_along_and_the_next_run_continues(
    directory, same_as_uninterrupted
):
    with running(directory, *QUICK) as run:
        run.process.kill()
        until(lambda: all(directory.owner(role) is None for role in Role))
    stopped_at = same_as_uninterrupted()
    with running(directory) as run:
        run.until_it_goes_on()
        assert end(run.process)[0] == 0
    assert same_as_uninterrupted() > stopped_at


def test_a_fresh_start_deletes_the_run_after_saying_so(directory):
    with running(directory, *QUICK) as run:
        assert end(run.process)[0] == 0
    process = start(
        *("run", "--data", directory.root, "--port", 0, "--fresh", "--clients", 20, "--seed", 9)
    )
    said = process.stdout.readline() + process.stdout.readline()
    assert said.startswith(f"Deleting the run in {directory.root} (simulated market, 50 clients")
    assert "20 simulated clients, seed 9" in said
    assert directory.held_identity().seed == 9
    assert end(process)[0] == 0


def test_a_run_says_which_accounts_cannot_trade_for_want_of_a_rate(directory, tmp_path):
    rows = [f"{1_893_456_000_000 + 200 * k},1.1,1.1002" for k in range(50_000)]
    (tmp_path / "day").mkdir()
    quotes = "\n".join(["ts_ms_utc,bid,ask", *rows])
    (tmp_path / "day" / "oanda_EURUSD_20300101.csv").write_text(quotes)
    with running(directory, "--market", tmp_path / "day", "--clients", 200) as run:
        code, output = end(run.process)
    assert code == 0
    for currency in ("AUD", "CHF", "GBP"):
        assert f"accounts in {currency} do not trade: this market has no conversion rate" in output
    assert "accounts in EUR" not in output


def test_a_platform_that_cannot_start_ends_the_run_with_its_reason(directory, tmp_path):
    (tmp_path / "empty").mkdir()
    process = start("run", "--data", directory.root, "--port", 0, "--market", tmp_path / "empty")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert str(tmp_path / "empty") in output
    assert "the platform did not start" in output
    assert directory.held_identity() is None
    assert "Traceback" not in output
