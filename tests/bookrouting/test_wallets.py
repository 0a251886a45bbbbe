"""What is on an account, as far as deals and balance operations tell."""

import math

import pytest

from bookrouting.wallets import MOST_USED, after_operation, margin_of, new_wallet
from exposure.model.accounts import BalanceKind
from tests.bookrouting.flow_days import instrument


def test_operations_move_balance_or_credit_and_payments_count_as_paid_in():
    wallet = new_wallet(1_000.0, 0.0, 100.0)
    for kind, amount, ts in (
        (BalanceKind.DEPOSIT, 500.0, 1), (BalanceKind.BONUS, 200.0, 2),
        (BalanceKind.WITHDRAWAL, -300.0, 3), (BalanceKind.SWAP, -7.0, 4),
        (BalanceKind.BONUS, -200.0, 5),
    ):  # fmt: skip
        wallet = after_operation(wallet, kind, amount, ts)
    assert wallet.balance == 1_193.0
    assert wallet.paid_in == 1_200.0
    assert (wallet.credit, wallet.bonuses, wallet.withdrawn) == (0.0, 1, (3,))


def test_only_the_last_withdrawals_are_remembered():
    wallet = new_wallet(1e6, 0.0, 100.0)
    for k in range(50):
        wallet = after_operation(wallet, BalanceKind.WITHDRAWAL, -1.0, k)
    assert wallet.withdrawn == tuple(range(30, 50))


def test_a_lot_of_euro_at_a_hundred_to_one_ties_up_a_hundredth_of_its_price():
    wallet = new_wallet(2_200.0, 0.0, 100.0)
    margin = margin_of(wallet, "USD", instrument(), 1.0, 1.1, lambda *_: math.nan)
    assert margin == pytest.approx(1_100.0)
    assert wallet._replace(margin=margin).used_margin == pytest.approx(0.5)
    capped = instrument(max_leverage=30.0)
    assert margin_of(wallet, "USD", capped, 1.0, 1.1, lambda *_: 1.0) == pytest.approx(110_000 / 30)


def test_an_account_without_money_uses_the_most_and_one_without_positions_nothing():
    broke = new_wallet(math.nan, 0.0, 0.0)
    assert (broke.equity, broke.leverage, broke.used_margin) == (0.0, 1.0, 0.0)
    assert broke._replace(margin=1.0).used_margin == MOST_USED
