"""The stop-out ladder of five accounts, by hand, and what raising margin would ask for.

EURUSD at 1.0000/1.0000, 1:100, stop-out at 50 %, USD accounts, 1 lot = 100,000. Margin is 1,000 per
lot, so an account is stopped out once its equity is 500 per lot or less; every per cent of the
price is 1,000 per lot.

| login | book | position | equity | stopped out once it has lost | that is a move of |
|---|---|---|---|---|---|
| 1 | B | long 1    |  1,000 |    500 | - 0.5 % |
| 2 | A | long 2    |  3,000 |  2,000 | - 1.0 % |
| 3 | C (0.5) | long 1 | 2,300 | 1,800 | - 1.8 % |
| 4 | B | short 1   |  1,500 |  1,000 | + 1.0 % |
| 5 | A | short 3   | 30,000 | 28,500 | + 9.5 % |

Clients hold 4 long and 4 short lots; the provider holds what is meant: 2 + 0.5 - 3 = -0.5 lots.
"""

from __future__ import annotations

import pytest

from exposure.model.books import Book
from exposure.model.events import LpPositionRestored, PositionRestored, QuoteReceived
from exposure.risk.cascade import LADDER_PERCENT, cascade_ladder
from exposure.risk.margin_change import MarginChange, margin_demand
from exposure.risk.stop_outs import StopOutOrder
from exposure.risk.stress_book import StressBook
from tests.exposure.builders import Desk, account, instrument

ACCOUNTS = (
    account("1", balance=1_000.0),
    account("2", balance=3_000.0, book=Book.A),
    account("3", balance=2_300.0, book=Book.C, hedge_ratio=0.5),
    account("4", balance=1_500.0),
    account("5", balance=30_000.0, book=Book.A),
)
OPENED = (
    ("1", "buy", 1.0),
    ("2", "buy", 2.0),
    ("3", "buy", 1.0),
    ("4", "sell", 1.0),
    ("5", "sell", 3.0),
)


@pytest.fixture
def book():
    made = Desk([instrument("EURUSD")], ACCOUNTS)
    made.feed(
        *[PositionRestored(1, who, "P", "EURUSD", side, lots, 1.0) for who, side, lots in OPENED],
        LpPositionRestored(1, "LP", "EURUSD", "sell", 0.5, 1.0),
        QuoteReceived(1, "EURUSD", 1.0, 1.0),
    )
    return StressBook(made.engine)


def ladder(book, *steps, **options):
    return cascade_ladder(book, "EURUSD", steps, **options)


def test_each_step_closes_whom_the_table_says(book):
    steps = (-2.0, -1.8, -1.7, -1.0, -0.9, -0.5, -0.4, 0.9, 1.0, 9.5)
    rungs = ladder(book, *steps)
    assert [one.logins for one in rungs] == [
        ["1", "2", "3"], ["1", "2", "3"], ["1", "2"], ["1", "2"], ["1"], ["1"], [],
        [], ["4"], ["4", "5"],
    ]  # fmt: skip
    closed = [(one.closed_long_lots, one.closed_short_lots) for one in rungs]
    assert closed == [
        (4.0, 0.0), (4.0, 0.0), (3.0, 0.0), (3.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0),
        (0.0, 0.0), (0.0, 1.0), (0.0, 4.0),
    ]  # fmt: skip


def test_what_is_left_of_the_house_and_its_hedges(book):
    rungs = ladder(book, -0.4, -0.5, -1.0, -1.8, 9.5)
    # house = -(long - short of the clients left) - 0.5 at the provider
    # -0.4: nobody, -(4 - 4) - 0.5; -0.5: without 1, -(3 - 4) - 0.5; -1.0: without 2, -(1 - 4) - 0.5
    # -1.8: without 3, -(0 - 4) - 0.5; +9.5: without 4 and 5, -(4 - 0) - 0.5
    assert [one.house_net_lots for one in rungs] == [-0.5, 0.5, 2.5, 3.5, -4.5]
    # orphans = -0.5 - (meant of those left): -0.5 all, -0.5 without 1 (B), -2.5 without 2,
    # -3 without 3, and 2.5 without 4 and 5
    assert [one.orphan_lots for one in rungs] == [0.0, 0.0, 2.0, 2.5, -3.0]
    assert rungs[2].closed_usd == pytest.approx(3 * 100_000.0 * 0.99)
    assert rungs[2].house_net_usd == pytest.approx(2.5 * 100_000.0 * 0.99)


