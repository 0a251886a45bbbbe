"""What every process of a run has in common: its role, its log and a clean way to end.

A process ends when it is told to (Ctrl-C, SIGTERM) or when its supervisor is gone: the supervisor
holds the other end of its standard input, which the system closes even after ``kill -9``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import structlog

from dealing.directory import DataDirectory, Role
from dealing.logs import start_logging
from dealing.settings import LogSettings
from dealing.stopping import StopSignals
from exposure.errors import DeskError

PREDECESSOR_ENDS_WITHIN_S: Final = 10.0
ORPHAN_ENDS_WITHIN_S: Final = 8.0

Work = Callable[[asyncio.Event], Awaitable[None]]
"""What a process does until the event is set."""


def be(
    role: Role,
    directory: DataDirectory,
    log: LogSettings,
    work: Work,
    signals: StopSignals,
    *,
    supervised: bool,
) -> bool:
    """Have the role alone and work until told to stop.

    Returns:
        Whether it was told to. If not, the log and the terminal say why it cannot go on.

    Raises:
        StorageError: There is no log to say it in.
    """
    directory.prepare()
    start_logging(f"plimsoll {role}", directory.log_file(role), log)
    try:
        with directory.hold(role, PREDECESSOR_ENDS_WITHIN_S):
            run_until_told(work, signals, supervised=supervised)
    except DeskError as e:
        structlog.get_logger().critical(str(e))
        return False
    return True


def run_until_told(work: Work, signals: StopSignals, *, supervised: bool = False) -> None:
    """Run ``work`` with an event that a signal, or the supervisor's end, sets.

    Work is not begun when a signal came before.
    """
    try:
        asyncio.run(_work(work, signals, supervised=supervised))
    finally:
        signals.listen()


async def _work(work: Work, signals: StopSignals, *, supervised: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals.tell(loop, stop)
    if supervised:
        watch = threading.Thread(target=_end_with_supervisor, args=(loop, stop), daemon=True)
        watch.start()
    if not stop.is_set():
        await work(stop)


async def run_until(stop: asyncio.Event, *parts: Coroutine[Any, Any, None]) -> None:
    """Run all parts until ``stop``; when one fails, the others end and its error is raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (stopped, *tasks):
            task.cancel()
        await asyncio.gather(stopped, *tasks, return_exceptions=True)


def _end_with_supervisor(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    loop.call_soon_threadsafe(stop.set)
    threading.Event().wait(ORPHAN_ENDS_WITHIN_S)
    os._exit(1)
