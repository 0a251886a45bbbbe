"""What hedging knows: modes, bands, orders and fills by symbol, fed with the engine's own batches.

Nothing here waits. Exposure is the engine's and fills are taken from the same batches, right after
the engine applied them, so that an order is over at the moment when the exposure has all of it.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec

from bookrouting.bands import edge_band
from bookrouting.flow_rates import FlowRates
from bookrouting.hedge_terms import HedgeMode, HedgeOrder, HedgeRules, Situation
from bookrouting.hedging import HedgerState, key_of, paused, take_answer, take_fill
from dealing.hedging.model import (
    KEPT_ANSWERS,
    Answer,
    BandKind,
    Bridge,
    DecidedAt,
    HedgeMemory,
    Hedges,
    HedgeSettings,
    LiveMode,
    SymbolMemory,
    SymbolRules,
    Tally,
)
from dealing.hedging.news import NewsPauses
from dealing.hedging.sight import SymbolSeen, stale_after_ns
from dealing.server_day import ServerDay
from exposure.engine import ExposureEngine
from exposure.model.deals import Side
from exposure.model.events import DealExecuted, EventBatch, HedgeAnswered, HedgeExecuted

PREFIX: Final = "hedge:"
"""What the keys of the desk's own orders begin with, as ``hedging.key_of`` makes them."""

BRIDGE_ENDS_NS: Final = 2_000_000_000
"""For how long orders of the platform's bridge may still come back after it was put off."""


