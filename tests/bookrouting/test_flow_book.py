"""Rules of the flow book: what a decision is, what it costs, and when a markout is known."""

import numpy as np
import pytest

from bookrouting.flow_book import FlowBook
from bookrouting.flow_settings import CURVE_S, FlowSettings
from bookrouting.flow_state import CANCELLED, DECISIONS, KNOWN, PENDING
from bookrouting.flow_view import FlowView
from exposure.model.events import PositionRestored
from exposure.model.quotes import QuoteColumns
from tests.bookrouting.flow_days import HALF, NS, START, deal, instrument, near, played, quotes_of

SECONDS = np.arange(4_000)
FLAT = np.full(4_000, 1.1)
STEP = np.where(SECONDS > 105, 1.1010, 1.1)
MANY = 10**9


def decisions(book):
    return book.arrays.decisions[: book.arrays.counters[DECISIONS]]


def markout(book, k, horizon_s):
    h = CURVE_S.index(horizon_s)
    assert decisions(book)["status"][k, h] == KNOWN
    return float(decisions(book)["markout"][k, h])


def test_a_buy_before_a_rise_gains_the_rise_in_costs():
    book = played(quotes_of(STEP, SECONDS), [deal(100, 1), deal(100, 2, "2", "sell")])
    assert near(markout(book, 0, 1.0), 0.0)
    d = decisions(book)[0]  # ten pips in costs of one pip each, cut at five standard deviations
    variance = 2.1 * d["variance_lots"] / 1e-4**2 * 30.0 + 0.15
    assert markout(book, 0, 30.0) == pytest.approx(min(10.0, 5.0 * variance**0.5), rel=1e-6)
    assert markout(book, 1, 30.0) == pytest.approx(-markout(book, 0, 30.0), rel=1e-9)


def test_tickets_within_two_seconds_of_the_first_are_one_decision():
    deals = [deal(100 + 0.9 * k, k) for k in range(4)]
    book = played(quotes_of(FLAT, SECONDS), deals)
    assert decisions(book)["lots"].tolist() == [3.0, 1.0]  # 0, 0.9, 1.8, and 2.7 is another
    assert FlowView(book).sums().trades.tolist() == [2]


def test_another_side_symbol_or_client_is_another_decision():
    deals = [deal(100, 1), deal(100, 2, side="sell"), deal(100, 3, "2")]
    assert len(decisions(played(quotes_of(FLAT, SECONDS), deals))) == 3


