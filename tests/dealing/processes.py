"""Real processes for tests: start them, watch them, kill them, and read what they left."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from dealing.backoff import Backoff
from dealing.directory import DataDirectory, Role
from dealing.hub import HubClient
from dealing.ports import EngineFrame
from dealing.runtime import recovered
from dealing.storage.journal import Journal
from dealing.storage.snapshots import SnapshotStore
from exposure.engine import ExposureEngine
from exposure.export import export_state
from exposure.settings import EngineSettings
from feeds.event_log import EventLog
from feeds.frames import Frame
from feeds.socket_feed import ask_status
from tests.dealing.revenue_keepers import revenue_writer

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
KEPT = EngineSettings(kept_events=5000)
"""The engine's settings in config.yaml."""


def until(condition, patience_s=PATIENCE_S, pause_s=0.01):
    """Return the condition's first true value; fail if it stays false."""
    deadline = time.monotonic() + patience_s
    pause = threading.Event()
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never happened"
        pause.wait(pause_s)
    return value


FULL_DISK = """
import os, resource, sys
size = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
"""Becomes another Python program whose files grow up to a size and no further."""


def start(
    *arguments, files_up_to=None, back_office=False, alerts=False, environment=None, **options
):
    """Start plimsoll with its output in a pipe, its own process group, and no settings of ours.

    Args:
        arguments: Of the command line.
        alerts: Whether they run too.
        back_office: Whether it runs too, with its payments at times of the wall clock.
        environment: Variables of its own.
        files_up_to: Bytes; a write beyond them fails, as on a full disk, in its children too.
        options: Of Popen.
    """
    inherited = {name: value for name, value in os.environ.items() if "PLIMSOLL" not in name}
    if not back_office:
        inherited["PLIMSOLL__SYNC__ENABLED"] = "false"
    if not alerts:
        inherited["PLIMSOLL__ALERTS__ENABLED"] = "false"
    inherited |= environment or {}
    limit = [] if files_up_to is None else ["-c", FULL_DISK, files_up_to]
    return subprocess.Popen(
        [sys.executable, *map(str, (*limit, ROOT / "app.py", *arguments))],
        cwd=ROOT,
        env=inherited,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        **options,
    )


@contextmanager
def alone(role, directory: DataDirectory, *options, **limits):
    """Yield one role's process, and kill it if it is still there."""
    process = start(role, "--data", directory.root, *options, **limits)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)


def end(process, number=signal.SIGINT):
    """Send a signal and return exit code and output."""
    process.send_signal(number)
    try:
        output, _ = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, output


class Run:
    """``plimsoll run`` on a directory."""

    def __init__(
        self,
        directory: DataDirectory,
        *options,
        files_up_to=None,
        back_office=False,
        alerts=False,
        environment=None,
    ):
        self.directory = directory
        self.process = start(
            *("run", "--data", directory.root, "--port", 0, "--no-browser", *options),
            files_up_to=files_up_to,
            back_office=back_office,
            alerts=alerts,
            environment=environment,
        )

    def status(self):
        """Return what the supervisor says about each process, by role."""
        try:
            text = (self.directory.runtime / "status.json").read_text()
        except FileNotFoundError:
            return {}
        return {child["role"]: child for child in json.loads(text)["children"]}

    def get(self, path):
        """Return status and JSON of a request to the desk, (0, None) while nobody answers."""
        return self._request("GET", path)

    def post(self, path, content):
        """Return status and JSON of a command, sent as a page of the desk sends it."""
        return self._request("POST", path, content)

    def _request(self, method, path, content=None):
        text = (self.directory.runtime / "status.json").read_text()
        address = json.loads(text)["address"]
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
        headers = {"origin": address, "content-type": "application/json"}
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except OSError:
            return 0, None
        finally:
            connection.close()

    def until_it_goes_on(self) -> None:
        """Wait until the engine has taken something new."""
        first = self.get("/api/v1/snapshot")[1]["as_of_ms"]
        until(lambda: self.get("/api/v1/snapshot")[1]["as_of_ms"] > first)

    def until_live(self):
        until(lambda: self.process.poll() is not None or self.status().get("desk", {}).get("pid"))
        until(lambda: self.get("/readyz")[0] == 200)


@contextmanager
def running(directory: DataDirectory, *options, back_office=False):
    """Yield a live run; whatever is left of it afterwards is killed."""
    run = Run(directory, *options, back_office=back_office)
    try:
        run.until_live()
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.process.communicate(timeout=PATIENCE_S)
        until(lambda: all(directory.owner(role) is None for role in Role))


async def caught_up(directory: DataDirectory, patience_s=PATIENCE_S) -> None:
    """Wait until the engine shows everything that the platform has now."""
    target = (await ask_status(directory.socket(Role.PLATFORM))).position
    await frame_of(directory, lambda frame: frame.snapshot.position >= target, patience_s)


async def frame_of(directory: DataDirectory, condition, patience_s=PATIENCE_S) -> EngineFrame:
    """Wait for a frame of the engine that a condition holds for."""
    hub = HubClient(directory.socket(Role.ENGINE), Backoff(lambda: 0.5))
    listening = asyncio.create_task(hub.run())
    try:
        async with asyncio.timeout(patience_s):
            frame = await hub.next(None)
            while not condition(frame):
                frame = await hub.next(frame)
            return frame
    finally:
        listening.cancel()


def kept_engine(directory: DataDirectory) -> ExposureEngine:
    """Return the engine that the next process would begin with."""
    journal = Journal.open(directory.journal)
    try:
        return recovered(SnapshotStore(directory.snapshots), journal, KEPT, revenue_writer())
    finally:
        journal.close()


def uninterrupted_engine(directory: DataDirectory, position: int) -> ExposureEngine:
    """Return a new engine that was fed from the platform's own log without a break."""
    engine = ExposureEngine(KEPT)
    with EventLog(directory.platform / "log") as log:
        for frame in log.read_encoded(0):
            engine.apply(_cut(frame, position).batch())
            if engine.position == position:
                return engine
    raise AssertionError(f"the platform's log ends before {position}")


def _cut(frame: Frame, position: int) -> Frame:
    batch = frame.batch()
    surplus = max(0, batch.position - position)
    if not surplus:
        return frame
    kept = batch.events[: len(batch.events) - surplus]
    return Frame.of(type(batch)(position, batch.ts_recv, kept))


def stored_bytes(engine: ExposureEngine, scratch: Path) -> bytes:
    """Return an engine's whole state as the bytes of its snapshot file."""
    directory = scratch / str(engine.position)
    SnapshotStore(directory).save(export_state(engine))
    (file,) = directory.glob("*.snapshot")
    return file.read_bytes()
