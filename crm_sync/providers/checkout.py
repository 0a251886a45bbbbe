"""Checkout.com: payments, refunds, disputes and payouts to clients.

``data.id`` is the payment and ``data.action_id`` what happened to it, except in a dispute, which
has an id of its own and names its payment.

Source: Checkout.com's documentation of webhook event types and of amounts.
"""

from __future__ import annotations

from typing import Final

import msgspec

from crm_sync.events import Direction, PaymentReported, PaymentStep
from crm_sync.messages.model import Item, Meaning, key_of, unread
from crm_sync.providers.payloads import (
    Amount,
    currency_of,
    decoded,
    instant_us,
    malformed,
    minor_of,
    require_json,
)
from exposure.errors import MalformedMessageError

NAME: Final = "checkout"

_DIGITS: Final = {"CLP": 2}
"""Where Checkout.com does not count as ISO 4217 does."""

_DEPOSITS: Final = {
    "payment_pending": PaymentStep.PENDING,
    "payment_approved": PaymentStep.PENDING,
    "payment_capture_pending": PaymentStep.PENDING,
    "payment_captured": PaymentStep.CAPTURED,
    "payment_declined": PaymentStep.FAILED,
    "payment_capture_declined": PaymentStep.FAILED,
    "payment_expired": PaymentStep.FAILED,
    "payment_canceled": PaymentStep.FAILED,
    "payment_voided": PaymentStep.FAILED,
    "payment_refunded": PaymentStep.REFUNDED,
}
_WITHDRAWALS: Final = {
    "payment_pending": PaymentStep.PENDING,
    "payment_approved": PaymentStep.PENDING,
    "payment_paid": PaymentStep.PAID_OUT,
    "payment_declined": PaymentStep.PAYOUT_FAILED,
    "payment_returned": PaymentStep.PAYOUT_FAILED,
}
_DISPUTES: Final = {
    "dispute_received": PaymentStep.DISPUTED,
    "dispute_evidence_required": PaymentStep.DISPUTED,
    "dispute_won": PaymentStep.DISPUTE_WON,
    "dispute_canceled": PaymentStep.DISPUTE_WON,
    "dispute_lost": PaymentStep.DISPUTE_LOST,
    "dispute_accepted": PaymentStep.DISPUTE_LOST,
}


class _Metadata(msgspec.Struct, frozen=True):
    client_id: str = ""
    login: str = ""


class _Source(msgspec.Struct, frozen=True):
    type: str = ""
    fingerprint: str = ""
    issuer_country: str = ""


class _Data(msgspec.Struct, frozen=True):
    id: str
    amount: Amount | None = None
    currency: str = ""
    action_id: str = ""
    payment_id: str = ""
    reference: str = ""
    processed_on: str = ""
    metadata: _Metadata | None = None
    source: _Source | None = None
    destination: _Source | None = None


class _Event(msgspec.Struct, frozen=True):
    id: str
    type: str
    data: _Data
    timestamp: str = ""
    created_on: str = ""


class Checkout:
    """Provider for Checkout.com."""

    def items(self, body: bytes, delivery: str = "") -> list[Item]:  # noqa: ARG002 - a port
        """Return the one message of a request."""
        require_json(body)
        try:
            event = decoded(_Event, body)
        except MalformedMessageError:
            return [unread(body)]
        aggregate = key_of(NAME, event.data.payment_id or event.data.id)
        return [Item(dedupe_key=key_of(event.id), aggregate=aggregate, body=body)]

    def meaning(self, body: bytes) -> Meaning:
        """Return what became of a payment."""
        event = decoded(_Event, body)
        direction, step = _step(event)
        if step is None:
            return Meaning(ignored="not a kind of event that changes anything here")
        return Meaning(reports=(_report(event, direction, step),))


def _step(event: _Event) -> tuple[Direction, PaymentStep | None]:
    """Return what happened; a payment with a destination is one to the client."""
    if event.type in _DISPUTES:
        return Direction.DEPOSIT, _DISPUTES[event.type]
    if event.data.destination is not None or event.type in _WITHDRAWALS.keys() - _DEPOSITS.keys():
        return Direction.WITHDRAWAL, _WITHDRAWALS.get(event.type)
    return Direction.DEPOSIT, _DEPOSITS.get(event.type)


def _report(event: _Event, direction: Direction, step: PaymentStep) -> PaymentReported:
    data = event.data
    if data.amount is None:
        malformed("data.amount is missing")
    if event.type in _DISPUTES and not data.payment_id:
        malformed("a dispute does not name its payment")
    currency = currency_of(data.currency)
    step_ref = _step_ref(event, step)
    means = data.destination or data.source or _Source()
    metadata = data.metadata or _Metadata()
    return PaymentReported(
        provider=NAME,
        provider_ref=data.payment_id or data.id,
        event_id=key_of(step.value, step_ref or data.action_id or data.id),
        direction=direction,
        step=step,
        amount_minor=minor_of(data.amount, currency, _DIGITS),
        currency=currency,
        occurred_at_us=instant_us(data.processed_on or event.timestamp or event.created_on),
        client_id=metadata.client_id,
        login=metadata.login,
        reference=data.reference,
        method=means.type,
        instrument=means.fingerprint,
        country=means.issuer_country,
        step_ref=step_ref,
    )


def _step_ref(event: _Event, step: PaymentStep) -> str:
    """Return which refund or dispute it is; a refund without an id is another one each time."""
    if event.type in _DISPUTES:
        return event.data.id
    if step is PaymentStep.REFUNDED:
        return event.data.action_id or event.id
    return ""
