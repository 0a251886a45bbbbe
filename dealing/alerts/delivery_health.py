"""How a channel is doing, and how long news took to reach it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from dealing.alerts.ports import Delivery

RECENT: Final = 1_000
"""Delays are those of so many messages."""

US_PER_MS: Final = 1_000
NS_PER_US: Final = 1_000


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Delays of the newest messages, in milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float
    worst_ms: float


class DeliveryHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel is doing.

    ``waiting`` deliveries it still lacks, the oldest since ``oldest_s``. It fails since
    ``failing_since_us``, None while it works; with ``needs_mending`` it goes on failing until
    somebody changes the configuration. ``last_error`` stays after it works again. Of first messages
    of cases, ``event_delays`` are from the event (the market's clock) and ``wait_delays`` from when
    the case was kept until the channel had accepted it.
    """

    channel: str
    waiting: int
    oldest_s: float | None
    failing_since_us: int | None
    failures: int
    needs_mending: bool
    last_error: str
    last_told_us: int | None
    messages: int
    summaries: int
    event_delays: Spread | None
    wait_delays: Spread | None


class Delays:
    """Counts messages, and remembers how long the newest first ones took."""

    def __init__(self) -> None:
        self.messages = 0
        self.summaries = 0
        self.last_told_us: int | None = None
        self._since_event_us: deque[int] = deque(maxlen=RECENT)
        self._since_wanted_us: deque[int] = deque(maxlen=RECENT)

    def told(self, delivery: Delivery, now_us: int) -> None:
        """Note that a message was accepted."""
        self.messages += 1
        self.last_told_us = now_us
        if delivery.sent_version == 0:
            happened_us = delivery.case.happened_at_ns // NS_PER_US
            self._since_event_us.append(max(0, now_us - happened_us))
            self._since_wanted_us.append(max(0, now_us - delivery.first_wanted_us))

    def said(self, now_us: int) -> None:
        """Note that a message about many cases was accepted."""
        self.summaries += 1
        self.last_told_us = now_us

    def since_event(self) -> Spread | None:
        """Return how long it took from the events, None before the first message."""
        return _spread(self._since_event_us)

    def since_wanted(self) -> Spread | None:
        """Return how long it took from when cases were kept, None before the first message."""
        return _spread(self._since_wanted_us)


def _spread(delays_us: Iterable[int]) -> Spread | None:
    ordered = sorted(delays_us)
    if not ordered:
        return None
    return Spread(
        count=len(ordered),
        p50_ms=_share(ordered, 0.5) / US_PER_MS,
        p99_ms=_share(ordered, 0.99) / US_PER_MS,
        worst_ms=ordered[-1] / US_PER_MS,
    )


def _share(ordered: list[int], share: float) -> int:
    """Return the smallest that so large a share is not above (nearest rank)."""
    return ordered[math.ceil(share * len(ordered)) - 1]
