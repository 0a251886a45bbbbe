"""The house's own risk and result: value at risk against its limit, and jumps of the P&L."""

from __future__ import annotations

import math
from collections import deque
from typing import Final, NamedTuple

import polars as pl

from dealing.alerts.model import Reading
from dealing.alerts.sources.registry import BY_NAME
from dealing.alerts.sources.wording import facts, percent, span, usd
from exposure.snapshot import Snapshot

HOUSE: Final = "house"
_NS_PER_S: Final = 1_000_000_000
_POINTS: Final = 60
"""How finely a window is remembered."""

_LEAST_VAR: Final = BY_NAME["var_limit"].least
_LEAST_JUMP_USD: Final = BY_NAME["pnl_jump"].least


def var_readings(snapshot: Snapshot, limit_usd: float) -> list[Reading]:
    """Return how much of the limit of the value at risk is used."""
    risk = snapshot.risk
    ratio = risk.var_usd / limit_usd
    if not math.isfinite(ratio) or ratio < _LEAST_VAR:
        return []
    over_usd = max(0.0, risk.var_usd - limit_usd)
    return [
        Reading(
            rule="var_limit",
            subject=HOUSE,
            value=ratio,
            at_stake_usd=risk.var_usd,
            happened_at_ns=snapshot.as_of,
            headline=f"The house may lose {usd(risk.var_usd)} in a day (VaR 99 %), "
            f"{percent(ratio)} of the limit {usd(limit_usd)}",
            advice=f"Hedge what contributes most until {usd(over_usd)} less are at risk."
            if over_usd
            else "Watch it, and hedge first what contributes most.",
            facts=facts(
                ("VaR 99 %, a day", usd(risk.var_usd)),
                ("Expected shortfall", usd(risk.es_usd)),
                ("Limit", usd(limit_usd)),
                ("Without a price", f"{risk.unpriced_symbols:,} symbols")
                if risk.unpriced_symbols
                else ("", ""),
            ),
        )
    ]


class _Point(NamedTuple):
    as_of: int
    total_usd: float


class PnlJump:
    """Compares the house's result with what it was a window of market time ago."""

    def __init__(self, window_s: float) -> None:
        """Take how far back a result is compared."""
        self._window_ns = round(window_s * _NS_PER_S)
        self._points: deque[_Point] = deque()
        self._unpriced: int | None = None

    def look(self, snapshot: Snapshot) -> list[Reading]:
        """Return how far the result has moved within the window, up or down."""
        total = snapshot.house.floating_usd + snapshot.house.realised_usd
        if not math.isfinite(total):
            return []
        self._begin_anew_if_incomparable(snapshot)
        self._keep(_Point(snapshot.as_of, total))
        before = self._points[0]
        change = total - before.total_usd
        if abs(change) < _LEAST_JUMP_USD:
            return []
        return [_jump(change, (snapshot.as_of - before.as_of) / _NS_PER_S, snapshot)]

    def _begin_anew_if_incomparable(self, snapshot: Snapshot) -> None:
        # a position that finds its first price is worth something at once without any move
        unpriced = int(snapshot.exposure.select(pl.col("unpriced_positions").sum()).item() or 0)
        went_back = bool(self._points) and snapshot.as_of < self._points[-1].as_of
        if went_back or unpriced != self._unpriced:
            self._points.clear()
        self._unpriced = unpriced

    def _keep(self, point: _Point) -> None:
        """Remember a point, and the last one that is a window old as the oldest."""
        points = self._points
        if len(points) > 1 and points[-1].as_of - points[-2].as_of < self._window_ns // _POINTS:
            points[-1] = point
        else:
            points.append(point)
        while len(points) > 1 and points[1].as_of <= point.as_of - self._window_ns:
            points.popleft()


def _jump(change_usd: float, took_s: float, snapshot: Snapshot) -> Reading:
    house = snapshot.house
    word = "gained" if change_usd > 0.0 else "lost"
    total_usd = house.floating_usd + house.realised_usd
    return Reading(
        rule="pnl_jump",
        subject=HOUSE,
        value=abs(change_usd),
        at_stake_usd=abs(change_usd),
        happened_at_ns=snapshot.as_of,
        headline=f"The house {word} {usd(abs(change_usd))} within {span(took_s)}, its result is "
        f"{usd(total_usd, sign=True)} now",
        advice="Look at which symbol and which clients it came from, and whether prices are right.",
        facts=facts(
            ("Change", usd(change_usd, sign=True)),
            ("Floating", usd(house.floating_usd, sign=True)),
            ("Book A", usd(house.floating_a_usd, sign=True)),
            ("Book B", usd(house.floating_b_usd, sign=True)),
            ("Realised", usd(house.realised_usd, sign=True)),
        ),
    )
