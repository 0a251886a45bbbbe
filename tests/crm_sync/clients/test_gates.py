"""What each state allows: the whole table, and the edges of its limits."""

import msgspec
import pytest

from crm_sync.clients.gates import TABLE, Action, Circumstances, GateLimits, close_only, gate
from crm_sync.clients.kyc import DAY_US
from crm_sync.events import KycState

A, S = Action, KycState
NOW = 1_000 * DAY_US
BEST = Circumstances(now_us=NOW, since_us=NOW, own_name=True, appropriate=True)

ALLOWED_AT_BEST = {
    S.IN_REVIEW: {A.DEPOSIT},
    S.APPROVED: set(A),
    S.EXPIRED: {A.DEPOSIT, A.OPEN_TRADE},
}
"""What a client may do who has everything else, in every state that allows anything."""

CLOSES = {S.RETRY, S.REJECTED_FINAL, S.ON_HOLD, S.SUSPENDED, S.REOPENED}
"""Where open positions may be closed and none opened."""


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("action", list(A))
def test_the_table_says_who_may_do_what_and_why_not(action, state):
    answer = gate(action, state, BEST)
    assert answer.allowed is (action in ALLOWED_AT_BEST.get(state, set()))
    assert bool(answer.reason) is not answer.allowed
    assert answer.close_only is (action is A.OPEN_TRADE and state in CLOSES)


def test_every_state_has_a_rule_for_every_action():
    assert TABLE.keys() == set(S)
    assert all(rules.keys() == set(A) for rules in TABLE.values())


def about(**more):
    return msgspec.structs.replace(BEST, **more)


@pytest.mark.parametrize(
    ("deposited", "amount", "allowed"),
    [(0, 200_000, True), (0, 200_001, False), (150_000, 50_000, True), (150_000, 50_001, False)],
)
def test_deposits_before_approval_have_a_limit_to_the_cent(deposited, amount, allowed):
    answer = gate(
        A.DEPOSIT, S.IN_REVIEW, about(deposited_eur_minor=deposited, amount_eur_minor=amount)
    )
    assert answer.allowed is allowed
    assert allowed or "EUR 2,000.00" in answer.reason


def test_deposits_before_approval_come_from_the_clients_own_account_within_15_days():
    assert "own account" in gate(A.DEPOSIT, S.IN_REVIEW, about(own_name=False)).reason
    edge = NOW - 15 * DAY_US
    assert gate(A.DEPOSIT, S.IN_REVIEW, about(first_contact_us=edge)).allowed
    assert "15 days" in gate(A.DEPOSIT, S.IN_REVIEW, about(first_contact_us=edge - 1)).reason


def test_a_profile_may_forbid_deposits_before_approval():
    none = GateLimits(before_approval_eur_minor=0)
    assert not gate(A.DEPOSIT, S.IN_REVIEW, about(amount_eur_minor=1), none).allowed


def test_grace_ends_after_30_days_to_the_microsecond():
    edge = NOW - 30 * DAY_US
    for action in (A.DEPOSIT, A.OPEN_TRADE):
        assert gate(action, S.EXPIRED, about(since_us=edge + 1)).allowed
        late = gate(action, S.EXPIRED, about(since_us=edge))
        assert (late.allowed, late.close_only) == (False, action is A.OPEN_TRADE)


def test_opening_trades_needs_the_appropriateness_test():
    assert "appropriateness" in gate(A.OPEN_TRADE, S.APPROVED, about(appropriate=False)).reason


def test_a_demo_account_is_all_that_a_review_allows():
    assert gate(A.OPEN_ACCOUNT, S.IN_REVIEW, about(demo=True)).allowed
    assert "demo" in gate(A.OPEN_ACCOUNT, S.IN_REVIEW, about(demo=False)).reason


def test_returning_money_is_for_compliance_and_after_a_refusal_for_two():
    assert gate(A.WITHDRAW, S.NONE, about(compliance=True)).allowed
    assert not gate(A.WITHDRAW, S.REJECTED_FINAL, about(compliance=True)).allowed
    assert gate(A.WITHDRAW, S.REJECTED_FINAL, about(compliance=True, second_person=True)).allowed
    assert not gate(A.WITHDRAW, S.ON_HOLD, about(compliance=True, second_person=True)).allowed


@pytest.mark.parametrize("action", list(A))
def test_a_sanctions_hit_stops_everything_and_does_not_say_so(action):
    answer = gate(action, S.APPROVED, about(sanctions_hit=True))
    assert not answer.allowed
    assert "sanction" not in answer.reason


def test_the_platform_is_open_only_where_trades_may_be_opened():
    limits = GateLimits()
    opened = {state for state in S if not close_only(state, NOW, NOW, limits)}
    assert opened == {S.APPROVED, S.EXPIRED}
    assert close_only(S.EXPIRED, NOW - 30 * DAY_US, NOW, limits)
