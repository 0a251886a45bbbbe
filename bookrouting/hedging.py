"""The hedger of one symbol as a state machine: what to order now, or why not.

Every step is a function of the state, the rules and what is told; time is told too. What keeps it
from ever hedging the same exposure twice:

- one order at a time: the next is decided when the last one is *known* to be over, that is when the
  provider said so and every lot that it says it filled has reached the house's exposure;
- the rest of a partial fill is no order: it is what is left of the exposure, decided upon anew;
- an order carries a key (symbol and a number that only grows) under which a platform executes at
  most once, and it is part of the state before it is sent: keep the state, then send;
- after a restart, or without an answer in time, the order is *doubtful*: the platform is asked
  about its key, and nothing else is ordered until it answers.

Exposure, fills and answers must come from one stream in one order, as the engine's events do.
Source: science.md section 4.3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from bookrouting.hedge_terms import (
    Decision,
    HedgeMode,
    HedgeOrder,
    HedgeRules,
    Situation,
    Verdict,
)
from exposure.errors import DomainError
from exposure.kernels import LOTS_TOLERANCE
from exposure.model.deals import Side

_NS: Final = 1_000_000_000
_HOUR_NS: Final = 3_600 * _NS
_KEPT_IDS: Final = 64
"""Deal ids that are remembered after their order is over: a repeated one tells nothing new."""


class OpenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that is not known to be over.

    ``final_lots`` is what the provider says it filled in all, None before its last word.
    ``ask_at_ns`` is when to ask about it next.
    """

    key: str
    lp: str
    side: Side
    lots: float
    usd_per_lot: float
    ask_at_ns: int
    filled_lots: float = 0.0
    final_lots: float | None = None
    reason: str = ""
    enquiries: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the provider said its last word and the house holds what it filled."""
        return self.final_lots is not None and self.filled_lots >= self.final_lots - LOTS_TOLERANCE


class HedgerState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a symbol's hedger remembers; plain values, to be kept before sending.

    ``ready_ns`` is the earliest next order, ``rejects`` those in a row, ``pause`` why it is paused
    until somebody resumes it, ``spent`` the filled USD of the last hour by time. ``origin`` tells
    this run's keys from those of any other run on the same platform.
    """

    symbol: str
    origin: str
    sequence: int = 0
    open: OpenOrder | None = None
    ready_ns: int = 0
    now_ns: int = 0
    rejects: int = 0
    pause: str = ""
    spent: tuple[tuple[int, float], ...] = ()
    deal_ids: tuple[str, ...] = ()


class Step(NamedTuple):
    """The state after a decision; keep it before acting on the decision."""

    state: HedgerState
    decision: Decision


# Deciding -----------------------------------------------------------------------------------------


def decide(state: HedgerState, rules: HedgeRules, seen: Situation) -> Step:
    """Decide what to do about a symbol at one moment."""
    state = _at(state, seen.now_ns)
    if state.open is not None:
        return _wait_for(state, state.open, rules)
    held_back = _held_back(state, rules, seen)
    if held_back is not None:
        return Step(state, held_back)
    wanted = wanted_lots(seen.house_net_lots, rules)
    if wanted == 0.0:
        return Step(state, Decision(Verdict.INSIDE, _inside(state.symbol, rules, seen)))
    lots, why = _clip(abs(wanted), state, rules, seen)
    if lots == 0.0:
        return Step(state, why)
    side = Side.BUY if wanted > 0.0 else Side.SELL
    sentence = _because(state.symbol, rules, seen, side, lots)
    if rules.mode is HedgeMode.MANUAL:
        order = HedgeOrder("", seen.lp, state.symbol, side, lots)
        return Step(state, Decision(Verdict.SUGGESTION, sentence, order))
    return _ordered(state, rules, seen, side, lots, sentence)


def order_by_hand(
    state: HedgerState, rules: HedgeRules, seen: Situation, side: Side, lots: float
) -> Step:
    """Order what a dealer wants, whatever the band says; for him too, one order at a time.

    Raises:
        DomainError: An order is on its way, or the lots are none.
    """
    state = _at(state, seen.now_ns)
    if state.open is not None:
        raise DomainError(
            f"order {state.open.key} is not known to be over: wait for it, or settle it by hand"
        )
    if not (math.isfinite(lots) and lots > 0.0):
        raise DomainError(f"lots of a hedge must be a number above 0, was {lots:g}")
    usd = seen.usd_per_lot if math.isfinite(seen.usd_per_lot) else 0.0
    sentence = f"{side} {lots:g} lots of {state.symbol} at {seen.lp}, by hand"
    return _ordered(state, rules, seen._replace(usd_per_lot=usd), side, lots, sentence)


