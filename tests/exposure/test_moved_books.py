"""Accounts that go to another book with what they hold, and what there was before."""

import pytest

from exposure.account_books import BookPlace
from exposure.model.books import Book
from exposure.model.events import BookAssigned, DealExecuted, HedgeAnswered, QuoteReceived
from tests.exposure.builders import Desk, account, instrument


@pytest.fixture
def desk():
    accounts = [
        account("1", client_id="C1", book=Book.B),
        account("2", client_id="C1", book=Book.C, hedge_ratio=0.4),
        account("3", client_id="C2", book=Book.A),
    ]
    tested = Desk([instrument("EURUSD"), instrument("GBPUSD")], accounts)
    tested.feed(QuoteReceived(1, "EURUSD", 1.1, 1.1002))
    tested.feed(DealExecuted(2, "1", "1", "1", "EURUSD", "buy", "in", 2.0, 1.1002))
    tested.feed(DealExecuted(2, "2", "1", "2", "GBPUSD", "sell", "in", 1.0, 1.3))
    return tested


def held(tested, login="1"):
    rows = tested.engine.positions_of_account(login).to_dicts()
    return {row["position_id"]: (row["book"], row["hedge_ratio"]) for row in rows}


def test_open_positions_stay_where_they_are_unless_they_are_taken_along(desk):
    desk.feed(BookAssigned(3, "1", "A"))
    assert held(desk) == {"1": ("B", 0.0), "2": ("B", 0.0)}
    desk.feed(BookAssigned(4, "1", "C", 0.25, move_open=True))
    assert held(desk) == {"1": ("C", 0.25), "2": ("C", 0.25)}
    assert desk.exposure("EURUSD")["meant_lots"] == 0.5
    assert desk.exposure("EURUSD")["client_long_lots_c"] == 2.0


def test_only_the_positions_of_a_symbol_go_with_it(desk):
    desk.feed(BookAssigned(3, "1", "A", None, "EURUSD", move_open=True))
    assert held(desk) == {"1": ("A", 1.0), "2": ("B", 0.0)}


def test_a_refused_move_takes_nothing_along(desk):
    desk.feed(BookAssigned(3, "1", "D", move_open=True))
    desk.feed(BookAssigned(3, "1", "A", None, "NOSUCH", move_open=True))
    assert held(desk) == {"1": ("B", 0.0), "2": ("B", 0.0)}
    assert [found.kind for found in desk.engine.findings.breaks] == ["bad_book", "unknown_symbol"]


def test_what_an_account_holds_and_where_its_deals_go_is_known(desk):
    desk.feed(BookAssigned(3, "1", "C", 0.5, "GBPUSD"))
    first, second = desk.engine.books_of([], ["C1"])
    assert (first.login, first.place) == ("1", BookPlace("B", 0.0))
    assert first.exceptions == (BookPlace("C", 0.5, "GBPUSD"),)
    assert first.of_symbol("GBPUSD").book == "C"
    assert first.of_symbol("EURUSD") == first.of_symbol("") == BookPlace("B", 0.0)
    assert (first.positions, first.unpriced) == (2, 1)
    assert first.gross_usd == pytest.approx(2 * 100_000 * 1.1001)
    assert (second.login, second.place) == ("2", BookPlace("C", 0.4))


def test_an_account_that_is_named_twice_comes_once_and_an_unknown_one_never(desk):
    found = desk.engine.books_of(["3", "9", "1"], ["C1", "nobody"])
    assert [one.login for one in found] == ["1", "2", "3"]


def test_a_providers_answer_moves_nothing(desk):
    before = desk.engine.snapshot().exposure
    desk.feed(HedgeAnswered(4, "k-1", "LP1", "EURUSD", "buy", 0.0, 1.0, "rejected"))
    assert desk.engine.snapshot().exposure.drop("age_ms").equals(before.drop("age_ms"))
    assert not desk.engine.findings.breaks
