"""Money comes in and goes out, never more than there is."""

import numpy as np
import pytest

from exposure.model.accounts import BalanceKind
from feeds.simulator.kinds import KINDS, ClientKind
from feeds.simulator.payments import Payment, Payments
from feeds.simulator.population import populate
from tests.feeds.simulator.small_market import SECOND, START, SmallMarket

HOUR = 3_600 * SECOND


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def payments(rng):
    return Payments(populate(1_000, SmallMarket().instruments, rng))


def test_payments_lie_within_the_step_and_know_their_accounts(payments, rng):
    due = payments.due(START, START + 10 * HOUR, rng)
    assert len(due) > 100
    assert all(START < payment.ts <= START + 10 * HOUR for payment in due)
    assert {payment.kind for payment in due} == {BalanceKind.DEPOSIT, BalanceKind.WITHDRAWAL}


def test_some_who_are_called_pay_in_a_little_later_once(payments, rng):
    payments.answer_calls([7] * 400, START, rng)
    later = payments.due(START + HOUR, START + HOUR + 1, rng)
    answered = [payment for payment in later if payment.account == 7]
    assert 60 < len(answered) < 140
    assert {payment.kind for payment in answered} == {BalanceKind.DEPOSIT}
    assert payments.due(START + HOUR + 1, START + HOUR + 2, rng) == []


def test_a_withdrawal_leaves_the_free_margin_and_the_balance_positive(payments, rng):
    out = Payment(START, 0, BalanceKind.WITHDRAWAL)
    for free_margin, balance in ((10_000.0, 500.0), (500.0, 10_000.0)):
        for _ in range(200):
            ((kind, amount),) = payments.amounts(out, free_margin, balance, rng) or [(None, 0.0)]
            assert kind in {None, BalanceKind.WITHDRAWAL}
            assert -0.4 * min(free_margin, balance) <= amount <= 0.0


def test_nothing_is_withdrawn_from_an_account_in_need(payments, rng):
    out = Payment(START, 0, BalanceKind.WITHDRAWAL)
    assert payments.amounts(out, -50.0, 1_000.0, rng) == []
    assert payments.amounts(out, 1_000.0, 20.0, rng) == []


def test_deposits_are_round_and_some_earn_a_bonus(payments, rng):
    operations = [
        payments.amounts(Payment(START, account, BalanceKind.DEPOSIT), 0.0, 0.0, rng)
        for account in range(1_000)
    ]
    assert all(each[0][1] >= 50.0 and each[0][1] % 10.0 == 0.0 for each in operations)
    bonuses = [each[1] for each in operations if len(each) > 1]
    assert 20 < len(bonuses) < 100
    assert {kind for kind, _ in bonuses} == {BalanceKind.BONUS}


def test_loaded_payments_are_still_due(payments, rng):
    payments.answer_calls([3] * 50, START, rng)
    other = Payments(populate(10, SmallMarket().instruments, rng))
    other.load(payments.save())
    assert other.save() == payments.save() != []


def test_who_abuses_bonuses_takes_out_a_win_and_comes_back_with_a_deposit_after_a_loss(rng):
    crowd = populate(400, SmallMarket().instruments, rng)
    abuser = int(np.flatnonzero(crowd.kind == KINDS.index(ClientKind.BONUS_ABUSE))[0])
    payments = Payments(crowd)
    payments.position_closed(abuser, 500.0, START, rng)
    payments.position_closed(abuser, -500.0, START, rng)
    won, lost = payments.due(START + 100 * HOUR, START + 100 * HOUR + 1, rng)[:2]
    assert payments.amounts(won, 1_000.0, 1_000.0, rng) == [(BalanceKind.WITHDRAWAL, -900.0)]
    (_, paid), (kind, bonus) = payments.amounts(lost, 0.0, 0.0, rng)
    assert kind is BalanceKind.BONUS
    assert bonus == pytest.approx(0.5 * paid, abs=10.0)


def test_nobody_else_runs_to_the_cash_desk_when_a_position_closes(payments, rng):
    payments.position_closed(0, 500.0, START, rng)
    assert payments.save() == []
