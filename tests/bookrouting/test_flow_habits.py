"""What detectors read is what the flow book saw: splits, swap, jumps, and others around."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookrouting.detectors.timing import jumps, near_releases, population_stale_shares
from bookrouting.flow_batch import play
from bookrouting.flow_book import FlowBook
from bookrouting.flow_export import export_flow, restore_flow
from bookrouting.flow_findings import findings_of
from bookrouting.flow_habits import crowd_of, history_of, recent_of, stale_around, to_rollover_s
from bookrouting.flow_state import DECISIONS, ENTRIES, NEAR_JUMPS
from bookrouting.flow_view import FlowView
from exposure.model.events import BalanceChanged, SplitApplied
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
FLAT = quotes_of(np.full(4_000, 1.1), np.arange(4_000))


@given(SEEDS, st.sampled_from([0.1, 2.0, 4.0]))
@settings(max_examples=5)
def test_a_split_makes_no_markout_and_moves_no_score(seed, ratio):
    quotes, deals = made_day(seed, trades=8)
    cut = int(quotes.ts_event[2_500])
    later = np.where(quotes.ts_event > cut, ratio, 1.0)
    split_quotes = quotes._replace(bid=quotes.bid / later, ask=quotes.ask / later)
    split_deals = [
        msgspec.structs.replace(one, lots=one.lots * ratio, price=one.price / ratio)
        if one.ts_event > cut
        else one
        for one in deals
    ]
    whole, book = played(quotes, deals), FlowBook()
    book.add_instrument(instrument())
    early = [one for one in split_deals if one.ts_event <= cut]
    play(book, QuoteColumns(*(column[:2_501] for column in split_quotes)), early)
    book.apply_split(SplitApplied(cut, "EURUSD", ratio))
    play(
        book, QuoteColumns(*(column[2_501:] for column in split_quotes)), split_deals[len(early) :]
    )
    book.finish()
    for mine, theirs in zip(FlowView(book).sums(), FlowView(whole).sums(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-9)
    assert not any(book.ignored.values())
    for client_id, money in FlowView(whole).money().items():
        found = FlowView(book).money()[client_id]
        assert found.kept_usd == pytest.approx(money.kept_usd, rel=1e-6, abs=1e-6)


def test_a_split_that_is_none_changes_nothing():
    book = played(FLAT, [deal(100, 1)])
    before = export_flow(book)
    for event in (SplitApplied(START, "GBPUSD", 2.0), SplitApplied(START, "EURUSD", float("nan"))):
        book.apply_split(event)
    assert repr(before) == repr(export_flow(book))


def test_swap_booked_by_itself_counts_as_if_the_closing_deals_had_carried_it():
    opening = [deal(100, 1, position_id="P", lots=1.0), deal(110, 2, position_id="Q", lots=3.0)]
    closing = [
        deal(300, 3, side="sell", entry="out", position_id="P", lots=1.0),
        deal(301, 4, side="sell", entry="out", position_id="Q", lots=3.0),
    ]
    carried = [msgspec.structs.replace(one, swap=4.0 * one.lots) for one in closing]
    whole = played(FLAT, [*opening, *carried])
    book = FlowBook()
    book.add_instrument(instrument())
    book.add_login("1")
    book.open_wallet("1", 1e6, 0.0, 100.0)
    play(book, QuoteColumns(*(column[:200] for column in FLAT)), opening)
    book.apply_balance(BalanceChanged(START + 199 * NS, "1", "swap", 16.0))
    play(book, QuoteColumns(*(column[200:] for column in FLAT)), closing)
    book.finish()
    assert FlowView(book).sums().swap == pytest.approx(FlowView(whole).sums().swap)
    assert book.money["1"].swap_usd == pytest.approx(whole.money["1"].swap_usd) == -16.0
    told = [history_of(one, 0, crowd_of(one, ())).closes.swap for one in (book, whole)]
    np.testing.assert_allclose(*told)


def test_balance_operations_that_cannot_be_used_change_nothing():
    book = played(FLAT, [deal(100, 1)])
    book.open_wallet("1", 1_000.0, 0.0, 100.0)
    before = dict(book.wallets)
    for login, kind, amount in (("9", "deposit", 1.0), ("1", "gift", 1.0), ("1", "swap", np.inf)):
        book.apply_balance(BalanceChanged(START, login, kind, amount))
    assert book.wallets == before


@given(SEEDS)
@settings(max_examples=5)
def test_others_stale_fills_are_counted_as_over_the_whole_population(seed):
    random = np.random.default_rng(seed)
    quotes = walk(random, 1_000)
    deals = [
        msgspec.structs.replace(
            deal(float(at), k, f"L{k % 5}", mid=1.1),
            reference_mid=None if random.random() < 0.2 else 1.1 + random.normal() * 4e-5,
        )
        for k, at in enumerate(np.sort(random.uniform(10, 900, 120)).tolist())
    ]
    book = played(quotes, deals)
    parts = [recent_of(book, client) for client in range(5)]
    e = [np.concatenate(column) for column in zip(*(one.entries for one in parts), strict=True)]
    account = np.repeat(np.arange(5), [len(one.rows) for one in parts])
    everything = parts[0].entries._make(e)
    known = np.isfinite(everything.stale)
    wanted = population_stale_shares(
        account[known], everything.symbol[known], everything.ts[known],
        everything.stale[known] > 0.5,
    )  # fmt: skip
    crowd = crowd_of(book, ())
    found = np.concatenate([stale_around(book, one, crowd) for one in parts])
    np.testing.assert_allclose(found[known], wanted, rtol=1e-9)


def test_pickers_who_see_the_same_lag_do_not_excuse_one_another():
    quotes = FLAT
    deals = []
    for k in range(15):
        for picker in ("P1", "P2"):
            late = deal(60 * k + 30, f"{picker}{k}", picker, mid=1.1)
            deals.append(msgspec.structs.replace(late, reference_mid=1.1 + 5e-4))
        for usual in ("U1", "U2", "U3", "U4", "U5"):
            fair = deal(60 * k + 31, f"{usual}{k}", usual, mid=1.1)
            deals.append(msgspec.structs.replace(fair, reference_mid=1.1))
    book = played(quotes, deals)
    crowd = crowd_of(book, ())
    flags = [findings_of(book, client, crowd).flags for client in range(7)]
    assert ["latency" in one for one in flags] == [True] * 2 + [False] * 5


def test_where_everybody_is_behind_nobody_is_a_picker():
    quotes = FLAT
    deals = [
        msgspec.structs.replace(
            deal(60 * k + 30 + client, f"{client}-{k}", f"U{client}", mid=1.1),
            reference_mid=1.1 + 5e-4,
        )
        for k in range(15)
        for client in range(7)
    ]
    book = played(quotes, deals)
    crowd = crowd_of(book, ())
    for client in range(7):
        assert "latency" not in findings_of(book, client, crowd).flags


def test_entries_around_a_jump_are_marked_as_a_search_in_the_quotes_marks_them():
    random = np.random.default_rng(4)
    mids = 1.1 + (random.standard_normal(4_000) * 2e-5).cumsum()
    mids[2_000:] += 0.002
    mids[2_030:] -= 0.002  # within the minute: the same event
    mids[3_000:] += 0.002
    quotes = quotes_of(mids, np.arange(4_000))
    times = [500, 1_994.5, 1_995.5, 2_000.5, 2_059.5, 2_061, 2_995.5, 3_050, 3_900]
    deals = [deal(at, k, f"L{k}", mid=float(mids[int(at)])) for k, at in enumerate(times)]
    book = played(quotes, deals)
    sigma = np.full(4_000, 2e-5)
    moments = jumps(quotes.ts_event, mids, sigma)
    assert [(one - START) // NS for one in moments] == [2_000, 3_000]
    d = book.arrays.decisions[: book.arrays.counters[DECISIONS]]
    wanted = near_releases(d["ts"], d["symbol"], [(0, one) for one in moments])
    assert d["near_jump"].tolist() == wanted.tolist()
    counters = book.arrays.counters
    assert (counters[ENTRIES], counters[NEAR_JUMPS]) == (len(times), wanted.sum())


def test_gross_markouts_are_the_moves_after_the_fill():
    mids = 1.1 + 1e-5 * np.minimum(np.arange(4_000), 150)
    book = played(quotes_of(mids, np.arange(4_000)), [deal(100, 1, mid=float(mids[100]))])
    entries = recent_of(book, 0).entries
    assert entries.markout_1s[0] == pytest.approx(1e-5, rel=1e-6)
    assert entries.price[0] == pytest.approx(mids[100] + 5e-5)
    assert np.isnan(entries.mid_fast[0])


def test_the_next_rollover_is_the_first_one_at_or_after_an_opening():
    opened = np.array([5, 10, 11, 25]) * NS
    wait = to_rollover_s(opened, np.array([10, 20]) * NS)
    assert wait.tolist() == [5.0, 0.0, 9.0, np.inf]
    assert to_rollover_s(opened, np.zeros(0, np.int64)).tolist() == [np.inf] * 4


@given(SEEDS)
@settings(max_examples=4)
def test_findings_of_a_book_that_was_saved_are_those_of_the_book(seed):
    quotes, deals = made_day(seed, trades=12)
    book = played(quotes, deals)
    for k in range(6):
        book.open_wallet(f"L{k}", 1_000.0, 10.0, 100.0)
    state = export_flow(book)
    kept = EngineState(state.tables, msgspec.msgpack.decode(msgspec.msgpack.encode(state.meta)))
    loaded = restore_flow(kept)
    for one in (book, loaded):
        one.forget(START + 2_000 * NS, 10**9)
        one.trades.forget(START + 1_000 * NS)
    for client in range(6):
        found = [repr(findings_of(one, client, crowd_of(one, ()))) for one in (book, loaded)]
        assert found[0] == found[1]


def test_a_client_without_a_trade_has_no_findings():
    book = FlowBook()
    book.add_login("1")
    found = findings_of(book, 0, crowd_of(book, ()))
    assert (found.fired, found.flags, found.behaviour.n) == ([], frozenset(), 0)
