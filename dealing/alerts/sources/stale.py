"""Prices that stand still although their market is open.

The engine calls a symbol stale when its last quote is older than the symbol allows, in the events'
own time; whether its market is open no frame says. So it is told from the others: while a symbol of
the same class and quote currency has fresh prices, that market trades. Where none has, the calendar
is asked (:mod:`dealing.alerts.sources.market_week`), and a class that it does not know is closed.

A symbol is stale from its last quote on, or from when its market opened if that was later: after a
week-end nobody is late for the first minutes. Only symbols that clients hold are told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from dealing.alerts.model import Reading
from dealing.alerts.sources.market_week import open_since
from dealing.alerts.sources.small_tables import rows_of
from dealing.alerts.sources.wording import facts, known, lots, span, usd
from exposure.snapshot import Snapshot

_NS_PER_S: Final = 1e9
_NS_PER_MS: Final = 1e6

Group = tuple[str, str]
"""Asset class and quote currency: symbols that usually trade at the same hours."""


class Priced(NamedTuple):
    """A symbol and its price's age; ``age_ms`` is None before its first one."""

    symbol: str
    asset_class: str
    quote: str
    stale: bool
    age_ms: float | None
    positions: int | None
    house_net_lots: float | None
    house_net_usd: float | None

    @property
    def group(self) -> Group:
        """With what it usually trades."""
        return self.asset_class, self.quote

    @property
    def has_price(self) -> bool:
        """Whether it ever had one."""
        return self.age_ms is not None and math.isfinite(self.age_ms)


class StaleFeeds:
    """Remembers which markets were silent, and when they began to trade again."""

    def __init__(self) -> None:
        self._silent: set[Group] = set()
        self._opened: dict[Group, int] = {}
        self._first_ns: int | None = None

    def look(self, snapshot: Snapshot) -> list[Reading]:
        """Return the symbols that are late at the moment of a frame."""
        as_of = snapshot.as_of
        if self._first_ns is None:
            self._first_ns = as_of
        rows = [Priced(*row) for row in rows_of(snapshot.exposure, Priced._fields)]
        fresh = self._note(rows, as_of)
        late = [one for one in rows if one.stale and known(one.positions) > 0.0]
        sessions = {name: open_since(name, as_of) for name in {one.asset_class for one in late}}
        readings = []
        for one in late:
            opened = self._open_since(one, fresh, sessions[one.asset_class])
            if opened is not None:
                readings.append(_reading(one, max(self._last(one, as_of), opened), as_of))
        return readings

    def _note(self, rows: Sequence[Priced], as_of: int) -> set[Group]:
        """Return the groups with a fresh price, having noted which of them just opened."""
        fresh = {one.group for one in rows if not one.stale}
        for group in self._silent & fresh:
            self._opened[group] = as_of
        self._silent = {one.group for one in rows} - fresh
        return fresh

    def _open_since(self, one: Priced, fresh: set[Group], session: int | None) -> int | None:
        """Return when a symbol's market opened, None while it is closed."""
        if one.group in fresh:
            return self._opened.get(one.group, session or 0)
        return session

    def _last(self, one: Priced, as_of: int) -> int:
        """Return when a symbol had its last price; one that never had any is late since we look."""
        if not one.has_price:
            return as_of if self._first_ns is None else self._first_ns
        return as_of - round(known(one.age_ms) * _NS_PER_MS)


def _reading(one: Priced, began: int, as_of: int) -> Reading:
    late_s = (as_of - began) / _NS_PER_S
    at_stake_usd = abs(known(one.house_net_usd))
    held = f"the house holds {lots(one.house_net_lots, sign=True)} ({usd(one.house_net_usd)})"
    said = f"no new price for {span(late_s)}" if one.has_price else "no price yet"
    return Reading(
        rule="stale_feed",
        subject=one.symbol,
        value=late_s,
        at_stake_usd=at_stake_usd,
        happened_at_ns=began,
        headline=f"{one.symbol}: {said} while its market is open, {held}",
        advice=f"Check the price source of {one.symbol}; until then trust no figure of it.",
        facts=facts(
            ("Without a price", span(late_s)),
            ("House net", usd(one.house_net_usd)),
            ("Positions", f"{known(one.positions):,.0f}"),
        ),
        symbol=one.symbol,
    )
