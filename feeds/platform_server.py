"""Serves a platform's log to subscribers: each from its own position, at its own pace, then live.

A subscriber gets the very bytes of the log, read when it is ready for them: a slow one costs a file
position and a small buffer, never memory that grows. It sees an event only once the disk holds it,
so after a power cut nobody knows more than the platform does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, assert_never

import structlog

from exposure.errors import DisconnectedError, GapError, MalformedMessageError, StorageError
from feeds.event_log import EventLog
from feeds.frames import FrameReader
from feeds.log_cursor import LogCursor
from feeds.platform_commands import MOST_COMMANDS, BalanceDeal, CommandAnswer, PlatformCommand
from feeds.platform_wire import (
    Answered,
    AskBalanceDeals,
    AskStatus,
    BalanceDeals,
    Instruct,
    PlatformStatus,
    Question,
    Refused,
    Subscribe,
    packed,
    question_in,
)

_CHUNK_BYTES: Final = 256 << 10
_QUESTION_BYTES: Final = 4 << 10


BalanceDealsOf = Callable[[str], list[BalanceDeal]]


class Instruction(NamedTuple):
    """Commands that wait for the next step, and where their answers are waited for."""

    commands: list[PlatformCommand]
    answered: asyncio.Future[list[CommandAnswer]]

    def answer(self, answers: list[CommandAnswer]) -> None:
        """Tell whoever waits, unless they have gone."""
        if not self.answered.done():
            self.answered.set_result(answers)


class PlatformServer:
    """The platform's end of a Unix socket that only this user may open."""

    def __init__(
        self, path: Path, log: EventLog, status: PlatformStatus, balance_deals: BalanceDealsOf
    ) -> None:
        """Take where to listen, what to serve (on the disk already), and the first status."""
        self._path = path
        self._log = log
        self._status = status
        self._balance_deals = balance_deals
        self._released = log.last_position
        self._changed = asyncio.Event()
        self._peers: set[asyncio.Task[None]] = set()
        self._instructions: list[Instruction] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen while the block runs; StorageError where no socket can be."""
        server = await self._listen()
        try:
            yield
        finally:
            server.close()
            for peer in self._peers:
                peer.cancel()
            await asyncio.gather(*self._peers, return_exceptions=True)
            self._path.unlink(missing_ok=True)

    def release(self, position: int) -> None:
        """Let subscribers have the events up to a position: the disk holds them."""
        self._released = position
        self._wake()

    def tell(self, status: PlatformStatus) -> None:
        """Let subscribers know the newest status."""
        self._status = status
        self._wake()

    def take_instructions(self) -> list[Instruction]:
        """Return the commands that came since the last call, each to be answered."""
        taken, self._instructions = self._instructions, []
        return taken

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _listen(self) -> asyncio.Server:
        try:
            self._path.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(self._meet, self._path)
            self._path.chmod(0o600)
        except OSError as e:
            raise StorageError(f"the platform cannot listen on {self._path}: {e}") from e
        return server

    def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = asyncio.create_task(self._attend(reader, writer))
        self._peers.add(peer)
        peer.add_done_callback(self._peers.discard)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, DisconnectedError):
                await self._answer(await _question(reader), writer)
        except (MalformedMessageError, StorageError) as e:
            structlog.get_logger().error("subscriber dropped", reason=str(e))
        finally:
            writer.close()

    async def _answer(self, question: Question, writer: asyncio.StreamWriter) -> None:
        match question:
            case AskStatus():
                writer.write(packed(self._status))
            case Subscribe(after):
                try:
                    await self._follow(after, writer)
                except GapError as e:
                    writer.write(packed(Refused(e.expected, e.was, e.reason)))
            case Instruct(commands):
                writer.write(packed(Answered(await self._obeyed(commands))))
            case AskBalanceDeals(login):
                writer.write(packed(BalanceDeals(login, self._balance_deals(login))))
            case _:
                assert_never(question)
        await writer.drain()

    async def _obeyed(self, commands: list[PlatformCommand]) -> list[CommandAnswer]:
        if len(commands) > MOST_COMMANDS:
            raise MalformedMessageError(f"{len(commands)} commands are too many for one message")
        instruction = Instruction(commands, asyncio.get_running_loop().create_future())
        self._instructions.append(instruction)
        return await instruction.answered

    async def _follow(self, after: int, writer: asyncio.StreamWriter) -> NoReturn:
        if after > self._released:
            reason = "the platform's events end before it; start anew with --fresh"
            raise GapError(after + 1, self._released + 1, reason)
        told = None
        with self._log.cursor(after) as cursor:
            while True:
                changed, status = self._changed, self._status
                if status is not told:
                    told = status
                    writer.write(packed(status))
                chunk = await asyncio.to_thread(_next_chunk, cursor, self._released)
                writer.write(chunk)
                await writer.drain()
                if not chunk:
                    await changed.wait()


async def _question(reader: asyncio.StreamReader) -> Question:
    frames = FrameReader()
    while data := await reader.read(_QUESTION_BYTES):
        for frame in frames.feed(data):
            return question_in(frame)
    raise DisconnectedError("the subscriber went away without a question")


def _next_chunk(cursor: LogCursor, up_to: int) -> bytes:
    chunk = bytearray()
    for frame in cursor.frames(up_to):
        chunk += frame.data
        if len(chunk) >= _CHUNK_BYTES:
            break
    return bytes(chunk)
