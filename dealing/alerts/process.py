"""The process of alerts: it looks, keeps, tells, and answers the desk and Slack."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import structlog
from starlette.types import ASGIApp

from dealing.alerts.delivering import Deliverer
from dealing.alerts.room import TICK_S, CaseRoom
from dealing.alerts.surroundings import DeskActs
from dealing.back_office.serving import local_socket, told_address
from dealing.process import run_until
from dealing.serving import serve
from exposure.errors import DeskError, StorageError

CHANNELS_EVERY_S: Final = 2.0
_TRY_AGAIN_S: Final = 1.0


class Door(NamedTuple):
    """Where Slack's requests arrive, what answers them, and who reads where that is."""

    host: str
    port: int
    app: ASGIApp
    told: Path


class AlertsProcess(NamedTuple):
    """Everything that works in the process."""

    room: CaseRoom
    acts: DeskActs
    app: ASGIApp
    socket: Path
    """Where the desk asks ``app``."""
    door: Door | None
    deliverers: Sequence[Deliverer]
    looking: Sequence[Callable[[], Coroutine[Any, Any, None]]]
    """Sources that are followed for ever."""


async def run_alerts(process: AlertsProcess, stop: asyncio.Event) -> None:
    """Be alerts until told to stop.

    Raises:
        DeskError: It cannot listen.
    """
    ended = asyncio.Event()
    with ExitStack() as held:
        parts = [serve(process.app, held.enter_context(_private(process.socket)), stop, ended)]
        if (door := process.door) is not None:
            listening = held.enter_context(local_socket(door.host, door.port))
            held.enter_context(told_address(door.told, listening))
            parts.append(serve(door.app, listening, stop, asyncio.Event()))
        await run_until(
            ended,
            *parts,
            _pass_time(process.room),
            _look_after(process.acts),
            *(_deliver(one, process.room.news()) for one in process.deliverers),
            *(look() for look in process.looking),
        )


@contextmanager
def _private(path: Path) -> Iterator[socket.socket]:
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen()
    except OSError as e:
        listening.close()
        raise DeskError(f"alerts cannot answer on {path}: {e.strerror}") from e
    with listening:
        try:
            yield listening
        finally:
            path.unlink(missing_ok=True)


async def _pass_time(room: CaseRoom) -> NoReturn:
    while True:
        await room.pass_time()
        await asyncio.sleep(TICK_S)


async def _look_after(acts: DeskActs) -> NoReturn:
    while True:
        await acts.look_after_channels()
        await asyncio.sleep(CHANNELS_EVERY_S)


async def _deliver(deliverer: Deliverer, news: asyncio.Event) -> NoReturn:
    """Bring one channel level for ever; whoever keeps something new wakes it."""
    log, said = structlog.get_logger(), ""
    while True:
        try:
            wait_s = await deliverer.step()
            said = ""
        except StorageError as e:
            if str(e) != said:
                said = str(e)
                log.warning("channels wait for the database", reason=said)
            wait_s = _TRY_AGAIN_S
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await news.wait()
        news.clear()
