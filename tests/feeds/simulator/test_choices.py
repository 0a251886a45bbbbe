"""Each kind trades on what it can see, and on nothing else."""

import numpy as np
import pytest

from feeds.simulator.choices import (
    MarketView,
    choose_and_hide,
    choose_at_random,
    choose_the_future,
    choose_the_news,
    choose_the_next_seconds,
    choose_the_stale_quote,
    choose_the_swap,
    choose_the_trend,
    favourite_of,
)

FIRST, SECOND = 0, 1
FAVOURITES = np.tile(np.array([FIRST, SECOND, FIRST, FIRST], np.int32), (500, 1))
ONLY_FIRST = np.zeros((500, 4), np.int32)


def view(**seen):
    calm = {
        "open": np.array([True, True]),
        "bid": np.array([1.0, 2.0]),
        "ask": np.array([1.1, 2.1]),
        "momentum": np.zeros(2),
        "lead": np.zeros(2),
        "ahead": np.zeros(2),
        "sigma": np.array([1e-6, 1e-6]),
        "jump_sign": np.zeros(2, np.int8),
        "jump_age_s": np.array([1e9, 1e9]),
        "usd_per_lot": np.array([1.0, 1.0]),
        "distance": np.array([0.1, 0.1]),
        "carry_sign": np.zeros(2, np.int8),
        "carry": np.zeros(2),
        "to_rollover_s": 9e3,
    }
    return MarketView(**(calm | seen))


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_the_first_favourite_is_traded_most(rng):
    favourites = np.tile(np.arange(4, dtype=np.int32), (10_000, 1))
    counts = np.bincount(favourite_of(favourites, rng)) / 10_000
    assert counts == pytest.approx([0.55, 0.25, 0.12, 0.08], abs=0.02)


def test_noise_has_no_side(rng):
    choice = choose_at_random(view(momentum=np.ones(2)), FAVOURITES, rng)
    assert set(choice.sign.tolist()) == {-1, 1}
    assert abs(choice.sign.mean()) < 0.15


@pytest.mark.parametrize(("momentum", "side"), [(2.0, 1), (-2.0, -1), (0.1, 0), (np.nan, 0)])
def test_a_trend_follower_joins_a_clear_move_only(momentum, side, rng):
    choice = choose_the_trend(view(momentum=np.array([momentum, 0.0])), ONLY_FIRST, rng)
    assert set(choice.sign.tolist()) == {side}


@pytest.mark.parametrize(("lead", "side"), [(0.12, 1), (-0.12, -1), (0.05, 0), (np.nan, 0)])
def test_a_latency_picker_hits_a_quote_that_is_left_behind_by_a_spread(lead, side, rng):
    choice = choose_the_stale_quote(view(lead=np.array([lead, 0.0])), FAVOURITES, rng)
    assert set(choice.sign.tolist()) == {side}


def test_a_latency_picker_takes_the_best_of_its_symbols(rng):
    choice = choose_the_stale_quote(view(lead=np.array([0.12, -0.5])), FAVOURITES, rng)
    assert set(choice.symbol.tolist()) == {SECOND}
    assert set(choice.sign.tolist()) == {-1}


def test_a_latency_picker_does_not_look_at_a_symbol_that_is_closed(rng):
    market = view(lead=np.array([0.12, -0.5]), open=np.array([True, False]))
    choice = choose_the_stale_quote(market, FAVOURITES, rng)
    assert set(choice.symbol.tolist()) == {FIRST}


@pytest.mark.parametrize(("age_s", "side"), [(3.0, -1), (30.0, 0)])
def test_a_news_trader_joins_a_jump_while_it_is_fresh(age_s, side, rng):
    market = view(jump_sign=np.array([-1, 1], np.int8), jump_age_s=np.array([age_s, 1e9]))
    choice = choose_the_news(market, FAVOURITES, rng)
    assert set(choice.symbol.tolist()) == {FIRST}
    assert set(choice.sign.tolist()) == {side}


@pytest.mark.parametrize(("ahead", "side"), [(0.5, 1), (-0.5, -1), (0.05, 0), (np.nan, 0)])
def test_an_informed_client_trades_what_is_worth_more_than_the_spread(ahead, side, rng):
    choice = choose_the_future(view(ahead=np.array([ahead, 0.0])), ONLY_FIRST, rng)
    assert set(choice.sign.tolist()) == {side}


def test_an_informed_client_is_sometimes_wrong(rng):
    market = view(ahead=np.array([0.2, 0.0]), sigma=np.array([0.5, 0.5]))
    signs = choose_the_future(market, ONLY_FIRST, rng).sign
    assert (signs == 1).sum() > (signs == -1).sum() > 0


def test_a_skilled_scalper_acts_on_smaller_moves_than_an_informed_client_and_errs_more(rng):
    market = view(ahead=np.array([0.11, 0.0]), sigma=np.array([1e-9, 1e-9]))
    assert set(choose_the_next_seconds(market, ONLY_FIRST, rng).sign.tolist()) == {1}
    assert set(choose_the_future(market, ONLY_FIRST, rng).sign.tolist()) == {0}
    unsure = view(ahead=np.array([0.3, 0.0]), sigma=np.array([0.3, 0.3]))
    wrong = (choose_the_next_seconds(unsure, ONLY_FIRST, rng).sign == -1).sum()
    assert wrong > (choose_the_future(unsure, ONLY_FIRST, rng).sign == -1).sum()


def test_an_evader_trades_on_nothing_now_and_then(rng):
    market = view(ahead=np.array([0.5, 0.0]))
    signs = choose_and_hide(market, ONLY_FIRST, rng).sign
    assert 0.05 < (signs == -1).mean() < 0.17
    assert set(signs.tolist()) == {-1, 1}
    calm = choose_and_hide(view(), ONLY_FIRST, rng).sign
    assert 0.1 < (calm != 0).mean() < 0.3


@pytest.mark.parametrize(("to_rollover_s", "side"), [(1_000.0, -1), (4_000.0, 0)])
def test_a_swap_hunter_takes_the_best_carry_shortly_before_rollover(to_rollover_s, side, rng):
    market = view(
        carry_sign=np.array([1, -1], np.int8), carry=np.array([0.2, 0.9]),
        to_rollover_s=to_rollover_s,
    )  # fmt: skip
    choice = choose_the_swap(market, FAVOURITES, rng)
    assert set(choice.symbol.tolist()) == {SECOND}
    assert set(choice.sign.tolist()) == {side}


def test_a_swap_hunter_leaves_alone_what_earns_no_swap(rng):
    choice = choose_the_swap(view(to_rollover_s=10.0), FAVOURITES, rng)
    assert set(choice.sign.tolist()) == {0}
