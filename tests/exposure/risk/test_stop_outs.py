"""Stop-outs: the platforms' orders, by a published example and by an engine that really closes."""

from __future__ import annotations

import numpy as np
import pytest

from exposure.export import export_state, restore
from exposure.model.accounts import HedgedMarginMode
from exposure.model.events import DealExecuted, EventBatch, PositionRestored, QuoteReceived
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stop_outs import StopOutOrder, margin_levels, stop_outs
from exposure.risk.stress import stress
from exposure.risk.stress_book import StressBook
from tests.exposure.builders import Desk, account, instrument
from tests.exposure.risk.books import given_quotes, random_book
from tests.exposure.risk.test_stress import random_shocks

METATRADER, FAIR, SMART = StopOutOrder


def left_lots(book, closed):
    lots = np.abs(book.holdings.signed_lots) * closed.left_ratio
    names = [book.book.position_ids[slot] for slot in book.holdings.slot.tolist()]
    return {name: round(float(one), 9) for name, one in zip(names, lots, strict=True)}


@pytest.fixture
def ctrader():
    """The worked example of cTrader's help page: 150k (margin 300) and 100k (200) of USDJPY."""
    made = Desk([instrument("USDJPY", digits=3)], [account("1", balance=500.0, leverage=500.0)])
    made.feed(
        PositionRestored(1, "1", "big", "USDJPY", "buy", 1.5, 101.432),
        PositionRestored(1, "1", "small", "USDJPY", "buy", 1.0, 101.432),
        QuoteReceived(1, "USDJPY", 101.432, 101.432),
    )
    return StressBook(made.engine)


def test_the_worked_example_of_ctrader(ctrader):
    shocked = ctrader.shocked([Shock("USDJPY", ShockKind.PRICE, 101.33)])
    after = ctrader.valued(shocked.prices)
    assert after.equity[0] == pytest.approx(248.37, abs=0.05)
    assert margin_levels(after.equity, ctrader.margin)[0] == pytest.approx(49.7, abs=0.05)
    closed = stop_outs(ctrader, after, FAIR)
    assert left_lots(ctrader, closed) == {"big": 0.0, "small": 1.0}
    assert closed.margin[0] == pytest.approx(200.0)
    assert margin_levels(after.equity, closed.margin)[0] == pytest.approx(124.2, abs=0.05)


def test_smart_closes_no_more_than_is_needed(ctrader):
    # equity 248.37 carries a margin below 496.74: 2.48 lots at 200 a lot, so two hundredths close
    after = ctrader.valued(ctrader.shocked([Shock("USDJPY", ShockKind.PRICE, 101.33)]).prices)
    closed = stop_outs(ctrader, after, SMART)
    assert left_lots(ctrader, closed) == {"big": 1.48, "small": 1.0}
    assert margin_levels(after.equity, closed.margin)[0] > 50.0


def test_metatrader_closes_the_largest_loss_even_where_its_margin_is_small():
    made = Desk([instrument("EURUSD")], [account("1", balance=1_500.0)])
    made.feed(
        PositionRestored(1, "1", "large", "EURUSD", "buy", 1.0, 1.1),
        PositionRestored(1, "1", "losing", "EURUSD", "buy", 0.2, 1.15),
        QuoteReceived(1, "EURUSD", 1.1, 1.1),
    )
    book = StressBook(made.engine)
    # at 1.0985 the large one loses 150 and the other 1,030; equity 320 against a margin of 1,330
    after = book.valued(book.shocked([Shock("EURUSD", ShockKind.PRICE, 1.0985)]).prices)
    assert left_lots(book, stop_outs(book, after, FAIR)) == {"large": 0.0, "losing": 0.2}
    assert left_lots(book, stop_outs(book, after)) == {"large": 0.0, "losing": 0.0}
    after = book.valued(book.shocked([Shock("EURUSD", ShockKind.PRICE, 1.1005)]).prices)
    # at 1.1005: equity 560, 42 % of 1,330; without the losing one 51 % of 1,100
    assert left_lots(book, stop_outs(book, after)) == {"large": 1.0, "losing": 0.0}