def wanted_lots(house_net_lots: float, rules: HedgeRules) -> float:
    """Return the signed lots that bring the house back, 0 inside the band.

    >>> wanted_lots(-31.0, HedgeRules(band_lots=25.0))
    6.0
    """
    away = house_net_lots - rules.centre_lots
    if abs(away) <= rules.band_lots + LOTS_TOLERANCE:
        return 0.0
    return math.copysign(abs(away) - rules.target_ratio * rules.band_lots, -away)


# What is told -------------------------------------------------------------------------------------


def take_fill(
    state: HedgerState, rules: HedgeRules, key: str, deal_id: str, lots: float
) -> HedgerState:
    """Take a fill, at the moment when the house's exposure has it; a repeated one changes nothing.

    One of an order that was over, or of more than was ordered, pauses: the platform broke its word.
    """
    if deal_id in state.deal_ids:
        return state
    state = msgspec.structs.replace(state, deal_ids=(*state.deal_ids, deal_id)[-_KEPT_IDS:])
    order = state.open
    if order is None or order.key != key:
        return paused(state, f"{lots:g} lots came for order {key}, which was over: check with it")
    order = msgspec.structs.replace(order, filled_lots=order.filled_lots + lots)
    if order.filled_lots > order.lots + LOTS_TOLERANCE:
        reason = f"order {key} was filled with {order.filled_lots:g} lots of {order.lots:g}"
        state = paused(state, reason)
    return _closed_if_over(msgspec.structs.replace(state, open=order), rules)


def take_answer(
    state: HedgerState, rules: HedgeRules, key: str, filled_lots: float, reason: str = ""
) -> HedgerState:
    """Take a provider's last word on an order: what it filled in all, and why not the rest.

    The word on an order that is over changes nothing.
    """
    order = state.open
    if order is None or order.key != key:
        return state
    order = msgspec.structs.replace(order, final_lots=filled_lots, reason=reason)
    return _closed_if_over(msgspec.structs.replace(state, open=order), rules)


def resumed(state: HedgerState) -> HedgerState:
    """Return the state after somebody looked into why it was paused."""
    return msgspec.structs.replace(state, pause="", rejects=0)


def restored(state: HedgerState) -> HedgerState:
    """Return the state after a restart: nobody knows what became of an open order, so ask."""
    if state.open is None:
        return state
    return msgspec.structs.replace(state, open=msgspec.structs.replace(state.open, ask_at_ns=0))


class Hedger:
    """The hedgers of all symbols with rules: the state machine above, by symbol."""

    def __init__(self, rules: Mapping[str, HedgeRules], origin: str) -> None:
        """Take each symbol's rules, and a name that no other run on the platform has.

        Raises:
            DomainError: Rules that cannot be used.
        """
        for symbol, rule in rules.items():
            problem = rule.problem()
            if problem is not None:
                raise DomainError(f"hedging of {symbol}: {problem}")
        self.rules = dict(rules)
        self.states = {symbol: HedgerState(symbol=symbol, origin=origin) for symbol in rules}
        self._symbols = {
            key_of(origin, symbol, 0).rpartition(":")[0]: symbol for symbol in self.states
        }

    def decide(self, symbol: str, seen: Situation) -> Decision:
        """Decide about a symbol; keep ``export`` before acting on it."""
        step = decide(self.states[symbol], self.rules[symbol], seen)
        self.states[symbol] = step.state
        return step.decision

    def order_by_hand(self, symbol: str, seen: Situation, side: Side, lots: float) -> Decision:
        """Order what a dealer wants (DomainError while an order is on its way)."""
        step = order_by_hand(self.states[symbol], self.rules[symbol], seen, side, lots)
        self.states[symbol] = step.state
        return step.decision

    def take_fill(self, key: str, deal_id: str, lots: float) -> None:
        """Take a fill; one of another hedger's key is not ours."""
        symbol = self._symbols.get(key.rpartition(":")[0])
        if symbol is not None:
            self.states[symbol] = take_fill(
                self.states[symbol], self.rules[symbol], key, deal_id, lots
            )

    def take_answer(self, key: str, filled_lots: float, reason: str = "") -> None:
        """Take a provider's last word on an order."""
        symbol = self._symbols.get(key.rpartition(":")[0])
        if symbol is not None:
            self.states[symbol] = take_answer(
                self.states[symbol], self.rules[symbol], key, filled_lots, reason
            )

    def resume(self, symbol: str) -> None:
        """Let a paused symbol go on."""
        self.states[symbol] = resumed(self.states[symbol])

    def export(self) -> list[Any]:
        """Return everything as plain values."""
        return [msgspec.to_builtins(state) for state in self.states.values()]

    def restore(self, exported: list[Any]) -> None:
        """Take back what ``export`` returned; open orders are doubtful from now on.

        States of symbols without rules are left out: nobody may order for them.
        """
        for state in msgspec.convert(exported, list[HedgerState]):
            if state.symbol in self.rules:
                self.states[state.symbol] = restored(state)
                self._symbols[key_of(state.origin, state.symbol, 0).rpartition(":")[0]] = (
                    state.symbol
                )


