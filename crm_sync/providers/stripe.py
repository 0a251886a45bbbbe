"""Stripe: payments by card, their refunds and disputes, and payouts to the broker's bank.

Events come more than once and in any order, and one thing may have two events: what is reported has
a key made of the thing itself and what happened to it. A refund's amount is its own, although the
event carries the sum of all refunds. An inquiry before a dispute moves no money.

Source: Stripe's documentation of events, currencies and disputes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from crm_sync.events import Direction, PaymentReported, PaymentStep, Reported, SettlementReported
from crm_sync.messages.model import Item, Meaning, key_of, unread
from crm_sync.providers.payloads import (
    Amount,
    currency_of,
    decoded,
    malformed,
    minor_of,
    require_json,
)
from exposure.errors import MalformedMessageError

NAME: Final = "stripe"

_DIGITS: Final = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Where Stripe does not count as ISO 4217 does."""

_INTENTS: Final = {
    "payment_intent.processing": PaymentStep.PENDING,
    "payment_intent.succeeded": PaymentStep.CAPTURED,
    "payment_intent.payment_failed": PaymentStep.FAILED,
    "payment_intent.canceled": PaymentStep.FAILED,
}
_DISPUTES: Final = {
    ("charge.dispute.created", "needs_response"): PaymentStep.DISPUTED,
    ("charge.dispute.created", "under_review"): PaymentStep.DISPUTED,
    ("charge.dispute.closed", "won"): PaymentStep.DISPUTE_WON,
    ("charge.dispute.closed", "lost"): PaymentStep.DISPUTE_LOST,
}
_US_PER_S: Final = 1_000_000


class _Metadata(msgspec.Struct, frozen=True):
    client_id: str = ""
    login: str = ""
    reference: str = ""


class _Card(msgspec.Struct, frozen=True):
    fingerprint: str | None = None
    country: str | None = None


class _Method(msgspec.Struct, frozen=True):
    type: str = ""
    card: _Card | None = None


class _Charge(msgspec.Struct, frozen=True):
    id: str
    payment_intent: str | None = None
    payment_method_details: _Method | None = None
    amount_refunded: Amount = 0
    currency: str = ""
    metadata: _Metadata = _Metadata()


class _Intent(msgspec.Struct, frozen=True):
    id: str
    amount: Amount
    currency: str
    amount_received: Amount = 0
    latest_charge: str | _Charge | None = None
    metadata: _Metadata = _Metadata()


class _Dispute(msgspec.Struct, frozen=True):
    id: str
    amount: Amount
    currency: str
    status: str
    charge: str | None = None
    payment_intent: str | None = None
    metadata: _Metadata = _Metadata()


class _Payout(msgspec.Struct, frozen=True):
    id: str
    amount: Amount
    currency: str


class _Before(msgspec.Struct, frozen=True):
    amount_refunded: Amount | None = None


class _Data(msgspec.Struct, frozen=True):
    object: msgspec.Raw
    previous_attributes: _Before = _Before()


class _Event(msgspec.Struct, frozen=True):
    id: str
    type: str
    created: Amount
    livemode: bool
    data: _Data


class _Thing(msgspec.Struct, frozen=True):
    """As much of any object as says to which payment it belongs."""

    id: str
    payment_intent: str | None = None
    charge: str | None = None

    @property
    def payment(self) -> str:
        """The payment's own name."""
        return self.payment_intent or self.charge or self.id


class _Change(NamedTuple):
    """What happened to a payment; ``step_ref`` is the refund or dispute, "" for the payment."""

    payment: str
    step: PaymentStep
    amount: int
    currency: str
    metadata: _Metadata
    step_ref: str = ""
    method: _Method = _Method()


