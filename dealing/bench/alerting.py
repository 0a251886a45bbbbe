"""``python -m dealing.bench.alerting``: from an event in the engine to Slack, under load.

The product is started as its users start it, with a Slack of this program's own on a real port. The
engine announces every crossing at once; the same crossing's case comes to Slack a little later.
What is measured is the time from the one to the other, for messages that did not have to wait for
Slack's limit of a message a second; those that had to are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dealing.addresses import listening_socket
from dealing.backoff import Backoff
from dealing.directory import DataDirectory, Role
from dealing.hub import HubClient
from dealing.settings import load_settings
from exposure.model.events import MarginLevelCrossed

POLICY: Final = """
name: bench
version: 1
routes: [{channels: [slack]}]
rules:
  margin_call: {floor: critical, burst: {above: 1000, within_s: 60}}
  stop_out: {floor: critical, burst: {above: 1000, within_s: 60}}
"""
CONFIG: Final = """
market: {{clients: {clients}, speed: {speed}}}
desk: {{port: 0, open_browser: false}}
sync: {{enabled: false}}
alerts: {{policy: {policy}}}
slack: {{mode: bot, channel: C0BENCH, api_url: "{api}"}}
"""
PER_S: Final = 1.0
_KINDS: Final = {"margin_call": "margin call", "stop_out": "stop-out"}
_START_S: Final = 120.0

Moments = dict[tuple[str, str], float]
"""When something was first heard of, by login and kind of crossing."""


class Slack:
    """Takes everything, and notes when it first heard of a crossing."""

    def __init__(self, known: Moments) -> None:
        """Take what the engine has announced."""
        self.told: Moments = {}
        self.messages = 0
        self._known = known
        self.app = Starlette(routes=[Route("/api/{method}", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> JSONResponse:
        now_s, body = time.monotonic(), (await request.body()).decode()
        if request.path_params["method"] == "chat.postMessage":
            self.messages += 1
        for login, kind in self._known:
            if f"Login {login} " in body and _KINDS[kind] in body:
                self.told.setdefault((login, kind), now_s)
        return JSONResponse({"ok": True, "channel": "C0BENCH", "ts": f"1.{self.messages:06d}"})


def main() -> int:
    """Parse the command line, measure, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dealing.bench.alerting", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=2_000)
    parser.add_argument("--speed", type=float, default=10.0)
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as name:
        asyncio.run(_measure(Path(name), chosen.minutes * 60.0, chosen.clients, chosen.speed))
    return 0


async def _measure(room: Path, seconds: float, clients: int, speed: float) -> None:
    directory, known = DataDirectory(room / "data"), Moments()
    slack = Slack(known)
    desk = load_settings().desk.model_copy(update={"port": 0})
    with listening_socket(desk) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/api/"
        config = uvicorn.Config(slack.app, log_config=None, access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        with _running(room, directory, address, clients, speed):
            await _watch(directory, known, seconds)
        server.should_exit = True
        await serving
    _report(known, slack)


@contextmanager
def _running(
    room: Path, directory: DataDirectory, address: str, clients: int, speed: float
) -> Iterator[None]:
    policy, file = room / "policy.yaml", room / "bench.yaml"
    policy.write_text(POLICY)
    file.write_text(CONFIG.format(clients=clients, speed=speed, policy=policy, api=address))
    plimsoll = Path(sys.executable).with_name("plimsoll")
    secrets = {
        "PLIMSOLL_SLACK_BOT_TOKEN": "of-a-bench",
        "PLIMSOLL_SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99edabcd85a5",
    }
    process = subprocess.Popen(  # noqa: S603 # our own command
        [plimsoll, "run", "--no-browser", "--data", directory.root, "--config", file],
        env=os.environ | secrets,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60.0)


async def _watch(directory: DataDirectory, known: Moments, seconds: float) -> None:
    hub = HubClient(directory.socket(Role.ENGINE), Backoff(random.random))
    listening = asyncio.create_task(hub.run())
    async with asyncio.timeout(_START_S):
        await hub.next(None)
        while not directory.socket(Role.ALERTS).exists():  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.1)
    try:
        async with asyncio.timeout(seconds):
            async for finding in hub.findings():
                if isinstance(finding, MarginLevelCrossed) and finding.kind in _KINDS:
                    known.setdefault((finding.login, finding.kind), time.monotonic())
    except TimeoutError:
        await asyncio.sleep(5.0)  # the last ones are on their way
    listening.cancel()


def _report(known: Moments, slack: Slack) -> None:
    delays, queued, last_s = [], 0, 0.0
    for one, at_s in sorted(known.items(), key=lambda item: item[1]):
        if one not in slack.told:
            continue
        # whoever came within a second of the one before may have waited for the limit
        if at_s - last_s < 1.0 / PER_S:
            queued += 1
        else:
            delays.append(1e3 * (slack.told[one] - at_s))
        last_s = at_s
    console = Console(highlight=False, soft_wrap=True)
    missing = [one for one in known if one not in slack.told]
    console.print(
        f"{len(known)} crossings, {len(known) - len(missing)} told, {len(missing)} not (told "
        f"together with an earlier one, or within the last seconds); {slack.messages} messages"
    )
    if len(delays) > 1:
        cuts = statistics.quantiles(delays, n=100, method="inclusive")
        console.print(
            f"event to Slack, of {len(delays)} that did not wait for its limit: "
            f"p50 {cuts[49]:,.0f} ms, p99 {cuts[98]:,.0f} ms, worst {max(delays):,.0f} ms; "
            f"{queued} came within a second of another one"
        )


if __name__ == "__main__":
    sys.exit(main())
