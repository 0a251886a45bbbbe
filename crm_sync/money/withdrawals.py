"""A withdrawal: to which instruments it goes, and what the reports about its payouts make of it.

Money goes back to where it came from first: every instrument gets what it deposited before a new
destination gets anything. Each payout holds its part of the wallet until it is paid or fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, assert_never

import msgspec

from crm_sync.events import PaymentReported, PaymentStep
from crm_sync.money.errors import MoneyConflictError
from crm_sync.money.ledger import (
    Flow,
    Transfer,
    clearing,
    post_of,
    stable_id,
    void_of,
    wallet,
)


class WithdrawalState(StrEnum):
    """How far a withdrawal has come; the last four are ends."""

    TAKING = "taking"
    WAITING = "waiting"
    PAYING = "paying"
    PAID = "paid"
    PARTLY = "partly"
    FAILED = "failed"
    REFUSED = "refused"


class PayoutState(StrEnum):
    """How far a payout has come; in order of rank."""

    HELD = "held"
    SENT = "sent"
    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"
    VOID = "void"


class Destination(NamedTuple):
    """Where money came from or goes to: a provider, a method, a fingerprint of the instrument."""

    provider: str
    method: str
    instrument: str


class WithdrawalRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for; ``key`` is the request's own, ``login`` "" where the wallet has it.

    ``destination`` gets what is left when every instrument has got back what it deposited.
    """

    key: str
    client_id: str
    amount_minor: int
    currency: str
    destination: Destination
    requested_by: str
    via: str
    login: str = ""


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """A request as far as it has come."""

    id: str
    client_id: str
    login: str
    amount_minor: int
    currency: str
    provider: str
    method: str
    instrument: str
    requested_by: str
    state: WithdrawalState
    requested_at_us: int
    updated_at_us: int
    reason: str = ""

    @property
    def destination(self) -> Destination:
        """Where the rest goes."""
        return Destination(self.provider, self.method, self.instrument)


class Source(NamedTuple):
    """A deposit that has not been given back in full."""

    destination: Destination
    payment_ref: str
    left_minor: int


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a withdrawal; ``payment_ref`` is the provider's id of the deposit it returns."""

    id: str
    withdrawal_id: str
    client_id: str
    amount_minor: int
    currency: str
    provider: str
    method: str
    instrument: str
    payment_ref: str = ""
    state: PayoutState = PayoutState.HELD
    provider_ref: str = ""


_RANK: Final = {
    PayoutState.SENT: 0,
    PayoutState.PENDING: 1,
    PayoutState.PAID: 2,
    PayoutState.FAILED: 3,
    PayoutState.RETURNED: 3,
}


def new_withdrawal(request: WithdrawalRequest, now_us: int) -> Withdrawal:
    """Return a request before anything is decided about it."""
    return Withdrawal(
        id=request.key,
        client_id=request.client_id,
        login=request.login,
        amount_minor=request.amount_minor,
        currency=request.currency,
        **request.destination._asdict(),
        requested_by=request.requested_by,
        state=WithdrawalState.TAKING if request.login else WithdrawalState.WAITING,
        requested_at_us=now_us,
        updated_at_us=now_us,
    )


def asks_the_same(withdrawal: Withdrawal, request: WithdrawalRequest) -> bool:
    """Whether a request is the one that made a withdrawal."""
    names = ("client_id", "login", "amount_minor", "currency", "destination", "requested_by")
    return all(getattr(withdrawal, name) == getattr(request, name) for name in names)


