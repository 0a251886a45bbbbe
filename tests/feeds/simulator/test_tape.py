"""The tape hands out a market's quotes in order of arrival and knows what comes after them."""

import numpy as np
import pytest

from exposure.model.quotes import QuoteColumns
from feeds.ports import ActionKind, MarketAction, MarketStep
from feeds.simulator.packing import pack, unpack
from feeds.simulator.tape import QuoteTape
from tests.feeds.simulator.small_market import SECOND, START, SmallMarket


def tape_of(market, foresight_s=60, lag_ms=250):
    return QuoteTape(market, foresight_s * SECOND, lag_ms * 1_000_000)


def rows(arrivals):
    return [column.tolist() for column in arrivals.quotes]


def test_nothing_arrives_early_late_or_twice():
    tape = tape_of(SmallMarket(("EURUSD",)), lag_ms=0)
    seen = []
    for end in (START + SECOND // 3, START + SECOND, START + 5 * SECOND):
        client, provider = tape.advance(end)
        assert (client.due <= end).all()
        assert rows(provider)[3] == rows(client)[3]
        seen += client.due.tolist()
    assert seen == [START + k * SECOND // 5 for k in range(1, 26)]


def test_client_quotes_are_published_later_and_carry_that_time():
    tape = tape_of(SmallMarket(("EURUSD",)), lag_ms=250)
    client, provider = tape.advance(START + SECOND)
    assert (client.quotes.ts_event == client.due).all()
    assert client.due[0] - provider.due[0] == 250_000_000
    assert len(provider.due) == 5
    assert len(client.due) == 3


def test_the_pace_of_reading_changes_nothing():
    slow, quick = tape_of(SmallMarket()), tape_of(SmallMarket())
    parts = [slow.advance(START + k * SECOND // 7)[0] for k in range(1, 71)]
    whole, _ = quick.advance(START + 10 * SECOND)
    assert np.concatenate([part.quotes.bid for part in parts]).tolist() == rows(whole)[1]
    assert (slow.ahead == quick.ahead).all()


def test_prices_ahead_come_true():
    tape = tape_of(SmallMarket(("EURUSD", "XAUUSD")), foresight_s=60)
    tape.advance(START + SECOND)
    foreseen = tape.ahead.copy()
    _, provider = tape.advance(START + 61 * SECOND)
    symbol, bid, ask, _ = provider.quotes
    assert foreseen.tolist() == [
        (bid[symbol == s][-1] + ask[symbol == s][-1]) / 2 for s in range(2)
    ]


def test_a_recording_is_exhausted_once_it_is_handed_out():
    tape = tape_of(SmallMarket(("EURUSD",), length_s=30))
    tape.advance(START + 20 * SECOND)
    assert tape.market.exhausted
    assert not tape.exhausted
    tape.advance(START + 40 * SECOND)
    assert tape.exhausted


def test_a_late_quote_arrives_after_younger_ones_and_keeps_its_time():
    class LateMarket(SmallMarket):
        def step(self, duration_ns):
            self.now += duration_ns
            ts = self.now - np.array([5, 9, 1])
            quotes = QuoteColumns(np.zeros(3, np.int32), np.ones(3), np.ones(3) * 2, ts)
            return MarketStep(self.now, quotes, quotes)

    tape = tape_of(LateMarket(("EURUSD",)), foresight_s=0, lag_ms=0)
    client, _ = tape.advance(START + 100)
    assert client.due.tolist() == [START + 95, START + 95, START + 99]
    assert client.quotes.ts_event.tolist() == [START + 95, START + 91, START + 99]


def test_unusable_provider_quotes_are_left_out():
    class BrokenMarket(SmallMarket):
        def step(self, duration_ns):
            self.now += duration_ns
            bid, ask = np.array([1.0, np.nan, -1.0, 1.5]), np.array([1.1, 1.1, 1.1, np.inf])
            ts = np.full(4, self.now)
            quotes = QuoteColumns(np.zeros(4, np.int32), bid, ask, ts)
            return MarketStep(self.now, quotes, quotes)

    tape = tape_of(BrokenMarket(("EURUSD",)), foresight_s=0, lag_ms=0)
    client, provider = tape.advance(START + 100)
    assert len(client.due) == 4
    assert provider.quotes.bid.tolist() == [1.0]
    assert tape.ahead.tolist() == [1.05]


def test_a_loaded_tape_goes_on_with_the_same_quotes():
    first = tape_of(SmallMarket())
    first.advance(START + 3 * SECOND)
    second = tape_of(SmallMarket(seed=99))
    second.load(first.save())
    for k in range(4, 70):
        mine, other = first.advance(START + k * SECOND), second.advance(START + k * SECOND)
        assert [rows(one) for one in mine] == [rows(one) for one in other]


def test_actions_are_handed_out_at_their_time_and_survive_a_restart_before_it():
    split = MarketAction(START + 30 * SECOND, 1, ActionKind.SPLIT, ratio=4.0)
    market = SmallMarket(("EURUSD", "XAUUSD"), actions=[split])
    tape = tape_of(market, foresight_s=60)
    tape.advance(START + SECOND)
    assert tape.take_actions() == []
    assert tape.ahead[1] == pytest.approx(5_100 / 4, rel=0.01)
    restored = tape_of(SmallMarket(("EURUSD", "XAUUSD"), actions=[split]))
    restored.load(unpack(pack(tape.save())))
    for one in (tape, restored):
        one.advance(split.ts - 1)
        assert one.take_actions() == []
        one.advance(split.ts)
        assert one.take_actions() == [split]
        assert one.take_actions() == []


def test_prices_ahead_are_on_the_scale_of_the_latest_split():
    split = MarketAction(START + SECOND, 0, ActionKind.SPLIT, ratio=4.0)
    closed = {"XAUUSD": (0.5, 100.0)}
    tape = tape_of(SmallMarket(("XAUUSD",), actions=[split], closed=closed), foresight_s=0)
    tape.advance(START + SECOND // 2)
    before = tape.ahead[0]
    tape.advance(START + 2 * SECOND)
    assert tape.ahead[0] == before / 4
