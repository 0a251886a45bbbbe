"""The hedger: what it orders, what holds it back, and that nothing makes it hedge twice."""

from __future__ import annotations

import math
import re

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bookrouting.hedge_terms import HedgeMode, HedgeOrder, HedgeRules, Situation, Verdict
from bookrouting.hedging import Hedger, key_of, wanted_lots
from exposure.errors import DomainError
from exposure.model.deals import Side
from tests.thorough import examples

S = 1_000_000_000
EURUSD, RUN = "EURUSD", "run-1"
RULES = HedgeRules(mode=HedgeMode.AUTOMATIC, band_lots=25.0, max_clip_lots=10.0)


def seen(lots, now_s=100.0, **more):
    now = round(now_s * S)
    usual = {"price_ts_ns": now, "usd_per_lot": 110_000.0, "lp": "LP1"}
    return Situation(now_ns=now, house_net_lots=lots, **(usual | more))


def hedger(**changed):
    return Hedger({EURUSD: msgspec.structs.replace(RULES, **changed)}, RUN)


def filled(desk, order, lots=None, now_s=100.0):
    """Let the provider fill an order and say its last word; return what the house then did."""
    lots = order.lots if lots is None else lots
    if lots:
        desk.take_fill(order.key, f"{order.key}.{lots}", lots)
    desk.take_answer(order.key, lots, "" if lots else "no liquidity")
    return order.side.sign * lots


def test_inside_the_band_nothing_is_ordered_and_beyond_it_only_what_is_beyond():
    desk = hedger()
    assert desk.decide(EURUSD, seen(25.0)).verdict is Verdict.INSIDE
    decision = desk.decide(EURUSD, seen(-31.25))
    assert decision.verdict is Verdict.ORDER
    assert decision.order == (key_of(RUN, EURUSD, 1), "LP1", EURUSD, Side.BUY, 6.25)
    assert decision.sentence == (
        "EURUSD: -31.25 lots are 6.25 beyond the band of 25: buy 6.25 at LP1"
    )


@pytest.mark.parametrize(
    ("lots", "target", "centre", "wanted"),
    [
        (31.0, 1.0, 0.0, -6.0),
        (31.0, 0.0, 0.0, -31.0),
        (-31.0, 0.5, 0.0, 18.5),
        (31.0, 1.0, 10.0, 0.0),
    ],
)
def test_the_target_is_the_edge_the_centre_or_between_and_the_centre_may_move(
    lots, target, centre, wanted
):
    rules = HedgeRules(band_lots=25.0, target_ratio=target, centre_lots=centre)
    assert wanted_lots(lots, rules) == pytest.approx(wanted)


def test_the_rest_of_a_partial_fill_is_decided_anew_and_not_sent_again():
    desk = hedger()
    first = desk.decide(EURUSD, seen(33.0)).order
    assert (first.side, first.lots) == (Side.SELL, 8.0)
    house = 33.0 + filled(desk, first, 3.0)
    assert desk.decide(EURUSD, seen(house, 101.0)).verdict is Verdict.COOLING
    # meanwhile the clients took back most of it
    second = desk.decide(EURUSD, seen(house - 4.5, 103.0)).order
    assert (second.key, second.lots) == (key_of(RUN, EURUSD, 2), 0.5)


def test_a_large_excess_goes_in_clips_one_at_a_time():
    desk, house, sent = hedger(), -60.0, []
    for second in range(0, 60, 3):
        decision = desk.decide(EURUSD, seen(house, 100.0 + second))
        if decision.order is not None:
            sent.append(decision.order.lots)
            assert desk.decide(EURUSD, seen(house, 100.0 + second)).verdict is Verdict.WAITING
            house += filled(desk, decision.order)
    assert sent == [10.0, 10.0, 10.0, 5.0]
    assert house == -25.0


def test_rejects_back_off_and_the_fifth_in_a_row_pauses_with_its_reason():
    desk, now, waits = hedger(), 100.0, []
    for _ in range(5):
        decision = desk.decide(EURUSD, seen(40.0, now))
        filled(desk, decision.order, 0.0)
        ready = desk.states[EURUSD].ready_ns / S
        waits.append(ready - now)
        assert desk.decide(EURUSD, seen(40.0, ready - 0.1)).order is None
        now = ready
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]
    paused = desk.decide(EURUSD, seen(40.0, now + 1000.0))
    assert paused.verdict is Verdict.PAUSED
    assert "LP1 refused 5 orders in a row, the last: no liquidity" in paused.sentence
    desk.resume(EURUSD)
    assert desk.decide(EURUSD, seen(40.0, now + 1000.0)).verdict is Verdict.ORDER


