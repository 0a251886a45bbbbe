"""A deposit at a provider: what reports make of it in whatever order, and what it moves.

Steps have ranks. A report of a lower rank than what is known is late and changes nothing; a higher
one takes the steps between for granted. Refunds and disputes are parts of their own, each known by
the provider's id; those that come before the capture wait for it. What a payment has moved follows
from what is known of it alone, so taking a report twice moves nothing twice.

What a refund or a dispute takes and the client's wallet does not have, the client owes.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, assert_never

import msgspec

from crm_sync.events import PaymentReported, PaymentStep
from crm_sync.money.errors import MoneyConflictError, TransferRefusedError
from crm_sync.money.ledger import (
    Account,
    AccountKind,
    Transfer,
    clearing,
    of_house,
    receivable,
    refuse_amount,
    refuse_currency,
    stable_id,
    wallet,
)

ONLY_DISPUTE: Final = "dispute"
"""What a dispute is known by where its provider names none."""


class Stage(StrEnum):
    """How far a deposit has come; in order of rank."""

    CREATED = "created"
    PENDING = "pending"
    FAILED = "failed"
    CAPTURED = "captured"


class PartKind(StrEnum):
    """Why a provider takes money of a deposit back."""

    REFUND = "refund"
    DISPUTE = "dispute"


class PartState(StrEnum):
    """How far a refund or a dispute has come; in order of rank."""

    TAKEN = "taken"
    LOST = "lost"
    WON = "won"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A refund or a dispute; ``from_wallet_minor`` is None until it has moved money."""

    kind: PartKind
    ref: str
    state: PartState
    amount_minor: int
    from_wallet_minor: int | None = None


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit as it is known now; amounts are those of the capture."""

    provider: str
    provider_ref: str
    currency: str
    client_id: str = ""
    login: str = ""
    reference: str = ""
    stage: Stage = Stage.CREATED
    amount_minor: int = 0
    method: str = ""
    instrument: str = ""
    country: str = ""
    captured_at_us: int = 0
    parts: tuple[Part, ...] = ()

    @property
    def id(self) -> str:
        """What we know it by."""
        return payment_id(self.provider, self.provider_ref)

    @property
    def captured(self) -> bool:
        """Whether the provider has the money."""
        return self.stage is Stage.CAPTURED

    @property
    def kept_minor(self) -> int:
        """What is left of it after refunds and disputes."""
        gone = (part.amount_minor for part in self.parts if part.state is not PartState.WON)
        return max(self.amount_minor - sum(gone), 0) if self.captured else 0


_STAGES: Final = tuple(Stage)
_PART_STATES: Final = tuple(PartState)
_LASTING: Final = ("client_id", "login", "reference", "method", "instrument", "country")
_REPORTED: Final = {
    PaymentStep.REFUNDED: (PartKind.REFUND, PartState.TAKEN),
    PaymentStep.DISPUTED: (PartKind.DISPUTE, PartState.TAKEN),
    PaymentStep.DISPUTE_LOST: (PartKind.DISPUTE, PartState.LOST),
    PaymentStep.DISPUTE_WON: (PartKind.DISPUTE, PartState.WON),
}


def payment_id(provider: str, provider_ref: str) -> str:
    """Return what we know a provider's payment by."""
    return stable_id("payment", provider, provider_ref)


def new_payment(report: PaymentReported) -> Payment:
    """Return the payment that a report is about, before anything is known of it."""
    return Payment(
        provider=report.provider, provider_ref=report.provider_ref, currency=report.currency
    )


def check_report(report: PaymentReported) -> None:
    """Refuse a report that cannot be true, whatever is known.

    Raises:
        TransferRefusedError: Its amounts or its currency cannot be meant.
    """
    refuse_currency(report.currency)
    refuse_amount(report.amount_minor, f"the amount of step {report.step}")
    if report.fee_minor:
        refuse_amount(report.fee_minor, f"the fee of step {report.step}")


def taken(payment: Payment, report: PaymentReported) -> Payment:
    """Return a payment after a report; the same one if the report says nothing new.

    Raises:
        MoneyConflictError: It contradicts what is known: another client, currency or amount.
        TransferRefusedError: It is no step of a deposit.
    """
    if report.currency != payment.currency:
        raise _conflict(payment, f"is in {payment.currency}, not in {report.currency}")
    named = _named(payment, report)
    match report.step:
        case PaymentStep.PENDING:
            return _at_stage(named, Stage.PENDING)
        case PaymentStep.FAILED:
            return _at_stage(named, Stage.FAILED)
        case PaymentStep.CAPTURED:
            return _captured(named, report)
        case (
            PaymentStep.REFUNDED
            | PaymentStep.DISPUTED
            | PaymentStep.DISPUTE_WON
            | PaymentStep.DISPUTE_LOST
        ):
            return _with_part(named, report)
        case PaymentStep.PAID_OUT | PaymentStep.PAYOUT_FAILED:
            raise TransferRefusedError(f"{report.step} is no step of a deposit")
        case _ as never:
            assert_never(never)


def settled(payment: Payment, available_minor: int) -> Payment:
    """Return a payment whose refunds and disputes all know what the wallet gives to them.

    Args:
        payment: What is known; before the capture all of its parts wait.
        available_minor: What is free in the client's wallet, with a capture that is new.
    """
    if not payment.captured:
        return payment
    parts, left = [], max(available_minor, 0)
    for part in payment.parts:
        settled_part = part
        if part.from_wallet_minor is None:
            given = min(left, part.amount_minor)
            left -= given if part.state is not PartState.WON else 0
            settled_part = msgspec.structs.replace(part, from_wallet_minor=given)
        parts.append(settled_part)
    return msgspec.structs.replace(payment, parts=tuple(parts))


