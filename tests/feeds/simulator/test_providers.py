"""The provider answers after a moment: in full, now and then in part, rarely not at all."""

import numpy as np
import pytest

from exposure.model.deals import Side
from feeds.simulator.providers import LiquidityProvider

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
    assert provider.due(4 * MS) == []
    (order,) = provider.due(80 * MS)
    assert (order.symbol, order.side, order.lots) == (1, Side.SELL, 2.5)
    provider.answer(order, 1.10, 1.11, 5, rng)
    assert provider.in_flight.tolist() == [0.0, 0.0]
    assert provider.due(10**15) == []


def test_answers_come_in_order_of_time(rng):
    provider = LiquidityProvider(1)
    for _ in range(50):
        provider.order(0, 0, 1.0, rng)
    times = [order.due for order in provider.due(80 * MS)]
    assert len(times) == 50
    assert times == sorted(times)
    assert times[0] >= 5 * MS


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
