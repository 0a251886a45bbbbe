"""``plimsoll run``: check that it can work, say what starts, keep it alive, end it cleanly."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
import webbrowser
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import structlog
from rich.console import Console

from dealing.addresses import address_of, answers, free_port
from dealing.directory import DataDirectory, Role, identity_of, recorded_run, replace_file
from dealing.logs import start_logging
from dealing.process import PREDECESSOR_ENDS_WITHIN_S, run_until_told
from dealing.settings import SIMULATED, DeskSettings, MarketSettings, Settings
from dealing.stopping import StopSignals
from dealing.supervisor import ChildPlan, ChildStatus, Supervisor
from exposure.errors import StorageError

COMMAND_OF = {
    Role.PLATFORM: "feed",
    Role.ENGINE: "engine",
    Role.SYNC: "sync",
    Role.DESK: "desk",
    Role.ALERTS: "alerts",
}
"""The processes of a run in starting order, and the commands that are them."""


class RunStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor writes down for ``plimsoll doctor``; ``started_at`` in ns UTC."""

    started_at: int
    address: str
    children: list[ChildStatus]


def status_file(directory: DataDirectory) -> Path:
    """Return where the supervisor writes its RunStatus."""
    return directory.runtime / "status.json"


def launch(
    settings: Settings,
    directory: DataDirectory,
    program: Sequence[str],
    signals: StopSignals,
    *,
    fresh: bool,
) -> None:
    """Run everything until told to stop.

    Args:
        settings: All of them.
        directory: Where the run is kept.
        program: How to start this program again, for the children.
        signals: What tells this process to stop.
        fresh: Delete the run that the directory holds first.

    Raises:
        DeskError: The directory or the port is taken, or a process does not start.
    """
    started_s = time.monotonic()
    console = Console(highlight=False, soft_wrap=True)
    directory.prepare()
    with directory.hold(Role.SUPERVISOR):
        start_logging("plimsoll", directory.log_file(Role.SUPERVISOR), settings.log)
        _wait_for_predecessors(directory)
        if fresh:
            _delete(directory, console)
        desk = settings.desk.model_copy(update={"port": free_port(settings.desk)})
        continues = directory.claim(identity_of(settings.market))
        storage = settings.storage.model_copy(update={"directory": str(directory.root)})
        settings = settings.model_copy(update={"desk": desk, "storage": storage})
        _introduce(settings, directory, console, continues=continues)
        work = partial(_supervise, settings, directory, program, console, started_s)
        try:
            run_until_told(work, signals)
        finally:
            if not continues:
                directory.disclaim()
        console.print("Ended. The next start continues where it was.")


async def _supervise(
    settings: Settings,
    directory: DataDirectory,
    program: Sequence[str],
    console: Console,
    started_s: float,
    stop: asyncio.Event,
) -> None:
    settings_file = directory.runtime / "settings.json"
    replace_file(settings_file, settings.model_dump_json(indent=2).encode())
    plans = [
        _plan(role, [*program, command, "--settings", str(settings_file)], settings, directory)
        for role, command in COMMAND_OF.items()
        if role not in _switched_off(settings)
    ]
    note = partial(_note, directory, address_of(settings.desk), time.time_ns())
    supervisor = Supervisor(plans, random.random, note)
    greeting = asyncio.create_task(_greet(supervisor, settings.desk, console, started_s))
    try:
        await supervisor.run(stop)
    finally:
        greeting.cancel()


def _switched_off(settings: Settings) -> set[Role]:
    wanted = {Role.SYNC: settings.sync.enabled, Role.ALERTS: settings.alerts.enabled}
    return {role for role, is_wanted in wanted.items() if not is_wanted}


def _plan(
    role: Role, command: Sequence[str], settings: Settings, directory: DataDirectory
) -> ChildPlan:
    path = directory.webhooks_file if role is Role.SYNC else directory.socket(role)

    async def listens() -> bool:
        return path.exists()

    is_ready = partial(answers, settings.desk, "/healthz") if role is Role.DESK else listens
    return ChildPlan(role, command, is_ready, partial(path.unlink, missing_ok=True))


def _note(
    directory: DataDirectory, address: str, started_at: int, children: Sequence[ChildStatus]
) -> None:
    status = RunStatus(started_at=started_at, address=address, children=list(children))
    try:
        replace_file(status_file(directory), msgspec.json.encode(status))
    except StorageError as e:
        # a full disk must not end what keeps the processes alive
        structlog.get_logger().warning("the doctor is not told", reason=str(e))


async def _greet(
    supervisor: Supervisor, desk: DeskSettings, console: Console, started_s: float
) -> None:
    await supervisor.ready()
    while not await answers(desk, "/readyz"):  # noqa: ASYNC110 - another process sets no event
        await asyncio.sleep(0.05)
    console.print(f"Live after {time.monotonic() - started_s:.1f} s. Ctrl-C ends it.")
    if desk.open_browser and _has_display():
        await asyncio.to_thread(webbrowser.open, address_of(desk))


def _has_display() -> bool:
    shown = sys.platform == "darwin" or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return shown and sys.stdout.isatty()


def _wait_for_predecessors(directory: DataDirectory) -> None:
    # processes of a killed supervisor notice within a moment and end by themselves
    for role in COMMAND_OF:
        with directory.hold(role, PREDECESSOR_ENDS_WITHIN_S):
            pass


def _delete(directory: DataDirectory, console: Console) -> None:
    held = directory.held_identity()
    if held is not None:
        console.print(f"Deleting the run in {directory.root} ({held}).")
        directory.delete_run()


def _market_in_words(market: MarketSettings) -> str:
    run = recorded_run(market.source)
    if run is not None:
        return f"a recorded run ({run.held_identity()})"
    prices = "simulated prices" if market.source == SIMULATED else f"real quotes ({market.name})"
    return f"{prices}, {market.clients} simulated clients, seed {market.seed}"


def _introduce(
    settings: Settings, directory: DataDirectory, console: Console, *, continues: bool
) -> None:
    market = settings.market
    console.print(f"Plimsoll: {_market_in_words(market)}, speed {market.speed:g}")
    console.print(f"  data  {directory.root} ({'continues' if continues else 'new'})")
    console.print(f"  desk  {address_of(settings.desk)}")
    if not settings.desk.allow_remote:
        console.print("        no sign-in yet, so only this machine can reach it")
