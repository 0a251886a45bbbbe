"""Brokers' names for one thing lead to one underlying."""

from __future__ import annotations

import pytest

from exposure.underlyings import underlying_of
from tests.exposure.builders import Desk, account, instrument


@pytest.mark.parametrize("symbol", ["EURUSD", "EURUSD.pro", "eurusd-2", "EURUSDm", "EURUSD_i"])
def test_suffixes_and_capitals_do_not_make_another_pair(symbol):
    assert underlying_of(instrument(symbol, base="EUR", quote="USD")) == "EURUSD"


@pytest.mark.parametrize("symbol", ["GER40", "DE40", "DAX40.cash", "de40"])
def test_synonyms_are_one_index(symbol):
    index = instrument(symbol, base=symbol, quote="EUR", asset_class="index")
    assert underlying_of(index) == "GER40"


def test_what_an_instrument_names_itself_wins():
    assert underlying_of(instrument("EURUSD", underlying="EURO")) == "EURO"


def test_the_exposure_says_the_underlying_of_each_symbol():
    pro = instrument("EURUSD.pro", base="EUR", quote="USD")
    tested = Desk([instrument("EURUSD"), pro], [account()])
    assert tested.engine.snapshot().exposure["underlying"].to_list() == ["EURUSD", "EURUSD"]
