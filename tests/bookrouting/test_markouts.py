"""Markouts are the latest mid at each horizon against the reference, however ticks are batched."""

import numpy as np
import pytest

from bookrouting.markouts import MidColumns, TradeColumns, new_state, settle_until, take_mids

HORIZONS = (1, 5, 20)


def made_day(seed, ticks=400, trades=60, symbols=3):
    random = np.random.default_rng(seed)
    mids = MidColumns(
        random.integers(0, symbols, ticks).astype(np.int32),
        100.0 + random.standard_normal(ticks).cumsum(),
        np.sort(random.integers(0, 200, ticks)),
    )
    fills = TradeColumns(
        random.integers(0, symbols, trades).astype(np.int32),
        random.choice([-1.0, 1.0], trades),
        100.0 + random.standard_normal(trades),
        np.sort(random.integers(0, 200, trades)),
    )
    return mids, fills


def naive(mids, fills, end):
    out = np.full((len(fills.ts), len(HORIZONS)), np.nan)
    for k, at in enumerate(fills.ts):
        for h, horizon in enumerate(HORIZONS):
            seen = np.flatnonzero((mids.symbol == fills.symbol[k]) & (mids.ts <= at + horizon))
            if at + horizon <= end and len(seen):
                out[k, h] = fills.side[k] * (mids.mid[seen[-1]] - fills.reference[k])
    return out


@pytest.mark.parametrize("batch", [1, 7, 400])
@pytest.mark.parametrize("seed", range(5))
def test_markouts_are_those_of_a_naive_computation(seed, batch):
    mids, fills = made_day(seed)
    state = new_state(3, len(fills.ts), HORIZONS)
    for begin in range(0, len(mids.ts), batch):
        take_mids(MidColumns(*(c[begin : begin + batch] for c in mids)), fills, state)
    end = int(mids.ts[-1])
    settle_until(end, fills, state)
    np.testing.assert_array_equal(state.markouts, naive(mids, fills, end))


def test_a_buy_before_a_rise_is_good_for_the_client_and_a_sell_is_not():
    mids = MidColumns(np.zeros(2, np.int32), np.array([10.0, 12.0]), np.array([0, 5]))
    fills = TradeColumns(
        np.zeros(2, np.int32), np.array([1.0, -1.0]), np.array([10.0, 10.0]), np.array([1, 1])
    )
    state = new_state(1, 2, (4, 9))
    take_mids(mids, fills, state)
    assert np.isnan(state.markouts).all()  # due at this instant, which may bring another tick
    settle_until(5, fills, state)
    assert state.markouts[:, 0].tolist() == [2.0, -2.0]
    assert np.isnan(state.markouts[:, 1]).all()
