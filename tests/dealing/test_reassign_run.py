"""A client is moved in a live run: he trades in the new book, whatever process dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from dealing.directory import DataDirectory, Role
from exposure.model.events import BookAssigned
from feeds.event_log import EventLog
from tests.dealing.processes import ROOT, end, running, until

pytestmark = pytest.mark.slow

QUICK = ("--clients", 50, "--speed", 20)
WHY = {"actor": "dealer", "reason": "a test of the whole way"}


def book_of(run, login):
    accounts = run.get("/api/v1/snapshot")[1]["accounts"]
    return next(account["book"] for account in accounts if account["login"] == login)


def state_of(run, key):
    status, command = run.get(f"/api/v1/commands?key={key}")
    return command["state"] if status == 200 else None


def kill(directory, role):
    """Kill a process and wait until its successor has its place."""
    pid = until(lambda: directory.owner(role))
    os.kill(pid, signal.SIGKILL)
    until(lambda: directory.owner(role) not in {None, pid})


def test_a_client_is_moved_undone_and_moved_again_through_crashes_and_the_audit_holds(tmp_path):
    directory = DataDirectory(tmp_path / "data")
    with running(directory, *QUICK) as run:
        accounts = run.get("/api/v1/snapshot")[1]["accounts"]
        login = next(a["login"] for a in accounts if a["book"] == "B" and not a["margin"])
        move = {"key": "move-1", "logins": [login], "book": "A", **WHY}
        status, command = run.post("/api/v1/commands/reassign", move)
        assert (status, command["state"]) == (200, "done"), command
        until(lambda: book_of(run, login) == "A")
        status, undone = run.post(
            "/api/v1/commands/undo", {"key": "undo-1", "command": "move-1", **WHY}
        )
        assert (status, undone["state"]) == (200, "done"), undone
        until(lambda: book_of(run, login) == "B")

        os.kill(until(lambda: directory.owner(Role.PLATFORM)), signal.SIGKILL)
        again = {**move, "key": "move-2", "book": "C", "hedge_ratio": 0.5}
        status, _ = run.post("/api/v1/commands/reassign", again)
        assert status in {200, 202, 503}
        kill(directory, Role.DESK)
        until(lambda: run.post("/api/v1/commands/reassign", again)[0] == 200)
        assert state_of(run, "move-2") == "done"
        until(lambda: book_of(run, login) == "C")
        actions = [row["action"] for row in run.get("/api/v1/audit")[1]["rows"]]
        assert actions.count("reassign.requested") == 2
        assert actions.count("platform.done") == 3
        end(run.process)
    with EventLog(directory.platform / "log") as log:
        events = [event for batch in log.read(0) for event in batch.events]
    moved = [event.book for event in events if isinstance(event, BookAssigned)]
    assert moved == ["A", "B", "C"]
    words = ["audit", "verify", "--data", directory.root, "--json", "-"]
    verify = subprocess.run(
        [sys.executable, ROOT / "app.py", *words], capture_output=True, check=False, timeout=60
    )
    verdict = json.loads(verify.stdout)
    assert (verify.returncode, verdict["ok"], verdict["rows"]) == (0, True, len(actions))
