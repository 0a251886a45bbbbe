"""Factors have the volatility, the tails and the correlations they promise."""

from __future__ import annotations

import numpy as np
import pytest

from feeds.simulator.factors import Factors, PricePaths, load_factors

STEPS_PER_DAY = 288
DAYS = 60


@pytest.fixture(scope="module")
def factors() -> Factors:
    return load_factors()


@pytest.fixture(scope="module")
def returns(factors):
    paths, random = PricePaths(factors), np.random.default_rng(11)
    gap = np.array([1.0 / STEPS_PER_DAY])
    prices, flat = [paths.log_price], np.ones(len(factors.codes))
    for _ in range(DAYS * STEPS_PER_DAY):
        paths.advance_volatility(gap[0], random)
        prices.append(paths.walk(gap, flat, random)[-1])
    return np.diff(np.array(prices), axis=0)


def test_realised_daily_volatility_is_that_of_the_reference_workload(factors, returns):
    realised = np.sqrt((returns**2).sum(axis=0) / DAYS)
    assert (realised / factors.volatility).mean() == pytest.approx(1.0, abs=0.05)
    assert np.abs(realised / factors.volatility - 1.0).max() < 0.15


def test_reference_volatilities_per_class(factors):
    volatility = dict(zip(factors.codes, factors.volatility, strict=True))
    classes = dict(zip(factors.codes, factors.seasons, strict=True))
    expected = {"fx": 0.006, "index": 0.012, "energy": 0.012, "share": 0.02, "crypto": 0.035}
    assert volatility["XAU"] == 0.01
    for code, name in classes.items():
        assert name == "metal" or volatility[code] == expected[name]


def test_returns_have_fat_tails(returns):
    kurtosis = (returns**4).mean(axis=0) / (returns**2).mean(axis=0) ** 2
    assert np.median(kurtosis) > 5.0


def test_volatility_comes_in_clusters(factors, returns):
    size = np.abs(returns[:, factors.codes.index("EUR")])
    assert np.corrcoef(size[:-1], size[1:])[0, 1] > 0.1
    assert np.corrcoef(size[:-12], size[12:])[0, 1] > 0.05


def test_what_belongs_together_moves_together(factors, returns):
    correlation = np.corrcoef(returns.T)

    def between(left: str, right: str) -> float:
        return correlation[factors.codes.index(left), factors.codes.index(right)]

    assert between("US500", "NAS100") > 0.6
    assert between("WTI", "BRENT") > 0.8
    assert between("AUD", "NZD") > between("AUD", "JPY")
    assert between("EUR", "BTC") < 0.2


def test_a_shock_moves_what_follows_the_driver_and_heats_it(factors):
    paths = PricePaths(factors)
    before = paths.log_price.copy()
    paths.shock("dollar", size=0.5, heat=1.0)
    moved = paths.log_price - before
    assert moved[factors.codes.index("EUR")] == pytest.approx(0.5 * 0.66 * 0.006)
    assert moved[factors.codes.index("GER40")] == 0.0
    assert paths.heat[factors.codes.index("EUR")] == pytest.approx(0.66)


def test_a_release_about_one_code_moves_only_that_code(factors):
    paths = PricePaths(factors)
    before = paths.log_price.copy()
    paths.shock("CHF", size=-1.0, heat=1.0)
    assert np.flatnonzero(paths.log_price != before).tolist() == [factors.codes.index("CHF")]


def test_restored_paths_go_on_bit_for_bit(factors):
    first, second = PricePaths(factors), PricePaths(factors)
    gaps, flat = np.full(5, 0.01), np.ones(len(factors.codes))
    first.shock("risk", size=-1.0, heat=0.5)
    first.advance_volatility(0.05, np.random.default_rng(3))
    first.walk(gaps, flat, np.random.default_rng(3))
    second.restore_state(first.export_state())
    for paths in (first, second):
        paths.advance_volatility(0.05, np.random.default_rng(4))
    left = first.walk(gaps, flat, np.random.default_rng(5))
    assert (left == second.walk(gaps, flat, np.random.default_rng(5))).all()
    assert (first.volatility() == second.volatility()).all()


def test_a_repriced_asset_loses_its_drop_and_is_divided_while_others_stay(factors):
    paths = PricePaths(factors)
    before = np.exp(paths.log_price)
    paths.reprice("AAPL", 0.26, 1.0)
    paths.reprice("NVDA", 2.5, 4.0)
    paths.reprice("SAP", 0.0, 1.0)
    after = np.exp(paths.log_price)
    apple, nvidia = factors.codes.index("AAPL"), factors.codes.index("NVDA")
    assert after[apple] == pytest.approx(before[apple] - 0.26)
    assert after[nvidia] == pytest.approx((before[nvidia] - 2.5) / 4.0)
    others = np.delete(np.arange(len(before)), [apple, nvidia])
    assert (after[others] == before[others]).all()
