"""A stretch of trading: batches of ticks, and between them the deals that a real day has.

Stop-outs are executed before the next batch, and some clients change sides. Only the ticks are
timed: deals run the same code in both engines.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

import numpy as np

from dealing.bench.workload import part
from exposure.engine import ExposureEngine
from exposure.model.events import (
    DealExecuted,
    EventBatch,
    InputEvent,
    MarginLevelCrossed,
    OutputEvent,
)
from exposure.model.quotes import QuoteColumns

BATCH: Final = 1_000
"""Ticks per call: a call costs as much as many ticks, whatever is in it."""

DEALS_PER_BATCH: Final = 250
"""500 per second of the market, half of them closing, half opening."""


class Session:
    """One engine on its way through the ticks, and what it said."""

    def __init__(self, engine: ExposureEngine, seed: int = 1, deals: int = DEALS_PER_BATCH) -> None:
        """Take an engine; two sessions with one seed over equal books trade alike."""
        self.engine = engine
        self.crossings: list[MarginLevelCrossed] = []
        self.stopped_out = 0
        self.batch_seconds: list[float] = []
        self._random = np.random.default_rng(seed)
        self._deals = deals

    def run(self, ticks: QuoteColumns) -> float:
        """Apply ticks in batches and what follows from them; return the seconds of the ticks."""
        first = len(self.batch_seconds)
        for begin in range(0, len(ticks.symbol), BATCH):
            batch = part(ticks, slice(begin, begin + BATCH))
            started = time.perf_counter()
            found = self.engine.apply_quotes(batch, self.engine.position + 1)
            self.batch_seconds.append(time.perf_counter() - started)
            self._trade(found, int(batch.ts_event[-1]))
        return sum(self.batch_seconds[first:])

    def _trade(self, found: list[OutputEvent], now: int) -> None:
        crossings = [event for event in found if isinstance(event, MarginLevelCrossed)]
        self.crossings += crossings
        stopped = [event.login for event in crossings if event.kind == "stop_out"]
        self.stopped_out += len(stopped)
        deals = closing_deals(self.engine, stopped, now)
        self._apply(deals)
        self._apply(turning_deals(self.engine, self._random, self._deals // 2, now))

    def _apply(self, deals: list[InputEvent]) -> None:
        if deals:
            self.engine.apply(EventBatch(self.engine.position + len(deals), 0, deals))


def closing_deals(engine: ExposureEngine, logins: Iterable[str], now: int) -> list[InputEvent]:
    """Return the deals that close everything that accounts hold."""
    book = engine.book
    rows = [book.account_of[login] for login in dict.fromkeys(logins)]
    slots = [int(slot) for row in rows for slot in book.of_account.row(row)]
    return [_deal(engine, slot, now, "out", book.position_ids[slot], "so") for slot in slots]


def turning_deals(
    engine: ExposureEngine, random: np.random.Generator, count: int, now: int
) -> list[InputEvent]:
    """Return deals with which clients close a position and open one on its other side."""
    book = engine.book
    drawn = np.unique(random.integers(0, len(book.position_ids), count))
    deals: list[InputEvent] = []
    for slot in drawn[book.positions.account[drawn] >= 0].tolist():
        fresh = f"T{engine.position + 1}-{slot}"
        deals.append(_deal(engine, slot, now, "out", book.position_ids[slot], ""))
        deals.append(_deal(engine, slot, now, "in", fresh, ""))
    return deals


def _deal(
    engine: ExposureEngine, slot: int, now: int, entry: str, position_id: str, reason: str
) -> DealExecuted:
    """Return a deal against the side of an open position, at the price of the moment."""
    book, positions = engine.book, engine.book.positions
    symbol, is_long = int(positions.symbol[slot]), bool(positions.side[slot] > 0.0)
    price = book.prices.bid[symbol] if is_long else book.prices.ask[symbol]
    return DealExecuted(
        now,
        f"{engine.position + 1}-{slot}-{entry}",
        book.terms[int(positions.account[slot])].login,
        position_id,
        book.instruments[symbol].symbol,
        "sell" if is_long else "buy",
        entry,
        float(positions.lots[slot]),
        float(price),
        reason=reason,
    )
