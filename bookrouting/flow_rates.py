"""A symbol's flow and price as they come: what a band needs to know, forgotten slowly.

Sums are discounted by age (a half-life of market time) and divided by the discounted time that was
watched, so that the first hour already gives rates per day and a quiet symbol's fade.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec

from bookrouting.bands import Flow, Price

DAY_NS: Final = 86_400_000_000_000
LEAST_TRADES: Final = 50
LEAST_MOVES: Final = 20
"""Before so many client trades and price moves nothing is said."""


class FlowRates(msgspec.Struct, kw_only=True):
    """Discounted sums of one symbol; lots are the house's own change, minus the client's.

    ``half_life_ns`` is how fast the past fades, ``move_ns`` how far apart prices are compared.

    Units: sums in lots, squared returns (a share of the price) and shares; times ns.
    """

    half_life_ns: int = 5 * DAY_NS
    move_ns: int = 300_000_000_000
    now_ns: int = 0
    watched_days: float = 0.0
    trades: float = 0.0
    lots: float = 0.0
    squared_lots: float = 0.0
    signed_lots: float = 0.0
    squared_moves: float = 0.0
    moves: float = 0.0
    half_spreads: float = 0.0
    quotes: float = 0.0
    trades_seen: int = 0
    moves_seen: int = 0
    last_mid: float = math.nan
    last_mid_ns: int = 0

    def take_trade(self, ts_ns: int, house_lots: float) -> None:
        """Take a client's trade by what it does to the house's position."""
        if not math.isfinite(house_lots):
            return
        self._pass_time(ts_ns)
        self.trades += 1.0
        self.trades_seen += 1
        self.lots += abs(house_lots)
        self.squared_lots += house_lots**2
        self.signed_lots += house_lots

    def take_price(self, ts_ns: int, mid: float, half_spread: float) -> None:
        """Take a price: its spread each time, its move when the last one is ``move_ns`` old.

        A move over a much longer time is a closed market's and no observation.
        """
        if not (math.isfinite(mid) and mid > 0.0 and math.isfinite(half_spread)):
            return
        self._pass_time(ts_ns)
        self.quotes += 1.0
        self.half_spreads += max(half_spread, 0.0) / mid
        age = self.now_ns - self.last_mid_ns
        if math.isnan(self.last_mid) or age >= self.move_ns:
            if not math.isnan(self.last_mid) and age <= 2 * self.move_ns:
                self.squared_moves += math.log(mid / self.last_mid) ** 2
                self.moves += age / DAY_NS
                self.moves_seen += 1
            self.last_mid, self.last_mid_ns = mid, self.now_ns

    @property
    def is_known(self) -> bool:
        """Whether enough was seen to say anything."""
        enough = self.trades_seen >= LEAST_TRADES and self.moves_seen >= LEAST_MOVES
        return enough and self.watched_days > 0.0 and self.squared_moves > 0.0

    @property
    def trades_per_day(self) -> float:
        """Lambda."""
        return self.trades / self.watched_days if self.watched_days > 0.0 else 0.0

    @property
    def mean_lots(self) -> float:
        """The mean size of a trade."""
        return self.lots / self.trades if self.trades > 0.0 else 0.0

    def flow(self) -> Flow | None:
        """Return the flow per day in lots, None before enough was seen.

        The drift counts where it is more than chance: two standard errors of the signed sum.
        """
        if not self.is_known:
            return None
        is_real = abs(self.signed_lots) > 2.0 * math.sqrt(self.squared_lots)
        drift = self.signed_lots / self.watched_days if is_real else 0.0
        return Flow(self.squared_lots / self.watched_days, drift)

    def price(self, usd_per_lot: float, risk_aversion: float) -> Price | None:
        """Return what holding and hedging a lot costs in USD, None before enough was seen.

        Args:
            usd_per_lot: What one lot is worth.
            risk_aversion: Gamma per USD.
        """
        if not (self.is_known and self.moves > 0.0 and math.isfinite(usd_per_lot)):
            return None
        daily_variance = self.squared_moves / self.moves
        cost = self.half_spreads / self.quotes * abs(usd_per_lot)
        return Price(daily_variance * usd_per_lot**2, risk_aversion, cost)

    def export(self) -> dict[str, Any]:
        """Return everything as plain values."""
        state: dict[str, Any] = msgspec.to_builtins(self)
        return state | {"last_mid": None if math.isnan(self.last_mid) else self.last_mid}

    @staticmethod
    def restored(state: dict[str, Any]) -> FlowRates:
        """Return what ``export`` was called on."""
        mid = state["last_mid"]
        return msgspec.convert(state | {"last_mid": math.nan if mid is None else mid}, FlowRates)

    def _pass_time(self, ts_ns: int) -> None:
        """Let everything fade; a clock that goes back passes no time."""
        if self.now_ns == 0:
            self.now_ns = ts_ns
        passed = ts_ns - self.now_ns
        if passed <= 0:
            return
        keep = 0.5 ** (passed / self.half_life_ns)
        for name in (
            "trades", "lots", "squared_lots", "signed_lots", "squared_moves", "moves",
            "half_spreads", "quotes",
        ):  # fmt: skip
            setattr(self, name, getattr(self, name) * keep)
        # the integral of the fading over the time that passed
        scale_days = self.half_life_ns / math.log(2.0) / DAY_NS
        self.watched_days = self.watched_days * keep + (1.0 - keep) * scale_days
        self.now_ns = ts_ns
