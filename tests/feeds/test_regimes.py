"""Every instrument has a class in every regime, and the caps are those of the regulations."""

from collections import Counter

import msgspec
import pytest

from exposure.errors import DomainError
from exposure.model.events import LeverageCapDefined
from feeds.catalogue import load_catalogue, load_venue_instruments
from feeds.catalogue.regimes import (
    NOT_OFFERED,
    CapClass,
    Regime,
    RegimeRule,
    cap_of,
    caps_of,
    caps_of_rules,
    class_of,
    is_offered,
    load_caps,
    parse_rule,
    tiers_of,
)
from feeds.simulator.parameters import read_parameters

CATALOGUE = load_catalogue()
TERMS = {one.symbol: one for one in [*CATALOGUE, *load_venue_instruments()]}

CLASSES = {
    CapClass.MAJOR_FX: """EURUSD GBPUSD USDJPY USDCHF USDCAD EURGBP EURJPY EURCHF EURCAD GBPJPY
        GBPCHF CADJPY CHFJPY EURUSD.pro""",
    CapClass.MINOR_FX: """AUDUSD NZDUSD EURAUD GBPAUD AUDJPY AUDNZD USDSEK USDNOK USDMXN USDZAR
        USDPLN USDHUF USDSGD USDCNH USDTRY""",
    CapClass.GOLD: "XAUUSD XAUUSD.pro XAUEUR",
    CapClass.OTHER_COMMODITY: "XAGUSD XPTUSD XPDUSD WTI BRENT NATGAS WTI.F",
    CapClass.MAJOR_INDEX: "US500 US30 NAS100 GER40 DE40 UK100 EU50 FRA40 JP225 AUS200",
    CapClass.MINOR_INDEX: "US2000",
    CapClass.SHARE: "NVDA TSLA AAPL MSFT AMZN META SAP",
    CapClass.CRYPTO: "BTCUSD ETHUSD SOLUSD XRPUSD LTCUSD BTCUSDT ETHUSDT BTCUSD_PERP",
}
UNDER_ESMA = {symbol: kind for kind, symbols in CLASSES.items() for symbol in symbols.split()}
MAJOR_IN_AUSTRALIA_ONLY = {"AUDUSD", "EURAUD", "GBPAUD", "AUDJPY"}


def test_every_instrument_has_the_class_of_the_regulation():
    assert set(UNDER_ESMA) == set(TERMS)
    for symbol, expected in UNDER_ESMA.items():
        for regime in (Regime.ESMA, Regime.FCA, Regime.OFFSHORE):
            assert class_of(TERMS[symbol], regime) is expected, symbol


def test_the_australian_dollar_is_major_in_australia_only():
    moved = {
        symbol
        for symbol, terms in TERMS.items()
        if class_of(terms, Regime.ASIC) is not UNDER_ESMA[symbol]
    }
    assert moved == MAJOR_IN_AUSTRALIA_ONLY
    assert {class_of(TERMS[symbol], Regime.ASIC) for symbol in moved} == {CapClass.MAJOR_FX}


@pytest.mark.parametrize("name", ["SPX500USD", "de30", "USTEC", "FTSE100", "STOXX50", "N225"])
def test_indices_are_known_by_the_names_that_platforms_use(name):
    foreign = msgspec.structs.replace(TERMS["US2000"], symbol=f"{name}.cash", underlying=name)
    assert class_of(foreign, Regime.ESMA) is CapClass.MAJOR_INDEX


def test_what_nobody_knows_is_capped_like_a_share():
    bond = msgspec.structs.replace(TERMS["WTI"], symbol="BUND", asset_class="other", base="BUND")
    assert class_of(bond, Regime.ESMA) is CapClass.SHARE


@pytest.mark.parametrize(
    ("regime", "leverages"),
    [
        (Regime.ESMA, [30, 20, 20, 20, 10, 10, 5, 2]),
        (Regime.FCA, [30, 20, 20, 20, 10, 10, 5, None]),
        (Regime.ASIC, [30, 20, 20, 20, 10, 10, 5, 2]),
        (Regime.OFFSHORE, [200, 200, 200, 200, 200, 200, 200, 2]),
    ],
)
def test_the_table_holds_the_caps_of_the_regulations(regime, leverages):
    assert [cap_of(regime, cap_class).leverage for cap_class in CapClass] == leverages


