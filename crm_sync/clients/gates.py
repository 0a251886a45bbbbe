"""What a client may do while identification is where it is: one table, and why not.

Amounts are EUR cents: the limits come from European rules (CySEC's circular of 9 July 2025: at most
EUR 2,000 before full verification, from an account in the client's own name, within 15 days).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, assert_never

import msgspec

from crm_sync.clients.kyc import DAY_US
from crm_sync.events import KycState


class Action(StrEnum):
    """What a client asks for."""

    OPEN_ACCOUNT = "open_account"
    DEPOSIT = "deposit"
    OPEN_TRADE = "open_trade"
    WITHDRAW = "withdraw"
    PARTNER_PAYOUT = "partner_payout"


class Rule(StrEnum):
    """On what an answer depends."""

    YES = "yes"
    NO = "no"
    DEMO = "demo"
    SMALL = "small"
    GRACE = "grace"
    APPROPRIATE = "appropriate"
    CLOSE_ONLY = "close_only"
    COMPLIANCE = "compliance"
    TWO_PERSONS = "two_persons"


class GateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What is allowed before and after an approval."""

    before_approval_eur_minor: int = 200_000
    before_approval_us: int = 15 * DAY_US
    grace_us: int = 30 * DAY_US


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer may depend on besides the state.

    ``deposited_eur_minor`` is the sum of all deposits before this one, ``since_us`` since when the
    state holds, ``first_contact_us`` the first deposit or contact, ``compliance`` and
    ``second_person`` say who acts.
    """

    now_us: int
    since_us: int = 0
    first_contact_us: int | None = None
    amount_eur_minor: int = 0
    deposited_eur_minor: int = 0
    own_name: bool = False
    demo: bool = False
    appropriate: bool = False
    sanctions_hit: bool = False
    compliance: bool = False
    second_person: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an action is allowed, and if not why; ``close_only`` lets positions be closed."""

    allowed: bool
    reason: str = ""
    close_only: bool = False


YES: Final = Answer(allowed=True)

_NOBODY: Final = (Rule.NO, Rule.NO, Rule.NO, Rule.COMPLIANCE, Rule.NO)
_STOPPED: Final = (Rule.NO, Rule.NO, Rule.CLOSE_ONLY, Rule.NO, Rule.NO)

TABLE: Final[Mapping[KycState, Mapping[Action, Rule]]] = {
    state: dict(zip(Action, rules, strict=True))
    for state, rules in {
        KycState.NONE: _NOBODY,
        KycState.DRAFT: _NOBODY,
        KycState.SUBMITTED: _NOBODY,
        KycState.IN_REVIEW: (Rule.DEMO, Rule.SMALL, Rule.NO, Rule.NO, Rule.NO),
        KycState.APPROVED: (Rule.YES, Rule.YES, Rule.APPROPRIATE, Rule.YES, Rule.YES),
        KycState.RETRY: _STOPPED,
        KycState.REOPENED: _STOPPED,
        KycState.REJECTED_FINAL: (
            Rule.NO, Rule.NO, Rule.CLOSE_ONLY, Rule.TWO_PERSONS, Rule.NO,
        ),
        KycState.EXPIRED: (Rule.NO, Rule.GRACE, Rule.GRACE, Rule.NO, Rule.NO),
        KycState.ON_HOLD: _STOPPED,
        KycState.SUSPENDED: _STOPPED,
    }.items()
}  # fmt: skip
"""The rule of every action in every state, in the order of ``Action``."""

_FIXED: Final = {
    Rule.YES: YES,
    Rule.NO: Answer(allowed=False),
    Rule.CLOSE_ONLY: Answer(allowed=False, close_only=True),
}

_UNMET: Final = {
    Rule.DEMO: "only a demo account before identification is approved",
    Rule.APPROPRIATE: "the appropriateness test is not done",
    Rule.COMPLIANCE: "compliance alone returns money to its source",
    Rule.TWO_PERSONS: "compliance returns money to its source, and a second person agrees",
}


def gate(
    action: Action, state: KycState, about: Circumstances, limits: GateLimits | None = None
) -> Answer:
    """Return whether a client may do something now."""
    seen = KycState.ON_HOLD if about.sanctions_hit else state
    answer = _answer(TABLE[seen][action], action, about, limits or GateLimits())
    if answer.allowed or answer.reason:
        return answer
    said = f"{action.replace('_', ' ')}: not while identification is {seen.replace('_', ' ')}"
    return msgspec.structs.replace(answer, reason=said)


def close_only(state: KycState, since_us: int, now_us: int, limits: GateLimits) -> bool:
    """Return whether the platform may only let positions be closed."""
    about = Circumstances(now_us=now_us, since_us=since_us, appropriate=True)
    return not gate(Action.OPEN_TRADE, state, about, limits).allowed


def _answer(rule: Rule, action: Action, about: Circumstances, limits: GateLimits) -> Answer:
    match rule:
        case Rule.YES | Rule.NO | Rule.CLOSE_ONLY:
            return _FIXED[rule]
        case Rule.DEMO | Rule.APPROPRIATE | Rule.COMPLIANCE | Rule.TWO_PERSONS:
            return YES if _is_met(rule, about) else _no(_UNMET[rule])
        case Rule.SMALL:
            return _small(about, limits)
        case Rule.GRACE:
            return _grace(action, about, limits)
        case _:
            assert_never(rule)


def _is_met(rule: Rule, about: Circumstances) -> bool:
    return {
        Rule.DEMO: about.demo,
        Rule.APPROPRIATE: about.appropriate,
        Rule.COMPLIANCE: about.compliance,
        Rule.TWO_PERSONS: about.compliance and about.second_person,
    }[rule]


def _no(reason: str) -> Answer:
    return Answer(allowed=False, reason=reason)


def _small(about: Circumstances, limits: GateLimits) -> Answer:
    if about.deposited_eur_minor + about.amount_eur_minor > limits.before_approval_eur_minor:
        most = limits.before_approval_eur_minor / 100
        return _no(f"deposits before approval are limited to EUR {most:,.2f} in all")
    if not about.own_name:
        return _no("before approval money has to come from the client's own account")
    begun_us = about.now_us if about.first_contact_us is None else about.first_contact_us
    if about.now_us - begun_us > limits.before_approval_us:
        days = limits.before_approval_us // DAY_US
        return _no(f"identification was not approved within {days} days")
    return YES


def _grace(action: Action, about: Circumstances, limits: GateLimits) -> Answer:
    if about.now_us - about.since_us < limits.grace_us:
        return YES
    days = limits.grace_us // DAY_US
    return Answer(
        allowed=False,
        reason=f"identification expired more than {days} days ago",
        close_only=action is Action.OPEN_TRADE,
    )
