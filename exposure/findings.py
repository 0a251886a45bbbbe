"""What the engine noticed: crossings, breaches and breaks, kept for the screen, handed out once."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from exposure.crossings import KINDS, CrossingBuffer
from exposure.model.accounts import Account
from exposure.model.events import (
    BreakFound,
    InputEvent,
    LimitBreached,
    MarginLevelCrossed,
    OutputEvent,
)
from exposure.refusals import Refusal


class Findings:
    """Crossings, breaches and breaks, oldest first, and those that nobody has taken yet."""

    def __init__(self, kept_events: int | None) -> None:
        """Keep this many of each, all of them for None."""
        self.crossings: deque[MarginLevelCrossed] = deque(maxlen=kept_events)
        self.breaches: deque[LimitBreached] = deque(maxlen=kept_events)
        self.breaks: deque[BreakFound] = deque(maxlen=kept_events)
        self._untaken: list[OutputEvent] = []

    def add_crossings(
        self,
        buffer: CrossingBuffer,
        count: int,
        terms: list[Account],
        ts_of: Callable[[int], int],
    ) -> None:
        """Note what a kernel found: by event, and within one by account and kind.

        Args:
            buffer: Where the kernel wrote.
            count: How many crossings it wrote.
            terms: The accounts by row.
            ts_of: The time of an event by its position, ns UTC.
        """
        if count == 0:
            return
        order = np.lexsort((buffer.kind[:count], buffer.account[:count], buffer.event[:count]))
        for k in order.tolist():
            event, level = int(buffer.event[k]), float(buffer.level[k])
            crossing = MarginLevelCrossed(
                ts_of(event),
                event,
                terms[int(buffer.account[k])].login,
                KINDS[buffer.kind[k]],
                level if math.isfinite(level) else None,
            )
            self.crossings.append(crossing)
            self._untaken.append(crossing)

    def add_break(self, event: InputEvent, position: int, refusal: Refusal) -> None:
        """Note that an event contradicts what is known."""
        found = BreakFound(
            event.ts_event,
            position,
            refusal.kind,
            refusal.reason,
            login=getattr(event, "login", ""),
            deal_id=getattr(event, "deal_id", ""),
            symbol=getattr(event, "symbol", ""),
        )
        self.breaks.append(found)
        self._untaken.append(found)

    def add_breaches(self, breaches: Sequence[LimitBreached]) -> None:
        """Note that limits were reached."""
        self.breaches += breaches
        self._untaken += breaches

    def note(self, outputs: Sequence[OutputEvent]) -> None:
        """Keep outputs that others found until they are taken."""
        self._untaken += outputs

    def take(self) -> list[OutputEvent]:
        """Hand out what is new, in order of position."""
        taken, self._untaken = self._untaken, []
        taken.sort(key=lambda event: event.position)
        return taken