def test_every_row_names_its_rule_its_date_and_the_protection_that_goes_with_it():
    assert Counter(cap.regime for cap in load_caps()) == dict.fromkeys(Regime, len(CapClass))
    assert {cap.category for cap in load_caps()} == {"retail"}
    assert {cap.close_out_level for cap in load_caps()} == {50.0}
    assert all(cap.negative_balance_protection for cap in load_caps())
    assert all(len(cap.source) > 20 for cap in load_caps())


def test_caps_are_announced_for_what_has_leverage_and_no_more():
    caps = caps_of(Regime.ESMA, "EU", "retail", CATALOGUE, ts_event=7)
    assert caps[0] == LeverageCapDefined(7, "EU", "retail", "EURUSD", 30.0)
    leverages = {cap.symbol: cap.leverage for cap in caps}
    assert leverages["XAUEUR"] == leverages["AUDUSD"] == 20.0
    assert leverages["BTCUSD"] == 2.0
    without = {one.symbol for one in CATALOGUE} - set(leverages)
    assert without == {
        "US2000", "WTI.F", "USDTRY", "NVDA", "TSLA", "AAPL", "MSFT", "AMZN", "META", "SAP",
    }  # fmt: skip


def test_retail_clients_in_britain_cannot_trade_crypto():
    offered = {one.symbol for one in CATALOGUE if is_offered(one, Regime.FCA)}
    assert {one.symbol for one in CATALOGUE} - offered == {
        "BTCUSD", "ETHUSD", "SOLUSD", "XRPUSD", "LTCUSD",
    }  # fmt: skip
    caps = {cap.symbol: cap.leverage for cap in caps_of(Regime.FCA, "UK", "retail", CATALOGUE)}
    assert caps["BTCUSD"] == NOT_OFFERED == 1.0
    assert all(is_offered(one, Regime.ESMA) for one in CATALOGUE)


@pytest.mark.parametrize("regime", [Regime.ESMA, Regime.FCA, Regime.ASIC])
def test_margins_of_modes_without_leverage_keep_to_the_caps_by_themselves(regime):
    start = {row["code"]: float(row["start_price"]) for row in read_parameters("factors")}
    for one in CATALOGUE:
        if one.calc_mode.leveraged:
            continue
        share = one.margin_rate
        if one.initial_margin > 0.0:
            share = one.initial_margin / (one.units_per_lot * start[one.base])
        assert share >= 1.0 / cap_of(regime, class_of(one, regime)).leverage - 1e-12, one.symbol


def test_a_rule_is_read_from_its_text():
    assert parse_rule("EU/retail=esma") == RegimeRule("EU", "retail", Regime.ESMA)
    assert parse_rule(" UK / vip = fca ") == RegimeRule("UK", "vip", Regime.FCA)


@pytest.mark.parametrize("text", ["", "EU", "EU=esma", "EU/retail", "/retail=esma", "EU/=esma"])
def test_a_text_that_is_no_rule_is_refused(text):
    with pytest.raises(DomainError, match="REGION/CATEGORY=REGIME"):
        parse_rule(text)


def test_an_unknown_regime_is_refused_with_those_that_exist():
    with pytest.raises(DomainError, match="use esma, fca, asic, offshore"):
        parse_rule("US/retail=nfa")


def test_rules_of_several_regions_are_announced_one_after_the_other():
    rules = [parse_rule("EU/retail=esma"), parse_rule("AU/retail=asic")]
    caps = caps_of_rules(rules, [TERMS["AUDUSD"], TERMS["NVDA"]])
    assert [(cap.region, cap.leverage) for cap in caps] == [("EU", 20.0), ("AU", 30.0)]


def test_a_profile_covers_the_classes_that_its_rows_name():
    tiers = tiers_of("quality-fx", CATALOGUE, ts_event=5)
    euro = [(tier.upper_lots, tier.leverage) for tier in tiers if tier.symbol == "EURUSD"]
    assert euro == [
        (5.0, 2000.0), (10.0, 1000.0), (20.0, 500.0), (50.0, 200.0), (100.0, 100.0), (None, 50.0),
    ]  # fmt: skip
    assert {TERMS[tier.symbol].asset_class for tier in tiers} == {"fx"}
    assert "USDTRY" not in {tier.symbol for tier in tiers}


def test_an_unknown_profile_is_refused_with_those_that_exist():
    with pytest.raises(DomainError, match="use quality-fx, raw"):
        tiers_of("gold", CATALOGUE)