class Stripe:
    """Provider for Stripe."""

    def __init__(self, *, sandbox: bool = False) -> None:
        """Take whether events of the test mode are taken."""
        self._sandbox = sandbox

    def items(self, body: bytes, delivery: str = "") -> list[Item]:  # noqa: ARG002 - a port
        """Return the one message of a request."""
        require_json(body)
        try:
            event = decoded(_Event, body)
            payment = decoded(_Thing, bytes(event.data.object)).payment
        except MalformedMessageError:
            return [unread(body)]
        return [Item(dedupe_key=key_of(event.id), aggregate=key_of(NAME, payment), body=body)]

    def meaning(self, body: bytes) -> Meaning:
        """Return what became of a payment, or what was paid to the bank."""
        event = decoded(_Event, body)
        if not event.livemode and not self._sandbox:
            malformed("an event of the test mode came to a desk that takes none")
        if event.type == "payout.failed":
            malformed("a payout to the bank failed: a person has to look what becomes of it")
        report = _report(event)
        if report is None:
            return Meaning(ignored="not a kind of event that changes anything here")
        return Meaning(reports=(report,))


def _report(event: _Event) -> Reported | None:
    raw = bytes(event.data.object)
    if event.type in _INTENTS:
        return _payment(event, _intent(decoded(_Intent, raw), _INTENTS[event.type]))
    if event.type == "charge.refunded":
        return _payment(event, _refund(decoded(_Charge, raw), event.data.previous_attributes))
    if event.type.startswith("charge.dispute."):
        return _dispute(event, decoded(_Dispute, raw))
    if event.type == "payout.paid":
        return _settlement(event, decoded(_Payout, raw))
    return None


def _intent(intent: _Intent, step: PaymentStep) -> _Change:
    charge = intent.latest_charge
    details = charge.payment_method_details if isinstance(charge, _Charge) else None
    captured = step is PaymentStep.CAPTURED
    return _Change(
        payment=intent.id,
        step=step,
        amount=intent.amount_received if captured else intent.amount,
        currency=intent.currency,
        metadata=intent.metadata,
        method=details or _Method(),
    )


def _refund(charge: _Charge, before: _Before) -> _Change:
    """Return one refund: what this one added to the sum of all."""
    if before.amount_refunded is None:
        malformed("a refund does not say what was refunded before it")
    amount = charge.amount_refunded - before.amount_refunded
    if amount < 0:
        malformed("a refund takes back less than nothing")
    return _Change(
        payment=charge.payment_intent or charge.id,
        step=PaymentStep.REFUNDED,
        amount=amount,
        currency=charge.currency,
        metadata=charge.metadata,
        step_ref=key_of(charge.id, charge.amount_refunded),
        method=charge.payment_method_details or _Method(),
    )


def _dispute(event: _Event, dispute: _Dispute) -> PaymentReported | None:
    step = _DISPUTES.get((event.type, dispute.status))
    if step is None:
        return None
    payment = dispute.payment_intent or dispute.charge
    if not payment:
        malformed("a dispute names neither payment nor charge")
    change = _Change(
        payment=payment,
        step=step,
        amount=dispute.amount,
        currency=dispute.currency,
        metadata=dispute.metadata,
        step_ref=dispute.id,
    )
    return _payment(event, change)


def _payment(event: _Event, change: _Change) -> PaymentReported:
    currency = currency_of(change.currency)
    card = change.method.card or _Card()
    return PaymentReported(
        provider=NAME,
        provider_ref=change.payment,
        event_id=key_of(change.step.value, change.step_ref or change.payment),
        direction=Direction.DEPOSIT,
        step=change.step,
        amount_minor=minor_of(change.amount, currency, _DIGITS),
        currency=currency,
        occurred_at_us=event.created * _US_PER_S,
        client_id=change.metadata.client_id,
        login=change.metadata.login,
        reference=change.metadata.reference,
        method=change.method.type,
        instrument=card.fingerprint or "",
        country=card.country or "",
        step_ref=change.step_ref,
    )


def _settlement(event: _Event, payout: _Payout) -> SettlementReported:
    currency = currency_of(payout.currency)
    return SettlementReported(
        provider=NAME,
        provider_ref=payout.id,
        event_id=key_of("payout", payout.id),
        amount_minor=minor_of(payout.amount, currency, _DIGITS),
        fee_minor=0,
        currency=currency,
        occurred_at_us=event.created * _US_PER_S,
    )
