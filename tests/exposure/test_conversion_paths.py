"""Which of several symbols converts, and when that may change.

Source: semantics.md section 3 (the one named exactly XY, else the first defined).
"""

from __future__ import annotations

import pytest

from exposure.export import export_state, restore
from exposure.model.events import DealExecuted, InstrumentDefined, QuoteReceived, RevenueBooked
from exposure.model.instruments import CalcMode
from tests.exposure.builders import Desk, account, instrument


def pair(symbol):
    return instrument(symbol, base="EUR", quote="USD")


@pytest.fixture
def desk():
    """A USD account with ten GER40 bought at 100.0, converted by EURUSD.pro at 1.10."""
    index = instrument(
        "GER40", asset_class="index", base="GER40", quote="EUR", contract_size=1.0,
        calc_mode=CalcMode.CFD, digits=1,
    )  # fmt: skip
    desk = Desk([pair("EURUSD.raw"), pair("EURUSD.pro"), index], [account()])
    quoted(desk, "EURUSD.pro", 1.1)
    quoted(desk, "GER40", 100.0)
    desk.feed(DealExecuted(1, "1", "1", "1", "GER40", "buy", "in", 10.0, 100.0))
    quoted(desk, "GER40", 200.0)
    return desk


def quoted(desk, symbol, price):
    return desk.feed(QuoteReceived(1, symbol, price, price))


def floating(desk):
    return pytest.approx(desk.account().floating)


def test_a_symbol_without_a_quote_converts_nothing_yet(desk):
    assert floating(desk) == 1_100.0
    desk.feed(InstrumentDefined(2, pair("EURUSD")))
    quoted(desk, "EURUSD.pro", 1.3)
    assert floating(desk) == 1_300.0
    out = desk.feed(DealExecuted(3, "2", "1", "1", "GER40", "sell", "out", 1.0, 200.0))
    assert [one.amount_micro_usd for one in out if isinstance(one, RevenueBooked)] == [-130_000_000]


def test_the_first_defined_takes_over_with_its_first_quote_and_the_exact_one_after_it(desk):
    desk.feed(InstrumentDefined(2, pair("EURUSD")))
    for symbol, price in (("EURUSD.raw", 1.2), ("EURUSD", 1.5), ("EURUSD.raw", 1.9)):
        quoted(desk, symbol, price)
    assert floating(desk) == 1_500.0


def test_a_restored_engine_converts_by_the_same_symbol(desk):
    desk.feed(InstrumentDefined(2, pair("EURUSD")))
    desk.engine = restore(export_state(desk.engine))
    quoted(desk, "EURUSD.pro", 1.3)
    assert floating(desk) == 1_300.0
