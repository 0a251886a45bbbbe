"""Simulated quotes look real, agree with each other and come back the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure.errors import ConfigError, StorageError
from exposure.model.quotes import QuoteColumns
from feeds.catalogue import load_catalogue, load_venue_instruments
from feeds.ports import ActionKind, Market, MarketAction, MarketStep
from feeds.simulator.calendar import DAY, SECOND, nanoseconds
from feeds.simulator.market import DEFAULT_START, SimulatedMarket

TENTH = SECOND // 10
MINUTE = 60 * SECOND


def utc(*parts: int) -> int:
    return nanoseconds(datetime(*parts, tzinfo=UTC))


def same(left: MarketStep, right: MarketStep) -> bool:
    return (left.now, left.actions) == (right.now, right.actions) and all(
        np.array_equal(one, other)
        for one, other in zip(
            [*left.client, *left.provider], [*right.client, *right.provider], strict=True
        )
    )


def last_prices(quotes: QuoteColumns, count: int) -> np.ndarray:
    mids = np.full(count, np.nan)
    mids[quotes.symbol] = (quotes.bid + quotes.ask) / 2
    return mids


def spreads_of(market: SimulatedMarket, symbol: str, duration: int) -> np.ndarray:
    quotes = market.step(duration).provider
    ours = quotes.symbol == [one.symbol for one in market.instruments].index(symbol)
    return (quotes.ask - quotes.bid)[ours]


class Week(NamedTuple):
    symbols: list[str]
    ends: np.ndarray
    mids: np.ndarray
    ts: np.ndarray
    quoted: np.ndarray


@pytest.fixture(scope="module")
def week() -> Week:
    """Seven days of a sparsely quoted market, prices every ten minutes, splits undone."""
    market = SimulatedMarket(5, quotes_per_second=0.6)
    mids, ends, ts, quoted = [], [], [], []
    last, units = np.full(len(market.instruments), np.nan), np.ones(len(market.instruments))
    for _ in range(7 * 144):
        step = market.step(10 * MINUTE)
        for action in step.actions:
            units[action.symbol] *= action.ratio
        quotes = step.provider
        last[quotes.symbol] = (quotes.bid + quotes.ask) / 2 * units[quotes.symbol]
        mids.append(last.copy())
        ends.append(market.now)
        ts.append(quotes.ts_event)
        quoted.append(quotes.symbol)
    return Week(
        [one.symbol for one in market.instruments],
        np.array(ends),
        np.array(mids),
        np.concatenate(ts),
        np.concatenate(quoted),
    )


def test_it_is_a_market_and_never_ends():
    market: Market = SimulatedMarket(1)
    assert (market.label, market.exhausted) == ("simulated", False)
    assert market.now == DEFAULT_START == utc(2026, 3, 10, 12)


def test_the_first_step_gives_every_symbol_a_price_even_a_closed_one():
    market = SimulatedMarket(1)
    quotes = market.step(TENTH).client
    assert set(quotes.symbol.tolist()) == set(range(len(market.instruments)))
    assert (quotes.ts_event > DEFAULT_START).all()
    later = market.step(MINUTE).client
    shares = [i for i, one in enumerate(market.instruments) if one.symbol == "AAPL"]
    assert not np.isin(later.symbol, shares).any()


def test_the_same_seed_gives_the_same_quotes_and_another_seed_others():
    steps = [SimulatedMarket(seed).step(SECOND) for seed in (7, 7, 8)]
    assert same(steps[0], steps[1])
    assert not same(steps[0], steps[2])


@settings(max_examples=15, deadline=None)
@given(
    durations=st.lists(st.integers(1, 200 * SECOND), min_size=1, max_size=6),
    seed=st.integers(0, 2**32),
)
def test_any_steps_are_ordered_complete_and_resumable(durations, seed):
    market, other = SimulatedMarket(seed), SimulatedMarket(seed + 1)
    for duration in durations:
        before = market.now
        other.load(market.save())
        step = market.step(duration)
        assert same(step, other.step(duration))
        assert step.now == market.now == before + duration
        ts = step.client.ts_event
        assert ((ts > before) & (ts <= step.now)).all()
        assert (np.diff(ts) >= 0).all()


def test_no_quote_repeats_the_one_before_it():
    market = SimulatedMarket(3)
    steps = [market.step(SECOND).provider for _ in range(20)]
    symbol, bid, ask, _ = (np.concatenate(column) for column in zip(*steps, strict=True))
    for one in range(len(market.instruments)):
        ours = symbol == one
        assert ((np.diff(bid[ours]) != 0) | (np.diff(ask[ours]) != 0)).all()


def test_prices_are_whole_points_and_the_nearest_float_to_their_decimal():
    market = SimulatedMarket(4)
    step = market.step(30 * SECOND)
    digits = [one.digits for one in market.instruments]
    for quotes in (step.client, step.provider):
        for symbol, price in zip(quotes.symbol, quotes.bid, strict=True):
            assert price == float(f"{price:.{digits[symbol]}f}")


def test_clients_pay_the_markup_rounded_outwards():
    market = SimulatedMarket(4)
    _, client, provider, _ = market.step(10 * SECOND)
    half = np.array([np.ceil(one.markup_points / 2) * one.point for one in market.instruments])
    assert client.bid == pytest.approx(provider.bid - half[client.symbol], rel=1e-12)
    assert client.ask == pytest.approx(provider.ask + half[client.symbol], rel=1e-12)
    assert (provider.bid < provider.ask).all()


def test_the_default_market_is_busy_and_euro_dollar_and_gold_are_the_busiest():
    market = SimulatedMarket(2)
    market.step(TENTH)
    symbols = market.step(2 * MINUTE).client.symbol
    assert 250 <= len(symbols) / 120 <= 450
    counts = np.bincount(symbols, minlength=len(market.instruments))
    busiest = {market.instruments[i].symbol for i in np.argsort(counts)[-2:]}
    assert busiest == {"EURUSD", "XAUUSD"}


def test_triangles_agree_within_their_spreads():
    market = SimulatedMarket(6, quotes_per_second=2000.0)
    market.step(SECOND)
    quotes = market.step(10 * SECOND).provider
    index = {one.symbol: i for i, one in enumerate(market.instruments)}
    mid = last_prices(quotes, len(index))
    for first, second, cross in [
        ("EURUSD", "USDJPY", "EURJPY"),
        ("GBPUSD", "USDCHF", "GBPCHF"),
        ("AUDUSD", "USDJPY", "AUDJPY"),
        ("EURUSD", "USDCAD", "EURCAD"),
    ]:
        implied = mid[index[first]] * mid[index[second]]
        assert implied == pytest.approx(mid[index[cross]], rel=1.5e-4)
    assert mid[index["GER40"]] == pytest.approx(mid[index["DE40"]], rel=1e-4)


def test_a_week_realises_the_daily_volatility_of_each_class(week):
    returns = np.diff(np.log(week.mids), axis=0)
    days = dict.fromkeys(["fx", "index", "energy", "share"], 5) | {"crypto": 7}
    expected = {"fx": 0.006, "index": 0.012, "energy": 0.012, "share": 0.02, "crypto": 0.035}
    classes = np.array([one.asset_class for one in load_catalogue()])
    for name, target in expected.items():
        squares = (returns[:, classes == name] ** 2).sum(axis=0)
        assert np.sqrt(squares / days[name]).mean() == pytest.approx(target, rel=0.3)


def test_only_crypto_is_quoted_from_friday_to_sunday(week):
    friday, sunday = utc(2026, 3, 13, 21, 15), utc(2026, 3, 15, 21)
    weekend = week.quoted[(week.ts > friday) & (week.ts < sunday)]
    classes = {load_catalogue()[i].asset_class for i in np.unique(weekend)}
    assert classes - {"index", "energy"} == {"crypto"}
    late = week.quoted[(week.ts > utc(2026, 3, 13, 22)) & (week.ts < sunday)]
    assert {load_catalogue()[i].asset_class for i in np.unique(late)} == {"crypto"}


def test_currencies_are_silent_during_the_daily_break(week):
    dollar = week.symbols.index("EURUSD")
    pause = (week.ts > utc(2026, 3, 11, 20, 58)) & (week.ts <= utc(2026, 3, 11, 21, 3))
    assert not (week.quoted[pause] == dollar).any()


def test_the_day_has_a_season(week):
    eurusd = week.mids[:, week.symbols.index("EURUSD")]
    hours = (week.ends[1:] // (3600 * SECOND)) % 24
    moves = np.diff(np.log(eurusd)) ** 2
    busy = moves[np.isin(hours, [13, 14])].mean()
    quiet = moves[np.isin(hours, [22, 23])].mean()
    assert busy > 2 * quiet


def test_the_spread_widens_before_a_release_and_heals():
    release = utc(2026, 3, 10, 12, 30)
    market = SimulatedMarket(9, start=release - 20 * MINUTE, quotes_per_second=60.0)
    calm = spreads_of(market, "EURUSD", 15 * MINUTE).mean()
    market.step(4 * MINUTE + 50 * SECOND)
    anxious = spreads_of(market, "EURUSD", 10 * SECOND).mean()
    after = spreads_of(market, "EURUSD", 10 * SECOND).mean()
    market.step(40 * MINUTE)
    healed = spreads_of(market, "EURUSD", 5 * MINUTE).mean()
    assert anxious > 2 * calm
    assert after > 2 * calm
    assert healed < 1.7 * calm


def test_a_release_moves_the_price_more_than_the_minute_before_it():
    moves, usual = [], []
    release = utc(2026, 3, 10, 12, 30)
    for seed in range(12):
        market = SimulatedMarket(seed, start=release - MINUTE, quotes_per_second=50.0)
        start = last_prices(market.step(TENTH).provider, len(market.instruments))[0]
        before = last_prices(market.step(MINUTE - 2 * TENTH).provider, len(market.instruments))[0]
        after = last_prices(market.step(5 * SECOND).provider, len(market.instruments))[0]
        usual.append(abs(np.log(before / start)))
        moves.append(abs(np.log(after / before)))
    assert np.mean(moves) > 3 * np.mean(usual)


@pytest.mark.parametrize("day", [6, 9])
def test_spreads_widen_at_rollover_by_the_clock_of_new_york(day):
    rollover = utc(2026, 3, day, 22 if day == 6 else 21)
    noon = SimulatedMarket(1, start=rollover - 3600 * SECOND)
    close = SimulatedMarket(1, start=rollover - 5 * MINUTE)
    usual = spreads_of(noon, "EURUSD", 2 * MINUTE).mean()
    assert spreads_of(close, "EURUSD", 2 * MINUTE).mean() > 2 * usual


def test_upcoming_news_is_published_ahead():
    market = SimulatedMarket(1)
    titles = [release.title for release in market.upcoming_news(DAY)]
    assert "US consumer prices" in titles
    assert [r.ts for r in market.upcoming_news()] == sorted(r.ts for r in market.upcoming_news())


def test_an_asset_that_is_split_opens_at_a_fraction_of_its_last_price():
    split = utc(2026, 3, 12, 13, 29)
    market = SimulatedMarket(1, quotes_per_second=5.0)
    index = [one.symbol for one in market.instruments].index("NVDA")
    market.step(utc(2026, 3, 11, 19) - market.now)
    before = last_prices(market.step(utc(2026, 3, 11, 20) - market.now).client, 62)[index]
    night = market.step(split - SECOND - market.now)
    assert index not in night.client.symbol
    (seen,) = market.step(2 * SECOND).actions
    assert seen == MarketAction(split, index, ActionKind.SPLIT, ratio=4.0)
    after = last_prices(market.step(5 * MINUTE).client, 62)[index]
    assert after == pytest.approx(before / 4, rel=0.1)


def test_actions_come_back_the_same_after_a_restart_between_them():
    first = SimulatedMarket(3, quotes_per_second=0.5)
    second = SimulatedMarket(4, start=DEFAULT_START + 50 * DAY, quotes_per_second=0.5)
    seen = first.step(DAY).actions
    assert [action.kind for action in seen] == [ActionKind.DIVIDEND]
    second.load(first.save())
    left, right = first.step(3 * DAY), second.step(3 * DAY)
    assert same(left, right)
    assert len(left.actions) > 3


def test_a_symbol_without_parameters_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"instruments\.BTCUSDT: the simulator cannot quote it"):
        SimulatedMarket(1, load_venue_instruments()[:1])


def test_a_state_of_other_symbols_or_no_state_at_all_is_refused():
    market = SimulatedMarket(1)
    with pytest.raises(StorageError, match="other symbols"):
        market.load(SimulatedMarket(1, load_catalogue()[:5]).save())
    with pytest.raises(StorageError, match="cannot be read"):
        market.load(b"\xc1garbage")
