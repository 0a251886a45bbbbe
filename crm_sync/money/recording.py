"""One row of the audit log for everything that moves money, in the transaction that moves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select

from crm_sync.audit import AuditEntry, canonical
from crm_sync.audit_log import append
from crm_sync.money.ledger import Transfer
from crm_sync.money.ledger_store import post
from crm_sync.schema import AUDIT_LOG

NS_PER_US: Final = 1_000


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to which thing, and why; the detail holds ids and amounts only."""

    actor: str
    via: str
    action: str
    entity: str
    at_us: int
    reason: str = ""
    detail: Any = None


def record(connection: Connection, deed: Deed, transfers: Sequence[Transfer] = ()) -> int:
    """Write a deed into the audit log, post its transfers, and return the row's number.

    Call ``alone`` earlier in the transaction.

    Raises:
        TransferRefusedError: A transfer breaks a rule; let the transaction end without a commit.
    """
    append(connection, _entry(deed, transfers))
    seq = int(connection.scalar(select(func.max(AUDIT_LOG.c.seq))) or 0)
    post(connection, transfers, seq)
    return seq


def _entry(deed: Deed, transfers: Sequence[Transfer]) -> AuditEntry:
    moved = [
        [one.id, one.code, one.debit.key, one.credit.key, one.amount_minor] for one in transfers
    ]
    return AuditEntry(
        at_ns=deed.at_us * NS_PER_US,
        actor=deed.actor,
        via=deed.via,
        action=deed.action,
        entity=deed.entity,
        reason=deed.reason,
        detail=canonical({"detail": msgspec.to_builtins(deed.detail), "transfers": moved}),
    )
