"""Breaks and proposals as they are kept, and the rules of who may decide what."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from crm_sync.audit import canonical
from crm_sync.reconcile.breaks import Age, Break, age_of
from crm_sync.reconcile.ports import Posting
from crm_sync.reconcile.tables import BreakState, Decision
from exposure.errors import DomainError
from exposure.model.ids import Currency
from exposure.model.money import minor_digits

LONGEST_NAME: Final = 64
REASON_LENGTHS: Final = (3, 500)
_HALF_HOUR_US: Final = 1_800_000_000


class KeptBreak(msgspec.Struct, frozen=True, kw_only=True):
    """A break with its history.

    ``open_since_us`` is later than ``first_seen_us`` where it came back after it had ended.
    """

    told: Break
    state: BreakState
    first_seen_us: int
    open_since_us: int
    last_seen_us: int
    owner: str
    note: str

    def age(self, now_us: int) -> Age:
        """Return how long it has been open."""
        return age_of(self.open_since_us, now_us)


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody wants to resolve a break; ``decision`` is WAITING until it is decided."""

    key: str
    break_id: str
    postings: tuple[Posting, ...]
    payload_hash: str
    reason: str
    proposed_by: str
    proposed_at_us: int
    expires_at_us: int
    decision: Decision = Decision.WAITING
    decided_by: str = ""
    decided_at_us: int | None = None
    decision_reason: str = ""


class FourEyes(msgspec.Struct, frozen=True, kw_only=True):
    """From which size on a second person decides, and for how long he may.

    Units: ``usd_per`` USD for one whole unit of a currency.
    """

    above_usd: float
    usd_per: Mapping[str, float]
    within_us: int = _HALF_HOUR_US

    def asks_for(self, told: Break, postings: Sequence[Posting]) -> bool:
        """Return whether a second person has to decide; what has no price may be worth anything."""
        posted = [self._usd(posting) for posting in postings]
        known = [usd for usd in posted if usd is not None]
        if told.usd_at_risk is None or len(known) < len(posted):
            return True
        return max(told.usd_at_risk, sum(known)) > self.above_usd

    def _usd(self, posting: Posting) -> float | None:
        usd = self.usd_per.get(posting.currency)
        if usd is None:
            return None
        digits = minor_digits(Currency(posting.currency))
        return float(usd * posting.amount_minor / 10**digits)


def payload_hash(told: Break, postings: Sequence[Posting]) -> str:
    """Return a digest of what would be posted and why: a second person approves this alone."""
    content = msgspec.to_builtins([told, list(postings)])
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def keyed(key: str, postings: Sequence[Posting]) -> tuple[Posting, ...]:
    """Return postings with keys that follow from the proposal's, so that they are posted once."""
    return tuple(
        msgspec.structs.replace(posting, key=f"recon:{key}:{number}")
        for number, posting in enumerate(postings, 1)
    )


def checked_name(name: str) -> str:
    """Return a person's name.

    Raises:
        DomainError: It is none.
    """
    if not 0 < len(name.strip()) <= LONGEST_NAME or not name.isprintable():
        raise DomainError(f"who does this must have a name of 1 to {LONGEST_NAME} letters")
    return name.strip()


def checked_reason(reason: str) -> str:
    """Return a reason.

    Raises:
        DomainError: It says nothing.
    """
    least, most = REASON_LENGTHS
    if len(reason.strip()) < least or len(reason) > most:
        raise DomainError(f"the reason must say why in {least} to {most} characters")
    return reason.strip()


def checked_postings(postings: Sequence[Posting]) -> None:
    """Take postings that move something from one account to another.

    Raises:
        DomainError: One of them does not.
    """
    for posting in postings:
        if posting.amount_minor <= 0 or posting.debit == posting.credit:
            raise DomainError("a posting moves an amount above 0 between two accounts")