def key_of(origin: str, symbol: str, sequence: int) -> str:
    """Return the key of a symbol's order. It never comes back: the sequence only grows.

    Platforms take letters, digits and ``. _ : -`` only; anything else is written as its number.

    >>> key_of("run7", "EURUSD", 7), key_of("run7", "BTC/USD", 12)
    ('hedge:run7:EURUSD:7', 'hedge:run7:BTC_2f_USD:12')
    """
    return f"hedge:{_plain(origin)}:{_plain(symbol)}:{sequence}"


def _plain(text: str) -> str:
    return "".join(
        char if char.isascii() and (char.isalnum() or char in ".-") else f"_{ord(char):x}_"
        for char in text
    )


# Inside -------------------------------------------------------------------------------------------


def _at(state: HedgerState, now_ns: int) -> HedgerState:
    # a clock that is set back must not stretch a wait, nor bring back what was spent
    now = max(now_ns, state.now_ns)
    spent = tuple(one for one in state.spent if one[0] > now - _HOUR_NS)
    return msgspec.structs.replace(state, now_ns=now, spent=spent)


def _wait_for(state: HedgerState, order: OpenOrder, rules: HedgeRules) -> Step:
    sent = HedgeOrder(order.key, order.lp, state.symbol, order.side, order.lots)
    if state.now_ns < order.ask_at_ns:
        sentence = f"{order.side} {order.lots:g} lots of {state.symbol} is on its way ({order.key})"
        return Step(state, Decision(Verdict.WAITING, sentence))
    wait = max(rules.answer_within_ns, 1) << min(order.enquiries, 20)
    asked = msgspec.structs.replace(
        order,
        enquiries=order.enquiries + 1,
        ask_at_ns=state.now_ns + min(wait, max(rules.longest_back_off_ns, 1)),
    )
    sentence = (
        f"nobody knows what became of {order.key} ({order.side} {order.lots:g} lots at "
        f"{order.lp}): nothing else is ordered in {state.symbol} until {order.lp} answers"
    )
    state = msgspec.structs.replace(state, open=asked)
    return Step(state, Decision(Verdict.ENQUIRY, sentence, sent))


def _held_back(state: HedgerState, rules: HedgeRules, seen: Situation) -> Decision | None:
    symbol = state.symbol
    if rules.mode is HedgeMode.OFF:
        return Decision(Verdict.OFF, f"hedging of {symbol} is off")
    if state.pause:
        return Decision(Verdict.PAUSED, f"{symbol} is paused: {state.pause}; resume it when solved")
    stale = _stale(state, rules, seen)
    if stale is not None:
        return Decision(Verdict.STALE, stale)
    for verdict, until, what in (
        (Verdict.NEWS, seen.news_until_ns, "because of news"),
        (Verdict.COOLING, state.ready_ns, "after its last order"),
    ):
        if state.now_ns < until:
            left_s = (until - state.now_ns) / _NS
            return Decision(verdict, f"{symbol} waits another {left_s:.1f} s {what}")
    return None


