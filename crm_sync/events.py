"""What other systems report, in our own words: the same whoever reports it.

Adapters of providers make these from their payloads; the rooms take them. Times are microseconds
UTC as the reporter gives them, amounts are whole minor units of their currency and never negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec
from sqlalchemy import Connection


class Direction(StrEnum):
    """Which way money goes, seen from the broker's client."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"


class PaymentStep(StrEnum):
    """What became of a payment at its provider."""

    PENDING = "pending"
    CAPTURED = "captured"
    FAILED = "failed"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    PAID_OUT = "paid_out"
    PAYOUT_FAILED = "payout_failed"


class PaymentReported(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A provider says what became of a payment.

    ``reference`` is ours if the provider was given one, ``instrument`` a fingerprint of the card or
    bank account and never its number. ``amount_minor`` is that of the step, a partial refund's own;
    so is ``fee_minor``. ``step_ref`` is the provider's id of the refund or dispute itself: reports
    that share it are about the same one.
    """

    provider: str
    provider_ref: str
    event_id: str
    direction: Direction
    step: PaymentStep
    amount_minor: int
    currency: str
    occurred_at_us: int
    client_id: str = ""
    login: str = ""
    reference: str = ""
    fee_minor: int = 0
    method: str = ""
    instrument: str = ""
    country: str = ""
    step_ref: str = ""


class SettlementReported(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A provider has sent what it collected to the broker's bank account, fees taken off.

    ``amount_minor`` is what arrives; ``fee_minor`` is what was taken off beyond the fees that
    payments reported themselves.
    """

    provider: str
    provider_ref: str
    event_id: str
    amount_minor: int
    fee_minor: int
    currency: str
    occurred_at_us: int


class KycState(StrEnum):
    """How far a client's identification has come."""

    NONE = "none"
    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    RETRY = "retry"
    REJECTED_FINAL = "rejected_final"
    ON_HOLD = "on_hold"
    EXPIRED = "expired"
    REOPENED = "reopened"
    SUSPENDED = "suspended"


class KycReported(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A provider says how far it has come with a client's identification at one level."""

    provider: str
    applicant_id: str
    event_id: str
    client_id: str
    level: str
    state: KycState
    occurred_at_us: int
    labels: tuple[str, ...] = ()


class ProfileReported(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A system that knows clients says what some of their fields are now.

    ``origin`` is ours where the system only repeats what we told it: such an echo changes nothing.
    """

    source: str
    event_id: str
    external_id: str
    fields: Mapping[str, str]
    occurred_at_us: int
    origin: str = ""


Reported = PaymentReported | SettlementReported | KycReported | ProfileReported


class Outcome(StrEnum):
    """What a report changed."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    STALE = "stale"
    IGNORED = "ignored"


class ReportHandler(Protocol):
    """Who takes one kind of report, inside a transaction that is not theirs."""

    def __call__(self, connection: Connection, report: Reported, now_us: int) -> Outcome:
        """Take a report once, however often it comes, in whatever order.

        Raises DomainError where it cannot be true as it stands: it goes to the dead letters.
        """
        ...