def test_a_split_order_is_the_order():
    whole = played(quotes_of(STEP, SECONDS), [deal(100, 1, lots=3.0)])
    split = played(quotes_of(STEP, SECONDS), [deal(100, k, lots=0.5) for k in range(6)])
    for mine, theirs in zip(FlowView(whole).sums(), FlowView(split).sums(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


def test_a_close_is_a_decision_unless_the_platform_made_it():
    opened = deal(100, 1, position_id="P")
    for reason, exits in (("client", 1), ("", 1), ("sl", 0), ("TP", 0), ("so", 0)):
        closed = deal(300, 2, side="sell", entry="out", position_id="P", reason=reason)
        book = played(quotes_of(FLAT, SECONDS), [opened, closed])
        assert decisions(book)["is_exit"].sum() == exits, reason
    assert FlowView(book).sums().trades.tolist() == [1]


def test_exits_can_be_left_out():
    closed = deal(300, 2, side="sell", entry="out", position_id="1")
    settings = FlowSettings(exits="none")
    book = played(quotes_of(FLAT, SECONDS), [deal(100, 1), closed], settings=settings)
    assert not decisions(book)["is_exit"].any()


def test_a_reversal_closes_the_old_and_opens_the_rest():
    deals = [
        deal(100, 1, position_id="P", lots=2.0),
        deal(300, 2, side="sell", entry="inout", position_id="P", lots=5.0),
    ]
    book = played(quotes_of(FLAT, SECONDS), deals)
    assert decisions(book)["lots"].tolist() == [2.0, 2.0, 3.0]
    assert decisions(book)["is_exit"].tolist() == [False, True, False]


def test_a_round_trip_costs_the_spread_and_the_commission_of_both_ends():
    def cost_pips(**more):
        book = played(quotes_of(FLAT, SECONDS), [deal(100, 1, **more)])
        return FlowView(book).mean_cost_pips()[0]

    assert cost_pips() == pytest.approx(1.0)
    assert cost_pips(commission=-3.0) == pytest.approx(1.0 + 0.6)
    assert cost_pips(price=1.1 + 2 * HALF) == pytest.approx(2.0)  # a markup closes as it opened


def test_where_only_the_close_is_charged_its_commission_is_that_of_the_trip():
    trip = [
        deal(100, 1, position_id="P"),
        deal(200, 2, side="sell", entry="out", position_id="P", commission=-6.0),
        deal(300, 3),
    ]
    book = played(quotes_of(FLAT, SECONDS), trip)
    paid = decisions(book)["paid_lots"] / 1e-4
    assert paid == pytest.approx([1.0, 1.6, 1.6])


@pytest.mark.parametrize("half", [0.0, -3e-5], ids=["locked", "crossed"])
def test_locked_and_crossed_quotes_do_not_make_costs_vanish(half):
    book = played(quotes_of(STEP, SECONDS, half), [deal(100, 1, price=1.1)])
    assert FlowView(book).mean_cost_pips()[0] >= 0.01 - 1e-9
    assert all(np.isfinite(column).all() for column in FlowView(book).scores())


def test_a_fill_better_than_the_quoted_mid_counts_for_the_client():
    plain = played(quotes_of(FLAT, SECONDS), [deal(100, 1)])
    stale = played(quotes_of(FLAT, SECONDS), [deal(100, 1, price=1.1 - HALF)])
    assert near(markout(plain, 0, 1.0), 0.0)
    assert markout(stale, 0, 1.0) > 0.5


def test_a_markout_across_a_market_close_is_cancelled_and_its_gap_kept():
    times = np.concatenate([np.arange(1_000), 1_000 + 3 * 86_400 + np.arange(4_000)])
    mids = np.where(times > 2_000, 1.2, 1.1)
    book = played(quotes_of(mids, times), [deal(100, 1), deal(900, 2, "2")])
    assert decisions(book)["status"][0].tolist() == [KNOWN] * 7 + [CANCELLED] * 2
    assert decisions(book)["status"][1].tolist() == [KNOWN] * 6 + [CANCELLED] * 3
    clients = book.arrays.clients
    assert clients["gaps"][:2].tolist() == [1, 1]
    assert clients["gap"][:2] == pytest.approx([1_000.0, 1_000.0])


def test_sparse_quotes_are_no_market_close():
    times = np.arange(0, 40_000, 600)
    book = played(quotes_of(np.full(len(times), 1.1), times), [deal(6_100, 1)])
    assert (decisions(book)["status"][0] == KNOWN).all()


def test_what_the_data_do_not_reach_stays_pending():
    book = played(quotes_of(FLAT[:200], SECONDS[:200]), [deal(100, 1)])
    assert decisions(book)["status"][0].tolist() == [KNOWN] * 6 + [PENDING] * 3
    assert FlowView(book).sums().weight[0, 3] == 0.0


def test_a_deal_before_any_quote_is_ignored_with_its_reason():
    book = FlowBook()
    book.add_instrument(instrument())
    assert book.apply_deal(deal(0, 1)) == "no_quote_yet"
    assert book.apply_deal(deal(0, 2, symbol="NOPE")) == "unknown_symbol"
    assert all(np.isfinite(column).all() for column in FlowView(book).scores())
    assert np.isnan(FlowView(book).usd_per_million()).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lots": 0.0}, "bad_deal"),
        ({"lots": float("nan")}, "bad_deal"),
        ({"price": float("inf")}, "bad_deal"),
        ({"side": "long"}, "bad_deal"),
        ({"entry": "open"}, "bad_deal"),
        ({"side": "sell", "position_id": "1"}, "contradiction"),
        ({"entry": "out", "position_id": "1"}, "contradiction"),
    ],
)
def test_a_deal_that_cannot_be_is_ignored_with_its_reason(change, reason):
    book = played(quotes_of(FLAT, SECONDS), [deal(100, 1)])
    assert book.apply_deal(deal(200, 2, **{"price": 1.1, **change})) == reason
    assert len(decisions(book)) == 1


def test_a_deal_that_comes_twice_counts_once():
    book = played(quotes_of(FLAT, SECONDS), [deal(100, 1), deal(200, 1)])
    assert len(decisions(book)) == 1
    assert book.ignored == {"duplicate": 1}


def test_late_and_unusable_quotes_move_nothing():
    good = quotes_of(STEP, SECONDS)
    bad = quotes_of([9.0, -1.0, float("nan")], [50.0, 3_999.5, 3_999.6])
    mixed = QuoteColumns(*(np.concatenate([a, b]) for a, b in zip(good, bad, strict=True)))
    book, other = (played(quotes, [deal(100, 1)]) for quotes in (mixed, good))
    assert book.late_quotes == 1
    np.testing.assert_array_equal(book.arrays.market["bid"], other.arrays.market["bid"])


def test_a_clock_that_jumps_back_or_ahead_leaves_pending_what_it_must():
    book = FlowBook()
    book.add_instrument(instrument())
    book.apply_quotes(quotes_of(FLAT[:200], SECONDS[:200]))
    book.apply_deal(deal(199, 1))
    book.apply_deal(deal(50, 2, "2"))  # a deal of the past happens when it comes
    assert decisions(book)["ts"].tolist() == [START + 199 * NS] * 2
    book.apply_quotes(quotes_of([1.1], [10 * 86_400]))
    book.finish()
    assert set(decisions(book)["status"].ravel().tolist()) <= {PENDING, KNOWN, CANCELLED}
    assert (decisions(book)["status"][:, 6:] == CANCELLED).all()
    assert all(np.isfinite(column).all() for column in FlowView(book).scores())


