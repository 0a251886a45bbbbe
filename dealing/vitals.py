"""How the engine process is doing: who was heard when, and how much comes in per second."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from dealing.ports import ComponentState, ComponentStatus

WINDOW_S: Final = 1.0
"""Rates are taken over the last second."""


class Rates(NamedTuple):
    """Events per wall-clock second."""

    quotes_per_s: float
    deals_per_s: float


class Vitals:
    """Notes what happens in the process and tells it as component states and rates."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a steady clock in seconds."""
        self._clock = clock
        self._platform = ComponentState.READY
        self._platform_detail = "not reached yet"
        self._heard_s: float | None = None
        self._synced_s: float | None = None
        self._saved_s: float | None = None
        self._counted: deque[tuple[float, int, int]] = deque()

    def heard(self) -> None:
        """The platform sent a batch, and the engine applied it."""
        self._heard_s = self._clock()
        self._platform, self._platform_detail = ComponentState.RUNNING, "connected"

    def lost(self, reason: str) -> None:
        """The platform is gone."""
        self._platform, self._platform_detail = ComponentState.DEGRADED, reason

    def synced(self) -> None:
        """The disk has the whole journal."""
        self._synced_s = self._clock()

    def saved(self) -> None:
        """The disk has the whole state."""
        self._saved_s = self._clock()

    def rates(self, counters: Mapping[str, int]) -> Rates:
        """Return how fast the engine's counters grow; call it for every frame."""
        now_s = self._clock()
        self._counted.append((now_s, counters["quotes"], counters["deals"]))
        while self._counted[0][0] < now_s - WINDOW_S:
            self._counted.popleft()
        since_s, quotes, deals = self._counted[0]
        elapsed_s = now_s - since_s
        if elapsed_s <= 0.0:
            return Rates(0.0, 0.0)
        return Rates(
            (counters["quotes"] - quotes) / elapsed_s, (counters["deals"] - deals) / elapsed_s
        )

    def components(self, position: int) -> list[ComponentStatus]:
        """Return the process's components, what comes first in the flow first."""
        running = ComponentState.RUNNING
        return [
            ComponentStatus(
                "platform", self._platform, self._platform_detail, self._age_ms(self._heard_s)
            ),
            ComponentStatus("journal", running, "on the disk", self._age_ms(self._synced_s)),
            ComponentStatus(
                "engine", running, f"at event {position:,}", self._age_ms(self._heard_s)
            ),
            ComponentStatus("saved state", running, "on the disk", self._age_ms(self._saved_s)),
        ]

    def _age_ms(self, since_s: float | None) -> float | None:
        return None if since_s is None else (self._clock() - since_s) * 1e3
