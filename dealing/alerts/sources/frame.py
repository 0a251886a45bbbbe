"""What an engine's frame says to the rules: everything that is about exposure, accounts and prices.

A frame comes several times a second and may have tens of thousands of accounts: columns are
filtered, and accounts are looked at only where one of them reached a level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from dealing.alerts.model import Look, Reading
from dealing.alerts.sources.breaks import Breaks
from dealing.alerts.sources.coverage import uncovered_readings
from dealing.alerts.sources.crossings import Crossings
from dealing.alerts.sources.deals import LargeDealsSeen
from dealing.alerts.sources.health import PlatformSilence, component_readings, lag_readings
from dealing.alerts.sources.house import PnlJump, var_readings
from dealing.alerts.sources.limits import limit_readings
from dealing.alerts.sources.rates import equity_by_client, usd_rates
from dealing.alerts.sources.stale import StaleFeeds
from dealing.ports import KEPT_DEALS, EngineFrame

SOURCE: Final = "engine"
CROSSINGS: Final = "engine.crossings"
BREAKS: Final = "engine.breaks"
DEALS: Final = "engine.deals"

_MARKET: Final = frozenset(
    {"limit_soft", "limit_hard", "uncovered_exposure", "stale_feed", "pnl_jump"}
)
_PROCESS: Final = frozenset({"feed_gap", "component_down"})
_LAG: Final = frozenset({"engine_lag"})
_VAR: Final = frozenset({"var_limit"})


class FrameSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a frame does not say.

    Without ``var_limit_usd`` nobody looks at the value at risk. ``kept_events`` is how many
    crossings and how many breaks a frame holds at most, as the engine is configured. Units:
    ``pnl_window_s`` seconds of market time.
    """

    kept_events: int
    var_limit_usd: float | None = None
    pnl_window_s: float = 60.0


class FrameSource:
    """Looks at one frame after the other."""

    def __init__(self, settings: FrameSettings, cursors: Mapping[str, str]) -> None:
        """Take what a frame does not say, and how far an earlier process read."""
        self._var_limit_usd = settings.var_limit_usd
        self._crossings = Crossings(cursors.get(CROSSINGS, ""), settings.kept_events)
        self._breaks = Breaks(cursors.get(BREAKS, ""), settings.kept_events)
        self._deals = LargeDealsSeen(cursors.get(DEALS, ""), KEPT_DEALS)
        self._stale = StaleFeeds()
        self._pnl = PnlJump(settings.pnl_window_s)
        self._silence = PlatformSilence()
        self._newest: EngineFrame | None = None
        self._at_position: tuple[Reading, ...] = ()

    def look(self, frame: EngineFrame, now_us: int) -> Look:
        """Return what a frame says."""
        before = None if self._newest is None else self._newest.snapshot
        if before is None or frame.snapshot.position != before.position:
            self._at_position = tuple(self._of_market(frame))
        self._newest = frame
        readings = (
            *self._at_position,
            *component_readings(frame),
            *self._silence.look(frame, now_us),
            *lag_readings(frame, now_us),
            *self._crossings.look(frame.snapshot, before),
            *self._breaks.look(frame.snapshot),
            *self._deals.look(frame),
        )
        var = _VAR if self._var_limit_usd is not None else frozenset()
        measured = _MARKET | _PROCESS | _LAG | var
        return Look(
            source=SOURCE,
            at_us=now_us,
            readings=readings,
            measured=measured,
            cursors=self._cursors(),
        )

    def alone(self, now_us: int) -> Look:
        """Return how old the newest frame is, for moments at which none comes."""
        readings = () if self._newest is None else tuple(lag_readings(self._newest, now_us))
        return Look(
            source=SOURCE, at_us=now_us, readings=readings, measured=_LAG, cursors=self._cursors()
        )

    def usd_rates(self) -> dict[str, float]:
        """Return what currencies are worth in the newest frame."""
        return {"USD": 1.0} if self._newest is None else usd_rates(self._newest.snapshot)

    def equity_by_client(self) -> dict[str, float]:
        """Return what clients have in their trading accounts in the newest frame, in USD."""
        return {} if self._newest is None else equity_by_client(self._newest.snapshot)

    def _of_market(self, frame: EngineFrame) -> Iterator[Reading]:
        """Yield what is the same as long as the engine is at the same event."""
        snapshot = frame.snapshot
        yield from limit_readings(snapshot)
        yield from uncovered_readings(snapshot)
        yield from self._stale.look(snapshot)
        yield from self._pnl.look(snapshot)
        if self._var_limit_usd is not None:
            yield from var_readings(snapshot, self._var_limit_usd)

    def _cursors(self) -> dict[str, str]:
        held = {
            CROSSINGS: self._crossings.cursor,
            BREAKS: self._breaks.cursor,
            DEALS: self._deals.cursor,
        }
        return {name: cursor for name, cursor in held.items() if cursor}
