"""Credit carries losses, or it does not: the account's group decides."""

from __future__ import annotations

import pytest

from exposure.model.accounts import CreditMode
from exposure.model.events import BalanceChanged, DealExecuted, MarginLevelCrossed, QuoteReceived
from tests.exposure.builders import Desk, account, instrument


def desk(mode):
    made = Desk([instrument("EURUSD")], [account(balance=1_000.0, credit=500.0, credit_mode=mode)])
    made.feed(
        QuoteReceived(1, "EURUSD", 1.1, 1.1),
        DealExecuted(2, "1", "1", "1", "EURUSD", "buy", "in", 0.5, 1.1),
    )
    return made


@pytest.mark.parametrize(
    ("mode", "equity"), [(CreditMode.IN_EQUITY, 1_500.0), (CreditMode.EXCLUDED, 1_000.0)]
)
def test_credit_is_part_of_the_equity_or_only_shown(mode, equity):
    found = desk(mode).account()
    assert (found.credit, found.equity) == (500.0, equity)
    assert found.free_margin == pytest.approx(equity - 550.0)
    assert found.margin_level == pytest.approx(100.0 * equity / 550.0)


@pytest.mark.parametrize(("mode", "called"), [(CreditMode.IN_EQUITY, 0), (CreditMode.EXCLUDED, 1)])
def test_a_margin_call_looks_at_the_same_equity(mode, called):
    tested = desk(mode)
    out = tested.feed(QuoteReceived(3, "EURUSD", 1.0905, 1.0905))
    assert sum(isinstance(event, MarginLevelCrossed) for event in out) == called


def test_a_bonus_moves_only_an_equity_that_counts_it():
    excluded, counted = desk(CreditMode.EXCLUDED), desk(CreditMode.IN_EQUITY)
    for tested in (excluded, counted):
        tested.feed(BalanceChanged(3, "1", "bonus", 100.0))
    assert (excluded.account().equity, counted.account().equity) == (1_000.0, 1_600.0)