class HedgeBook:
    """The memory of hedging, and what it means under the rules."""

    def __init__(
        self,
        engine: ExposureEngine,
        settings: HedgeSettings,
        memory: HedgeMemory,
        news: NewsPauses,
        day: ServerDay,
    ) -> None:
        """Take the engine that knows the exposure, the rules, and what was kept."""
        self.engine = engine
        self.settings = settings
        self.memory = memory
        self._news = news
        self._day = day
        self._flowing = {
            symbol for symbol, one in settings.symbols.items() if one.band is BandKind.CUBE_ROOT
        }

    # Asked ------------------------------------------------------------------------------------

    @property
    def is_current(self) -> bool:
        """Whether the exposure has everything that the memory was told.

        After a power cut the memory may know of fills that the engine has yet to hear of again.
        """
        return self.engine.position >= self.memory.position

    def of(self, symbol: str) -> SymbolMemory:
        """Return what is remembered of a symbol, from now on something."""
        held = self.memory.symbols.get(symbol)
        if held is None:
            state = HedgerState(symbol=symbol, origin=self.memory.origin)
            held = self.memory.symbols[symbol] = SymbolMemory(hedger=state)
        return held

    def rules_of(self, symbol: str) -> SymbolRules:
        """Return a symbol's rules as they are configured."""
        return self.settings.of(symbol)

    def mode_of(self, symbol: str) -> HedgeMode:
        """Return who hedges a symbol: what was set live counts as long as its configuration."""
        configured = self.rules_of(symbol).rules.mode
        held = self.memory.symbols.get(symbol)
        live = None if held is None else held.live_mode
        return live.mode if live is not None and live.configured is configured else configured

    def active(self) -> list[str]:
        """Return the symbols that are hedged, or have an order or their bridge under way."""
        names = dict.fromkeys([*self.settings.symbols, *self.memory.symbols])
        if self.settings.others.rules.mode is not HedgeMode.OFF:
            names |= dict.fromkeys(str(one.symbol) for one in self.engine.book.instruments)
        return [name for name in names if self._is_active(name)]

    def band_of(self, symbol: str, seen: SymbolSeen) -> HedgeRules:
        """Return the rules that a symbol is hedged by at this moment."""
        told = self.rules_of(symbol)
        held = self.memory.symbols.get(symbol)
        flow = None if held is None else held.flow
        changed: dict[str, Any] = {
            "mode": self.mode_of(symbol),
            "stale_after_ns": stale_after_ns(told, seen),
        }
        if told.band is BandKind.CUBE_ROOT and flow is not None:
            rate, price = flow.flow(), flow.price(seen.usd_per_lot, told.risk_aversion_per_usd)
            if rate is not None and price is not None and price.cost > 0.0:
                changed["band_lots"] = edge_band(rate, price).half_width
        return msgspec.structs.replace(told.rules, **changed)

    def situation(
        self, symbol: str, seen: SymbolSeen, now_ns: int, *, feed_is_live: bool
    ) -> Situation:
        """Return what the hedger has to know of a symbol."""
        told = self.rules_of(symbol)
        return Situation(
            now_ns=now_ns,
            house_net_lots=seen.held_lots,
            usd_per_lot=abs(seen.usd_per_lot),
            price_ts_ns=seen.price_ts_ns,
            lp=told.lp,
            feed_is_live=feed_is_live,
            news_until_ns=self._news.until(seen.instrument, now_ns, told.news_pause_ns),
        )

    # Told -------------------------------------------------------------------------------------

    def take(self, batch: EventBatch) -> None:
        """Take what follows the present position; the engine has applied the batch already."""
        known = len(batch.events) - (batch.position - self.memory.position)
        for event in batch.events[max(known, 0) :]:
            if isinstance(event, HedgeExecuted):
                self._fill(event)
            elif isinstance(event, HedgeAnswered):
                self._answer(event)
            elif isinstance(event, DealExecuted) and event.symbol in self._flowing:
                self._deal(event)
        self.memory.position = max(self.memory.position, batch.position)

    def see_price(self, symbol: str, seen: SymbolSeen) -> None:
        """Let a band that follows the flow see the price."""
        if symbol in self._flowing and math.isfinite(seen.mid):
            self._flow(symbol).take_price(seen.price_ts_ns, seen.mid, (seen.ask - seen.bid) / 2.0)

    def set_mode(self, symbol: str, mode: HedgeMode) -> None:
        """Take who hedges a symbol from now on."""
        self.of(symbol).live_mode = LiveMode(mode, self.rules_of(symbol).rules.mode)

    def ordered(self, symbol: str, state: HedgerState, order: HedgeOrder, seen: SymbolSeen) -> None:
        """Take an order that is about to be kept and sent."""
        held = self.of(symbol)
        held.hedger = state
        held.decided = DecidedAt(order.key, seen.mid, seen.usd_per_price)

    def refused(self, symbol: str, key: str, reason: str) -> None:
        """Take that an order was not taken and never will be: no event will say so."""
        held, told = self.of(symbol), self.rules_of(symbol).rules
        if held.hedger.open is not None and held.hedger.open.key == key:
            side, lots = held.hedger.open.side, held.hedger.open.lots
            self._note(held, Answer(ts_ns=self.engine.as_of, key=key, side=side.value,
                                    filled_lots=0.0, left_lots=lots, reason=reason))  # fmt: skip
        held.hedger = take_answer(held.hedger, told, key, 0.0, reason)

    def pause(self, symbol: str, reason: str) -> None:
        """Order nothing in a symbol until somebody looks into it."""
        held = self.of(symbol)
        held.hedger = paused(held.hedger, reason)

    # The platform's bridge --------------------------------------------------------------------

    def bridge_to_ask(self, symbol: str) -> Bridge | None:
        """Return what the platform's bridge has to be asked now, None if it is as it should be.

        The desk hedges alone: the bridge is off before the first order, and on again when the desk
        has stopped and its last order is over.
        """
        held = self.of(symbol)
        bridge = held.bridge
        if bridge.key:
            return bridge
        wanted = self.mode_of(symbol) is HedgeMode.OFF
        if bridge.on is wanted or (wanted and held.hedger.open is not None):
            return None
        number = bridge.number + 1
        key = f"bridge:{self._prefix(symbol)}:{number}"
        held.bridge = Bridge(on=bridge.on, number=number, key=key, asked_on=wanted)
        return held.bridge

    def bridge_answered(self, symbol: str, asked: Bridge, reason: str) -> None:
        """Take the platform's answer, "" for yes; what the bridge has sent may still come back."""
        held = self.of(symbol)
        if held.bridge.key != asked.key:
            return
        on = held.bridge.on if reason else asked.asked_on
        held.bridge = Bridge(on=on, number=asked.number)
        if reason:
            self.pause(
                symbol, f"the platform's bridge cannot be put {_on(asked.asked_on)}: {reason}"
            )
        ready_ns = max(held.hedger.ready_ns, self.engine.as_of + BRIDGE_ENDS_NS)
        held.hedger = msgspec.structs.replace(held.hedger, ready_ns=ready_ns)

    # Inside -----------------------------------------------------------------------------------

    def _is_active(self, symbol: str) -> bool:
        if self.mode_of(symbol) is not HedgeMode.OFF:
            return True
        held = self.memory.symbols.get(symbol)
        if held is None:
            return False
        return held.hedger.open is not None or not held.bridge.on or bool(held.bridge.key)

    def _fill(self, event: HedgeExecuted) -> None:
        key = event.deal_id.rpartition("/")[0]
        if not key.startswith(PREFIX):
            return
        held, told = self.of(event.symbol), self.rules_of(event.symbol).rules
        if (event.lp, event.deal_id) not in self.engine.trades.hedge_ids:
            # the exposure does not have it: counting it would hedge the same lots again
            held.hedger = paused(held.hedger, f"fill {event.deal_id} was quarantined: see breaks")
            return
        is_new = event.deal_id not in held.hedger.deal_ids
        held.hedger = take_fill(held.hedger, told, key, event.deal_id, event.lots)
        if is_new:
            held.today = self._counted(held, event, key)

    def _counted(self, held: SymbolMemory, event: HedgeExecuted, key: str) -> Tally:
        start = self._day.start(event.ts_event)
        tally = held.today if held.today.day_ns == start else Tally(day_ns=start)
        cost = -event.commission
        if held.decided is not None and held.decided.key == key:
            worse = Side(event.side).sign * (event.price - held.decided.mid)
            paid = worse * held.decided.usd_per_price * event.lots
            cost += paid if math.isfinite(paid) else 0.0
        return Tally(
            day_ns=start,
            fills=tally.fills + 1,
            lots=tally.lots + event.lots,
            cost_usd=tally.cost_usd + cost,
        )

    def _answer(self, event: HedgeAnswered) -> None:
        if not event.key.startswith(PREFIX):
            return
        held, told = self.of(event.symbol), self.rules_of(event.symbol).rules
        self._note(held, Answer(ts_ns=event.ts_event, key=event.key, side=event.side,
                                filled_lots=event.filled_lots, left_lots=event.left_lots,
                                reason=event.reason))  # fmt: skip
        held.hedger = take_answer(held.hedger, told, event.key, event.filled_lots, event.reason)

    def _note(self, held: SymbolMemory, answer: Answer) -> None:
        held.answers = [answer, *held.answers][:KEPT_ANSWERS]

    def _deal(self, event: DealExecuted) -> None:
        lots = -Side(event.side).sign * event.lots if event.side in set(Side) else math.nan
        if self.rules_of(event.symbol).hedges is Hedges.UNCOVERED:
            lots *= self._ratio(event)
        if lots != 0.0:
            self._flow(event.symbol).take_trade(event.ts_event, lots)

    def _ratio(self, event: DealExecuted) -> float:
        # where new deals go: good enough for a rate, whatever book an older position is in
        account = self.engine.book.account_of.get(event.login)
        symbol = self.engine.symbol_index(event.symbol)
        if account is None or symbol < 0:
            return math.nan
        return self.engine.assignments.of_deal(account, symbol).hedge_ratio

    def _flow(self, symbol: str) -> FlowRates:
        held = self.of(symbol)
        if held.flow is None:
            held.flow = FlowRates()
        return held.flow

    def _prefix(self, symbol: str) -> str:
        return key_of(self.memory.origin, symbol, 0).rpartition(":")[0].removeprefix(PREFIX)


def _on(on: bool) -> str:  # noqa: FBT001
    return "on" if on else "off"
