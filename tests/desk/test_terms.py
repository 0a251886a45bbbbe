"""The line that says what applies to an account."""

import pytest

from dealing.desk.terms import terms_line
from exposure.account_terms import AccountTerms, DecidedBy, SymbolLeverage
from exposure.model.accounts import Account, CreditMode
from exposure.model.books import Book


def line(*leverages, **terms):
    defaults = {"login": "1", "client_id": "C1", "currency": "USD", "balance": 0.0,
                "leverage": 500.0, "book": Book.B}  # fmt: skip
    return terms_line(AccountTerms(Account(**(defaults | terms)), list(leverages)))


def test_plain_terms_are_leverage_levels_and_hedged_margin():
    assert line() == (
        "leverage 1:500 · margin call 100 % · stop-out 50 % · hedged margin net plus hedged"
    )


def test_a_symbol_with_the_accounts_own_leverage_is_not_repeated():
    assert line(SymbolLeverage("EURUSD", 500.0, DecidedBy.ACCOUNT)) == line()


def test_symbols_of_one_cap_stand_together_and_tiers_say_their_mean():
    told = line(
        SymbolLeverage("EURUSD", 30.0, DecidedBy.CAP),
        SymbolLeverage("XAUUSD", 187.26, DecidedBy.TIERS),
        SymbolLeverage("GBPUSD", 30.0, DecidedBy.CAP),
    )
    assert "1:30 by cap on EURUSD, GBPUSD · 1:187.3 by tiers on XAUUSD" in told


def test_a_long_list_of_symbols_is_counted():
    capped = [SymbolLeverage(f"S{k}", 5.0, DecidedBy.CAP) for k in range(9)]
    assert "1:5 by cap on S0, S1, S2 and 6 more" in line(*capped)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"leverage_profile": "vip"}, "profile vip"),
        ({"group": "real\\pro"}, "group real\\pro"),
        ({"region": "eu", "category": "retail"}, "rules of eu retail"),
        ({"stop_out_level": 30.0}, "stop-out 30 %"),
        ({"credit_mode": CreditMode.EXCLUDED}, "credit in no equity"),
    ],
)
def test_what_is_special_is_said(terms, words):
    assert words in line(**terms)
    assert words not in line()