def _stale(state: HedgerState, rules: HedgeRules, seen: Situation) -> str | None:
    symbol, age_ns = state.symbol, state.now_ns - seen.price_ts_ns
    if not seen.feed_is_live:
        return f"the feed is down: {symbol} waits for it"
    if not (math.isfinite(seen.house_net_lots) and math.isfinite(seen.usd_per_lot)):
        return f"{symbol} has no exposure or price to decide on"
    if age_ns > rules.stale_after_ns:
        return f"the price of {symbol} is {age_ns / _NS:.1f} s old: it waits for a quote"
    return None


def _clip(
    wanted: float, state: HedgerState, rules: HedgeRules, seen: Situation
) -> tuple[float, Decision]:
    """Return the lots of one order, 0 with the reason if none is to be sent."""
    room_usd = rules.most_usd_per_hour - sum(usd for _, usd in state.spent)
    usd = abs(seen.usd_per_lot)
    by_hour = room_usd / usd if usd > 0.0 else math.inf
    by_depth = math.inf if seen.depth_lots is None else rules.depth_share * seen.depth_lots
    lots = _floored(min(wanted, rules.max_clip_lots, by_hour, by_depth), rules.lot_step)
    if lots >= rules.min_clip_lots - LOTS_TOLERANCE:
        return lots, Decision(Verdict.ORDER, "")
    if _floored(wanted, rules.lot_step) < rules.min_clip_lots - LOTS_TOLERANCE:
        sentence = f"{wanted:.3g} lots of {state.symbol} are less than the smallest order"
        return 0.0, Decision(Verdict.TOO_SMALL, sentence)
    if by_hour < by_depth:
        sentence = f"{state.symbol} has used up its {rules.most_usd_per_hour:,.0f} USD of this hour"
    else:
        sentence = f"{seen.lp} shows too little {state.symbol}: {seen.depth_lots:g} lots"
    return 0.0, Decision(Verdict.LIMITED, sentence)


def _floored(lots: float, step: float) -> float:
    # towards zero, so that rounding never goes past the target; whole steps stay whole
    return max(math.floor(lots / step + 1e-6) * step, 0.0)


def _ordered(
    state: HedgerState, rules: HedgeRules, seen: Situation, side: Side, lots: float, sentence: str
) -> Step:
    sequence = state.sequence + 1
    key = key_of(state.origin, state.symbol, sequence)
    order = OpenOrder(
        key=key,
        lp=seen.lp,
        side=side,
        lots=lots,
        usd_per_lot=abs(seen.usd_per_lot),
        ask_at_ns=state.now_ns + rules.answer_within_ns,
    )
    state = msgspec.structs.replace(state, sequence=sequence, open=order)
    sent = HedgeOrder(key, seen.lp, state.symbol, side, lots)
    return Step(state, Decision(Verdict.ORDER, sentence, sent))


def _closed_if_over(state: HedgerState, rules: HedgeRules) -> HedgerState:
    order = state.open
    if order is None or not order.is_over:
        return state
    usd = order.filled_lots * order.usd_per_lot
    spent = (*state.spent, (state.now_ns, usd)) if usd > 0.0 else state.spent
    rejected = order.filled_lots <= LOTS_TOLERANCE
    rejects = state.rejects + 1 if rejected else 0
    wait = rules.cool_down_ns
    if rejected:
        wait = min(rules.back_off_ns << min(rejects - 1, 30), rules.longest_back_off_ns)
    state = msgspec.structs.replace(
        state, open=None, spent=spent, rejects=rejects, ready_ns=state.now_ns + wait
    )
    if rejects >= rules.rejects_to_pause:
        why = order.reason or "no reason given"
        return paused(state, f"{order.lp} refused {rejects} orders in a row, the last: {why}")
    return state


def paused(state: HedgerState, reason: str) -> HedgerState:
    """Return the state with nothing to order until somebody resumes it; the first reason stays."""
    return msgspec.structs.replace(state, pause=state.pause or reason)


def _inside(symbol: str, rules: HedgeRules, seen: Situation) -> str:
    return f"{symbol}: {seen.house_net_lots:+.2f} lots are inside the band of {rules.band_lots:g}"


def _because(symbol: str, rules: HedgeRules, seen: Situation, side: Side, lots: float) -> str:
    beyond = abs(seen.house_net_lots - rules.centre_lots) - rules.band_lots
    return (
        f"{symbol}: {seen.house_net_lots:+.2f} lots are {beyond:.2f} beyond the band of "
        f"{rules.band_lots:g}: {side} {lots:g} at {seen.lp}"
    )
