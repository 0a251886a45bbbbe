"""Facts of what the house earned, and the control that they have to add up to.

Source: semantics.md section 8; docs/revenue.md.
"""

from __future__ import annotations

import math
from collections import Counter

import msgspec
import pytest

from exposure.export import export_state, restore
from exposure.model.books import Book
from exposure.model.events import (
    BalanceChanged,
    BookAssigned,
    CashBooked,
    DealExecuted,
    HedgeExecuted,
    QuoteReceived,
    RevenueBooked,
    SwapCharged,
)
from exposure.revenue import RevenueLedger, balance_entry
from tests.exposure.builders import Desk, account, instrument

QUOTES = (
    QuoteReceived(1, "EURUSD", 1.10000, 1.10002),
    QuoteReceived(1, "USDJPY", 150.00, 150.02),
)


def desk(**terms):
    made = Desk([instrument("EURUSD"), instrument("USDJPY", digits=3)], [account(**terms)])
    made.feed(*QUOTES)
    return made


def micros(out):
    """Return the amounts of the facts in an output by component, in USD."""
    sums = Counter()
    for event in out:
        if isinstance(event, RevenueBooked):
            sums[event.component] += event.amount_micro_usd
    return {component: amount / 1e6 for component, amount in sums.items()}


def controls(out):
    return [event for event in out if isinstance(event, CashBooked)]


def golden_trade(hedged=0.0):
    """Return the trade of semantics.md section 8, hedged by a share at the provider."""
    trade = [
        DealExecuted(2, "1", "1", "1", "EURUSD", "buy", "in", 1.0, 1.10006, raw_price=1.10002),
        DealExecuted(
            4, "2", "1", "1", "EURUSD", "sell", "out", 1.0, 1.10097,
            commission=-6.0, swap=-7.2, raw_price=1.10100,
        ),
    ]  # fmt: skip
    if hedged:
        buy = HedgeExecuted(3, "H1", "LP1", "EURUSD", "buy", hedged, 1.10002)
        sell = HedgeExecuted(
            5, "H2", "LP1", "EURUSD", "sell", hedged, 1.10100,
            commission=-2.5 * hedged, swap=-5.0 * hedged,
        )  # fmt: skip
        trade += [buy, sell]
    return trade


@pytest.mark.parametrize(
    ("book", "hedged", "broker"),
    [(Book.A, 1.0, 12.70), (Book.B, 0.0, -77.80), (Book.C, 0.4, -41.60)],
)
def test_the_golden_trade_earns_what_was_worked_out_by_hand(book, hedged, broker):
    tested = desk(book=book, hedge_ratio=hedged)
    out = tested.feed(*golden_trade(hedged))
    assert round(sum(micros(out).values()), 6) == broker
    found = {(row.book, row.component): row.amount_usd for row in tested.engine.snapshot().revenue}
    expected = {
        (book.value, "MARKUP"): 7.0,
        (book.value, "COMMISSION"): 6.0,
        (book.value, "SWAP_CLIENT"): 7.2,
        (book.value, "BBOOK_PNL"): -98.0,
    }
    if hedged:
        expected |= {
            ("A", "LP_PNL"): 98.0 * hedged,
            ("A", "SWAP_LP"): -5.0 * hedged,
            ("A", "LP_COMMISSION"): -2.5 * hedged,
        }
    assert found == expected


def test_an_opening_deal_books_its_markup_against_the_result_at_raw_prices():
    out = desk().feed(golden_trade()[0])
    assert micros(out) == {"MARKUP": 4.0, "BBOOK_PNL": -4.0}
    assert [control.client_net_micro_usd for control in controls(out)] == [0]


def test_without_a_raw_price_the_markup_stays_in_the_result():
    tested = desk()
    tested.feed(DealExecuted(2, "1", "1", "1", "EURUSD", "buy", "in", 1.0, 1.10006))
    out = tested.feed(DealExecuted(3, "2", "1", "1", "EURUSD", "sell", "out", 1.0, 1.10097))
    assert micros(out) == {"BBOOK_PNL": -91.0}


