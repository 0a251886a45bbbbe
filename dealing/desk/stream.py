"""One live stream for all browsers: the newest frame, encoded once, never a backlog.

Each browser has a place for one message, and gets it when the one before is on its screen (it says
so). If the place is still taken when the next message comes, the old one is dropped; a browser that
missed more than a tick repeats gets a full frame. While the engine is silent a short heartbeat says
how old the figures are, so a browser can tell a silent engine from a lost connection.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Final

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from dealing.desk.frames import REPEATED_NS, FrameBuilder
from dealing.desk.options import DeskOptions
from dealing.ports import EngineFrame, SnapshotSource

MIN_INTERVAL_S: Final = 0.1
HEARTBEAT_S: Final = 1.0
MAX_BROWSERS: Final = 200
TRY_AGAIN_LATER: Final = 1013
FULL_KEPT_NS: Final = 200_000_000
"""How long a full frame may be given to further browsers: its age is written inside."""

_NS_PER_MS: Final = 1_000_000


class Subscriber:
    """One browser's place for the newest message."""

    def __init__(self, full: Callable[[], bytes]) -> None:
        self._full = full
        self._waiting: bytes | None = None
        self._behind = True
        self._waiting_since = 0
        self._arrived = asyncio.Event()
        self._shown = asyncio.Event()
        self._shown.set()

    def shown(self) -> None:
        """Note that the browser has drawn what it was sent."""
        self._shown.set()

    def greet(self) -> None:
        """Let a new browser have its full frame at once."""
        self._arrived.set()

    def offer(self, message: bytes, at_ns: int) -> None:
        """Put the newest message in place of one that was not taken.

        Args:
            message: The bytes.
            at_ns: When it was made, by the same clock as the frames'.
        """
        if self._waiting is None:
            self._waiting_since = at_ns
        self._behind = self._behind or at_ns - self._waiting_since > REPEATED_NS
        self._waiting = message
        self._arrived.set()

    def remind(self, message: bytes, at_ns: int) -> None:
        """Offer a message that need not arrive, unless another one is on its way."""
        if self._waiting is None:
            self._waiting = message
            self._waiting_since = at_ns
            self._arrived.set()

    async def take(self) -> bytes:
        """Wait for a message; the first one and one after a loss is a full frame."""
        await self._shown.wait()
        await self._arrived.wait()
        self._shown.clear()
        self._arrived.clear()
        message, self._waiting = self._waiting, None
        if self._behind or message is None:
            self._behind = False
            return self._full()
        return message


class Stream:
    """Follows the engine and sends to every browser."""

    def __init__(
        self, source: SnapshotSource, options: DeskOptions, now: Callable[[], int]
    ) -> None:
        self._source = source
        self._builder = FrameBuilder(options)
        self._now = now
        self._subscribers: set[Subscriber] = set()
        self._shown: EngineFrame | None = None
        self._shown_at = 0
        self._full: tuple[int, bytes] | None = None

    async def run(self) -> None:
        """Send until cancelled."""
        waiting: asyncio.Task[EngineFrame] | None = None
        try:
            while True:
                waiting = waiting or asyncio.create_task(self._next())
                done, _ = await asyncio.wait({waiting}, timeout=HEARTBEAT_S)
                if not done:
                    self._heartbeat()
                    continue
                self.show(waiting.result())
                waiting = None
                await asyncio.sleep(MIN_INTERVAL_S)
        finally:
            if waiting is not None:
                waiting.cancel()

    def show(self, frame: EngineFrame) -> None:
        """Encode a frame once and offer it to every browser."""
        self._shown, self._shown_at, self._full = frame, self._now(), None
        message = self._builder.tick(frame, self._shown_at)
        for subscriber in self._subscribers:
            subscriber.offer(message, self._shown_at)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one browser until it leaves."""
        await socket.accept()
        if len(self._subscribers) >= MAX_BROWSERS:
            await socket.close(TRY_AGAIN_LATER, "too many browsers are open")
            return
        subscriber = Subscriber(self._full_message)
        self._subscribers.add(subscriber)
        if self._shown is not None:
            subscriber.greet()
        sending = asyncio.create_task(_send(subscriber, socket))
        try:
            while (await socket.receive())["type"] != "websocket.disconnect":
                subscriber.shown()
        finally:
            self._subscribers.discard(subscriber)
            sending.cancel()

    def age_ms(self) -> float | None:
        """Return how old the newest frame is, None before the first one."""
        newest = self._source.latest()
        if newest is None:
            return None
        return max(0.0, (self._now() - newest.sent_at) / _NS_PER_MS)

    async def _next(self) -> EngineFrame:
        return await self._source.next(self._shown)

    def _heartbeat(self) -> None:
        message = orjson.dumps({"type": "silence", "age_ms": self.age_ms()})
        for subscriber in self._subscribers:
            subscriber.remind(message, self._now())

    def _full_message(self) -> bytes:
        if self._shown is None:
            return orjson.dumps({"type": "silence", "age_ms": None})
        now = self._now()
        if self._full is None or now - self._full[0] > FULL_KEPT_NS:
            self._full = now, self._builder.full((now - self._shown_at) / _NS_PER_MS)
        return self._full[1]


def end_process_if_failed(task: asyncio.Task[None]) -> None:
    """Stop the process when the stream died: a desk that shows nothing new must not stay up."""
    if not task.cancelled() and task.exception() is not None:
        signal.raise_signal(signal.SIGTERM)


async def _send(subscriber: Subscriber, socket: WebSocket) -> None:
    try:
        while True:
            await socket.send_bytes(await subscriber.take())
    except (WebSocketDisconnect, RuntimeError):
        # the browser left while a message was on its way; the receiving side cleans up
        return
