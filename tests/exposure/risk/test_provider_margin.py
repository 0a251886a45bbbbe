"""The cash clock: margin at a provider, and how far prices may move before it calls.

EURUSD at 1.2500, long 4 lots: 500,000 USD; XAUUSD at 2,000, short 1 lot of 100 ounces: 200,000 USD.
Terms: 1 % for currencies, 5 % for metals, equity 25,000. Margin 5,000 + 10,000 = 15,000.
"""

from __future__ import annotations

import pytest

from exposure.model.events import LpPositionRestored, QuoteReceived
from exposure.model.instruments import CalcMode
from exposure.risk.provider_margin import ProviderTerms, provider_margins
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stress import stress
from exposure.risk.stress_book import StressBook
from tests.exposure.builders import Desk, instrument

GOLD = instrument(
    "XAUUSD", asset_class="metal", contract_size=100.0, digits=2, calc_mode=CalcMode.CFD_LEVERAGE
)
TERMS = {"LP1": ProviderTerms(margin_ratio={"fx": 0.01, "*": 0.05}, equity_usd=25_000.0)}


@pytest.fixture
def book():
    made = Desk([instrument("EURUSD"), GOLD, instrument("GBPUSD")])
    made.feed(
        LpPositionRestored(1, "LP1", "EURUSD", "buy", 4.0, 1.25),
        LpPositionRestored(1, "LP1", "XAUUSD", "sell", 1.0, 2_000.0),
        LpPositionRestored(1, "LP2", "EURUSD", "buy", 1.0, 1.25),
        QuoteReceived(1, "EURUSD", 1.25, 1.25),
        QuoteReceived(1, "XAUUSD", 2_000.0, 2_000.0),
    )
    return StressBook(made.engine)


def test_margin_and_the_way_to_the_call(book):
    first, second = provider_margins(book, TERMS)
    assert first.margin_usd == pytest.approx(15_000.0)
    assert first.level == pytest.approx(100.0 * 25 / 15)
    # 10,000 of room: 10,000 / 700,000 if both go against the house, / 500,000 for euros alone
    assert first.move_to_call_percent == pytest.approx(100.0 / 70)
    assert (first.nearest_symbol, first.nearest_percent) == ("EURUSD", pytest.approx(2.0))
    assert second.gross_usd == pytest.approx(125_000.0)
    assert (second.margin_usd, second.move_to_call_percent) == (None, None)
    assert second.note == "no terms with LP2 are known: its margin and what calls it cannot be said"


def test_after_a_shock_the_account_is_what_is_left(book):
    result = stress(book, [Shock("EURUSD", ShockKind.PERCENT, -2.0)])
    first, _ = provider_margins(book, TERMS, result.after)
    # 4 lots lose 10,000; margin 4,900 + 10,000
    assert first.equity_after_usd == pytest.approx(15_000.0)
    assert first.level_after == pytest.approx(100.0 * 15_000.0 / 14_900.0)


def test_a_class_without_terms_and_a_symbol_without_price_are_said(book):
    only_fx = {"LP1": ProviderTerms(margin_ratio={"fx": 0.01}, equity_usd=1.0)}
    assert provider_margins(book, only_fx)[0].note == "the terms with LP1 say nothing about XAUUSD"
    made = Desk([instrument("GBPUSD")])
    made.feed(LpPositionRestored(1, "LP1", "GBPUSD", "buy", 1.0, 1.5))
    (row,) = provider_margins(StressBook(made.engine), TERMS)
    assert row.note == "GBPUSD at LP1 has no price or no rate to USD"
    assert row.margin_usd is None
