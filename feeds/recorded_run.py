"""A run that happened, as the outside world of another one: the log of its platform, played again.

Everything is in the log, so nobody decides anything here: clients, quotes, payments and hedges come
as they came, at whatever pace market time passes now. Steps need not be those of the first run. A
desk may send clients to other books, because that changes nothing of what they did; it cannot
hedge, because the fills happened already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from exposure.errors import UNDECODABLE, DataError, StorageError
from exposure.model.events import BookAssigned, ClockTicked, EventBatch, InputEvent
from feeds.log_cursor import LogCursor
from feeds.platform_commands import AssignBook, BalanceDeal, PlatformCommand
from feeds.segments import SUFFIX, Segment, measure

_READ_AHEAD: Final = 256


class _Saved(msgspec.Struct, frozen=True):
    position: int
    now: int


class RecordedRun:
    """The log of an earlier platform; implements ``SteppedPlatform`` of feeds/ports.py.

    What another process still appends is not part of it.

    Attributes:
        label: What a dealer reads on screen.
        now: The end of the last step, ns UTC.
        notes: None: the log needs no explanation.
    """

    def __init__(self, log: Path, label: str) -> None:
        """Find the log.

        Args:
            log: The directory that an EventLog wrote.
            label: What a dealer reads on screen.

        Raises:
            DataError: There is no log, or it no longer reaches back to the opening of its book.
        """
        self.label = label
        self.notes: list[str] = []
        self._segments = [Segment.found(path) for path in sorted(log.glob(f"*{SUFFIX}"))]
        if not self._segments or self._segments[0].first_position != 1:
            raise DataError(
                f"{log} does not hold a run from its beginning: name the data directory of a run "
                "whose platform log was never shortened (storage.platform_log_mb)"
            )
        self._last = measure(self._segments[-1]).last_position
        self._position = 0
        self._ahead: deque[EventBatch] = deque()
        self._read_ahead()
        self.now = _end_of(self._ahead[0]) if self._ahead else 0

    @property
    def exhausted(self) -> bool:
        """Whether everything that happened has been given."""
        return not self._ahead

    def opening_events(self) -> list[InputEvent]:
        """Return the book before the first step."""
        events: list[InputEvent] = []
        while self._ahead and not isinstance(self._ahead[0].events[-1], ClockTicked):
            self.now = max(self.now, _end_of(self._ahead[0]))
            events += self._take().events
        return events

    def refusal(self, command: PlatformCommand, pending: Sequence[PlatformCommand] = ()) -> str:  # noqa: ARG002 (nothing that comes before can matter)
        """Return why a command cannot be obeyed, "" if it can."""
        if isinstance(command, AssignBook):
            return ""
        return "a recorded run takes no orders and no money: what happened in it is over"

    def balance_deals(self, login: str) -> list[BalanceDeal]:  # noqa: ARG002 (none is booked)
        """Return nothing: a recorded run takes no money."""
        return []

    def advance(
        self, duration_ns: int, commands: Sequence[PlatformCommand] = ()
    ) -> list[InputEvent]:
        """Let market time pass and return what happened meanwhile, then the time it is now."""
        events: list[InputEvent] = [
            BookAssigned(self.now, one.login, one.book, one.hedge_ratio, one.symbol, one.move_open)
            for one in commands
            if isinstance(one, AssignBook)
        ]
        self.now += duration_ns
        while self._ahead and _end_of(self._ahead[0]) <= self.now:
            events += self._take().events[:-1]
        events.append(ClockTicked(self.now))
        return events

    def save(self) -> bytes:
        """Return how far it has come."""
        return msgspec.msgpack.encode(_Saved(self._position, self.now))

    def load(self, state: bytes) -> None:
        """Go on where ``save`` was called.

        Raises:
            StorageError: The state is not one of a recorded run.
        """
        try:
            saved = msgspec.msgpack.decode(state, type=_Saved)
        except UNDECODABLE as e:
            raise StorageError(
                f"the saved place in the recorded run cannot be used ({e}): start with a new data "
                "directory"
            ) from e
        self._position, self.now = saved.position, saved.now
        self._ahead.clear()
        self._read_ahead()

    def _take(self) -> EventBatch:
        batch = self._ahead.popleft()
        self._position = batch.position
        if not self._ahead:
            self._read_ahead()
        return batch

    def _read_ahead(self) -> None:
        # the file is open meanwhile only: nobody would close it afterwards
        with LogCursor(self._segments, self._position) as cursor:
            frames = cursor.frames(self._last)
            while cursor.position < self._last and len(self._ahead) < _READ_AHEAD:
                self._ahead.append(next(frames).batch())


def _end_of(batch: EventBatch) -> int:
    return batch.events[-1].ts_event
