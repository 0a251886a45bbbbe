"""What must not matter does not: batching, saving, splitting, names, units, and the future."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookrouting.flow_batch import columns_of, mean_costs, play, sum_flow
from bookrouting.flow_book import FlowBook
from bookrouting.flow_export import export_flow, restore_flow
from bookrouting.flow_settings import NS_PER_S, SCORED_S, FlowSettings
from bookrouting.flow_view import FlowView
from bookrouting.score import score_clients
from exposure.errors import DataError
from exposure.model.quotes import QuoteColumns
from exposure.state import EngineState
from tests.bookrouting.flow_days import (
    NS,
    START,
    deal,
    instrument,
    made_day,
    played,
    quotes_of,
    walk,
)

SEEDS = st.integers(0, 10_000)


def same(first, second, tolerance=1e-9):
    for mine, theirs in zip(first, second, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)


def scores_by_client(book):
    scores = FlowView(book).scores()
    return {name: (scores.p_toxic[k], scores.edge[k]) for k, name in enumerate(book.client_ids)}


def require_same_scores(first, second, tolerance=1e-9):
    assert first.keys() == second.keys()
    for name, said in first.items():
        assert said == pytest.approx(second[name], rel=tolerance, abs=tolerance), name


@given(SEEDS)
@settings(max_examples=8)
def test_sums_online_are_those_of_whole_columns(seed):
    book = played(*made_day(seed))
    same(FlowView(book).sums()[:5], sum_flow(columns_of(book), len(book.client_ids))[:5])
    worth = 1e6 * mean_costs(columns_of(book), len(book.client_ids))
    np.testing.assert_allclose(FlowView(book).usd_per_million(), worth, rtol=1e-9)


@given(SEEDS)
@settings(max_examples=8)
def test_markouts_are_those_of_a_search_in_the_quotes(seed):
    quotes, deals = made_day(seed)
    flow = columns_of(played(quotes, deals))
    mids = (quotes.bid + quotes.ask) / 2.0
    d = played(quotes, deals).arrays.decisions[: len(flow.ts)]
    alone = np.flatnonzero(d["lots"] == 1.0)  # one ticket each
    for h, horizon in enumerate(SCORED_S):
        due = flow.ts[alone] + int(horizon * NS_PER_S)
        seen = mids[np.searchsorted(quotes.ts_event, due, side="right") - 1]
        before = mids[np.searchsorted(quotes.ts_event, flow.ts[alone], side="right") - 1]
        cost = np.maximum(d["paid_lots"], d["floor_lots"])[alone]
        x = (d["side"][alone] * (seen - before) - d["paid_lots"][alone]) / cost + 1.0
        limit = 5.0 * np.sqrt(flow.variance[alone, h])
        known = np.isfinite(flow.markout[alone, h])
        np.testing.assert_allclose(
            flow.markout[alone, h][known], np.clip(x, -limit, limit)[known], atol=1e-9
        )
        # the last two seconds of what is due still wait for tickets of the same decision
        assert (known == (due + 2 * NS <= quotes.ts_event[-1])).all()


@given(SEEDS, st.integers(1, 700))
@settings(max_examples=8)
def test_quotes_may_come_in_any_batches(seed, size):
    quotes, deals = made_day(seed, trades=4)
    whole, book = played(quotes, deals), FlowBook()
    book.add_instrument(instrument())
    pending = list(deals)
    for begin in range(0, len(quotes.ts_event), size):
        part = QuoteColumns(*(column[begin : begin + size] for column in quotes))
        upto = int(part.ts_event[-1])
        now = [one for one in pending if one.ts_event < upto]
        pending = pending[len(now) :]
        play(book, part, now)
    play(book, QuoteColumns(*(column[:0] for column in quotes)), pending)
    book.finish()
    same(FlowView(whole).sums(), FlowView(book).sums(), 0.0)
    assert FlowView(whole).alarms() == FlowView(book).alarms()


@given(SEEDS, st.floats(0.0, 1.0))
@settings(max_examples=8)
def test_a_book_that_was_saved_and_loaded_goes_on_unbroken(seed, share):
    quotes, deals = made_day(seed, trades=8)
    cut = int(share * len(quotes.ts_event))
    until = int(quotes.ts_event[max(cut - 1, 0)])
    early = [one for one in deals if one.ts_event < until]
    book = FlowBook()
    book.add_instrument(instrument())
    play(book, QuoteColumns(*(column[:cut] for column in quotes)), early)
    state = export_flow(book)
    kept = EngineState(state.tables, msgspec.msgpack.decode(msgspec.msgpack.encode(state.meta)))
    loaded = restore_flow(kept)
    for one in (book, loaded):
        play(one, QuoteColumns(*(column[cut:] for column in quotes)), deals[len(early) :])
        one.finish()
    same(FlowView(book).sums(), FlowView(loaded).sums(), 0.0)
    assert scores_by_client(book) == scores_by_client(loaded)
    assert FlowView(book).money() == FlowView(loaded).money()
    assert FlowView(book).alarms() == FlowView(loaded).alarms()


def test_a_book_of_another_version_is_refused():
    state = export_flow(FlowBook())
    with pytest.raises(DataError, match="version 99"):
        restore_flow(EngineState(state.tables, state.meta | {"version": 99}))


@given(SEEDS)
@settings(max_examples=6)
def test_what_comes_later_changes_no_alarm_and_no_score(seed):
    quotes, deals = made_day(seed, clients=3, trades=60)
    whole = FlowView(played(quotes, deals)).alarms()
    assert whole  # the one who knows the next ten seconds
    cut = whole[0].ts + NS  # when a quote lets time pass
    early = QuoteColumns(*(column[quotes.ts_event <= cut] for column in quotes))
    book = played(early, [one for one in deals if one.ts_event <= cut])
    assert FlowView(book).alarms() == [alarm for alarm in whole if alarm.ts <= book.now]
    just_before = QuoteColumns(*(column[quotes.ts_event < whole[0].ts] for column in quotes))
    book = played(just_before, [one for one in deals if one.ts_event < whole[0].ts])
    assert FlowView(book).alarms() == []


@given(SEEDS, st.integers(2, 5))
@settings(max_examples=6)
def test_splitting_every_ticket_changes_nothing(seed, parts):
    quotes, deals = made_day(seed)
    split = []
    for one in deals:
        share = {name: getattr(one, name) / parts for name in ("lots", "commission", "swap")}
        for k in range(parts):
            names = {"deal_id": f"{one.deal_id}.{k}", "position_id": f"{one.position_id}.{k}"}
            split.append(msgspec.structs.replace(one, **names, **share))
    require_same_scores(
        scores_by_client(played(quotes, deals)), scores_by_client(played(quotes, split))
    )


@given(SEEDS)
@settings(max_examples=6)
def test_another_currency_scale_changes_nothing(seed):
    quotes, deals = made_day(seed)
    yen = quotes._replace(bid=quotes.bid * 100.0, ask=quotes.ask * 100.0)
    scaled = [
        msgspec.structs.replace(
            one, price=one.price * 100.0, commission=one.commission * 100.0, swap=one.swap * 100.0
        )
        for one in deals
    ]
    require_same_scores(
        scores_by_client(played(quotes, deals)), scores_by_client(played(yen, scaled)), 1e-6
    )


@given(SEEDS)
@settings(max_examples=6)
def test_a_mirrored_market_changes_nothing(seed):
    quotes, deals = made_day(seed)
    mirrored = quotes._replace(bid=2.2 - quotes.ask, ask=2.2 - quotes.bid)
    other = {"buy": "sell", "sell": "buy"}
    turned = [
        msgspec.structs.replace(one, price=2.2 - one.price, side=other[one.side]) for one in deals
    ]
    require_same_scores(
        scores_by_client(played(quotes, deals)), scores_by_client(played(mirrored, turned)), 1e-6
    )


def test_names_and_the_order_of_clients_change_nothing():
    quotes, deals = made_day(3)
    renamed = [
        msgspec.structs.replace(one, login=f"X{9 - int(one.login[1:])}", symbol="EURUSD.pro")
        for one in deals
    ]
    first = scores_by_client(played(quotes, deals))
    second = scores_by_client(played(quotes, renamed, [instrument("EURUSD.pro")]))
    require_same_scores(first, {f"L{9 - int(name[1:])}": said for name, said in second.items()})


def test_shuffled_sides_fall_to_the_base_rate():
    random = np.random.default_rng(11)
    quotes, deals = made_day(12, clients=2, trades=60)
    assert scores_by_client(played(quotes, deals))["L0"][0] > 0.9
    mids = (quotes.bid + quotes.ask) / 2.0
    after = []
    for _ in range(10):
        shuffled = []
        for one in deals:
            mid = mids[np.searchsorted(quotes.ts_event, one.ts_event, side="right") - 1]
            buys = random.random() < 0.5
            price = mid + (5e-5 if buys else -5e-5)
            side = "buy" if buys else "sell"
            shuffled.append(
                msgspec.structs.replace(
                    one, side=side, price=price, entry="in", position_id=one.deal_id
                )
            )
        after.append(scores_by_client(played(quotes, shuffled))["L0"][0])
    assert np.mean(after) < 0.12


def test_traders_without_skill_who_pile_up_positions_do_not_alarm():
    """Tickets a minute apart share most of half an hour: that is one experience, not thirty."""
    random = np.random.default_rng(6)
    alarmed, clients = set(), 60
    for day in range(3):
        quotes, deals = walk(random, 12_000), []
        mids = (quotes.bid + quotes.ask) / 2.0
        for client in range(clients):
            side = "buy" if random.random() < 0.5 else "sell"
            begin = int(random.integers(100, 4_000))
            deals += [
                deal(at + 0.5, f"{client}-{at}", f"{day}:{client}", side, mid=mids[at])
                for at in range(begin, begin + 60 * 60, 60)
            ]
        deals.sort(key=lambda one: one.ts_event)
        free = [
            msgspec.structs.replace(one, price=one.price - (5e-5 if one.side == "buy" else -5e-5))
            for one in deals
        ]  # at the mid, so that nothing stands between chance and an alarm
        book = played(
            quotes._replace(bid=quotes.bid + 5e-5, ask=quotes.ask - 5e-5),
            free,
            settings=FlowSettings(e_alpha=0.2),
        )  # an alarm at 20
        alarmed |= {alarm.client_id for alarm in FlowView(book).alarms()}
    assert len(alarmed) <= 0.05 * 3 * clients


def test_ten_thousand_clients_of_one_trade_each_have_a_clear_state():
    quotes = quotes_of(np.full(4_000, 1.1), np.arange(4_000))
    deals = [deal(100 + k * 0.01, k, login=str(k)) for k in range(10_000)]
    book = played(quotes, deals)
    scores = FlowView(book).scores()
    assert len(scores.p_toxic) == 10_000
    assert set(scores.p_toxic.tolist()) == {book.settings.score.prior_toxic}
    for column in scores:
        assert np.isfinite(column).all()
    assert np.isfinite(FlowView(book).e_values()).all()


def test_a_limit_on_trades_takes_each_clients_first_ones():
    book = played(*made_day(5))
    flow, clients = columns_of(book), len(book.client_ids)
    few = sum_flow(flow, clients, first=7)
    assert few.trades.tolist() == [7] * clients
    assert np.isfinite(score_clients(few).edge).all()
    same(sum_flow(flow, clients, first=10**6), sum_flow(flow, clients))
    assert flow.ts.min() // NS * NS == START or flow.ts.min() > START
