"""From an engine's frame to the bytes every browser gets: built once, encoded once.

A *tick* holds every current figure, so a browser may miss some. Only crossings, breaks and chart
points are cumulative: each tick repeats those of the last seconds, and they carry what tells a new
one from a known one. A *full* frame is a tick with everything cumulative from the start: for a new
browser and for one that missed more than a tick repeats.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import orjson

from dealing.desk import rows
from dealing.desk.formats import ServerDay
from dealing.desk.history import History, Point
from dealing.desk.options import DeskOptions
from dealing.desk.panels import (
    crossings,
    exposure,
    limits,
    margin,
    pnl,
    risk_live,
    strip,
    system,
    tiles,
)
from dealing.ports import EngineFrame
from exposure.snapshot import Snapshot

REPEATED_NS: Final = 5_000_000_000
"""How far back a tick repeats what is cumulative."""

_CUMULATIVE: Final = ("crossings", "breaks", "points")
_NS_PER_MS: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 (the server's wall time has no zone)
_LOOKED_AT: Final = max(crossings.SHOWN, system.SHOWN)
_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS

Noticed = TypeVar("Noticed")


class FrameBuilder:
    """Turns frames into messages and remembers what the next one adds."""

    def __init__(self, options: DeskOptions) -> None:
        self._currency = options.reporting_currency
        self._day = ServerDay(ZoneInfo(options.day_zone), options.day_starts_at_hour)
        self._history = History()
        self._definitions: dict[str, Any] = {}
        self._crossings: list[dict[str, Any]] = []
        self._breaks: list[dict[str, Any]] = []
        self._position = -1
        self._newest: dict[str, Any] = {}
        self._recent: deque[tuple[int, dict[str, list[Any]]]] = deque()
        self._sequence = 0

    def tick(self, frame: EngineFrame, now_ns: int) -> bytes:
        """Return the message for all who saw the frame before.

        A changed list of instruments, or an engine that starts over, makes it a full one.

        Args:
            frame: The newest frame.
            now_ns: Wall clock, ns UTC.
        """
        snapshot = frame.snapshot
        book = rows.book(snapshot, self._currency)
        figures = tiles.view(snapshot, book, self._day.start(snapshot.as_of))
        symbols = book.views[rows.View.SYMBOL]
        sampled = self._history.observe(
            frame.sent_at / _NS_PER_MS,
            self._point(snapshot, book),
            figures,
            (symbols.names, symbols.columns["mid"]),
        )
        self._sequence += 1
        self._newest = {
            "type": "tick",
            "sequence": self._sequence,
            "age_ms": max(0.0, (now_ns - frame.sent_at) / _NS_PER_MS),
            "currency": book.display.currency,
            "strip": strip.view(frame, self._day),
            "figures": figures,
            "views": exposure.view(book),
            "margin": margin.view(snapshot.accounts),
            "limits": limits.view(snapshot.limits, book.display.per_usd),
            "risk": risk_live.view(snapshot),
            "break_kinds": system.kinds(snapshot.breaks),
            "counters": snapshot.counters,
            "trend": sampled.trend,
        }
        added = self._cumulative(snapshot, book.display)
        self._recent.append((now_ns, added | {"points": sampled.points}))
        if self._redefined(exposure.definitions(book)):
            return self.full(0.0)
        return orjson.dumps(self._newest | self._repeated(now_ns), option=_OPTIONS)

    def full(self, age_ms: float) -> bytes:
        """Return the message for a browser that knows nothing yet.

        Args:
            age_ms: How much older the newest frame became since its tick.
        """
        message = self._newest | {
            "type": "full",
            "age_ms": self._newest["age_ms"] + age_ms,
            "definitions": self._definitions,
            "crossings": self._crossings,
            "breaks": self._breaks,
            "points": self._history.points(),
            "trends": {"figures": self._history.figures(), "mids": self._history.mids()},
        }
        return orjson.dumps(message, option=_OPTIONS)

    def _repeated(self, now_ns: int) -> dict[str, list[Any]]:
        while now_ns - self._recent[0][0] > REPEATED_NS:
            self._recent.popleft()
        return {
            name: [row for _, added in self._recent for row in added[name]] for name in _CUMULATIVE
        }

    def _point(self, snapshot: Snapshot, book: rows.Book) -> Point:
        local = self._day.local(snapshot.as_of)
        shown_ms = int((local - _EPOCH).total_seconds() * 1_000)
        return pnl.view(snapshot.house, shown_ms, book.display.per_usd)

    def _cumulative(self, snapshot: Snapshot, display: rows.Display) -> dict[str, list[Any]]:
        """Return alerts and breaks after the last frame; all of them if positions went back."""
        if snapshot.position < self._position:
            self._crossings, self._breaks, self._position = [], [], -1
            self._definitions = {}
            self._recent.clear()
        after, self._position = self._position, snapshot.position
        noticed: list[crossings.Alert] = [
            *_newest(snapshot.crossings),
            *_newest(snapshot.breaches),
        ]
        alerts = sorted(
            (one for one in noticed if one.position > after), key=attrgetter("position")
        )
        broken = [one for one in _newest(snapshot.breaks) if one.position > after]
        added = {
            "crossings": crossings.view(alerts, self._day, display),
            "breaks": system.view(broken, self._day),
        }
        self._crossings = [*self._crossings, *added["crossings"]][-crossings.SHOWN :]
        self._breaks = [*self._breaks, *added["breaks"]][-system.SHOWN :]
        return added

    def _redefined(self, definitions: dict[str, Any]) -> bool:
        changed = definitions != self._definitions
        self._definitions = definitions
        return changed


def _newest(noticed: Sequence[Noticed]) -> Sequence[Noticed]:
    return noticed[-_LOOKED_AT:]
