"""Figures that brokers and platforms published, reproduced by the engine.

Source: semantics.md section 4; platforms.md A3.
"""

import pytest

from exposure.model.accounts import HedgedMarginMode
from exposure.model.deals import Side
from exposure.model.events import DealExecuted, PositionRestored, QuoteReceived
from exposure.model.instruments import CalcMode
from tests.exposure.builders import Desk, account, instrument


def restored(side, lots, price, position_id="1", symbol="GBPUSD"):
    return PositionRestored(0, "1", position_id, symbol, side, lots, price)


def test_mt4_hedged_margin_of_alpari_is_reproduced():
    desk = Desk(
        [instrument("GBPUSD", hedged_ratio=1.0)],
        [account(leverage=500.0, hedged_margin_mode=HedgedMarginMode.MT4_AVERAGE)],
    )
    desk.feed(
        restored("buy", 0.5, 1.70450, "1"),
        restored("sell", 0.8, 1.70200, "2"),
        restored("buy", 1.4, 1.70610, "3"),
    )
    # The broker's page rounds the average price to 1.70459, which moves the sum by 0.0005.
    assert desk.account().margin == pytest.approx(647.7442, abs=6e-4)


def test_margin_and_floating_of_a_real_statement_are_reproduced():
    desk = Desk([instrument("AUDUSD")], [account(leverage=20.0)])
    desk.feed(restored("sell", 4.95, 0.65877, symbol="AUDUSD"))
    desk.feed(QuoteReceived(1, "AUDUSD", 0.65826, 0.65836))
    assert round(desk.account().margin, 2) == 16_304.56
    assert round(desk.account().floating, 2) == 202.95


def test_profit_is_converted_at_the_closing_price_of_a_real_statement():
    desk = Desk([instrument("USDCAD")], [account()])
    desk.feed(QuoteReceived(1, "USDCAD", 1.32428, 1.32430))
    desk.feed(DealExecuted(2, "1", "1", "1", "USDCAD", "sell", "in", 0.10, 1.32428))
    desk.feed(DealExecuted(3, "2", "1", "1", "USDCAD", "buy", "out", 0.10, 1.32506))
    assert round(desk.account().balance - 10_000.0, 2) == -5.89


def test_fxcm_closed_position_is_reproduced():
    desk = Desk([instrument("EURUSD", contract_size=1_000.0)], [account()])
    desk.feed(QuoteReceived(1, "EURUSD", 1.06570, 1.06572))
    desk.feed(DealExecuted(2, "1", "1", "1", "EURUSD", "buy", "in", 10.0, 1.06572))
    closing = DealExecuted(
        3, "2", "1", "1", "EURUSD", "sell", "out", 10.0, 1.12979, commission=-0.8, swap=-6.08
    )
    desk.feed(closing)
    assert desk.account().balance - 10_000.0 == pytest.approx(640.7 - 6.08 - 0.8, abs=1e-9)


def test_golden_trade_moves_the_client_by_its_net():
    desk = Desk([instrument("EURUSD")], [account()])
    desk.feed(QuoteReceived(1, "EURUSD", 1.09994, 1.10006))
    opening = DealExecuted(
        2, "1", "1", "1", "EURUSD", "buy", "in", 1.0, 1.10006, commission=-6.0, raw_price=1.10002
    )
    closing = DealExecuted(
        3, "2", "1", "1", "EURUSD", "sell", "out", 1.0, 1.10097, swap=-7.2, raw_price=1.10100
    )
    desk.feed(opening, closing)
    assert desk.account().balance - 10_000.0 == pytest.approx(77.80)
    assert desk.engine.snapshot().house.realised_usd == pytest.approx(-77.80)


@pytest.mark.parametrize(
    ("terms", "margin"),
    [
        ({"calc_mode": CalcMode.CFD_LEVERAGE, "contract_size": 100.0}, 2 * 100 * 1_300 / 100),
        ({"calc_mode": CalcMode.CFD, "contract_size": 10.0, "margin_rate": 0.05}, 2 * 650.0),
        (
            {
                "calc_mode": CalcMode.CFD_INDEX,
                "contract_size": 1.0,
                "tick_size": 0.5,
                "tick_value": 5.0,
                "margin_rate": 0.01,
            },
            2 * 1_300 * 10 * 0.01,
        ),
        (
            {
                "calc_mode": CalcMode.FUTURES,
                "contract_size": 100.0,
                "tick_size": 0.1,
                "tick_value": 10.0,
                "initial_margin": 750.0,
            },
            2 * 750.0,
        ),
        ({"calc_mode": CalcMode.FOREX_NO_LEVERAGE, "contract_size": 10.0}, 2 * 10 * 1_300.0),
    ],
)
def test_margin_follows_the_calculation_mode(terms, margin):
    desk = Desk([instrument("XAUUSD", **terms)], [account()])
    desk.feed(restored("buy", 2.0, 1_300.0, symbol="XAUUSD"))
    assert desk.account().margin == pytest.approx(margin)


@pytest.mark.parametrize(
    ("mode", "margin"),
    [
        (HedgedMarginMode.NET_PLUS_HEDGED, 1.0 * 1_200 + 2.0 * 0.5 * (3 * 1_200 + 2 * 1_500) / 5),
        (HedgedMarginMode.MT4_AVERAGE, (1.0 + 2.0 * 0.5) * (3 * 1_200 + 2 * 1_500) / 5),
        (HedgedMarginMode.LARGER_LEG, 3 * 1_200),
        (HedgedMarginMode.SUM, 3 * 1_200 + 2 * 1_500),
        (HedgedMarginMode.NET, 1.0 * 1_200),
    ],
)
def test_opposite_positions_cost_what_the_group_says(mode, margin):
    desk = Desk([instrument("EURUSD")], [account(hedged_margin_mode=mode)])
    desk.feed(
        restored("buy", 3.0, 1.2, "1", "EURUSD"),
        restored("sell", 2.0, 1.5, "2", "EURUSD"),
    )
    assert desk.account().margin == pytest.approx(margin)


def test_a_negative_open_price_counts_with_its_absolute_value():
    oil = instrument("OILUSD", calc_mode=CalcMode.CFD, contract_size=1_000.0, allow_negative=True)
    desk = Desk([oil], [account()])
    desk.feed(QuoteReceived(1, "OILUSD", -37.65, -37.60))
    desk.feed(DealExecuted(2, "1", "1", "1", "OILUSD", Side.BUY, "in", 0.1, -37.60))
    assert desk.account().margin == pytest.approx(3_760.0)
    assert desk.account().floating == pytest.approx(-5.0)
