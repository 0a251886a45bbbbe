"""The platform's events over a Unix socket, in the bytes that its log holds.

Bytes are taken from the socket only when the consumer asks for the next batch: a slow consumer
makes the platform wait and nothing is dropped or piled up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

from exposure.errors import DisconnectedError, GapError, MalformedMessageError
from exposure.model.events import EventBatch
from feeds.frames import Frame, FrameKind, FrameReader
from feeds.platform_commands import BalanceDeal, CommandAnswer, PlatformCommand
from feeds.platform_wire import (
    Answered,
    AskBalanceDeals,
    AskStatus,
    BalanceDeals,
    Instruct,
    News,
    PlatformStatus,
    Question,
    Refused,
    Subscribe,
    news_in,
    packed,
)

_READ_BYTES: Final = 256 << 10


class SocketEventFeed:
    """EventFeed of the platform process. ``status`` is the newest news of it, None before any."""

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        """Take the platform's socket and the wall clock, ns UTC."""
        self.status: PlatformStatus | None = None
        self._path = path
        self._clock = clock

    async def batches(self, after: int) -> AsyncIterator[EventBatch]:
        """Yield what follows ``after``, then live events; see EventFeed."""
        async with aclosing(self.frames(after)) as frames:
            async for frame in frames:
                yield frame.batch()

    async def frames(self, after: int) -> AsyncGenerator[Frame]:
        """Yield the same as ``batches``, encoded and stamped with the time of reception.

        Raises:
            DisconnectedError: The platform is not there, or went away.
            GapError: It does not have what follows ``after``.
            MalformedMessageError: The socket carries something else.
        """
        async with _asking(self._path, Subscribe(after)) as received:
            async for frame in received:
                if frame.header.kind is FrameKind.MESSAGE:
                    self.status = _status_in(frame)
                    continue
                if frame.first_position != after + 1:
                    raise GapError(after + 1, frame.first_position)
                after = frame.position
                yield frame.received_at(self._clock())


async def ask_status(path: Path) -> PlatformStatus:
    """Return how the platform behind a socket is.

    Raises:
        DisconnectedError: Nobody answers there.
        MalformedMessageError: Somebody else does.
    """
    async with _asking(path, AskStatus()) as received:
        return _status_in(await anext(received))


async def send_commands(path: Path, commands: Sequence[PlatformCommand]) -> list[CommandAnswer]:
    """Let the platform behind a socket do something; return its answers, in the same order.

    Without an answer nobody knows whether it did: send the same keys again, they count once.

    Raises:
        DisconnectedError: Nobody answers there, or went away before the answer.
        MalformedMessageError: Somebody else does.
    """
    async with _asking(path, Instruct(list(commands))) as received:
        async for frame in received:
            news = _news_of(frame)
            keys = [one.key for one in news.answers] if isinstance(news, Answered) else None
            if isinstance(news, Answered) and keys == [one.key for one in commands]:
                return news.answers
            break
    raise MalformedMessageError("the platform answered something else than its commands")


async def balance_deals(path: Path, login: str) -> list[BalanceDeal]:
    """Return what the platform behind a socket booked for desks, oldest first; "" is everybody.

    Raises:
        DisconnectedError: Nobody answers there, or went away before the answer.
        MalformedMessageError: Somebody else does.
    """
    async with _asking(path, AskBalanceDeals(login)) as received:
        async for frame in received:
            news = _news_of(frame)
            if isinstance(news, BalanceDeals) and news.login == login:
                return news.deals
            break
    raise MalformedMessageError("the platform answered something else than its balance deals")


@asynccontextmanager
async def _asking(path: Path, question: Question) -> AsyncIterator[AsyncGenerator[Frame]]:
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError as e:
        raise DisconnectedError(
            f"nobody answers on {path} ({e.strerror}): is the platform running?"
        ) from e
    try:
        writer.write(packed(question))
        async with aclosing(_received(reader, path)) as received:
            yield received
    finally:
        writer.close()


async def _received(reader: asyncio.StreamReader, path: Path) -> AsyncGenerator[Frame]:
    frames = FrameReader()
    while True:
        try:
            data = await reader.read(_READ_BYTES)
        except ConnectionError as e:
            raise DisconnectedError(f"the platform on {path} broke off: {e.strerror}") from e
        if not data:
            raise DisconnectedError(f"the platform on {path} went away")
        for frame in frames.feed(data):
            yield frame


def _status_in(frame: Frame) -> PlatformStatus:
    news = _news_of(frame)
    if isinstance(news, Refused):
        raise GapError(news.expected, news.was, news.reason)
    if isinstance(news, Answered | BalanceDeals):
        raise MalformedMessageError("the platform answered commands that nobody sent")
    return news


def _news_of(frame: Frame) -> News:
    if frame.header.kind is not FrameKind.MESSAGE:
        raise MalformedMessageError("the platform sent events instead of its status")
    return news_in(frame)
