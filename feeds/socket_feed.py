"""The platform's events over a Unix socket, in the bytes that its log holds.

Bytes are taken from the socket only when the consumer asks for the next batch: a slow consumer
makes the platform wait and nothing is dropped or piled up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

from exposure.errors import DisconnectedError, GapError, MalformedMessageError
from exposure.model.events import EventBatch
from feeds.frames import Frame, FrameKind, FrameReader
from feeds.platform_wire import (
    AskStatus,
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
    if frame.header.kind is not FrameKind.MESSAGE:
        raise MalformedMessageError("the platform sent events instead of its status")
    news = news_in(frame)
    if isinstance(news, Refused):
        raise GapError(news.expected, news.was, news.reason)
    return news
