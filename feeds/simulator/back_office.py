"""The broker's back office: rollover, and what happens to instruments while they do not trade.

Everything is an event that the accounts take like any other. Clients and the provider are charged
and paid separately: the provider's swap is better by the broker's markup, and it withholds less of
a dividend.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Protocol, assert_never

from exposure.model.events import DividendPaid, InputEvent, PriceAdjusted, SwapCharged
from feeds.ports import ActionKind, MarketAction
from feeds.simulator.financing import (
    holidays_of,
    load_holidays,
    nights,
    pays_swap,
    provider_rates,
)
from feeds.simulator.plans import ExitPlans
from feeds.simulator.signals import Signals
from feeds.simulator.trade_server import TradeServer


class Splits(Protocol):
    """Somebody who remembers lots of a symbol."""

    def split(self, symbol: int, ratio: float) -> None:
        """Multiply what was remembered of a symbol that was split."""


class BackOffice:
    """Charges swap, pays dividends and keeps everybody's numbers through splits and renames."""

    def __init__(
        self,
        server: TradeServer,
        orders: Sequence[Splits],
        plans: ExitPlans,
        signals: Signals,
    ) -> None:
        """Take everybody who remembers prices or lots, before any symbol was renamed.

        Args:
            server: Whose accounts they are.
            orders: Who has orders on their way.
            plans: When positions are meant to end.
            signals: What was seen in the prices.
        """
        self._server = server
        self._orders, self._plans, self._signals = orders, plans, signals
        holidays = load_holidays()
        self._holidays = [holidays_of(one, holidays) for one in server.instruments]
        self._provider_rates = provider_rates(server.instruments)

    def roll_over(self, day: date, ts: int) -> None:
        """Charge swap for the trading day that ends."""
        symbols = range(len(self._server.instruments))
        self._server.publish([
            event for symbol in symbols for event in self._swaps(symbol, day, ts)
        ])  # fmt: skip

    def act(self, action: MarketAction, ts: int) -> None:
        """Let everybody have what happened to a symbol."""
        match action.kind:
            case ActionKind.DIVIDEND | ActionKind.ADJUSTMENT:
                self._server.publish(list(self._payments(action, ts)))
            case ActionKind.SPLIT:
                self._split(action.symbol, action.ratio, ts)
            case ActionKind.RENAME:
                self._server.rename(action.symbol, action.name, ts)
            case _:
                assert_never(action.kind)

    def _swaps(self, symbol: int, day: date, ts: int) -> Iterator[InputEvent]:
        instrument = self._server.instruments[symbol]
        count = nights(instrument, day, self._holidays[symbol])
        if count == 0 or not pays_swap(instrument):
            return
        if self._server.has_holders(symbol):
            yield SwapCharged(ts, instrument.symbol, count)
        if self._server.is_hedged(symbol):
            long, short = self._provider_rates[symbol]
            yield SwapCharged(ts, instrument.symbol, count, long, short, lp=self._server.lp)

    def _payments(self, action: MarketAction, ts: int) -> Iterator[InputEvent]:
        kind = DividendPaid if action.kind is ActionKind.DIVIDEND else PriceAdjusted
        name, short = self._server.instruments[action.symbol].symbol, action.short_per_unit
        if self._server.has_holders(action.symbol):
            yield kind(ts, name, action.long_per_unit, short)
        if self._server.is_hedged(action.symbol):
            yield kind(ts, name, action.provider_long_per_unit, short, lp=self._server.lp)

    def _split(self, symbol: int, ratio: float, ts: int) -> None:
        self._server.split(symbol, ratio, ts)
        for one in self._orders:
            one.split(symbol, ratio)
        self._plans.split(self._server.book.of_symbol.row(symbol), ratio)
        self._signals.split(symbol, ratio)
