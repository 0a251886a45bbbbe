"""The provider looks, waits and answers: in full, now and then in part, rarely not at all."""

import numpy as np
import pytest

from exposure.model.deals import Side
from feeds.simulator.providers import FIRM, GREEDY, USUAL, LiquidityProvider

MS = 1_000_000


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def answers(provider, rng, bid=1.10, ask=1.11):
    return [provider.answer(order, bid, ask, 5, rng) for order in provider.due(10**15)]


def test_an_order_is_on_its_way_until_it_is_answered(rng):
    provider = LiquidityProvider(2)
    provider.order(0, 1, -2.5, rng)
    assert provider.in_flight.tolist() == [0.0, -2.5]
    assert provider.due(34 * MS) == []
    (order,) = provider.due(110 * MS)
    assert (order.symbol, order.side, order.lots) == (1, Side.SELL, 2.5)
    provider.answer(order, 1.10, 1.11, 5, rng)
    assert provider.in_flight.tolist() == [0.0, 0.0]
    assert provider.due(10**15) == []


def test_answers_come_in_order_of_time(rng):
    provider = LiquidityProvider(1)
    for _ in range(50):
        provider.order(0, 0, 1.0, rng)
    arrivals = [order.arrives for order in provider.arriving(80 * MS)]
    assert arrivals == sorted(arrivals)
    times = [order.due for order in provider.due(110 * MS)]
    assert len(times) == len(arrivals) == 50
    assert times == sorted(times)
    assert times[0] >= 35 * MS


def test_most_orders_are_filled_some_in_part_few_rejected(rng):
    provider = LiquidityProvider(1)
    for _ in range(4_000):
        provider.order(0, 0, 1.0, rng)
    lots = np.array([fill.lots for fill in answers(provider, rng)])
    assert 0.92 < (lots == 1.0).mean() < 0.96
    assert 0.01 < (lots == 0.0).mean() < 0.03
    assert (lots[(lots > 0.0) & (lots < 1.0)] >= 0.3).all()


def test_slippage_is_symmetric_around_the_side_that_was_hit(rng):
    provider = LiquidityProvider(1)
    for _ in range(4_000):
        provider.order(0, 0, 1.0, rng)
        provider.order(0, 0, -1.0, rng)
    fills = answers(provider, rng)
    for side, price in ((Side.BUY, 1.11), (Side.SELL, 1.10)):
        slips = np.array([fill.price - price for fill in fills if fill.order.side is side])
        assert abs(slips.mean()) < 4 * slips.std() / np.sqrt(len(slips))
        assert slips.std() == pytest.approx(0.0015, rel=0.1)


def test_prices_are_rounded_to_the_symbols_digits(rng):
    provider = LiquidityProvider(1)
    provider.order(0, 0, 1.0, rng)
    (fill,) = answers(provider, rng)
    assert fill.price == round(fill.price, 5)


def test_without_a_price_every_order_is_rejected(rng):
    provider = LiquidityProvider(1)
    for _ in range(20):
        provider.order(0, 0, 1.0, rng)
    fills = answers(provider, rng, float("nan"), float("nan"))
    assert {fill.lots for fill in fills} == {0.0}


def test_a_loaded_provider_still_owes_its_answers(rng):
    first, second = LiquidityProvider(1), LiquidityProvider(1)
    first.order(0, 0, 1.5, rng)
    second.load(first.save())
    assert second.due(10**15) == first.due(10**15)
    assert second.in_flight.tolist() == [1.5]


def test_orders_on_their_way_are_split_with_their_symbol(rng):
    provider = LiquidityProvider(2)
    provider.order(0, 0, 1.5, rng)
    provider.order(0, 1, -2.0, rng)
    provider.split(0, 4.0)
    assert provider.in_flight.tolist() == [6.0, -2.0]
    assert {order.symbol: order.lots for order in provider.due(10**12)} == {0: 6.0, 1: 2.0}


def asked(terms, move, lots, rng, count=2_000):
    """What a provider answers to buys (or sells) when its price moves while it looks."""
    provider = LiquidityProvider(1, terms)
    for _ in range(count):
        provider.order(0, 0, lots, rng)
    for order in provider.arriving(10**15):
        provider.see(order, 1.10, 1.11)
    return [provider.answer(one, 1.10 + move, 1.11 + move, 5, rng) for one in provider.due(10**15)]


def refused(fills, reason):
    return np.mean([fill.reason == reason for fill in fills])


@pytest.mark.parametrize("lots", [1.0, -1.0])
def test_a_last_look_refuses_a_price_that_moved_against_the_provider(lots, rng):
    against = np.sign(lots) * 0.012
    assert refused(asked(USUAL, against, lots, rng), "last look") > 0.95
    assert refused(asked(USUAL, against / 2, lots, rng), "last look") == 0.0


def test_a_symmetric_last_look_refuses_both_ways_and_a_greedy_one_keeps_its_gains(rng):
    assert refused(asked(USUAL, -0.012, 1.0, rng), "last look") > 0.95
    assert refused(asked(GREEDY, -0.012, 1.0, rng), "last look") == 0.0
    assert refused(asked(GREEDY, 0.004, 1.0, rng), "last look") > 0.93


def test_a_firm_provider_never_looks_twice(rng):
    fills = asked(FIRM, 0.5, 1.0, rng)
    assert refused(fills, "last look") == 0.0
    assert 0.01 < refused(fills, "rejected") < 0.03


def test_an_order_is_filled_at_the_price_it_met_on_arrival(rng):
    fills = [fill for fill in asked(USUAL, 0.005, 1.0, rng) if fill.lots > 0.0]
    assert np.mean([fill.price for fill in fills]) == pytest.approx(1.11, abs=2e-4)


def test_an_answer_is_about_the_order_by_the_name_it_was_given(rng):
    provider = LiquidityProvider(1)
    sent = provider.order(0, 0, 1.0, rng, "hedge-7")
    (order,) = provider.due(10**15)
    assert order == sent
    assert provider.answer(order, 1.1, 1.11, 5, rng).order.key == "hedge-7"


def test_a_part_is_never_more_than_was_asked(rng):
    provider = LiquidityProvider(1)
    for _ in range(500):
        provider.order(0, 0, 0.01, rng)
    assert max(fill.lots for fill in answers(provider, rng)) == 0.01


def test_a_price_that_vanished_while_the_provider_looked_is_no_price(rng):
    fills = asked(USUAL, float("nan"), 1.0, rng, 50)
    assert {(fill.lots, fill.reason) for fill in fills} == {(0.0, "no price")}


def test_a_loaded_provider_remembers_the_quotes_its_orders_met(rng):
    first, second = LiquidityProvider(1), LiquidityProvider(1)
    first.order(0, 0, 1.0, rng)
    (order,) = first.arriving(10**15)
    first.see(order, 1.10, 1.11)
    second.load(first.save())
    assert second.arriving(10**15) == []
    assert second.save() == first.save()


def test_a_split_divides_the_quote_that_an_order_met(rng):
    provider = LiquidityProvider(1)
    provider.order(0, 0, 1.0, rng)
    (order,) = provider.arriving(10**15)
    provider.see(order, 4.40, 4.44)
    provider.split(0, 4.0)
    (split,) = provider.due(10**15)
    fill = provider.answer(split, 1.10, 1.11, 5, rng)
    assert (fill.lots, fill.reason) == (4.0, "")
    assert fill.price == pytest.approx(1.11, abs=0.01)
