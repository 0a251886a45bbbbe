"""What trades came to counts for every trade, at its close or after an hour, by size or not."""

import numpy as np
import pytest

from bookrouting.flow_batch import columns_of
from bookrouting.flow_settings import RESULT_CHANNEL, SIZED_CHANNEL
from bookrouting.flow_view import FlowView
from tests.bookrouting.flow_days import deal, played, quotes_of, walk

PIP = 1e-4


def slope(seconds=4_000, pips_per_s=0.01):
    """Return quotes that rise steadily."""
    return quotes_of(1.1 + np.arange(seconds) * pips_per_s * PIP, np.arange(seconds))


def mid(at_s, pips_per_s=0.01):
    return 1.1 + int(at_s) * pips_per_s * PIP


def trip(opens_s, closes_s, name="1", lots=1.0, **more):
    """Return the two deals of a long trade, at the market."""
    common = {"position_id": name, "lots": lots, **more}
    return [
        deal(opens_s, f"{name}i", mid=mid(opens_s), **common),
        deal(closes_s, f"{name}o", side="sell", entry="out", mid=mid(closes_s), **common),
    ]


def result_of(deals, quotes=None):
    flow = columns_of(played(slope() if quotes is None else quotes, deals))
    entries = ~flow.is_exit
    return flow.result[entries], flow.held_s[entries]


def test_a_closed_trade_is_its_net_gain_in_costs_and_one_more():
    result, held_s = result_of(trip(100.5, 400.5))
    # up 3 pips, a pip of spread is paid and is what a trade costs
    assert result == pytest.approx([3.0 - 1.0 + 1.0], abs=1e-9)
    assert held_s == pytest.approx([300.0])


def test_commission_is_paid_out_of_the_result():
    enter, leave = trip(100.5, 400.5, commission=-5.0)  # half a pip each
    result, _ = result_of([enter, leave])
    assert result == pytest.approx([(3.0 - 1.0 - 1.0) / 2.0 + 1.0], abs=1e-9)


def test_a_trade_that_stays_open_counts_as_it_stands_after_an_hour():
    result, held_s = result_of([deal(100.5, "i", mid=mid(100))])
    assert result == pytest.approx([36.0], abs=0.02)
    assert held_s == pytest.approx([3_600.0])
    late, _ = result_of(trip(100.5, 3_800.5))
    assert late == pytest.approx(result)


def test_parts_that_were_closed_count_by_their_lots():
    enter, _ = trip(100.5, 200.5)
    half = [
        enter, deal(200.5, "o", side="sell", entry="out", lots=0.5, mid=mid(200), position_id="1")
    ]  # fmt: skip
    result, held_s = result_of(half)
    assert result == pytest.approx([0.5 * 1.0 + 0.5 * 36.0], abs=0.02)
    assert held_s == pytest.approx([0.5 * 100.0 + 0.5 * 3_600.0])
    rest = deal(300.5, "p", side="sell", entry="out", lots=0.5, mid=mid(300), position_id="1")
    result, held_s = result_of([*half, rest])
    assert result == pytest.approx([0.5 * 1.0 + 0.5 * 2.0], abs=1e-9)
    assert held_s == pytest.approx([150.0])


def test_a_result_that_is_not_known_yet_is_none_and_so_is_one_across_a_close():
    quotes = slope(seconds=1_000)
    result, _ = result_of([deal(900.5, "i", mid=mid(900))], quotes)
    assert np.isnan(result).all()
    times = np.concatenate([np.arange(1_000), np.arange(1_000) + 100_000])
    quotes = quotes_of(1.1 + np.arange(2_000) * 0.01 * PIP, times)
    result, held_s = result_of([deal(500.5, "i", mid=mid(500))], quotes)
    assert result == pytest.approx([3.0], abs=0.02)  # at 300 s, the last horizon before the close
    assert held_s == pytest.approx([300.0])


def test_big_trades_that_win_are_seen_by_size_alone():
    """Nine small trades fall as much as a big one rises: by the trade he loses, by size not."""
    quotes = quotes_of(1.1 + 15 * PIP * np.sin(np.arange(9_000) / 1_000), np.arange(9_000))
    mids, deals = (quotes.bid + quotes.ask) / 2.0, []
    for k in range(40):
        at, big = 20 * k + 0.5, k % 10 == 0
        for when, entry, buys in ((at, "in", big), (at + 100, "out", not big)):
            side = "buy" if buys else "sell"
            deals.append(
                deal(when, f"{k}{entry}", side=side, entry=entry, lots=40.0 if big else 0.1,
                     mid=mids[int(when)], position_id=str(k))
            )  # fmt: skip
    book = played(quotes, sorted(deals, key=lambda one: one.ts_event))
    mean = FlowView(book).scores().mean[0]
    assert mean[RESULT_CHANNEL] < 0.5
    assert mean[RESULT_CHANNEL + 1] > 1.0
    assert mean[2] < 0.1 < mean[SIZED_CHANNEL + 2]


def test_trades_of_one_size_say_the_same_by_size():
    quotes = walk(np.random.default_rng(8), 6_000)
    mids = (quotes.bid + quotes.ask) / 2.0
    deals = [
        deal(
            at + 0.5,
            f"{at}{entry}",
            side=side,
            entry=entry,
            mid=mids[at],
            position_id=str(at // 60),
        )
        for at in range(60, 1_800, 30)
        for entry, side in [("in", "buy") if at % 60 == 0 else ("out", "sell")]
    ]
    sums = FlowView(played(quotes, deals)).sums()
    both = [RESULT_CHANNEL, RESULT_CHANNEL + 1]
    for column in (sums.weight, sums.moment):
        np.testing.assert_allclose(column[:, both[0]], column[:, both[1]], rtol=1e-9)
        np.testing.assert_allclose(
            column[:, :5], column[:, SIZED_CHANNEL : SIZED_CHANNEL + 5], rtol=1e-9
        )


def test_nobody_is_suspected_for_closing_what_wins_and_keeping_what_loses():
    random = np.random.default_rng(3)
    quotes, deals = walk(random, 30_000), []
    mids = (quotes.bid + quotes.ask) / 2.0
    for k in range(2_000):
        at, buys = int(random.integers(10, 26_000)), bool(random.random() < 0.5)
        sign = 1.0 if buys else -1.0
        won = np.flatnonzero(sign * (mids[at:] - mids[at]) >= 6 * PIP)
        common = {"login": f"L{k % 20}", "position_id": str(k)}
        side = "buy" if buys else "sell"
        deals.append(deal(at + 0.5, f"{k}i", side=side, mid=mids[at], **common))
        if len(won):
            then, back = at + int(won[0]), "sell" if buys else "buy"
            deals.append(
                deal(then + 0.5, f"{k}o", side=back, entry="out", mid=mids[then], **common)
            )
    book = played(quotes, sorted(deals, key=lambda one: one.ts_event))
    scores, flow = FlowView(book).scores(), columns_of(book)
    known = flow.result[~flow.is_exit]
    assert np.isfinite(known).all()
    assert abs(known.mean()) < 4.0 * known.std() / np.sqrt(200.0)  # they overlap: 200 at most
    assert (scores.p_toxic > 0.6).sum() == 0
