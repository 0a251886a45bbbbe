"""What the engine promises whatever the events are."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure.errors import DomainError, GapError
from exposure.export import export_state, restore
from exposure.model.accounts import ProfitConversion
from exposure.model.books import Book
from exposure.model.deals import Side
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    BookAssigned,
    BreakFound,
    ClockTicked,
    DealExecuted,
    EventBatch,
    HedgeExecuted,
    InputRefused,
    LpPositionRestored,
    PositionRestored,
    QuoteReceived,
)
from exposure.model.instruments import CalcMode
from exposure.settings import EngineSettings
from tests.exposure.builders import Desk, account, instrument

INSTRUMENTS = [
    instrument("EURUSD"),
    instrument("USDJPY", digits=3),
    instrument("EURJPY", digits=3),
    instrument("GBPUSD"),
    instrument(
        "GER40", asset_class="index", base="GER40", quote="EUR", contract_size=1.0,
        calc_mode=CalcMode.CFD_LEVERAGE, digits=1,
    ),
]  # fmt: skip
ACCOUNTS = [
    account("1", balance=3_000.0),
    account("2", currency="EUR", book=Book.A, client_id="c1"),
    account(
        "3", currency="GBP", book=Book.C, hedge_ratio=0.4, profit_conversion=ProfitConversion.MARKET
    ),
    account("4", currency="JPY", balance=1_000_000.0, profit_conversion=ProfitConversion.MID),
]
BASE_PRICE = {"EURUSD": 1.1, "USDJPY": 150.0, "EURJPY": 165.0, "GBPUSD": 1.3, "GER40": 18_000.0}

symbols = st.sampled_from(sorted(BASE_PRICE))
logins = st.sampled_from(["1", "2", "3", "4", "9"])
lots = st.integers(1, 30).map(lambda n: n / 10)
moves = st.floats(0.9, 1.1)


@st.composite
def quotes(draw):
    symbol = draw(symbols)
    bid = BASE_PRICE[symbol] * draw(moves)
    ask = bid * draw(st.sampled_from([1.0, 1.0002, 0.9999]))
    bid = draw(st.sampled_from([bid] * 12 + [math.nan, -1.0]))
    return QuoteReceived(draw(st.integers(0, 50)), symbol, bid, ask)


@st.composite
def deals(draw):
    symbol = draw(symbols)
    return DealExecuted(
        draw(st.integers(0, 50)),
        str(draw(st.integers(1, 200))),
        draw(logins),
        str(draw(st.integers(1, 4))),
        symbol,
        draw(st.sampled_from(["buy", "sell", "hold"])),
        draw(st.sampled_from(["in", "in", "out", "inout", "out_by", "via"])),
        draw(lots),
        BASE_PRICE[symbol] * draw(moves),
        draw(st.sampled_from([0.0, -3.5])),
        profit=draw(st.sampled_from([None, None, 12.5])),
    )


@st.composite
def others(draw):
    ts, login, symbol = draw(st.integers(0, 50)), draw(logins), draw(symbols)
    side = draw(st.sampled_from(list(Side)))
    price = BASE_PRICE[symbol] * draw(moves)
    hedge_id = str(draw(st.integers(1, 40)))
    return draw(
        st.sampled_from(
            [
                BalanceChanged(
                    ts, login, draw(st.sampled_from(["deposit", "credit", "gift"])), 250.0
                ),
                BookAssigned(ts, login, draw(st.sampled_from(["A", "B", "C", "D"])), 0.3, ""),
                BookAssigned(ts, login, "A", None, symbol),
                HedgeExecuted(ts, hedge_id, "LP1", symbol, side, draw(lots), price, -1.0),
                ClockTicked(ts),
                InputRefused(ts, "bad_quote", "no number", "quotes"),
            ]
        )
    )


streams = st.lists(st.one_of(quotes(), quotes(), deals(), others()), max_size=60)


def desk():
    return Desk(INSTRUMENTS, ACCOUNTS)


def state_of(engine):
    """Everything the engine knows, as comparable text."""
    state = export_state(engine)
    tables = {
        name: {column: list(values) for column, values in columns.items()}
        for name, columns in state.tables.items()
    }
    return repr((tables, state.meta))


@given(streams, st.data())
@settings(max_examples=60, deadline=None)
def test_the_cut_into_batches_changes_nothing(events, data):
    whole, parts = desk(), desk()
    out_whole, out_parts = whole.feed(*events), []
    while events:
        size = data.draw(st.integers(1, len(events)))
        out_parts += parts.feed(*events[:size])
        events = events[size:]
    assert out_whole == out_parts
    assert state_of(whole.engine) == state_of(parts.engine)


@given(streams, st.data())
@settings(max_examples=60, deadline=None)
def test_a_stored_engine_goes_on_as_if_it_had_never_stopped(events, data):
    cut = data.draw(st.integers(0, len(events)))
    whole, stopped = desk(), desk()
    whole.feed(*events)
    stopped.feed(*events[:cut])
    stopped.engine = restore(export_state(stopped.engine))
    stopped.feed(*events[cut:])
    assert state_of(whole.engine) == state_of(stopped.engine)


@given(streams)
@settings(max_examples=60, deadline=None)
def test_the_house_is_the_other_side_of_its_clients(events):
    tested = desk()
    tested.feed(*events)
    snapshot = tested.engine.snapshot()
    for row in snapshot.exposure.to_dicts():
        assert row["house_net_lots"] == pytest.approx(
            row["lp_net_lots"] - row["client_long_lots"] + row["client_short_lots"]
        )
        if row["client_floating_usd"] is not None:
            assert row["house_floating_usd"] == pytest.approx(
                row["house_floating_a_usd"] + row["house_floating_b_usd"], abs=1e-6
            )
    for number in (snapshot.counters["quarantined"], len(snapshot.breaks)):
        assert number >= 0


@given(st.lists(deals(), max_size=30), st.floats(0.8, 1.2), st.floats(100, 200))
@settings(max_examples=60, deadline=None)
def test_currency_rows_sum_to_zero_when_triangles_are_consistent(events, eurusd, usdjpy):
    tested = desk()
    prices = {
        "EURUSD": eurusd, "USDJPY": usdjpy, "EURJPY": eurusd * usdjpy, "GBPUSD": 1.25,
        "GER40": 17_500.0,
    }  # fmt: skip
    tested.feed(*[QuoteReceived(0, symbol, price, price) for symbol, price in prices.items()])
    tested.feed(*events)
    rows = tested.engine.snapshot().currencies
    gross = sum(abs(row.house_net_usd) for row in rows)
    assert sum(row.house_net_usd for row in rows) == pytest.approx(0.0, abs=1e-9 * gross + 1e-9)


def test_events_that_were_applied_are_passed_over():
    tested = desk()
    events = [QuoteReceived(1, "EURUSD", 1.1, 1.1), BalanceChanged(2, "1", "deposit", 5.0)]
    tested.feed(*events)
    position = tested.engine.position
    tested.engine.apply(
        EventBatch(position + 1, 0, [*events, BalanceChanged(3, "1", "deposit", 1)])
    )
    assert tested.account().balance == 3_006.0


def test_a_gap_is_refused():
    tested = desk()
    with pytest.raises(GapError, match="expected position 10, was 12"):
        tested.engine.apply(EventBatch(12, 0, [ClockTicked(1)]))


def test_a_late_quote_is_counted_and_does_not_move_the_price():
    tested = desk()
    tested.feed(QuoteReceived(5, "EURUSD", 1.1, 1.1), QuoteReceived(4, "EURUSD", 1.2, 1.2))
    assert tested.exposure("EURUSD")["bid"] == 1.1
    assert tested.engine.counters["out_of_order"] == 1


def test_locked_and_crossed_quotes_are_used_and_counted():
    tested = desk()
    tested.feed(QuoteReceived(1, "EURUSD", 1.1, 1.1), QuoteReceived(2, "EURUSD", 1.11, 1.10))
    row = tested.exposure("EURUSD")
    assert (row["bid"], row["locked_quotes"], row["crossed_quotes"]) == (1.11, 1, 1)


def test_a_position_without_a_rate_is_listed_and_in_no_sum():
    tested = Desk([instrument("EURJPY")], [account()])
    tested.feed(QuoteReceived(1, "EURJPY", 165.0, 165.0))
    tested.feed(DealExecuted(2, "1", "1", "1", "EURJPY", "buy", "in", 1.0, 160.0))
    row = tested.exposure("EURJPY")
    assert (row["client_long_lots"], row["unpriced_positions"]) == (1.0, 1)
    assert (row["client_floating_usd"], tested.account().floating) == (None, 0.0)
    assert tested.account().margin == 0.0


def test_a_closing_deal_without_a_rate_is_quarantined_and_may_be_sent_again():
    tested = Desk([instrument("EURJPY"), instrument("USDJPY")], [account()])
    closing = DealExecuted(3, "2", "1", "1", "EURJPY", "sell", "out", 1.0, 161.0)
    tested.feed(DealExecuted(2, "1", "1", "1", "EURJPY", "buy", "in", 1.0, 160.0))
    assert tested.feed(closing)[0].kind == "no_rate"
    tested.feed(QuoteReceived(4, "USDJPY", 160.0, 160.0))
    tested.feed(closing)
    assert tested.account().balance == pytest.approx(10_000.0 + 100_000.0 / 160.0)


def test_margin_is_fixed_at_the_first_moment_its_rate_exists():
    tested = Desk([instrument("EURJPY"), instrument("EURUSD")], [account()])
    tested.feed(DealExecuted(1, "1", "1", "1", "EURJPY", "buy", "in", 1.0, 160.0))
    tested.feed(QuoteReceived(2, "EURUSD", 1.2, 1.2))
    tested.feed(QuoteReceived(3, "EURUSD", 1.5, 1.5))
    assert tested.account().margin == pytest.approx(1_200.0)


def test_a_wrong_reported_profit_is_booked_as_reported_and_shown():
    tested = desk()
    tested.feed(DealExecuted(1, "1", "1", "1", "EURUSD", "buy", "in", 0.1, 1.1))
    out = tested.feed(
        DealExecuted(2, "2", "1", "1", "EURUSD", "sell", "out", 0.1, 1.11, profit=90.0)
    )
    breaks = [event.kind for event in out if isinstance(event, BreakFound)]
    assert breaks == ["profit_mismatch"]
    assert tested.account().balance == 3_090.0
    assert tested.engine.counters["quarantined"] == 0


def test_a_duplicate_deal_changes_nothing_and_is_counted():
    tested = desk()
    deal = DealExecuted(1, "1", "1", "1", "EURUSD", "buy", "in", 0.1, 1.1, -7.0)
    tested.feed(deal, deal)
    assert tested.account().balance == 2_993.0
    assert tested.engine.counters["duplicates"] == 1


def test_a_reversal_closes_and_opens_the_rest():
    tested = desk()
    tested.feed(DealExecuted(1, "1", "1", "E", "EURUSD", "buy", "in", 0.3, 1.10))
    tested.feed(DealExecuted(2, "2", "1", "E", "EURUSD", "sell", "inout", 0.5, 1.11))
    held = tested.engine.positions_of_account("1").to_dicts()[0]
    assert (held["side"], round(held["lots"], 9), held["open_price"]) == ("sell", 0.2, 1.11)
    assert tested.account().balance == pytest.approx(3_300.0)


def test_a_book_change_affects_new_deals_only():
    tested = desk()
    tested.feed(DealExecuted(1, "1", "1", "1", "EURUSD", "buy", "in", 1.0, 1.1))
    tested.feed(BookAssigned(2, "1", "C", 0.25))
    tested.feed(DealExecuted(3, "2", "1", "2", "EURUSD", "buy", "in", 2.0, 1.1))
    row = tested.exposure("EURUSD")
    assert (row["client_long_lots_b"], row["client_long_lots_c"]) == (1.0, 2.0)
    assert row["meant_lots"] == 0.5


def test_a_symbol_exception_ends_with_the_next_move_of_the_account():
    tested = desk()
    tested.feed(BookAssigned(1, "1", "A", None, "EURUSD"))
    tested.feed(DealExecuted(2, "1", "1", "1", "EURUSD", "buy", "in", 1.0, 1.1))
    tested.feed(DealExecuted(3, "2", "1", "2", "GBPUSD", "buy", "in", 1.0, 1.3))
    tested.feed(BookAssigned(4, "1", "B"))
    tested.feed(DealExecuted(5, "3", "1", "3", "EURUSD", "buy", "in", 1.0, 1.1))
    rows = {p["position_id"]: p["book"] for p in tested.engine.positions_of_account("1").to_dicts()}
    assert rows == {"1": "A", "2": "B", "3": "B"}


def test_hedges_net_at_average_cost_and_realise_when_they_close():
    tested = desk()
    tested.feed(QuoteReceived(0, "EURUSD", 1.12, 1.12))
    tested.feed(LpPositionRestored(0, "LP1", "EURUSD", "buy", 1.0, 1.10))
    tested.feed(HedgeExecuted(1, "h1", "LP1", "EURUSD", "buy", 1.0, 1.12, -2.5))
    tested.feed(HedgeExecuted(2, "h2", "LP1", "EURUSD", "sell", 1.0, 1.13))
    snapshot = tested.engine.snapshot()
    assert snapshot.house.realised_usd == pytest.approx(2_000.0 - 2.5)
    assert snapshot.house.lp_floating_usd == pytest.approx(1_000.0)


def test_coverage_compares_hedges_with_what_was_meant_to_be_hedged():
    tested = desk()
    tested.feed(QuoteReceived(0, "EURUSD", 1.1, 1.1))
    tested.feed(DealExecuted(1, "1", "2", "1", "EURUSD", "buy", "in", 4.0, 1.1))
    tested.feed(HedgeExecuted(2, "h1", "LP1", "EURUSD", "buy", 3.0, 1.1))
    row = tested.exposure("EURUSD")
    assert (row["coverage_ratio"], row["uncovered_lots"]) == (0.75, 1.0)


def test_two_logins_of_a_client_are_one_concentration():
    tested = desk()
    for login, size in (("1", 1.0), ("2", 2.0), ("3", 1.0)):
        tested.feed(DealExecuted(1, login, login, "1", "EURUSD", "buy", "in", size, 1.1))
    assert tested.exposure("EURUSD")["top_client_share_ratio"] == 0.75


def test_a_refused_row_is_a_break_and_is_counted():
    tested = desk()
    found = tested.feed(InputRefused(7, "bad_deal", "lots: 'x' is no number", "deals", login="1"))
    assert found == [
        BreakFound(7, 10, "bad_deal", "lots: 'x' is no number", login="1", deal_id="", symbol="")
    ]
    assert (tested.engine.counters["deals"], tested.engine.counters["quarantined"]) == (1, 1)


def test_only_the_newest_crossings_and_breaks_are_kept_when_asked():
    tested = Desk([], [], EngineSettings(kept_events=2))
    tested.feed(*[InputRefused(k, "bad_deal", "no", "deals") for k in range(5)])
    assert [found.ts_event for found in tested.engine.snapshot().breaks] == [3, 4]


def test_a_restored_position_takes_part_with_its_swap():
    tested = Desk([instrument("EURUSD")], [account()])
    tested.feed(PositionRestored(0, "1", "1", "EURUSD", "buy", 1.0, 1.10, swap=-12.0))
    tested.feed(QuoteReceived(1, "EURUSD", 1.11, 1.12))
    assert tested.account().floating == pytest.approx(1_000.0 - 12.0)


def test_an_unknown_name_is_a_sentence():
    with pytest.raises(DomainError, match="login 77 is not known"):
        desk().engine.account("77")
    with pytest.raises(DomainError, match="symbol XX is not known"):
        desk().engine.positions_of_symbol("XX", 5)


def test_lots_whose_margin_is_known_count_while_others_wait():
    tested = Desk([instrument("EURJPY"), instrument("EURUSD")], [account()])
    tested.feed(PositionRestored(0, "1", "1", "EURJPY", "buy", 1.0, 160.0, margin_per_lot=1_000.0))
    tested.feed(DealExecuted(1, "1", "1", "1", "EURJPY", "buy", "in", 1.0, 161.0))
    assert tested.account().margin == 1_000.0
    tested.feed(QuoteReceived(2, "EURUSD", 1.2, 1.2))
    assert tested.account().margin == pytest.approx(1_000.0 + 1_200.0)


def test_new_terms_change_thresholds_and_leave_money_and_currency_alone():
    tested = Desk([instrument("EURUSD")], [account(balance=2_000.0)])
    tested.feed(QuoteReceived(1, "EURUSD", 1.0, 1.0))
    tested.feed(DealExecuted(2, "1", "1", "1", "EURUSD", "buy", "in", 1.0, 1.0))
    changed = account(balance=7.0, currency="EUR", leverage=500.0, margin_call_level=250.0)
    out = tested.feed(AccountChanged(3, changed))
    assert [(event.kind, event.level) for event in out] == [("margin_call", 200.0)]
    assert (tested.account().balance, tested.account().margin) == (2_000.0, 1_000.0)
    assert tested.engine.snapshot().accounts["currency"].to_list() == ["USD"]


def test_looking_at_an_engine_leaves_no_trace_in_it():
    restored = PositionRestored(0, "1", "1", "EURUSD", "buy", 1.0, 1.1)
    looked_at, left_alone = (Desk([instrument("EURUSD")], [account()]) for _ in range(2))
    for tested in (looked_at, left_alone):
        tested.feed(restored)
        if tested is looked_at:
            tested.account()
        tested.feed(DealExecuted(1, "1", "1", "1", "EURUSD", "sell", "out", 1.0, 1.1))
    first, second = (export_state(one.engine) for one in (looked_at, left_alone))
    assert first.tables["positions"]["value"].tolist() == [0.0]
    assert second.tables["positions"]["value"].tolist() == [0.0]