def test_a_fill_ends_a_row_of_rejects():
    desk = hedger()
    filled(desk, desk.decide(EURUSD, seen(40.0)).order, 0.0)
    filled(desk, desk.decide(EURUSD, seen(40.0, 110.0)).order, 1.0)
    assert desk.states[EURUSD].rejects == 0


@pytest.mark.parametrize(
    ("changed", "verdict", "word"),
    [
        ({"feed_is_live": False}, Verdict.STALE, "feed is down"),
        ({"price_ts_ns": 97 * S}, Verdict.STALE, "3.0 s old"),
        ({"usd_per_lot": math.nan}, Verdict.STALE, "no exposure or price"),
        ({"house_net_lots": math.nan}, Verdict.STALE, "no exposure or price"),
        ({"news_until_ns": 101 * S}, Verdict.NEWS, "another 1.0 s"),
        ({"depth_lots": 0.01}, Verdict.LIMITED, "too little"),
    ],
)
def test_what_holds_a_hedge_back_is_said(changed, verdict, word):
    decision = hedger().decide(EURUSD, seen(40.0)._replace(**changed))
    assert (decision.verdict, decision.order) == (verdict, None)
    assert word in decision.sentence


def test_less_than_the_smallest_order_is_left():
    desk = hedger(min_clip_lots=0.5)
    assert desk.decide(EURUSD, seen(25.4)).verdict is Verdict.TOO_SMALL
    assert desk.decide(EURUSD, seen(25.5)).order.lots == 0.5


def test_an_order_takes_no_more_than_its_share_of_what_the_provider_shows():
    assert hedger().decide(EURUSD, seen(40.0, depth_lots=8.0)).order.lots == 4.0


def test_an_hour_has_its_limit_and_ends():
    desk = hedger(most_usd_per_hour=15 * 110_000.0)
    house = 60.0 + filled(desk, desk.decide(EURUSD, seen(60.0)).order)
    second = desk.decide(EURUSD, seen(house, 110.0)).order
    assert second.lots == 5.0
    house += filled(desk, second)
    limited = desk.decide(EURUSD, seen(house, 120.0))
    assert limited.verdict is Verdict.LIMITED
    assert "1,650,000 USD" in limited.sentence
    assert desk.decide(EURUSD, seen(house, 100.0 + 3601.0)).order.lots == 10.0


def test_manual_mode_suggests_and_orders_nothing_until_the_dealer_does():
    desk = hedger(mode=HedgeMode.MANUAL)
    suggestion = desk.decide(EURUSD, seen(31.0))
    assert (suggestion.verdict, suggestion.order.lots) == (Verdict.SUGGESTION, 6.0)
    assert desk.states[EURUSD].sequence == 0
    order = desk.order_by_hand(EURUSD, seen(31.0), Side.SELL, 6.0).order
    assert order.key == key_of(RUN, EURUSD, 1)
    with pytest.raises(DomainError, match="not known to be over"):
        desk.order_by_hand(EURUSD, seen(31.0), Side.SELL, 6.0)


def test_an_order_without_an_answer_is_asked_about_and_never_sent_again():
    desk = hedger()
    order = desk.decide(EURUSD, seen(40.0)).order
    assert desk.decide(EURUSD, seen(40.0, 104.9)).verdict is Verdict.WAITING
    asked = desk.decide(EURUSD, seen(40.0, 105.0))
    assert (asked.verdict, asked.order) == (Verdict.ENQUIRY, order)
    assert desk.decide(EURUSD, seen(40.0, 106.0)).verdict is Verdict.WAITING
    desk.take_answer(order.key, 0.0, "never arrived")
    assert desk.decide(EURUSD, seen(40.0, 108.0)).order.key == key_of(RUN, EURUSD, 2)


