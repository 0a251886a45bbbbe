"""The platform process: lets market time pass, keeps it on disk, and serves it to subscribers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from exposure.errors import StorageError
from exposure.model.events import QuoteReceived
from feeds.command_log import CommandLog
from feeds.durable_platform import DurablePlatform
from feeds.event_log import SEGMENT_BYTES, EventLog
from feeds.pacing import Metronome, Pace, Rates, Speedometer
from feeds.platform_commands import CommandAnswer
from feeds.platform_server import PlatformServer
from feeds.platform_wire import PlatformStatus
from feeds.ports import SteppedPlatform
from feeds.sealed_files import SealedFiles

_KEPT_CHECKPOINTS: Final = 2
_IDLE_NS: Final = 1_000_000_000


class Upkeep(NamedTuple):
    """What a platform keeps on disk.

    ``repeat_ns`` is how much work, in wall time, a new process may have to repeat: a checkpoint is
    due when that much was done since the last one. ``log_bytes`` is how much of the past stays, in
    files of ``segment_bytes``: who is further behind cannot catch up.
    """

    repeat_ns: int = 2_000_000_000
    log_bytes: int = 4 << 30
    segment_bytes: int = SEGMENT_BYTES


USUAL_UPKEEP: Final = Upkeep()


def _silently(_: str) -> None:
    pass


async def run_platform(
    platform: SteppedPlatform,
    directory: Path,
    socket_path: Path,
    pace: Pace,
    stop: asyncio.Event,
    upkeep: Upkeep = USUAL_UPKEEP,
    clock: Callable[[], int] = time.monotonic_ns,
    say: Callable[[str], None] = _silently,
) -> None:
    """Be the platform until told to stop; the next process goes on where this one was.

    Listens once it has caught up with its own log; subscribers may come and go.

    Args:
        platform: A new one, built as the earlier processes on this directory built theirs.
        directory: Where its log and its checkpoints are; created if missing.
        socket_path: Where it listens.
        pace: How fast market time passes.
        stop: Ends the process cleanly; ``kill -9`` loses nothing either.
        upkeep: What stays on disk.
        clock: Monotonic, ns.
        say: Told the platform's notes once it is open.

    Raises:
        StorageError: The directory or the socket cannot be used, or the disk is full.
        InvariantError: The platform does not repeat what its log holds.
    """
    with EventLog(directory / "log", segment_bytes=upkeep.segment_bytes) as log:
        checkpoints = SealedFiles(directory / "checkpoints", ".checkpoint", _KEPT_CHECKPOINTS)
        commands = CommandLog(directory / "commands" / "taken.frames")
        durable = DurablePlatform(platform, log, checkpoints, commands)
        began = clock()
        durable.resume()
        for note in platform.notes:
            say(note)
        life = _Life(durable, pace, upkeep, clock, worked_ns=clock() - began)
        server = PlatformServer(socket_path, log, life.status, platform.balance_deals)
        async with server.serving():
            await life.live(server, stop)


class _Life:
    """What happens between two starts of the process, step by step."""

    def __init__(
        self,
        durable: DurablePlatform,
        pace: Pace,
        upkeep: Upkeep,
        clock: Callable[[], int],
        worked_ns: int,
    ) -> None:
        self._durable = durable
        self._platform = durable.platform
        self._pace = pace
        self._upkeep = upkeep
        self._clock = clock
        self._metronome = Metronome(pace.wall_step_ns, clock)
        self._speedometer = Speedometer(self._platform.now, clock)
        self._rates = Rates(pace.speed, 0.0)
        self._worked_ns = worked_ns
        self.status = self._newest_status()

    async def live(self, server: PlatformServer, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if self._platform.exhausted:
                _refuse_all(server)
            else:
                await self._step(server)
            self._tell_if_due(server)
            if self._worked_ns >= self._upkeep.repeat_ns:
                await self._checkpoint()
            idle = self._platform.exhausted
            await _pause(stop, _IDLE_NS if idle else self._metronome.rest_ns())
        await self._checkpoint()

    async def _step(self, server: PlatformServer) -> None:
        asked = server.take_instructions()
        commands = [command for instruction in asked for command in instruction.commands]
        answers = await asyncio.to_thread(self._durable.take, commands) if commands else []
        began = self._clock()
        events = self._durable.step(self._pace.market_step_ns)
        self._worked_ns += self._clock() - began
        self._speedometer.passed(sum(type(event) is QuoteReceived for event in events))
        await asyncio.to_thread(self._durable.sync)
        server.release(self._durable.position)
        for instruction in asked:
            count = len(instruction.commands)
            instruction.answer(answers[:count])
            answers = answers[count:]

    def _tell_if_due(self, server: PlatformServer) -> None:
        rates = self._speedometer.read(self._platform.now)
        if rates is None and self.status.exhausted == self._platform.exhausted:
            return
        self._rates = rates or self._rates
        self.status = self._newest_status()
        server.tell(self.status)

    async def _checkpoint(self) -> None:
        position, state = self._durable.position, self._platform.save()
        self._worked_ns = 0
        try:
            await asyncio.to_thread(self._durable.checkpoint, position, state)
        except StorageError as e:
            # the log has every step, so nothing is lost: the next start repeats more of them
            structlog.get_logger().error("checkpoint not saved, tried again", reason=str(e))
        else:
            self._durable.keep_log_within(self._upkeep.log_bytes)

    def _newest_status(self) -> PlatformStatus:
        return PlatformStatus(
            label=self._platform.label,
            now=self._platform.now,
            position=self._durable.position,
            speed=self._pace.speed,
            effective_speed=self._rates.speed,
            quotes_per_s=self._rates.quotes_per_s,
            exhausted=self._platform.exhausted,
        )


def _refuse_all(server: PlatformServer) -> None:
    """Answer what comes after the end of a recording: no step will obey it."""
    reason = "the recording has ended: nothing can be done in it any more"
    for instruction in server.take_instructions():
        keys = (command.key for command in instruction.commands)
        instruction.answer([CommandAnswer(key, accepted=False, reason=reason) for key in keys])


async def _pause(stop: asyncio.Event, rest_ns: int) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), rest_ns / 1e9)
