"""When assets of the simulated market pay dividends, are adjusted, split or renamed.

The schedule is a table of days after the market's start, so every run meets them, whenever it
starts. It is made up. A day that falls on a weekend is put off to Monday. Something happens to an
asset only while it does not trade: its price changes between a close and an open, as on a real
exchange, and nobody can trade on it halfway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from exposure.errors import ConfigError
from exposure.model.instruments import Instrument
from feeds.ports import ActionKind, MarketAction
from feeds.simulator.calendar import SECOND, TradingHours, nanoseconds
from feeds.simulator.parameters import read_parameters

NEVER: Final = (1 << 63) - 1

_QUIET: Final = 10 * SECOND
_SATURDAY: Final = 5
_DECIMALS: Final = 9


class AssetAction(NamedTuple):
    """One thing that happens to an asset, and what the holders of its symbols see of it.

    ``drop`` is what the price loses (in the asset's currency, before ``ratio`` divides it).
    """

    ts: int
    asset: str
    drop: float
    ratio: float
    seen: tuple[MarketAction, ...]


class ActionSchedule:
    """The actions of a market from its start on."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        sessions: Sequence[str],
        start: int,
        rows: Sequence[dict[str, str]] | None = None,
    ) -> None:
        """Read the schedule; symbols that are not quoted are left out.

        Args:
            instruments: What the market quotes, in index order.
            sessions: The trading session of each.
            start: When the market starts, ns UTC.
            rows: The schedule, by default the one that ships with the simulator.

        Raises:
            ConfigError: Later, when an action is due while its asset trades.
        """
        table = read_parameters("actions") if rows is None else rows
        self._rules = list(_rules(instruments, sessions, table))
        self._hours = TradingHours()
        self._start = start
        self._asked, self._next = start, start

    def next_after(self, ts: int) -> int:
        """Return the moment of the first action later than ``ts``, NEVER if there is none."""
        if not self._asked <= ts < self._next:
            moments = [rule.next_after(ts, self._start) for rule in self._rules]
            self._asked, self._next = ts, min(moments, default=NEVER)
        return self._next

    def at(self, ts: int) -> list[AssetAction]:
        """Return what happens at exactly this moment."""
        if self.next_after(ts - 1) != ts:
            return []
        due = [rule for rule in self._rules if rule.next_after(ts - 1, self._start) == ts]
        for rule in due:
            self._check_closed(rule, ts)
        return [rule.action(ts) for rule in due]

    def _check_closed(self, rule: _Rule, ts: int) -> None:
        for moment in (ts - _QUIET, ts):
            is_open = dict(
                zip(self._hours.names, self._hours.open_sessions(moment).tolist(), strict=True)
            )
            if any(is_open[session] for session in rule.sessions):
                problem = (
                    f"actions.csv: {rule.symbol} trades at {rule.at} {rule.zone.key}: choose a "
                    f"time at which it is closed for its {rule.kind}"
                )
                raise ConfigError([problem])


class _Rule(NamedTuple):
    symbol: str
    asset: str
    kind: ActionKind
    amount: float
    name: str
    nets: tuple[float, float]
    symbols: tuple[int, ...]
    sessions: tuple[str, ...]
    after_days: int
    every_days: int
    at: time
    zone: ZoneInfo

    def next_after(self, ts: int, start: int) -> int:
        first = datetime.fromtimestamp(start // SECOND, self.zone).date()
        first += timedelta(days=self.after_days)
        passed = (datetime.fromtimestamp(ts // SECOND, self.zone).date() - first).days
        # one period back, because a weekend may have put the last one off until after ts
        count = max(0, passed // self.every_days - 1) if self.every_days else 0
        while True:
            moment = self._moment(first + timedelta(days=count * self.every_days))
            if moment > max(ts, start):
                return moment
            if not self.every_days:
                return NEVER
            count += 1

    def action(self, ts: int) -> AssetAction:
        pays = self.kind in {ActionKind.DIVIDEND, ActionKind.ADJUSTMENT}
        splits = self.kind is ActionKind.SPLIT
        return AssetAction(
            ts=ts,
            asset=self.asset,
            drop=self.amount if pays else 0.0,
            ratio=self.amount if splits else 1.0,
            seen=tuple(self._seen(ts, symbol, pays=pays) for symbol in self.symbols),
        )

    def _seen(self, ts: int, symbol: int, *, pays: bool) -> MarketAction:
        if not pays:
            ratio = self.amount if self.kind is ActionKind.SPLIT else 1.0
            return MarketAction(ts, symbol, self.kind, ratio=ratio, name=self.name)
        client_net, provider_net = self.nets
        return MarketAction(
            ts,
            symbol,
            self.kind,
            long_per_unit=round(self.amount * client_net, _DECIMALS),
            short_per_unit=self.amount,
            provider_long_per_unit=round(self.amount * provider_net, _DECIMALS),
        )

    def _moment(self, day: date) -> int:
        if day.weekday() >= _SATURDAY:
            day += timedelta(days=7 - day.weekday())
        return nanoseconds(datetime.combine(day, self.at, self.zone))


def _rules(
    instruments: Sequence[Instrument], sessions: Sequence[str], rows: Sequence[dict[str, str]]
) -> Iterator[_Rule]:
    place = {str(one.symbol): index for index, one in enumerate(instruments)}
    for row in rows:
        if row["symbol"] not in place:
            continue
        kind, symbol = ActionKind(row["kind"]), place[row["symbol"]]
        asset = instruments[symbol].base
        # a dividend, adjustment or split is the asset's: every symbol of it has it
        same = [index for index, one in enumerate(instruments) if one.base == asset]
        symbols = [symbol] if kind is ActionKind.RENAME else same
        yield _Rule(
            symbol=row["symbol"],
            asset=asset,
            kind=kind,
            amount=0.0 if kind is ActionKind.RENAME else float(row["value"]),
            name=row["value"] if kind is ActionKind.RENAME else "",
            nets=(float(row["long_net"] or 1.0), float(row["provider_long_net"] or 1.0)),
            symbols=tuple(symbols),
            sessions=tuple({sessions[index] for index in symbols}),
            after_days=int(row["after_days"]),
            every_days=int(row["every_days"] or 0),
            at=time.fromisoformat(row["time"]),
            zone=ZoneInfo(row["time_zone"]),
        )
