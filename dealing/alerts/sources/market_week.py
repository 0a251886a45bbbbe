"""When the markets of an asset class are open, where one calendar can say it.

Frames know no sessions. For currencies, metals, energy and crypto the week is the same everywhere;
of shares and indices each exchange has its own, and nothing is said here. Hours are on the careful
side: shorter than the shortest session of the class, and none on a holiday.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from dealing.alerts.sources.market_holidays import is_holiday
from exposure.model.instruments import AssetClass

_NS_PER_S: Final = 1_000_000_000
_NEW_YORK: Final = ZoneInfo("America/New_York")
_SUNDAY_TO_THURSDAY: Final = frozenset({6, 0, 1, 2, 3})


class Session(NamedTuple):
    """A trading day that begins on one New York date and ends on the next."""

    opens: time
    closes: time


SESSIONS: Final[dict[str, Session]] = {
    AssetClass.FX: Session(time(17, 5), time(16, 55)),
    AssetClass.METAL: Session(time(18, 5), time(16, 55)),
    AssetClass.ENERGY: Session(time(20, 5), time(16, 55)),
}


def open_since(asset_class: str, ts: int) -> int | None:
    """Return when the session began that a moment lies in, None if there is none or nobody knows.

    Units: ns UTC. Crypto never closes: its session began with time.
    """
    if asset_class == AssetClass.CRYPTO:
        return 0
    session = SESSIONS.get(asset_class)
    if session is None:
        return None
    today = datetime.fromtimestamp(ts // _NS_PER_S, _NEW_YORK).date()
    for day in (today, today - timedelta(days=1)):
        is_session = day.weekday() in _SUNDAY_TO_THURSDAY
        if is_session and not is_holiday(asset_class, day + timedelta(days=1)):
            begin = _ns(datetime.combine(day, session.opens, _NEW_YORK))
            end = _ns(datetime.combine(day + timedelta(days=1), session.closes, _NEW_YORK))
            if begin <= ts < end:
                return begin
    return None


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * _NS_PER_S
