"""The shipped instruments: complete, convertible and consistent."""

from __future__ import annotations

from collections import Counter

import pytest

from exposure.model.instruments import AssetClass, CalcMode, Instrument
from feeds.catalogue import load_catalogue, load_venue_instruments

ACCOUNT_CURRENCIES = ["USD", "EUR", "GBP", "AUD", "CHF"]


@pytest.fixture(scope="module")
def catalogue() -> list[Instrument]:
    return load_catalogue()


def test_about_sixty_instruments_cover_every_asset_class(catalogue):
    assert 55 <= len(catalogue) <= 65
    classes = Counter(one.asset_class for one in catalogue)
    assert set(classes) == set(AssetClass) - {AssetClass.OTHER}
    assert min(classes.values()) >= 4


def test_every_calculation_mode_is_used(catalogue):
    assert {one.calc_mode for one in catalogue} == set(CalcMode)


def test_symbols_are_unique_over_both_files(catalogue):
    symbols = [one.symbol for one in catalogue + load_venue_instruments()]
    assert len(symbols) == len(set(symbols))


@pytest.mark.parametrize(
    ("symbol", "underlying"),
    [("EURUSD.pro", "EURUSD"), ("DE40", "GER40"), ("WTI.F", "WTI"), ("BTCUSDT", "BTCUSD")],
)
def test_synonyms_share_an_underlying(catalogue, symbol, underlying):
    named = {one.symbol: one for one in catalogue + load_venue_instruments()}
    assert named[symbol].underlying == named[underlying].underlying == underlying


def test_every_account_currency_converts_to_every_quote_currency(catalogue):
    pairs = {(one.base, one.quote) for one in catalogue if one.asset_class == AssetClass.FX}

    def linked(left: str, right: str) -> bool:
        return left == right or (left, right) in pairs or (right, left) in pairs

    quotes = {one.quote for one in catalogue}
    assert all(
        linked(account, quote)
        or any(linked(account, pivot) and linked(pivot, quote) for pivot in ("USD", "EUR"))
        for account in ACCOUNT_CURRENCIES
        for quote in quotes
    )


def test_terms_are_complete_for_their_mode(catalogue):
    for one in catalogue + load_venue_instruments():
        assert one.contract_size > 0
        assert one.units_per_lot > 0
        assert one.tick_size >= one.point * (1 - 1e-9)
        assert (one.initial_margin > 0) == (one.calc_mode is CalcMode.FUTURES)
        assert one.limit_usd is not None
        assert one.stale_after_ms > 0


def test_only_crude_oil_may_trade_below_zero(catalogue):
    assert {one.symbol for one in catalogue if one.allow_negative} == {"WTI", "WTI.F"}


def test_gold_has_the_lot_of_a_real_statement(catalogue):
    gold = next(one for one in catalogue if one.symbol == "XAUUSD")
    assert gold.units_per_lot == 100.0
