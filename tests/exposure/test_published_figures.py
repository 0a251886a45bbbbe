"""More figures that brokers published or a desk worked out by hand, event by event.

Source: platforms.md "Worked figures"; science.md section 6; backoffice.md section 5.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

from exposure.model.events import (
    CashBooked,
    DealExecuted,
    DividendPaid,
    LeverageTierDefined,
    PositionRestored,
    QuoteReceived,
    RevenueBooked,
    SwapCharged,
)
from exposure.model.instruments import CalcMode
from tests.exposure.builders import Desk, account, instrument

SHARE = {"asset_class": "share", "base": "USD", "quote": "USD", "calc_mode": CalcMode.CFD}
GOLD = {"asset_class": "metal", "contract_size": 100.0, "digits": 2}
INDEX = {"asset_class": "index", "base": "USD", "quote": "USD", "contract_size": 1.0, "digits": 1}


def holding(symbol, side, lots, price=1.1, **terms):
    """A desk with one instrument at a price, and one account that holds it."""
    desk = Desk([instrument(symbol, **terms)], [account(balance=100_000.0)])
    desk.feed(PositionRestored(0, "1", "P", symbol, side, lots, price))
    desk.feed(QuoteReceived(1, symbol, price, price))
    return desk


def micros(outputs):
    """Components in whole millionths; the control of every event has to be their sum."""
    facts, controls = defaultdict(int), defaultdict(int)
    for one in outputs:
        if isinstance(one, RevenueBooked):
            facts[one.component] += one.amount_micro_usd
        elif isinstance(one, CashBooked):
            controls["all"] += one.client_net_micro_usd + one.lp_net_micro_usd
    assert sum(facts.values()) == controls["all"]
    return dict(facts)


@pytest.mark.parametrize(
    ("symbol", "side", "lots", "terms", "nights", "swap"),
    [
        ("EURUSD", "buy", 1.0, {"swap_long": -13.472}, 5, -67.36),
        ("EURUSD", "buy", 1.0, {"swap_long": -5.45}, 1, -5.45),
        ("XAUUSD", "sell", 1.0, {"swap_short": -2.17} | GOLD, 1, -2.17),
        ("US500", "buy", 1.0, {"swap_mode": "profit_currency", "swap_long": -11.3195} | INDEX, 1,
         -11.32),
        ("EURUSD", "buy", 2.0, {"swap_long": -7.2}, 1, -14.40),
        ("EURUSD", "buy", 2.0, {"swap_long": -7.2}, 3, -43.20),
        ("AAPL", "buy", 50.0,
         {"swap_mode": "interest_open", "swap_long": -6.5, "contract_size": 1.0} | SHARE, 10,
         -9.03),
    ],
    ids=["FXCM 5 nights", "one night", "gold", "index in money", "two lots", "triple", "interest"],
)  # fmt: skip
def test_published_swap_is_accrued_to_the_cent(symbol, side, lots, terms, nights, swap):
    price = 100.0 if symbol == "AAPL" else 1.1
    desk = holding(symbol, side, lots, price, **terms)
    outputs = desk.feed(SwapCharged(2, symbol, float(nights)))
    assert round(desk.account().floating, 2) == swap
    assert round(micros(outputs)["SWAP_CLIENT"] / 1e6, 2) == -swap


def test_an_index_dividend_inside_the_swap_rate_is_what_was_worked_out_by_hand():
    desk = holding("US500", "sell", 2.0, swap_mode="profit_currency", **INDEX)
    desk.feed(SwapCharged(2, "US500", 1.0, short_rate=8.0 - 20.0))
    assert desk.account().floating == pytest.approx(-24.0)


@pytest.mark.parametrize(("side", "cash"), [("sell", -25.00), ("buy", 21.25)])
def test_a_dividend_charges_shorts_in_full_and_pays_longs_their_net(side, cash):
    desk = holding("AAPL", side, 1.0, 100.0, contract_size=100.0, **SHARE)
    outputs = desk.feed(DividendPaid(2, "AAPL", 0.25 * 0.85, 0.25))
    assert desk.account().balance - 100_000.0 == pytest.approx(cash, abs=1e-9)
    assert micros(outputs) == {"DIVIDEND_CLIENT": -round(cash * 1e6)}


def test_the_closed_position_of_fxcm_splits_into_its_published_parts():
    desk = holding("EURUSD", "buy", 0.1, 1.06572)
    closing = DealExecuted(
        3, "D", "1", "P", "EURUSD", "sell", "out", 0.1, 1.12979, commission=-0.8, swap=-6.08
    )
    earned = micros(desk.feed(closing))
    assert earned == {"BBOOK_PNL": -640_700_000, "SWAP_CLIENT": 6_080_000, "COMMISSION": 800_000}


QUALITY_FX = ((5, 2_000), (10, 1_000), (20, 500), (50, 200), (100, 100), (None, 50))


@pytest.mark.parametrize(
    ("lots", "published"),
    [(5, 344.04), (10, 1_032.11), (20, 3_784.41), (50, 24_426.66), (100, 93_234.16),
     (110, 120_757.16)],
)  # fmt: skip
@pytest.mark.parametrize("pieces", [1, 5])
def test_the_published_example_of_dynamic_leverage_is_reproduced(lots, published, pieces):
    desk = Desk(
        [instrument("GBPUSD")],
        [account(leverage=2_000.0, balance=1e6, leverage_profile="fx")],
    )
    desk.feed(
        *[LeverageTierDefined(0, "fx", "GBPUSD", upper, float(of)) for upper, of in QUALITY_FX]
    )
    desk.feed(QuoteReceived(1, "GBPUSD", 1.37615, 1.37615))
    deals = [
        DealExecuted(2, f"D{k}", "1", f"P{k}", "GBPUSD", "buy", "in", lots / pieces, 1.37615)
        for k in range(pieces)
    ]
    desk.feed(*deals)
    assert desk.account().margin == pytest.approx(published, abs=0.005)