def test_the_house_s_result_of_a_step(book):
    (rung,) = ladder(book, -2.0)
    # 2 % are 2,000 per lot. Against B: 1 loses 2,000 but has 1,000; half of 3 loses 1,000 of 2,000
    # with 2,300; 4 gains 2,000. Against A: 2 loses 4,000 but has 3,000; half of 3 loses 1,000; 5
    # gains 6,000. The provider pays 1,000.
    house = rung.house
    assert house.b_usd == pytest.approx(1_000.0 + 1_000.0 - 2_000.0)
    assert house.a_usd == pytest.approx(3_000.0 + 1_000.0 - 6_000.0)
    assert house.hedge_usd == pytest.approx(1_000.0)
    assert (house.deficit_a_usd, house.deficit_b_usd) == (
        pytest.approx(1_000.0),
        pytest.approx(1_000.0),
    )


def test_closing_moves_the_price_and_the_price_closes_the_next(book):
    # 400 bps per million. At -1.0 % clients 1 and 2 close: A sells 2 lots, 0.198 m USD, which moves
    # the price by 0.198 x 4 % = 0.792 % to 0.99 x 0.99208 = 0.9821592: -1.784 %, and 3 stands.
    (rung,) = ladder(book, -1.0, impact_bps_per_musd=400.0)
    assert rung.logins == ["1", "2"]
    assert rung.rounds == 2
    assert rung.impact_percent == pytest.approx(-0.792)
    # 500 bps: 0.99 x (1 - 0.0099) = 0.980199, -1.98 %: 3 closes too, half of it is hedged. A sells
    # 2.5 lots, 0.2475 m USD x 5 % = 1.2375 %, and nobody else is left to close.
    (rung,) = ladder(book, -1.0, impact_bps_per_musd=500.0)
    assert rung.logins == ["1", "2", "3"]
    assert rung.rounds == 3
    assert rung.impact_percent == pytest.approx(-1.2375)
    # the provider's short half lot has won 100,000 x 0.5 x (1 - 0.99 x 0.987625)
    assert rung.house.hedge_usd == pytest.approx(50_000.0 * (1.0 - 0.99 * 0.987625))


def test_what_the_house_keeps_moves_no_market(book):
    (rung,) = ladder(book, -0.5, impact_bps_per_musd=500.0)
    assert (rung.logins, rung.impact_percent, rung.rounds) == (["1"], 0.0, 1)


def test_a_currency_has_a_ladder_too_but_no_lots(book):
    (rung,) = cascade_ladder(book, "EUR", (-1.0,), order=StopOutOrder.CTRADER_FAIR)
    assert (rung.logins, rung.closed_long_lots, rung.house_net_lots) == (["1", "2"], 0.0, 0.0)
    assert rung.house_net_usd == pytest.approx(2.5 * 100_000.0 * 0.99)


def test_the_default_ladder_has_both_directions(book):
    assert [one.move_percent for one in cascade_ladder(book, "EURUSD")] == list(LADDER_PERCENT)
    assert max(map(abs, LADDER_PERCENT)) == 10.0


# Margin at 1:25 is 4,000 per lot: 4,000, 8,000, 4,000, 4,000 and 12,000 against equities of 1,000,
# 3,000, 2,300, 1,500 and 30,000. Levels 25, 37.5, 57.5, 37.5 and 250 %; they were 100, 150, 230,
# 150 and 1,000 %. Account 1 stood on its margin call already.


def test_less_leverage_calls_whom_the_table_says(book):
    demand = margin_demand(book, MarginChange("EURUSD", leverage=25.0))
    rows = {row["login"]: row for row in demand.accounts.to_dicts()}
    assert [row["margin_after"] for row in rows.values()] == [
        4_000.0,
        8_000.0,
        4_000.0,
        4_000.0,
        12_000.0,
    ]
    assert [row["level_after"] for row in rows.values()] == [25.0, 37.5, 57.5, 37.5, 250.0]
    assert [row["margin_call"] for row in rows.values()] == [False, True, True, True, False]
    assert [row["stop_out"] for row in rows.values()] == [True, True, False, True, False]
    assert [row["missing"] for row in rows.values()] == [3_000.0, 5_000.0, 1_700.0, 2_500.0, 0.0]
    assert (demand.margin_calls, demand.stop_outs) == (3, 3)
    assert demand.more_margin_usd == pytest.approx(3 * 8_000.0)


def test_a_margin_rate_multiplies_and_more_leverage_than_one_has_changes_nothing(book):
    doubled = margin_demand(book, MarginChange("class:fx", times=2.0))
    assert doubled.more_margin_usd == pytest.approx(8_000.0)
    nothing = margin_demand(book, MarginChange("*", leverage=500.0))
    assert nothing.accounts.is_empty()
    assert (nothing.more_margin_usd, nothing.margin_calls, nothing.stop_outs) == (0.0, 0, 0)
