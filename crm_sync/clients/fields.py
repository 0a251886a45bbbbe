"""The fields of a profile: who may set them, what they may hold, and whose word counts.

Several systems know a client. A field belongs to the sources that its policy names; of those the
higher priority counts, then the later moment, then the greater event id. So reports may come twice
and in any order: the same reports always leave the same values.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

MOST_CHARACTERS: Final = 500
PHONE_DIGITS: Final = range(5, 21)

_COUNTRY: Final = re.compile("[A-Z]{2}")


class Field(StrEnum):
    """What is known of a client."""

    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    BIRTH_DATE = "birth_date"
    ADDRESS = "address"
    NATIONAL_ID = "national_id"
    IBAN = "iban"
    COUNTRY = "country"
    LANGUAGE = "language"
    CATEGORY = "category"
    STATUS = "status"
    PARTNER = "partner"
    RISK_CLASS = "risk_class"


PERSONAL: Final = (
    Field.NAME,
    Field.EMAIL,
    Field.PHONE,
    Field.BIRTH_DATE,
    Field.ADDRESS,
    Field.NATIONAL_ID,
    Field.IBAN,
)
"""Encrypted wherever they are kept."""

PLAIN: Final = tuple(field for field in Field if field not in PERSONAL)


class ClientStatus(StrEnum):
    """Where the relationship with a client stands."""

    LEAD = "lead"
    ACTIVE = "active"
    DORMANT = "dormant"
    CLOSED = "closed"


class Category(StrEnum):
    """The client categories of MiFID."""

    RETAIL = "retail"
    PROFESSIONAL = "professional"
    COUNTERPARTY = "eligible_counterparty"


class RiskClass(StrEnum):
    """How carefully a client is looked at for money laundering."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Holding(StrEnum):
    """Whether personal data is in use, only kept because a law says so, or gone."""

    IN_USE = "in_use"
    RESTRICTED = "restricted"
    ERASED = "erased"


DEFAULTS: Final[dict[Field, str]] = {
    Field.COUNTRY: "",
    Field.LANGUAGE: "",
    Field.CATEGORY: Category.RETAIL,
    Field.STATUS: ClientStatus.ACTIVE,
    Field.PARTNER: "",
    Field.RISK_CLASS: RiskClass.MEDIUM,
}
"""Plain fields of which nobody said anything."""

_CHOICES: Final[Mapping[Field, type[StrEnum]]] = {
    Field.CATEGORY: Category,
    Field.STATUS: ClientStatus,
    Field.RISK_CLASS: RiskClass,
}


class Mark(NamedTuple):
    """Who said a value and when; the greatest mark counts."""

    priority: int
    occurred_at_us: int
    event_id: str
    source: str


class FieldPolicy:
    """Which sources own a field, and how much each of them counts."""

    def __init__(self, owners: Mapping[Field, Mapping[str, int]]) -> None:
        """Take the priority of each source by field; a source that is not named is not heard."""
        self._owners = {field: dict(sources) for field, sources in owners.items()}

    def priority(self, field: Field, source: str) -> int | None:
        """Return how much a source counts, None if the field is not its own."""
        return self._owners.get(field, {}).get(source)

    def owned_by(self, source: str) -> frozenset[Field]:
        """Return the fields that a source may set."""
        return frozenset(field for field, sources in self._owners.items() if source in sources)

    def marks(
        self, fields: Iterable[Field], source: str, occurred_at_us: int, event_id: str
    ) -> dict[Field, Mark]:
        """Return the marks of one statement, of those fields that its source owns."""
        found = ((field, self.priority(field, source)) for field in fields)
        return {
            field: Mark(priority, occurred_at_us, event_id, source)
            for field, priority in found
            if priority is not None
        }


def default_policy(crm: str = "crm", platform: str = "platform", kyc: str = "kyc") -> FieldPolicy:
    """Return the usual owners: the CRM; the KYC provider for identity, the terminal for language.

    Args:
        crm: What the CRM is called in reports.
        platform: What the trading platform is called.
        kyc: What the KYC provider is called.
    """
    verified = {Field.NAME, Field.BIRTH_DATE, Field.ADDRESS, Field.NATIONAL_ID}
    owners: dict[Field, dict[str, int]] = {field: {crm: 1} for field in Field}
    owners |= {field: {crm: 1, kyc: 2} for field in verified}
    return FieldPolicy(owners | {Field.LANGUAGE: {platform: 1}})


def newer(held: Mapping[Field, Mark], said: Mapping[Field, Mark]) -> list[Field]:
    """Return the fields of a statement that count more than what is held."""
    return [field for field, mark in said.items() if field not in held or mark > held[field]]


def known(fields: Mapping[str, str]) -> dict[Field, str]:
    """Return what a report says of fields that are ours."""
    ours = set(Field)
    return {Field(name): tidy(value) for name, value in fields.items() if name in ours}


def tidy(value: str) -> str:
    """Return a value with single spaces and no line ends."""
    return " ".join(value.split())


def problem(field: Field, value: str) -> str:
    """Return why a value cannot be, without repeating it; empty if it can."""
    if len(value) > MOST_CHARACTERS:
        return f"has more than {MOST_CHARACTERS} characters"
    if not value.isprintable() and any(map(_is_control, value)):
        return "holds control characters"
    choices = _CHOICES.get(field)
    if choices is not None:
        return "" if value in set(choices) else f"is none of {', '.join(choices)}"
    check = _CHECKS.get(field)
    return "" if check is None or not value else check(value)


def problem_of_id(value: str) -> str:
    """Return why a text cannot name a client or an account; empty if it can."""
    if not value:
        return "is empty"
    return problem(Field.PARTNER, value)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"}


def _no_country(value: str) -> str:
    return "" if _COUNTRY.fullmatch(value) else "is no country code of two capital letters"


def _no_email(value: str) -> str:
    local, at, domain = value.rpartition("@")
    return "" if local and at and domain and " " not in value else "is no e-mail address"


def _no_phone(value: str) -> str:
    digits = sum(character.isdigit() for character in value)
    return "" if digits in PHONE_DIGITS else "is no telephone number"


def _no_date(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        return "is no date like 1990-12-31"
    return ""


_CHECKS: Final[Mapping[Field, Callable[[str], str]]] = {
    Field.COUNTRY: _no_country,
    Field.EMAIL: _no_email,
    Field.PHONE: _no_phone,
    Field.BIRTH_DATE: _no_date,
}