def payouts_of(withdrawal: Withdrawal, sources: Sequence[Source]) -> tuple[Payout, ...]:
    """Return the parts of a withdrawal: sources in their order, then its destination."""
    parts, left = [], withdrawal.amount_minor
    for source in sources:
        share = min(left, source.left_minor)
        if share > 0:
            parts.append((source.destination, source.payment_ref, share))
            left -= share
    if left:
        parts.append((withdrawal.destination, "", left))
    return tuple(
        Payout(
            id=stable_id("payout", withdrawal.id, str(number)),
            withdrawal_id=withdrawal.id,
            client_id=withdrawal.client_id,
            amount_minor=amount,
            currency=withdrawal.currency,
            payment_ref=payment_ref,
            **destination._asdict(),
        )
        for number, (destination, payment_ref, amount) in enumerate(parts, 1)
    )


def payout_after(payout: Payout, report: PaymentReported) -> Payout:
    """Return a payout after a report; the same one if the report says nothing new.

    Raises:
        MoneyConflictError: It contradicts what was asked for.
    """
    if (report.amount_minor, report.currency) != (payout.amount_minor, payout.currency):
        raise _conflict(payout, f"is of {payout.amount_minor} {payout.currency}")
    if payout.state in {PayoutState.HELD, PayoutState.VOID}:
        raise _conflict(payout, "was never asked for")
    state = _reported_state(payout, report)
    if _RANK[state] <= _RANK[payout.state]:
        return payout
    known = payout.provider_ref or report.provider_ref
    return msgspec.structs.replace(payout, state=state, provider_ref=known)


def hold_of(payout: Payout, at_us: int) -> Transfer:
    """Return what keeps a payout's money out of reach until it is paid."""
    return Transfer(
        debit=wallet(payout.client_id, payout.currency),
        credit=clearing(payout.provider, payout.currency),
        amount_minor=payout.amount_minor,
        source="payout",
        ext_ref=payout.id,
        code="payout",
        at_us=at_us,
        flow=Flow.PENDING,
    )


def moves_of(payout: Payout, at_us: int) -> list[Transfer]:
    """Return every transfer that the payout has made by now after its hold."""
    hold = hold_of(payout, at_us)
    match payout.state:
        case PayoutState.HELD | PayoutState.SENT | PayoutState.PENDING:
            return []
        case PayoutState.PAID:
            return [post_of(hold, at_us)]
        case PayoutState.RETURNED:
            return [post_of(hold, at_us), _given_back(hold)]
        case PayoutState.FAILED | PayoutState.VOID:
            return [void_of(hold, at_us)]
        case _ as never:
            assert_never(never)


def state_after(payouts: Iterable[Payout]) -> WithdrawalState:
    """Return how far a withdrawal has come whose payouts are on their way."""
    states = [payout.state for payout in payouts]
    if {PayoutState.HELD, PayoutState.SENT, PayoutState.PENDING} & set(states):
        return WithdrawalState.PAYING
    paid = states.count(PayoutState.PAID)
    if paid == len(states):
        return WithdrawalState.PAID
    return WithdrawalState.PARTLY if paid else WithdrawalState.FAILED


def _reported_state(payout: Payout, report: PaymentReported) -> PayoutState:
    match report.step:
        case PaymentStep.PENDING:
            return PayoutState.PENDING
        case PaymentStep.PAID_OUT | PaymentStep.REFUNDED:
            return PayoutState.PAID
        case PaymentStep.PAYOUT_FAILED | PaymentStep.FAILED:
            paid = payout.state is PayoutState.PAID
            return PayoutState.RETURNED if paid else PayoutState.FAILED
        case (
            PaymentStep.CAPTURED
            | PaymentStep.DISPUTED
            | PaymentStep.DISPUTE_WON
            | PaymentStep.DISPUTE_LOST
        ):
            raise _conflict(payout, f"cannot be {report.step}")
        case _ as never:
            assert_never(never)


def _given_back(hold: Transfer) -> Transfer:
    return msgspec.structs.replace(
        hold, debit=hold.credit, credit=hold.debit, code="payout_returned", flow=Flow.POSTED
    )


def _conflict(payout: Payout, reason: str) -> MoneyConflictError:
    return MoneyConflictError(f"payout {payout.id} {reason}")