def postings(payment: Payment, at_us: int) -> list[Transfer]:
    """Return every transfer that a payment has made by now, in their order."""
    if not payment.captured:
        return []
    owner, currency = payment.client_id, payment.currency
    house, ours = clearing(payment.provider, currency), wallet(owner, currency)
    moves = [(house, ours, payment.amount_minor, payment.id, "capture")]
    for part in payment.parts:
        moves += _moves_of_part(payment, part)
    return [
        Transfer(
            debit=debit, credit=credit, amount_minor=amount, source="payment", ext_ref=ref,
            code=code, at_us=at_us,
        )
        for debit, credit, amount, ref, code in moves
        if amount
    ]  # fmt: skip


def fee_of(report: PaymentReported, subject: str, at_us: int) -> Transfer | None:
    """Return what a provider charges for a step, None if nothing; the house bears it.

    Args:
        report: Every step of a payment has a fee of its own, whatever became of the payment.
        subject: Our id of the payment or payout.
        at_us: When the transfer is posted.
    """
    if not report.fee_minor:
        return None
    return Transfer(
        debit=of_house(AccountKind.PSP_FEES, report.currency),
        credit=clearing(report.provider, report.currency),
        amount_minor=report.fee_minor,
        source="fee",
        ext_ref=f"{subject}/{_part_ref(report)}",
        code=f"{report.step}_fee",
        at_us=at_us,
    )


def disputes(payment: Payment) -> list[Part]:
    """Return the disputes of a payment whose client is known."""
    return [part for part in payment.parts if part.kind is PartKind.DISPUTE and payment.client_id]


def _named(payment: Payment, report: PaymentReported) -> Payment:
    if payment.client_id and report.client_id and payment.client_id != report.client_id:
        raise _conflict(payment, "is another client's")
    filled = {
        name: getattr(report, name)
        for name in _LASTING
        if getattr(report, name) and not getattr(payment, name)
    }
    return msgspec.structs.replace(payment, **filled)


def _at_stage(payment: Payment, stage: Stage) -> Payment:
    if _STAGES.index(stage) <= _STAGES.index(payment.stage):
        return payment
    return msgspec.structs.replace(payment, stage=stage)


def _captured(payment: Payment, report: PaymentReported) -> Payment:
    if payment.captured:
        if report.amount_minor != payment.amount_minor:
            raise _conflict(payment, f"was captured with {payment.amount_minor}")
        return payment
    if not payment.client_id:
        raise _conflict(payment, "names no client: map it to one and take the report again")
    captured = msgspec.structs.replace(
        payment,
        stage=Stage.CAPTURED,
        amount_minor=report.amount_minor,
        captured_at_us=report.occurred_at_us,
    )
    return _checked(captured)


def _with_part(payment: Payment, report: PaymentReported) -> Payment:
    kind, state = _REPORTED[report.step]
    ref = _part_ref(report)
    held = next((one for one in payment.parts if (one.kind, one.ref) == (kind, ref)), None)
    if held is None:
        part = Part(kind=kind, ref=ref, state=state, amount_minor=report.amount_minor)
        return _checked(msgspec.structs.replace(payment, parts=(*payment.parts, part)))
    if kind is PartKind.REFUND and held.amount_minor != report.amount_minor:
        raise _conflict(payment, f"was refunded {held.amount_minor} under the same id")
    if _PART_STATES.index(state) <= _PART_STATES.index(held.state):
        return payment
    ended = msgspec.structs.replace(held, state=state)
    parts = tuple(ended if one is held else one for one in payment.parts)
    return msgspec.structs.replace(payment, parts=parts)


def _part_ref(report: PaymentReported) -> str:
    """Return what a refund or a dispute is known by; "" for other steps."""
    if report.step not in _REPORTED:
        return ""
    kind, _ = _REPORTED[report.step]
    return report.step_ref or (report.event_id if kind is PartKind.REFUND else ONLY_DISPUTE)


def _checked(payment: Payment) -> Payment:
    if not payment.captured:
        return payment
    refunds = [part.amount_minor for part in payment.parts if part.kind is PartKind.REFUND]
    disputes = [part.amount_minor for part in payment.parts if part.kind is PartKind.DISPUTE]
    if sum(refunds) > payment.amount_minor or max(disputes, default=0) > payment.amount_minor:
        raise _conflict(payment, f"is of {payment.amount_minor}: more cannot be taken back")
    return payment


def _moves_of_part(
    payment: Payment, part: Part
) -> Iterator[tuple[Account, Account, int, str, str]]:
    given = part.from_wallet_minor or 0
    owed = part.amount_minor - given
    ref, kind = f"{payment.id}/{part.ref}", part.kind
    house = clearing(payment.provider, payment.currency)
    ours = wallet(payment.client_id, payment.currency)
    debts = receivable(payment.client_id, payment.currency)
    yield ours, house, given, ref, f"{kind}"
    yield debts, house, owed, ref, f"{kind}_owed"
    if part.state is PartState.WON:
        yield house, ours, given, ref, f"{kind}_won"
        yield house, debts, owed, ref, f"{kind}_won_owed"


def _conflict(payment: Payment, reason: str) -> MoneyConflictError:
    return MoneyConflictError(f"payment {payment.provider_ref} of {payment.provider} {reason}")
