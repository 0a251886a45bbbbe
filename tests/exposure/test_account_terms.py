"""What applies to a login: its group's terms, and the leverage that really applies to its legs."""

import pytest

from exposure.account_terms import DecidedBy, SymbolLeverage
from exposure.errors import DomainError
from exposure.model.events import (
    AccountChanged,
    DealExecuted,
    LeverageCapDefined,
    LeverageTierDefined,
    QuoteReceived,
)
from exposure.model.instruments import CalcMode
from tests.exposure.builders import Desk, account, instrument

TIERS = ((5, 2000), (10, 1000), (None, 500))


def desk(**terms):
    pairs = [
        instrument("GBPUSD"),
        instrument("EURUSD"),
        instrument("XAUUSD", calc_mode=CalcMode.CFD),
    ]
    made = Desk(pairs, [account(**{"balance": 1e6, "leverage": 2000.0} | terms)])
    made.feed(*(QuoteReceived(0, one.symbol, 1.5, 1.5) for one in pairs))
    return made


def hold(tested, symbol, lots, side="buy"):
    number = str(tested.engine.position)
    tested.feed(DealExecuted(1, number, "1", number, symbol, side, "in", lots, 1.5))


def leverages(tested):
    return tested.engine.terms_of_account("1").leverages


def test_without_caps_and_tiers_it_is_the_accounts_own():
    tested = desk()
    hold(tested, "EURUSD", 1.0)
    assert leverages(tested) == [SymbolLeverage("EURUSD", 2000.0, DecidedBy.ACCOUNT)]


def test_a_cap_of_the_regime_decides_where_it_is_lower():
    tested = desk(region="eu", category="retail")
    hold(tested, "EURUSD", 1.0)
    hold(tested, "GBPUSD", 1.0)
    tested.feed(LeverageCapDefined(2, "eu", "retail", "GBPUSD", 30.0))
    assert leverages(tested) == [
        SymbolLeverage("GBPUSD", 30.0, DecidedBy.CAP),
        SymbolLeverage("EURUSD", 2000.0, DecidedBy.ACCOUNT),
    ]


def test_tiers_give_what_the_larger_leg_pays_on_average():
    tested = desk(leverage_profile="fx")
    tested.feed(*(LeverageTierDefined(1, "fx", "GBPUSD", *tier) for tier in TIERS))
    hold(tested, "GBPUSD", 4.0, "sell")
    hold(tested, "GBPUSD", 10.0)
    (found,) = leverages(tested)
    assert found.decided_by is DecidedBy.TIERS
    assert found.leverage == pytest.approx(10 / (5 / 2000 + 5 / 1000))


def test_the_leverage_of_tiers_is_that_of_the_margin():
    tested = desk(leverage_profile="fx")
    tested.feed(*(LeverageTierDefined(1, "fx", "GBPUSD", *tier) for tier in TIERS))
    hold(tested, "GBPUSD", 17.0)
    (found,) = leverages(tested)
    assert found.leverage == pytest.approx(17 * 100_000 * 1.5 / tested.account().margin)


def test_a_symbol_without_leverage_is_not_listed():
    tested = desk()
    hold(tested, "XAUUSD", 1.0)
    assert leverages(tested) == []


def test_terms_are_the_newest():
    tested = desk()
    tested.feed(AccountChanged(3, account(leverage=50.0, group="pro")))
    found = tested.engine.terms_of_account("1").account
    assert (found.leverage, found.group) == (50.0, "pro")


def test_an_unknown_login_is_an_error_with_its_name():
    with pytest.raises(DomainError, match="login 7 is not known"):
        desk().engine.terms_of_account("7")