def test_facts_carry_whose_and_what_they_are():
    out = desk(ib_code="IB7", region="EU").feed(golden_trade()[0])
    fact = next(event for event in out if isinstance(event, RevenueBooked))
    assert (fact.client_id, fact.login, fact.ib, fact.region) == ("c1", "1", "IB7", "EU")
    assert (fact.symbol, fact.underlying, fact.asset_class) == ("EURUSD", "EURUSD", "fx")
    assert (fact.book, fact.deal_id, fact.ts_event) == ("B", "1", 2)


@pytest.mark.parametrize(
    ("kind", "component", "field"),
    [
        ("commission", "COMMISSION", "client_net_micro_usd"),
        ("swap", "SWAP_CLIENT", "client_net_micro_usd"),
        ("dividend", "DIVIDEND_CLIENT", "client_net_micro_usd"),
        ("stop_out_compensation", "NBP_WRITE_OFF", "client_net_micro_usd"),
        ("bonus", "BONUS", "bonus_micro_usd"),
        ("correction", "ADJUSTMENT", "adjustments_micro_usd"),
    ],
)
def test_a_balance_operation_is_what_its_kind_costs_the_house(kind, component, field):
    out = desk().feed(BalanceChanged(2, "1", kind, 12.5))
    assert micros(out) == {component: -12.5}
    (control,) = controls(out)
    assert getattr(control, field) == -12_500_000


@pytest.mark.parametrize("kind", ["deposit", "withdrawal", "transfer", "credit"])
def test_the_clients_own_money_is_no_revenue(kind):
    assert micros(desk().feed(BalanceChanged(2, "1", kind, 12.5))) == {}


def test_facts_wait_for_a_rate_and_are_booked_as_of_their_event():
    tested = Desk([instrument("EURUSD")], [account(currency="EUR")])
    out = tested.feed(BalanceChanged(2, "1", "swap", -10.0))
    assert micros(out) == {}
    stored = restore(export_state(tested.engine))
    out = tested.feed(QuoteReceived(9, "EURUSD", 1.2, 1.2))
    assert micros(out) == {"SWAP_CLIENT": 12.0}
    assert {event.position for event in out} == {3}
    assert {event.ts_event for event in out} == {2}
    tested.engine = stored
    assert micros(tested.feed(QuoteReceived(9, "EURUSD", 1.2, 1.2))) == {"SWAP_CLIENT": 12.0}


def test_a_refused_or_repeated_deal_books_nothing():
    tested = desk()
    tested.feed(golden_trade()[0])
    assert micros(tested.feed(golden_trade()[0])) == {}
    wrong = DealExecuted(3, "9", "1", "1", "EURUSD", "sell", "out", 5.0, 1.2, commission=-6.0)
    assert micros(tested.feed(wrong)) == {}


def test_an_absurd_price_is_no_money():
    tested = desk()
    out = tested.feed(DealExecuted(2, "1", "1", "1", "EURUSD", "buy", "in", 1.0, 1e300, -6.0))
    out += tested.feed(DealExecuted(3, "2", "1", "1", "EURUSD", "sell", "out", 1.0, 1.1, -6.0))
    assert micros(out) == {"COMMISSION": 6.0}


def test_what_was_booked_is_summed_apart_from_the_facts():
    tested = desk(book=Book.A)
    tested.feed(*golden_trade(1.0))
    snapshot = tested.engine.snapshot()
    assert snapshot.booked_usd == pytest.approx(12.70)
    assert snapshot.house.realised_usd == pytest.approx(12.70)


def test_cash_that_finds_its_rate_later_has_a_control_of_its_own():
    ledger = RevenueLedger()
    for login, currency in (("1", "USD"), ("2", "GBP")):
        entry = balance_entry(
            BalanceChanged(5, login, "swap", -10.0), 9, account(login, currency=currency), Book.B
        )
        ledger.post(entry, lambda source: 1.0 if source == "USD" else math.nan)
    first = ledger.take()
    ledger.convert_waiting(lambda _: 1.5)
    second = ledger.take()
    assert [(c.position, c.currency, c.client_net_micro_usd) for c in controls(first + second)] == [
        (9, "USD", 10_000_000),
        (9, "GBP", 15_000_000),
    ]