def test_a_fast_reference_tells_how_stale_a_fill_was():
    deals = [deal(100 + 10 * k, k, reference_mid=1.1 + 2e-4) for k in range(5)]
    book = played(quotes_of(FLAT, SECONDS), deals)
    clients = book.arrays.clients[0]
    assert (clients["stale_seen"], clients["stale_hits"]) == (5, 5)
    assert clients["stale"] == pytest.approx(5 * 2.0)
    without = played(quotes_of(FLAT, SECONDS), [deal(100, 1)])
    assert without.arrays.clients[0]["stale_seen"] == 0


def test_a_fast_feed_that_is_too_old_says_nothing():
    book = FlowBook()
    book.add_instrument(instrument())
    book.apply_quotes(quotes_of(FLAT[:200], SECONDS[:200]))
    book.apply_fast_quote(0, 1.2, 1.2002, START + 195 * NS)
    book.apply_deal(deal(200, 1))
    book.apply_deal(deal(230, 2, "2"))
    assert decisions(book)["fast_lots"].tolist() == [1.0, 0.0]


def test_a_swap_belongs_to_the_trade_that_earned_it():
    deals = [
        deal(100, 1, position_id="P", lots=2.0),
        deal(3_000, 2, side="sell", entry="out", position_id="P", lots=2.0, swap=40.0),
    ]
    book = played(quotes_of(FLAT, SECONDS), deals)
    # 40 USD on 200,000 EUR are two pips, twice the cost of a round trip
    assert FlowView(book).sums().swap[0] == pytest.approx(2.0)


def test_a_restored_position_is_known_to_its_close():
    book = FlowBook()
    book.add_instrument(instrument())
    book.restore_position(PositionRestored(0, "1", "P", "EURUSD", "buy", 1.0, 1.05))
    book.restore_position(PositionRestored(0, "1", "Q", "NOPE", "buy", 1.0, 1.05))
    book.apply_quotes(quotes_of(FLAT, SECONDS))
    book.apply_deal(deal(4_000, 2, side="sell", entry="out", position_id="P"))
    assert FlowView(book).money()["1"].realised_usd == pytest.approx(-(0.05 - HALF) * 1e5)
    assert book.ignored == {"bad_position": 1}


def test_forgetting_old_trades_changes_no_sum():
    deals = [deal(100 + 5 * k, k, login=str(k % 3)) for k in range(300)]
    book, other = (played(quotes_of(STEP, SECONDS), deals[:200]) for _ in range(2))
    book.forget(START + 300 * NS, MANY)
    assert len(decisions(book)) < len(decisions(other))
    later = quotes_of(np.full(9_000, 1.1011), 4_000 + np.arange(9_000))
    for one in (book, other):
        for more in deals[200:]:
            one.apply_deal(more)
        one.apply_quotes(later)
    book.forget(START + 9_000 * NS, MANY)
    for mine, theirs in zip(FlowView(book).sums(), FlowView(other).sums(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert len(decisions(book)) == 0


def test_of_settled_decisions_only_the_last_are_remembered_and_of_others_all():
    deals = [deal(100 + 5 * k, k, login=str(k % 3)) for k in range(200)]
    book = played(quotes_of(FLAT, SECONDS), deals)
    unsettled = len(decisions(book)) - int(book.arrays.next_decision.min())
    book.forget(START, 5)
    assert len(decisions(book)) == max(5, unsettled)
    book.apply_quotes(quotes_of(np.full(9_000, 1.1), 4_000 + np.arange(9_000)))
    newest = decisions(book)["ts"][-5:].copy()
    book.forget(START, 5)
    np.testing.assert_array_equal(decisions(book)["ts"], newest)


def test_drift_shows_who_learned_something_lately():
    random = np.random.default_rng(8)
    mids = 1.1 + (random.standard_normal(60_000) * 2e-5).cumsum()
    knows = np.arange(400) >= 360
    before = np.sort(random.integers(10, 44_000, 360))
    moments = 45_000 + 250 * np.arange(40)[:, None] + random.integers(0, 180, (40, 20))
    moves = np.abs(mids[moments + 60] - mids[moments])
    times = np.concatenate([before, moments[np.arange(40), moves.argmax(axis=1)]])
    sides = np.where(knows, mids[times + 60] > mids[times], random.random(400) < 0.5)
    deals = [
        deal(at + 0.5, k, side="buy" if buys else "sell", mid=mids[at])
        for k, (at, buys) in enumerate(zip(times.tolist(), sides, strict=True))
    ]
    book = played(quotes_of(mids, np.arange(60_000)), deals)
    assert FlowView(book).drift()[0] > 3.0
