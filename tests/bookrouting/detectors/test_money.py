"""Bonuses are abused by what is done with them, and a doubled account is luck until shown."""

import numpy as np
import pytest

from bookrouting.detectors.finding import Weight
from bookrouting.detectors.money import MoneyFacts, bonus_abuse, doubled_account

HOUR = 3_600_000_000_000
NONE = np.zeros(0, np.int64)


def facts(**ways):
    usual = {
        "credit": 500.0, "bonuses": 1, "used_margin": np.full(4, 0.9),
        "withdrawn_ts": np.array([10 * HOUR]), "won_ts": np.array([2 * HOUR]),
        "partner_lost_ts": NONE,
    }  # fmt: skip
    return MoneyFacts(**(usual | ways))


def test_betting_a_bonus_at_once_and_taking_the_win_out_is_abuse():
    found = bonus_abuse(facts())
    assert found.fired
    assert "1 withdrawals within a day of a win" in found.sentence


@pytest.mark.parametrize(
    "innocent",
    [
        {"credit": 0.0, "bonuses": 0},
        {"used_margin": np.full(4, 0.3)},
        {"withdrawn_ts": NONE},
        {"withdrawn_ts": np.array([30 * HOUR])},
        {"withdrawn_ts": np.array([1 * HOUR])},
    ],
    ids=["no bonus", "little leverage", "nothing taken out", "days later", "before the win"],
)
def test_each_part_of_it_alone_is_not(innocent):
    assert not bonus_abuse(facts(**innocent)).fired


def test_a_win_taken_out_while_the_partner_loses_the_bonus_is_abuse_at_any_leverage():
    pair = facts(used_margin=np.full(4, 0.3), partner_lost_ts=np.array([9 * HOUR]))
    assert bonus_abuse(pair).fired


def test_an_account_without_openings_has_nothing_to_say():
    assert bonus_abuse(facts(used_margin=np.array([np.nan]))).n == 0


def test_a_doubled_account_is_an_alert_and_no_evidence():
    found = doubled_account(1_500.0, 1_000.0)
    assert (found.fired, found.weight, found.statistic) == (True, Weight.CONTEXT, 1.5)
    assert not doubled_account(1_499.0, 1_000.0).fired
    assert doubled_account(500.0, 0.0).n == doubled_account(500.0, -10.0).n == 0