def test_a_state_holds_plain_numbers_only_so_that_it_can_be_stored():
    made = desk(currency="EUR")
    made.feed(
        DealExecuted(2, "1", "1", "1", "USDJPY", "buy", "in", 1.0, 150.02),
        DealExecuted(3, "2", "1", "1", "USDJPY", "sell", "out", 0.4, 150.00, commission=-1.0),
        HedgeExecuted(4, "1", "LP", "EURUSD", "buy", 1.0, 1.1),
        HedgeExecuted(5, "2", "LP", "EURUSD", "sell", 1.0, 1.2),
        SwapCharged(6, "USDJPY", 1.0, 2.0, -3.0),
    )
    msgspec.msgpack.encode(export_state(made.engine).meta)


def test_a_markup_without_a_rate_waits_with_all_facts_of_its_deal():
    tested = Desk([instrument("EURJPY", digits=3), instrument("USDJPY", digits=3)], [account()])
    deal = DealExecuted(
        2, "1", "1", "1", "EURJPY", "buy", "in", 1.0, 165.02, commission=-6.0, raw_price=165.0
    )
    out = tested.feed(deal)
    assert (micros(out), controls(out)) == ({}, [])
    assert tested.engine.snapshot().booked_usd == 0.0
    tested.engine = restore(export_state(tested.engine))
    out = tested.feed(QuoteReceived(9, "USDJPY", 160.0, 160.0))
    assert micros(out) == {"MARKUP": 12.5, "COMMISSION": 6.0, "BBOOK_PNL": -12.5}
    assert {(one.position, one.ts_event) for one in out} == {(4, 2)}
    assert [control.client_net_micro_usd for control in controls(out)] == [6_000_000]
    assert tested.engine.snapshot().booked_usd == 6.0


def test_cash_keeps_the_rate_of_its_moment_while_a_markup_waits():
    pairs = [instrument("EURJPY", digits=3), instrument("USDJPY", digits=3), instrument("GBPUSD")]
    tested = Desk(pairs, [account(currency="GBP")])
    tested.feed(QuoteReceived(1, "GBPUSD", 1.5, 1.5))
    deal = DealExecuted(
        2, "1", "1", "1", "EURJPY", "buy", "in", 1.0, 165.02, commission=-6.0, raw_price=165.0
    )
    tested.feed(deal)
    tested.engine = restore(export_state(tested.engine))
    out = tested.feed(
        QuoteReceived(8, "GBPUSD", 2.0, 2.0), QuoteReceived(9, "USDJPY", 160.0, 160.0)
    )
    assert micros(out) == {"MARKUP": 12.5, "COMMISSION": 9.0, "BBOOK_PNL": -12.5}
    snapshot = tested.engine.snapshot()
    assert (snapshot.booked_usd, snapshot.house.realised_usd) == (9.0, 9.0)


def test_all_of_a_reversal_is_earned_in_the_closed_positions_book():
    tested = desk()
    tested.feed(DealExecuted(2, "1", "1", "1", "EURUSD", "buy", "in", 1.0, 1.1))
    tested.feed(BookAssigned(3, "1", "A"))
    reversal = DealExecuted(
        4, "2", "1", "1", "EURUSD", "sell", "inout", 3.0, 1.2, commission=-9.0, raw_price=1.3
    )
    out = [one for one in tested.feed(reversal) if isinstance(one, RevenueBooked)]
    assert {one.component for one in out} == {"MARKUP", "COMMISSION", "BBOOK_PNL"}
    assert {one.book for one in out} == {"B"}
    out = tested.feed(DealExecuted(5, "3", "1", "1", "EURUSD", "buy", "out", 2.0, 1.1))
    assert {one.book for one in out if isinstance(one, RevenueBooked)} == {"A"}
