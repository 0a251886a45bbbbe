"""What every process of a run has in common: its role, its log and a clean way to end.

A process ends when it is told to (Ctrl-C, SIGTERM) or when its supervisor is gone: the supervisor
holds the other end of its standard input, which the system closes even after ``kill -9``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import structlog

from dealing.directory import DataDirectory, Role
from dealing.settings import LogSettings

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PREDECESSOR_ENDS_WITHIN_S: Final = 10.0
ORPHAN_ENDS_WITHIN_S: Final = 8.0

Work = Callable[[asyncio.Event], Awaitable[None]]
"""What a process does until the event is set."""


def be(
    role: Role, directory: DataDirectory, log: LogSettings, work: Work, *, supervised: bool
) -> None:
    """Have the role alone and work until told to stop.

    Raises:
        StorageError: Another process has the role.
    """
    directory.prepare()
    start_logging(role, directory, log)
    with directory.hold(role, PREDECESSOR_ENDS_WITHIN_S):
        asyncio.run(until_told(work, supervised=supervised))


async def until_told(work: Work, *, supervised: bool = False) -> None:
    """Run ``work`` with an event that a signal, or the supervisor's end, sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    if supervised:
        watch = threading.Thread(target=_end_with_supervisor, args=(loop, stop), daemon=True)
        watch.start()
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


def start_logging(role: Role, directory: DataDirectory, log: LogSettings) -> None:
    """Write JSON lines to the role's file and what matters to the terminal."""
    file = RotatingFileHandler(
        directory.log_file(role),
        maxBytes=log.rotate_mb * 1_000_000,
        backupCount=log.kept_files,
        encoding="utf-8",
    )
    file.setLevel(log.level.upper())
    file.setFormatter(_formatter(structlog.processors.JSONRenderer()))
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(log.terminal_level.upper())
    terminal.setFormatter(_formatter(_Sentence(role)))
    logging.basicConfig(level=logging.DEBUG, handlers=[file, terminal], force=True)
    logging.getLogger("asyncio").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_unexpected
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _log_unexpected(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    place = traceback.extract_tb(trace)[-1]
    logging.getLogger("plimsoll").critical(
        "unexpected %s in %s line %s: %s; the traceback is in the log",
        kind.__name__,
        Path(place.filename).name,
        place.lineno,
        error,
        exc_info=(kind, error, trace),
    )


def _end_with_supervisor(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    loop.call_soon_threadsafe(stop.set)
    threading.Event().wait(ORPHAN_ENDS_WITHIN_S)
    os._exit(1)


_SHARED: Final = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def _formatter(renderer: structlog.typing.Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


class _Sentence:
    """Renders a message for a person: who says it, what, and the details in brackets."""

    def __init__(self, role: Role) -> None:
        self._role = role

    def __call__(self, _: Any, __: str, message: MutableMapping[str, Any]) -> str:
        kept = {
            key: value
            for key, value in message.items()
            if key not in {"event", "level", "logger", "timestamp", "exception"}
        }
        details = ", ".join(f"{key} {value}" for key, value in kept.items())
        return f"plimsoll {self._role}: {message['event']}{f' ({details})' if details else ''}"
