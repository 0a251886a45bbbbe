"""Signals say what the last prices show, and only that."""

import numpy as np
import pytest

from feeds.simulator.signals import Signals
from tests.feeds.simulator.small_market import SECOND, START, SmallMarket

EURO = SmallMarket(("EURUSD",)).instruments


def fed(prices, leads=None, seconds=1.0):
    signals = Signals(EURO)
    leads = prices if leads is None else leads
    for k, (price, lead) in enumerate(zip(prices, leads, strict=True)):
        signals.update(START + k * SECOND, seconds, np.array([price]), np.array([lead]))
    return signals


def test_a_rising_price_has_momentum_upwards_and_a_falling_one_downwards():
    rise = np.linspace(1.1, 1.11, 300)
    assert fed(rise).momentum[0] > 1.0
    assert fed(rise[::-1]).momentum[0] < -1.0
    assert fed(np.full(300, 1.1)).momentum[0] == pytest.approx(0.0)


def test_volatility_follows_the_moves_that_were_made():
    rng = np.random.default_rng(1)
    prices = 1.1 + np.cumsum(rng.normal(0.0, 1e-4, 20_000))
    assert fed(prices).sigma[0] == pytest.approx(1e-4, rel=0.15)


def test_a_jump_is_found_once_with_its_direction_and_time():
    prices = np.full(200, 1.1)
    prices[100:] = 1.09
    signals = fed(prices)
    assert signals.jump_sign[0] == -1
    assert signals.jump_ts[0] == START + 100 * SECOND


def test_ordinary_moves_are_no_jumps():
    rng = np.random.default_rng(1)
    sigma = 1.1 * 0.006 / np.sqrt(86_400)
    signals = fed(1.1 + np.cumsum(rng.normal(0.0, sigma, 3_000)))
    assert signals.jump_sign[0] == 0


def test_the_usual_distance_between_provider_and_client_is_learnt():
    prices = np.full(600, 1.1)
    assert fed(prices, prices + 0.0002).gap[0] == pytest.approx(0.0002)


def test_a_symbol_without_a_price_stays_unknown_and_starts_when_it_is_quoted():
    signals = fed([np.nan, np.nan])
    assert np.isnan(signals.momentum[0])
    signals.update(START + 2 * SECOND, 1.0, np.array([1.1]), np.array([1.1]))
    assert signals.momentum[0] == 0.0


def test_a_split_is_no_jump_and_no_volatility():
    rng = np.random.default_rng(2)
    prices = 100.0 + np.cumsum(rng.normal(0.0, 0.01, 300))
    signals, whole = fed(prices), fed(prices)
    signals.split(0, 4.0)
    signals.update(START + 300 * SECOND, 1.0, prices[-1:] / 4, prices[-1:] / 4)
    whole.update(START + 300 * SECOND, 1.0, prices[-1:], prices[-1:])
    assert signals.jump_ts[0] == whole.jump_ts[0] < START + 300 * SECOND
    assert signals.sigma[0] == pytest.approx(whole.sigma[0] / 4)
    assert signals.momentum[0] == pytest.approx(whole.momentum[0])