def test_a_restart_asks_about_an_open_order_before_anything_else():
    desk = hedger()
    order = desk.decide(EURUSD, seen(40.0)).order
    other = hedger()
    other.restore(msgspec.json.decode(msgspec.json.encode(desk.export())))
    asked = other.decide(EURUSD, seen(40.0, 100.1))
    assert (asked.verdict, asked.order) == (Verdict.ENQUIRY, order)
    # the last word came before the fill: the exposure does not hold it yet
    other.take_answer(order.key, 10.0)
    assert other.decide(EURUSD, seen(40.0, 103.0)).verdict is Verdict.WAITING
    other.take_fill(order.key, "d1", 10.0)
    assert other.decide(EURUSD, seen(30.0, 110.0)).order.lots == 5.0


def test_a_repeated_fill_or_answer_changes_nothing():
    desk = hedger()
    order = desk.decide(EURUSD, seen(40.0)).order
    desk.take_fill(order.key, "d1", 4.0)
    once = desk.export()
    desk.take_fill(order.key, "d1", 4.0)
    assert desk.export() == once
    desk.take_answer(order.key, 4.0)
    once = desk.export()
    desk.take_answer(order.key, 0.0)
    desk.take_fill(order.key, "d1", 4.0)
    assert desk.export() == once


def test_a_platform_that_breaks_its_word_pauses_the_symbol():
    desk = hedger()
    order = desk.decide(EURUSD, seen(40.0)).order
    desk.take_answer(order.key, 0.0, "rejected")
    desk.take_fill(order.key, "d1", 10.0)
    assert "which was over" in desk.decide(EURUSD, seen(30.0, 200.0)).sentence
    desk.resume(EURUSD)
    order = desk.decide(EURUSD, seen(30.0, 200.0)).order
    desk.take_fill(order.key, "d2", 50.0)
    desk.take_answer(order.key, 50.0)
    assert "50 lots of 5" in desk.decide(EURUSD, seen(-20.0, 300.0)).sentence


def test_a_clock_that_is_set_back_stretches_no_wait():
    desk = hedger()
    filled(desk, desk.decide(EURUSD, seen(40.0)).order)
    assert desk.decide(EURUSD, seen(30.0, 50.0)).verdict is not Verdict.ORDER
    assert desk.decide(EURUSD, seen(30.0, 102.0)).verdict is Verdict.ORDER


def test_keys_of_others_are_not_ours():
    desk = hedger()
    desk.take_fill("ticket-17", "d1", 4.0)
    desk.take_fill(key_of(RUN, "GBPUSD", 1), "d2", 4.0)
    assert not desk.states[EURUSD].deal_ids
    desk.take_fill(key_of("run-2", EURUSD, 1), "d3", 4.0)
    assert not desk.states[EURUSD].pause


