"""Which of the newest events of a frame are new: each is read once, and a gap is told.

A frame holds the newest few events of a kind, oldest first, each with its position in the engine's
input. All events of one position come with one frame, so the position read last is a cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

FIRST_LOOK_NS: Final = 60 * 10**9
"""Who looks for the first time ever hears of the last minute, and not of everything before."""


class Positioned(Protocol):
    """Something that happened at a position of the engine's input."""

    @property
    def position(self) -> int:
        """Which input event it came of."""
        ...

    @property
    def ts_event(self) -> int:
        """When, ns UTC of the events."""
        ...


EventT = TypeVar("EventT", bound=Positioned)


class New(NamedTuple, Generic[EventT]):
    """What nobody read yet, oldest first; ``gap`` where others before it may be lost."""

    events: Sequence[EventT]
    gap: bool


class Newest(Generic[EventT]):
    """Reads one kind of event from frame to frame."""

    def __init__(self, cursor: str, kept: int) -> None:
        """Take how far an earlier process read ("" for never), and how many a frame holds."""
        self._read: int | None = int(cursor) if cursor.isdecimal() else None
        self._kept = kept

    @property
    def cursor(self) -> str:
        """How far it was read."""
        return "" if self._read is None else str(self._read)

    def new(self, events: Sequence[EventT], as_of: int) -> New[EventT]:
        """Return what is new in a frame of a moment (ns UTC of the events)."""
        read = self._read
        if read is None:
            fresh = _since(events, as_of)
            self._read = events[-1].position if events else 0
            return New(fresh, gap=False)
        if not events or events[-1].position <= read:
            return New((), gap=False)
        fresh = list(takewhile(lambda event: event.position > read, reversed(events)))[::-1]
        self._read = events[-1].position
        return New(fresh, gap=len(fresh) == len(events) >= self._kept)


def _since(events: Sequence[EventT], as_of: int) -> list[EventT]:
    begin = as_of - FIRST_LOOK_NS
    return list(takewhile(lambda event: event.ts_event >= begin, reversed(events)))[::-1]
