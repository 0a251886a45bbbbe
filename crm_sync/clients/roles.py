"""Who reads, and what each role may see of a client: one value per role that holds no more.

The values print without their content, so that no log and no error shows a person.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

import msgspec

from crm_sync.events import KycState


class Role(StrEnum):
    """What a reader does in the house."""

    DEALER = "dealer"
    RISK = "risk"
    MANAGEMENT = "management"
    PAYMENTS = "payments"
    COMPLIANCE = "compliance"


SEARCHES_PERSONS: Final = frozenset({Role.PAYMENTS, Role.COMPLIANCE})
"""Others find clients by login and external id only: a search by name tells who has that name."""


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """Who reads and, where compliance reads everything, why."""

    actor: str
    role: Role
    reason: str = ""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What every role may see; ``in_use`` is False once personal data is restricted or erased."""

    client_id: str
    external_id: str
    country: str
    in_use: bool

    def __repr__(self) -> str:
        """Return which value it is, without its content."""
        return f"<{type(self).__name__} {self.client_id}>"


class DealerView(Shown, frozen=True, kw_only=True):
    """What a dealer sees; ``verified`` and no more, so that a hold is not given away."""

    logins: tuple[str, ...]
    initials: str
    verified: bool


class RiskView(DealerView, frozen=True, kw_only=True):
    """What risk sees: a dealer's view and how much it is about."""

    category: str
    exposure_usd: float | None


class PaymentsView(Shown, frozen=True, kw_only=True):
    """What payments sees."""

    logins: tuple[str, ...]
    name: str
    masked_email: str
    iban: str
    kyc_state: KycState


class ComplianceView(Shown, frozen=True, kw_only=True):
    """Everything; each read is in the audit log."""

    logins: tuple[str, ...]
    name: str
    email: str
    phone: str
    birth_date: str
    address: str
    national_id: str
    iban: str
    language: str
    category: str
    status: str
    partner: str
    risk_class: str
    kyc_state: KycState
    kyc_level: str
    holding: str


class ComplianceHit(Shown, frozen=True, kw_only=True):
    """What compliance sees in a list: enough to choose whom to open."""

    logins: tuple[str, ...]
    name: str
    masked_email: str
    kyc_state: KycState


View = DealerView | RiskView | PaymentsView | ComplianceView
Hit = DealerView | RiskView | PaymentsView | ComplianceHit
OneClientRole = Literal[Role.DEALER, Role.RISK, Role.PAYMENTS, Role.COMPLIANCE]