def test_keys_are_such_as_platforms_take_and_tell_symbols_apart():
    symbols = ["EURUSD", "BTC/USD", "BTC_USD", "BTC_2f_USD", "#AAPL", "GER40.cash"]
    keys = {key_of(RUN, symbol, 12) for symbol in symbols}
    assert len(keys) == len(symbols)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{3,95}", key) for key in keys)
    desk = Hedger(dict.fromkeys(symbols, RULES), RUN)
    for symbol in symbols:
        order = desk.decide(symbol, seen(40.0)).order
        assert (order.symbol, order.key) == (symbol, key_of(RUN, symbol, 1))
        filled(desk, order)
        assert desk.states[symbol].open is None


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"band_lots": math.nan}, "band_lots"),
        ({"target_ratio": 1.5}, "target_ratio"),
        ({"max_clip_lots": 0.001}, "max_clip_lots"),
        ({"lot_step": 0.0}, "lot_step"),
        ({"rejects_to_pause": 0}, "rejects_to_pause"),
        ({"centre_lots": math.inf}, "centre_lots"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused_in_a_sentence(changed, word):
    with pytest.raises(DomainError, match=f"hedging of EURUSD.*{word}"):
        hedger(**changed)


class Platform:
    """A provider's platform and the way to it: orders wait, get lost, come twice, fill in parts.

    An enquiry is answered for good, or (``resends``) it is the same order again under its key.
    """

    def __init__(self, *, resends):
        self.resends = resends
        self.on_the_way = []
        self.orders, self.done, self.over = {}, {}, set()
        self.events = []

    def deliver(self, kind, order):
        if kind == "enquire" and not self.resends:
            if order.key not in self.over:
                self.finish(order.key, "never arrived" if order.key not in self.orders else "")
            else:
                self.events.append(("answer", order.key, self.done.get(order.key, 0.0), ""))
        elif order.key not in self.orders and order.key not in self.over:
            self.orders[order.key] = order
            self.done[order.key] = 0.0
        elif kind == "enquire" and order.key in self.over:
            self.events.append(("answer", order.key, self.done.get(order.key, 0.0), ""))

    def fill(self, key, share):
        order = self.orders[key]
        lots = round((order.lots - self.done[key]) * share, 2)
        if lots > 0.0:
            self.done[key] += lots
            deal_id = f"{key}.{len(self.events)}"
            self.events.append(("fill", key, lots, deal_id, order.side.sign))

    def finish(self, key, reason, told=None):
        """Say the last word; with ``told`` events known already, ahead of the last fill."""
        self.over.add(key)
        word = ("answer", key, self.done.get(key, 0.0), reason)
        early = told is not None and len(self.events) > told and self.events[-1][0] == "fill"
        self.events.insert(len(self.events) - early, word)

    def live(self):
        return [key for key in self.orders if key not in self.over]

    def may_still_execute(self):
        kinds = {"send", "enquire"} if self.resends else {"send"}
        sent = {order.key for kind, order in self.on_the_way if kind in kinds}
        return (sent | self.orders.keys()) - self.over


class NeverTwice(RuleBasedStateMachine):
    """Whatever is lost, late, repeated or cut off, no exposure is hedged twice.

    ``kept`` is what a restart finds: the hedger's state, and how much of the stream it had seen.
    """

    @initialize(resends=st.booleans())
    def begin(self, resends):
        self.rules = HedgeRules(
            mode=HedgeMode.AUTOMATIC,
            band_lots=5.0,
            max_clip_lots=4.0,
            rejects_to_pause=1,
            most_usd_per_hour=1e9,
        )
        self.desk = Hedger({EURUSD: self.rules}, RUN)
        self.platform = Platform(resends=resends)
        self.now, self.clients, self.applied, self.hedged = 0.0, 0.0, 0, 0.0
        self.counted = set()
        self.feed, self.fresh, self.news_until = True, True, 0.0
        self.keep()

    def keep(self):
        self.kept = msgspec.msgpack.encode(self.desk.export()), self.applied

    def house(self):
        return self.clients + self.hedged

    def situation(self):
        price_s = self.now if self.fresh else self.now - 10.0
        return seen(
            self.house(),
            self.now,
            feed_is_live=self.feed,
            price_ts_ns=round(price_s * S),
            news_until_ns=round(self.news_until * S),
        )

    def tell(self, event):
        """Apply one event of the stream to the exposure and the hedger, as the engine does."""
        if event[0] == "answer":
            self.desk.take_answer(event[1], event[2], event[3])
            return
        _, key, lots, deal_id, sign = event
        if deal_id not in self.counted:
            self.counted.add(deal_id)
            self.hedged += sign * lots
        self.desk.take_fill(key, deal_id, lots)

    @rule(share=st.sampled_from([0.0, 0.3, 1.0]), early=st.booleans())
    def everything_is_answered(self, share, early):
        while self.platform.on_the_way:
            self.platform.deliver(*self.platform.on_the_way.pop(0))
        for key in self.platform.live():
            self.platform.fill(key, share)
            self.platform.finish(key, "no liquidity", self.applied if early else None)
        while self.applied < len(self.platform.events) - early:
            self.an_event_is_told(False)

    @rule(
        feed=st.sampled_from([True, True, True, False]),
        fresh=st.sampled_from([True, True, True, False]),
        news=st.sampled_from([0.0, 0.0, 5.0]),
    )
    def the_market_changes(self, feed, fresh, news):
        self.feed, self.fresh, self.news_until = feed, fresh, self.now + news

    @rule(
        lots=st.one_of(st.floats(-12.0, 12.0), st.sampled_from([0.0, 9.0, -9.0, 20.0, -20.0])),
        seconds=st.sampled_from([0.1, 1.0, 3.0, 7.0, 100.0]),
        crash=st.sampled_from(["no", "no", "no", "before sending", "after sending"]),
    )
    def clients_trade_and_the_desk_looks(self, lots, seconds, crash):
        self.clients += lots
        self.now += seconds
        before = self.house()
        paused = self.desk.states[EURUSD].pause
        decision = self.desk.decide(EURUSD, self.situation())
        if decision.verdict is Verdict.ORDER:
            assert (self.feed, self.fresh, paused) == (True, True, "")
            assert self.now >= self.news_until
            # nothing else may still execute, and the exposure holds everything that did
            assert not self.platform.may_still_execute()
            executed = {e[3] for e in self.platform.events if e[0] == "fill"}
            assert executed <= self.counted
            after = before + decision.order.side.sign * decision.order.lots
            assert abs(after) >= self.rules.band_lots - 1e-9
            assert abs(before) - abs(after) == pytest.approx(decision.order.lots)
            assert decision.order.lots <= self.rules.max_clip_lots + 1e-9
        if decision.order is not None:
            self.keep()
            kind = "send" if decision.verdict is Verdict.ORDER else "enquire"
            if crash == "before sending":
                self.crash()
                return
            self.platform.on_the_way.append((kind, decision.order))
        if crash != "no":
            self.crash()

    @precondition(lambda self: self.platform.on_the_way)
    @rule(data=st.data(), fate=st.sampled_from(["arrives", "arrives", "lost", "twice"]))
    def the_network_moves(self, data, fate):
        k = data.draw(st.integers(0, len(self.platform.on_the_way) - 1))
        message = self.platform.on_the_way.pop(k)
        if fate != "lost":
            self.platform.deliver(*message)
        if fate == "twice":
            self.platform.deliver(*message)

    @precondition(lambda self: self.platform.live())
    @rule(
        data=st.data(), share=st.sampled_from([0.0, 0.3, 1.0]),
        last=st.sampled_from(["no", "now", "ahead of the fill"]),
    )  # fmt: skip
    def the_provider_works(self, data, share, last):
        key = data.draw(st.sampled_from(self.platform.live()))
        self.platform.fill(key, share)
        if last != "no":
            told = self.applied if last == "ahead of the fill" else None
            self.platform.finish(key, "no liquidity", told)

    @precondition(lambda self: self.applied < len(self.platform.events))
    @rule(twice=st.booleans())
    def an_event_is_told(self, twice):
        event = self.platform.events[self.applied]
        self.applied += 1
        self.tell(event)
        if twice:
            self.tell(event)

    @rule()
    def crash(self):
        kept, position = self.kept
        told, self.applied = self.applied, position
        self.desk = Hedger({EURUSD: self.rules}, RUN)
        self.desk.restore(msgspec.msgpack.decode(kept))
        for event in self.platform.events[position:told]:
            self.tell(event)
        self.applied = told

    @rule()
    def somebody_resumes(self):
        self.desk.resume(EURUSD)

    @invariant()
    def nothing_is_filled_beyond_its_order(self):
        for key, lots in self.platform.done.items():
            assert lots <= self.platform.orders[key].lots + 1e-9

    @invariant()
    def at_most_one_order_may_still_execute(self):
        assert len(self.platform.may_still_execute()) <= 1

    def teardown(self):
        """When everything answers and nothing holds it back, the exposure ends in the band."""
        self.feed, self.fresh, self.news_until = True, True, 0.0
        for _ in range(400):
            self.now += 70.0
            self.desk.resume(EURUSD)
            while self.applied < len(self.platform.events):
                self.tell(self.platform.events[self.applied])
                self.applied += 1
            if self.desk.decide(EURUSD, self.situation()).verdict in {
                Verdict.INSIDE,
                Verdict.TOO_SMALL,
            }:
                break
            order = self.desk.states[EURUSD].open
            if order is not None:
                self.answer_everything(order)
        assert abs(self.house()) < self.rules.band_lots + self.rules.min_clip_lots

    def answer_everything(self, order):
        while self.platform.on_the_way:
            self.platform.deliver(*self.platform.on_the_way.pop(0))
        sent = HedgeOrder(order.key, order.lp, EURUSD, order.side, order.lots)
        if order.key not in self.platform.over:
            self.platform.deliver("send", sent)
            self.platform.fill(order.key, 1.0)
            self.platform.finish(order.key, "")
        else:
            self.platform.deliver("enquire", sent)


NeverTwice.TestCase.settings = examples(150, stateful_step_count=40)
TestNeverTwice = NeverTwice.TestCase
