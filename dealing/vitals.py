"""How the engine process is doing: who was heard when, what comes in, and how long it waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from dealing.components import ComponentState, ComponentStatus
from dealing.ports import Delays
from feeds.platform_wire import PlatformStatus

WINDOW_S: Final = 1.0
"""Rates are taken over the last second, or since the frame before it."""

CATCHING_UP_EVENTS: Final = 10_000
"""How far behind the platform's news counts as catching up."""


DELAY_WINDOW_S: Final = 10.0
"""Delays are those of this last time."""


LIVE_WITHIN_S: Final = 2.5
"""For how long the last events, and having caught up, count as live."""


class Rates(NamedTuple):
    """Events per wall-clock second."""

    quotes_per_s: float
    deals_per_s: float


class Vitals:
    """Notes what happens in the process and tells it as component states and rates."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a steady clock in seconds."""
        self._clock = clock
        self._status: PlatformStatus | None = None
        self._away: str | None = "not reached yet"
        self._heard_s: float | None = None
        self._applied_s: float | None = None
        self._level_s: float | None = None
        self._synced_s: float | None = None
        self._saved_s: float | None = None
        self._unsaved: str | None = None
        self._counted: deque[tuple[float, int, int]] = deque()
        self._delays: deque[tuple[float, float]] = deque()

    def applied(self) -> bool:
        """Note that the engine applied events, and return whether the platform was away before."""
        was_away, self._away = self._away is not None, None
        self._applied_s = self._heard_s = self._clock()
        return was_away

    def is_live(self, position: int) -> bool:
        """Whether events come in and none that the platform told of is missing."""
        now_s = self._clock()
        if self._status is not None and position >= self._status.position:
            self._level_s = now_s
        moments = (self._applied_s, self._level_s)
        return self._away is None and all(
            moment is not None and now_s - moment <= LIVE_WITHIN_S for moment in moments
        )

    def delayed(self, ms: float) -> None:
        """Note how long events took from the socket until the engine had applied them."""
        now_s = self._clock()
        self._delays.append((now_s, ms))
        while self._delays[0][0] < now_s - DELAY_WINDOW_S:
            self._delays.popleft()

    def delays(self) -> Delays | None:
        """Return how long events took lately, None before the first ones."""
        if not self._delays:
            return None
        values = np.fromiter((ms for _, ms in self._delays), np.float64, len(self._delays))
        p50, p99 = np.percentile(values, (50, 99))
        return Delays(float(p50), float(p99), float(values.max()))

    def told(self, status: PlatformStatus | None) -> None:
        """Note the newest that the platform said about itself."""
        if status is not self._status:
            self._status, self._heard_s = status, self._clock()

    def lost(self, reason: str) -> bool:
        """Note that the platform is gone, and return whether it was there until now."""
        was_there, self._away = self._away is None, reason
        return was_there

    def synced(self) -> None:
        """Note that the disk has the whole journal."""
        self._synced_s = self._clock()

    def saved(self) -> bool:
        """Note that the disk has the whole state, and return whether that had failed before."""
        had_failed, self._unsaved = self._unsaved is not None, None
        self._saved_s = self._clock()
        return had_failed

    def not_saved(self, reason: str) -> bool:
        """Note that the state could not be saved, and return whether that is news."""
        is_news, self._unsaved = self._unsaved is None, reason
        return is_news

    def rates(self, counters: Mapping[str, int]) -> Rates:
        """Return how fast the engine's counters grow; call it for every frame."""
        now_s = self._clock()
        self._counted.append((now_s, counters["quotes"], counters["deals"]))
        while len(self._counted) > 1 and self._counted[1][0] <= now_s - WINDOW_S:
            self._counted.popleft()
        since_s, quotes, deals = self._counted[0]
        elapsed_s = now_s - since_s
        if elapsed_s <= 0.0:
            return Rates(0.0, 0.0)
        return Rates(
            (counters["quotes"] - quotes) / elapsed_s, (counters["deals"] - deals) / elapsed_s
        )

    def components(self, position: int) -> list[ComponentStatus]:
        """Return the process's components in the order in which events meet them."""
        running = ComponentState.RUNNING
        return [
            self._platform(),
            ComponentStatus("journal", running, "on the disk", self._age_ms(self._synced_s)),
            self._engine(position),
            self._saved_state(),
        ]

    def _platform(self) -> ComponentStatus:
        age_ms = self._age_ms(self._heard_s)
        if self._away is not None:
            state = ComponentState.READY if self._heard_s is None else ComponentState.DEGRADED
            return ComponentStatus("platform", state, self._away, age_ms)
        if self._status is None:
            return ComponentStatus("platform", ComponentState.RUNNING, "connected", age_ms)
        late = self._status.is_late
        state = ComponentState.DEGRADED if late else ComponentState.RUNNING
        return ComponentStatus("platform", state, self._status.detail, age_ms)

    def _engine(self, position: int) -> ComponentStatus:
        behind = 0 if self._status is None else self._status.position - position
        if behind > CATCHING_UP_EVENTS:
            state, detail = ComponentState.READY, f"catching up, {behind:,} events behind"
        else:
            state, detail = ComponentState.RUNNING, f"at event {position:,}"
            if (delays := self.delays()) is not None:
                detail += f", within {delays.p50_ms:.1f} ms, 99 in 100 within {delays.p99_ms:.1f}"
        return ComponentStatus("engine", state, detail, self._age_ms(self._applied_s))

    def _saved_state(self) -> ComponentStatus:
        age_ms = self._age_ms(self._saved_s)
        if self._unsaved is not None:
            state, detail = ComponentState.DEGRADED, self._unsaved
        elif self._saved_s is None:
            state, detail = ComponentState.READY, "none yet"
        else:
            state, detail = ComponentState.RUNNING, "on the disk"
        return ComponentStatus("saved state", state, detail, age_ms)

    def _age_ms(self, since_s: float | None) -> float | None:
        return None if since_s is None else (self._clock() - since_s) * 1e3
