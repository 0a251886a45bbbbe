"""Shocks: which prices move, by how much, and which of several shocks counts."""

from __future__ import annotations

import pytest

from exposure.model.events import LpPositionRestored, QuoteReceived
from exposure.risk.shocks import Shock, ShockKind, UnknownTargetError
from exposure.risk.stress_book import StressBook
from tests.exposure.builders import Desk, instrument
from tests.exposure.risk.books import random_book

PERCENT = ShockKind.PERCENT


def prices(book, *shocks):
    after = book.shocked(list(shocks)).prices
    names = [one.symbol for one in book.book.instruments]
    return {name: (after.bid[k], after.ask[k]) for k, name in enumerate(names)}


def moves(book, *shocks):
    """Percent by which each symbol's mid moves, where it does."""
    before, after = prices(book), prices(book, *shocks)
    factors = {name: sum(after[name]) / sum(before[name]) for name in before}
    return {
        name: round(100.0 * (one - 1.0), 6) for name, one in factors.items() if abs(one - 1) > 1e-12
    }


@pytest.fixture
def book():
    return StressBook(random_book(0))


@pytest.fixture
def synonyms():
    made = Desk(
        [
            instrument("EURUSD"),
            instrument("EURUSD.pro"),
            instrument("WTI", asset_class="energy", base="WTI", quote="USD"),
        ]
    )
    made.feed(
        QuoteReceived(1, "EURUSD", 1.1, 1.1002),
        QuoteReceived(1, "EURUSD.pro", 1.1001, 1.1001),
        QuoteReceived(1, "WTI", 18.25, 18.29),
        LpPositionRestored(1, "LP", "EURUSD", "buy", 1.0, 1.1),
    )
    return StressBook(made.engine)


def test_a_currency_moves_every_pair_of_it_by_its_value_in_usd(book):
    assert moves(book, Shock("EUR", PERCENT, 10.0)) == {
        "EURUSD": 10.0,
        "EURGBP": 10.0,
        "EURJPY": 10.0,
    }
    assert moves(book, Shock("JPY", PERCENT, 25.0)) == {"USDJPY": -20.0, "EURJPY": -20.0}
    usd = moves(book, Shock("USD", PERCENT, 25.0))
    assert usd == {"EURUSD": -20.0, "GBPUSD": -20.0, "USDJPY": 25.0, "XAUUSD": -20.0}


def test_where_both_currencies_of_a_pair_move_their_factors_divide(book):
    both = moves(book, Shock("EUR", PERCENT, 10.0), Shock("GBP", PERCENT, -20.0))
    assert both["EURGBP"] == round(100.0 * (1.1 / 0.8 - 1.0), 6)


def test_triangles_that_closed_go_on_closing(book):
    after = prices(
        book, Shock("EUR", PERCENT, -7.0), Shock("JPY", PERCENT, 3.0), Shock("USD", PERCENT, 2.0)
    )
    mid = {name: sum(sides) / 2 for name, sides in after.items()}
    assert mid["EURUSD"] * mid["USDJPY"] == pytest.approx(mid["EURJPY"])
    assert mid["EURUSD"] / mid["GBPUSD"] == pytest.approx(mid["EURGBP"])


def test_a_symbol_moves_alone_and_wins_over_its_currencies(book):
    alone = moves(book, Shock("EURUSD", PERCENT, -5.0))
    assert alone == {"EURUSD": -5.0}
    for shocks in (
        (Shock("EUR", PERCENT, 10.0), Shock("EURUSD", PERCENT, -5.0)),
        (Shock("EURUSD", PERCENT, -5.0), Shock("EUR", PERCENT, 10.0)),
    ):
        assert moves(book, *shocks) == {"EURUSD": -5.0, "EURGBP": 10.0, "EURJPY": 10.0}


def test_an_index_keeps_its_own_price_when_its_currency_moves(book):
    assert "GER40" not in moves(book, Shock("EUR", PERCENT, 10.0))


def test_all_names_of_an_underlying_move_and_an_exact_name_wins(synonyms):
    assert moves(synonyms, Shock("eurusd", PERCENT, -5.0)) == {"EURUSD": -5.0, "EURUSD.pro": -5.0}
    both = Shock("EURUSD.pro", PERCENT, 1.0), Shock("EURUSD", PERCENT, -5.0)
    assert moves(synonyms, *both) == {"EURUSD": -5.0, "EURUSD.pro": 1.0}


def test_a_price_is_the_new_bid_and_every_spread_is_kept(synonyms):
    after = prices(synonyms, Shock("EURUSD", ShockKind.PRICE, 1.02))
    assert after["EURUSD"] == (1.02, pytest.approx(1.0202))
    assert after["EURUSD.pro"] == (1.02, 1.02)
    bid, ask = prices(synonyms, Shock("EUR", PERCENT, -50.0))["EURUSD"]
    assert (bid, ask) == (pytest.approx(0.55), pytest.approx(0.5501))


def test_a_change_may_lead_below_zero_and_says_so_where_terms_forbid_it(synonyms):
    shocked = synonyms.shocked([Shock("WTI", ShockKind.CHANGE, -55.9)])
    assert shocked.prices.bid[2] == pytest.approx(-37.65)
    assert shocked.notes == [
        "WTI falls to -37.65 although its terms allow no such price: it is computed all the same"
    ]


def test_spreads_widen_around_the_shocked_mid(synonyms):
    widened = Shock("*", ShockKind.SPREAD_TIMES, 10.0)
    assert prices(synonyms, widened)["EURUSD"] == (pytest.approx(1.0991), pytest.approx(1.1011))
    both = prices(synonyms, widened, Shock("EUR", PERCENT, -50.0))["EURUSD"]
    assert both == (pytest.approx(0.54955), pytest.approx(0.55055))


def test_against_the_house_is_down_where_it_is_long_and_nothing_where_it_is_flat(synonyms):
    assert moves(synonyms, Shock("*", ShockKind.AGAINST_HOUSE, 3.0)) == {"EURUSD": -3.0}
    assert moves(synonyms, Shock("class:energy", ShockKind.AGAINST_HOUSE, 3.0)) == {}


def test_a_class_moves_its_symbols_and_a_name_wins_over_it(synonyms):
    shocks = Shock("WTI", PERCENT, 1.0), Shock("class:fx", PERCENT, 2.0), Shock("*", PERCENT, 3.0)
    assert moves(synonyms, *shocks) == {"EURUSD": 2.0, "EURUSD.pro": 2.0, "WTI": 1.0}


def test_a_name_that_the_book_does_not_have_is_answered_with_those_that_it_has(synonyms):
    with pytest.raises(UnknownTargetError) as raised:
        synonyms.shocked([Shock("EURUSDD", PERCENT, 1.0)])
    assert str(raised.value) == (
        "EURUSDD is no symbol and no currency of this book (did you mean EURUSD? symbols: EURUSD, "
        "EURUSD.pro, WTI; currencies: EUR, USD)"
    )