def test_a_covered_pair_that_costs_nothing_is_not_closed():
    terms = instrument("EURUSD", hedged_ratio=0.0)
    made = Desk([terms], [account("1", balance=-100.0)])
    made.feed(
        PositionRestored(1, "1", "long", "EURUSD", "buy", 1.0, 1.1),
        PositionRestored(1, "1", "short", "EURUSD", "sell", 1.0, 1.1),
        QuoteReceived(1, "EURUSD", 1.1, 1.1),
    )
    result = stress(StressBook(made.engine), [Shock("EURUSD", ShockKind.PERCENT, -50.0)])
    (row,) = result.accounts.to_dicts()
    assert (row["stopped_out"], row["closed_lots"]) == (False, 0.0)
    assert row["deficit"] == pytest.approx(100.0)


def test_closing_one_leg_of_a_pair_may_cost_margin_and_closing_goes_on():
    terms = instrument("EURUSD", hedged_ratio=0.5)
    mode = HedgedMarginMode.NET_PLUS_HEDGED
    made = Desk([terms], [account("1", balance=500.0, hedged_margin_mode=mode)])
    made.feed(
        PositionRestored(1, "1", "long", "EURUSD", "buy", 1.0, 1.1),
        PositionRestored(1, "1", "short", "EURUSD", "sell", 0.9, 1.1),
        QuoteReceived(1, "EURUSD", 1.1, 1.1),
    )
    book = StressBook(made.engine)
    # 45 pips down: -450 + 405, equity 455 against 110 + 495; closed long leaves 990: 46 %
    after = book.valued(book.shocked([Shock("EURUSD", ShockKind.PRICE, 1.0795)]).prices)
    assert after.equity[0] == pytest.approx(295.0)
    assert left_lots(book, stop_outs(book, after)) == {"long": 0.0, "short": 0.0}


@pytest.mark.parametrize("seed", range(12))
def test_an_engine_that_closes_deal_by_deal_ends_with_the_same_positions_and_margin(seed):
    engine = random_book(seed, positions=40)
    book = StressBook(engine)
    after = book.valued(book.shocked(random_shocks(seed)).prices)
    closed = stop_outs(book, after)
    really = given_quotes(restore(export_state(engine)), after.prices)
    for row, terms in enumerate(engine.book.terms):
        _close_largest_losses(really, terms.login, terms.stop_out_level)
        figures = really.account(terms.login)
        assert figures.margin == pytest.approx(closed.margin[row], abs=1e-6)
        assert figures.equity == pytest.approx(after.equity[row], abs=1e-6)
    left = {name: lots for name, lots in left_lots(book, closed).items() if lots > 0.0}
    still = {k for (_, k) in really.book.slot_of}
    assert set(left) == still
    assert closed.stopped_out.any() == (len(left) < 40)


def _close_largest_losses(engine, login, stop_out_level):
    while (level := engine.account(login).margin_level) is not None and level <= stop_out_level:
        held = engine.positions_of_account(login).to_dicts()
        worst = min(held, key=lambda one: one["profit"] + one["swap"])
        side = "sell" if worst["side"] == "buy" else "buy"
        engine.apply(
            EventBatch(
                engine.position + 1,
                0,
                [
                    DealExecuted(
                        engine.as_of, f"so{engine.position}", login, worst["position_id"],
                        worst["symbol"], side, "out", worst["lots"], worst["price"],
                        swap=worst["swap"],
                    )
                ],
            )
        )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("order", StopOutOrder)
def test_after_closing_every_account_is_above_its_level_or_has_nothing_to_close(seed, order):
    book = StressBook(random_book(seed, positions=40))
    after = book.valued(book.shocked(random_shocks(seed)).prices)
    closed = stop_outs(book, after, order)
    levels = margin_levels(after.equity, closed.margin)
    left = np.bincount(book.holdings.account, closed.left_ratio, book.accounts)
    assert ((levels > book.stop_out_level) | (left == 0.0)).all()
    untouched = ~closed.stopped_out[book.holdings.account]
    assert (closed.left_ratio[untouched] == 1.0).all()
