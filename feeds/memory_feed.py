"""A feed without a network: for tests, and for whoever has all events at hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from exposure.errors import DisconnectedError, GapError
from exposure.model.events import EventBatch


class MemoryEventFeed:
    """Keeps the promises of EventFeed over a list of batches that may grow."""

    def __init__(self, batches: Iterable[EventBatch] = ()) -> None:
        """Take consecutive batches; the first one may begin at any position."""
        self._batches = list(batches)
        self._connected = True
        self._changed = asyncio.Event()

    @property
    def last_position(self) -> int:
        """The position of the last event, 0 without any."""
        return self._batches[-1].position if self._batches else 0

    @property
    def first_position(self) -> int:
        """The oldest position that is still here, 1 without any."""
        return _first_position(self._batches[0]) if self._batches else 1

    def publish(self, batch: EventBatch) -> None:
        """Add the next batch; GapError if another one is due."""
        if self._batches and _first_position(batch) != self.last_position + 1:
            raise GapError(self.last_position + 1, _first_position(batch))
        self._batches.append(batch)
        self._wake()

    def drop_before(self, position: int) -> None:
        """Forget the batches that only hold events before ``position``, except the last one."""
        while len(self._batches) > 1 and self._batches[0].position < position:
            del self._batches[0]

    def disconnect(self) -> None:
        """Go away for good, as far as the readers can see."""
        self._connected = False
        self._wake()

    async def batches(self, after: int) -> AsyncIterator[EventBatch]:
        """Yield what follows ``after``, then what is published; see EventFeed."""
        if after > self.last_position:
            raise GapError(after + 1, self.last_position + 1)
        while True:
            changed = self._changed
            if after + 1 < self.first_position:
                raise GapError(after + 1, self.first_position)
            for batch in [batch for batch in self._batches if batch.position > after]:
                known = max(0, after - _first_position(batch) + 1)
                yield EventBatch(batch.position, batch.ts_recv, batch.events[known:])
                after = batch.position
            if not self._connected:
                raise DisconnectedError("the feed in memory was closed")
            await changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _first_position(batch: EventBatch) -> int:
    return batch.position - len(batch.events) + 1
