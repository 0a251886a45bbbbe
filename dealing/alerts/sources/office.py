"""What the back office says to the rules: payments, breaks, identifications, messages, the ledger.

Payments are read step by step behind a cursor and remembered for a day. Everything else is looked
at as it is now. What takes long (breaks, a proof of the ledger, who has to be identified anew) is
read seldom, and told every time as it was read last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection

from crm_sync.money.invariants import broken
from dealing.alerts.model import Look, Reading
from dealing.alerts.sources.office_read import (
    MOST_BREAKS,
    BoxState,
    ExpiringClient,
    OpenBreak,
    boxes,
    expiring_clients,
    open_breaks,
    owed_to_clients,
)
from dealing.alerts.sources.office_words import (
    box_readings,
    break_reading,
    expiry_reading,
    in_usd,
    ledger_reading,
)
from dealing.alerts.sources.payments import DAY_US, Patterns, PatternSettings, large_reading
from dealing.alerts.sources.payments_read import (
    PaymentSeen,
    PaymentsRead,
    newest_seq,
    payments_after,
    seq_at,
)

SOURCE: Final = "office"
CURSOR: Final = "office.payments"
MOST_EXPIRING: Final = 200
"""So many clients are told, the soonest first: more at once nobody can call."""

_NS_PER_US: Final = 1_000


class OfficeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is usual, and how often is looked.

    Units: ``kyc_within_us`` before an identification ends it is told, ``*_every_us`` between two
    readings, ``rows`` of the audit log that are read at once.
    """

    patterns: PatternSettings = PatternSettings()
    kyc_within_us: int = 14 * DAY_US
    breaks_every_us: int = 30_000_000
    kyc_every_us: int = 600_000_000
    proof_every_us: int = 300_000_000
    rows: int = 5_000


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be read; ``after_seq`` None for the first time, ``told_seq`` None for ever."""

    now_us: int
    after_seq: int | None
    told_seq: int | None
    rows: int
    breaks: bool
    kyc_before_us: int | None
    proof: bool


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the ledger, in sentences, and what it owes clients by currency."""

    broken: tuple[str, ...]
    owed: dict[str, int]


class OfficeSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The back office at one moment; None for what was not read."""

    payments: tuple[PaymentSeen, ...]
    upto_seq: int
    newest_seq: int
    told_seq: int
    boxes: list[BoxState]
    breaks: list[OpenBreak] | None = None
    expiring: list[ExpiringClient] | None = None
    proof: Proof | None = None


def read_office(connection: Connection, wish: Wish) -> OfficeSeen:
    """Read everything that is wished for, as it is at one moment."""
    newest, payments = newest_seq(connection), _payments(connection, wish)
    before_us = wish.kyc_before_us
    return OfficeSeen(
        payments=payments.payments,
        upto_seq=payments.upto_seq,
        newest_seq=newest,
        told_seq=newest if wish.told_seq is None else wish.told_seq,
        boxes=boxes(connection, wish.now_us),
        breaks=open_breaks(connection) if wish.breaks else None,
        expiring=None if before_us is None else expiring_clients(connection, before_us),
        proof=_proof(connection, wish.now_us) if wish.proof else None,
    )


class OfficeSource:
    """Looks at the back office again and again: ``wish``, read, ``take``, ``look``."""

    def __init__(self, settings: OfficeSettings, cursors: Mapping[str, str]) -> None:
        """Take what is usual, and up to which payment an earlier process told."""
        cursor = cursors.get(CURSOR, "")
        self._settings = settings
        self._told_seq = int(cursor) if cursor.isdecimal() else None
        self._read_seq: int | None = None
        self._is_whole = False
        self._patterns = Patterns(settings.patterns)
        self._new: list[PaymentSeen] = []
        self._boxes: list[BoxState] | None = None
        self._breaks: list[OpenBreak] | None = None
        self._expiring: list[ExpiringClient] | None = None
        self._proof: Proof | None = None
        self._breaks_us = self._kyc_us = self._proof_us = -DAY_US

    @property
    def is_behind(self) -> bool:
        """Whether there is more to read at once."""
        return not self._is_whole

    def wish(self, now_us: int) -> Wish:
        """Return what is to be read now."""
        settings = self._settings
        asks_kyc = now_us - self._kyc_us >= settings.kyc_every_us
        return Wish(
            now_us=now_us,
            after_seq=self._read_seq,
            told_seq=self._told_seq,
            rows=settings.rows,
            breaks=now_us - self._breaks_us >= settings.breaks_every_us,
            kyc_before_us=now_us + settings.kyc_within_us if asks_kyc else None,
            proof=now_us - self._proof_us >= settings.proof_every_us,
        )

    def take(self, seen: OfficeSeen, now_us: int) -> None:
        """Take what was read."""
        self._boxes = seen.boxes
        for one in seen.payments:
            self._patterns.take(one)
            if one.seq > seen.told_seq:
                self._new.append(one)
        self._patterns.forget_before(now_us - DAY_US)
        self._read_seq, self._is_whole = seen.upto_seq, seen.upto_seq >= seen.newest_seq
        self._told_seq = max(seen.told_seq, seen.upto_seq)
        if seen.breaks is not None:
            self._breaks, self._breaks_us = seen.breaks, now_us
        if seen.expiring is not None:
            self._expiring, self._kyc_us = seen.expiring, now_us
        if seen.proof is not None:
            self._proof, self._proof_us = seen.proof, now_us

    def asks_about(self, rates: Mapping[str, float]) -> list[str]:
        """Return clients of whom it matters how much they traded."""
        return self._patterns.through_clients(rates)

    def look(
        self,
        now_us: int,
        rates: Mapping[str, float],
        equity: Mapping[str, float],
        traded: Mapping[str, float],
    ) -> Look:
        """Return what was taken, as readings; call it once for each ``take``.

        Args:
            now_us: The wall clock.
            rates: USD for one unit of each currency.
            equity: What clients have in their trading accounts, in USD.
            traded: What clients of ``asks_about`` have traded, in USD.
        """
        new, self._new = self._new, []
        large = (large_reading(one, rates) for one in new)
        readings = (
            *(one for one in large if one is not None),
            *(self._patterns.readings(rates, traded) if self._is_whole else ()),
            *self._of_now(now_us, rates, equity),
        )
        cursor = {} if self._told_seq is None else {CURSOR: str(self._told_seq)}
        return Look(
            source=SOURCE,
            at_us=now_us,
            readings=readings,
            measured=self._measured(),
            cursors=cursor,
        )

    def _of_now(
        self, now_us: int, rates: Mapping[str, float], equity: Mapping[str, float]
    ) -> Iterator[Reading]:
        for one in self._breaks or ():
            reading = break_reading(one, rates, now_us)
            if reading is not None:
                yield reading
        for box in self._boxes or ():
            yield from box_readings(box, now_us)
        yield from self._expiries(now_us, rates, equity)
        if self._proof is not None and self._proof.broken:
            owed_usd = in_usd(self._proof.owed, rates)
            yield ledger_reading(self._proof.broken, owed_usd, now_us)

    def _expiries(
        self, now_us: int, rates: Mapping[str, float], equity: Mapping[str, float]
    ) -> Iterator[Reading]:
        told = 0
        for one in self._expiring or ():
            owned_usd = in_usd(one.wallets, rates) + max(0.0, equity.get(one.client_id, 0.0))
            reading = expiry_reading(one, owned_usd, now_us)
            if reading is not None and told < MOST_EXPIRING:
                told += 1
                yield reading

    def _measured(self) -> frozenset[str]:
        rules = set()
        if self._boxes is not None:
            rules.add("sync_lag")
        if self._breaks is not None and len(self._breaks) < MOST_BREAKS:
            rules.add("recon_break")
        if self._is_whole:
            rules.add("payment_pattern")
        if self._expiring is not None:
            rules.add("kyc_expiry")
        return frozenset(rules)


def _payments(connection: Connection, wish: Wish) -> PaymentsRead:
    after = wish.after_seq
    if after is None:
        # patterns need the last day, whatever was told of it before
        after = seq_at(connection, (wish.now_us - DAY_US) * _NS_PER_US)
        if wish.told_seq is not None:
            after = min(after, wish.told_seq)
    return payments_after(connection, after, wish.rows)


def _proof(connection: Connection, now_us: int) -> Proof:
    return Proof(broken=tuple(broken(connection, now_us)), owed=owed_to_clients(connection))
