"""Payments in the order in which the ledger took them, read off the audit log.

Every step of a payment has its row there, in the transaction that moves the money, and rows are
written one at a time: what has a higher number was committed later, on either database. So a number
is a cursor that loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Table, func, select

from crm_sync.money.tables import PAYMENTS, WITHDRAWALS
from crm_sync.schema import AUDIT_LOG

_AT_ONCE: Final = 400
"""How many ids one question names."""


class Step(StrEnum):
    """What became of a payment: the actions of the audit log that are looked at."""

    CAPTURED = "payment.captured"
    FAILED = "payment.failed"
    HELD = "withdrawal.held"


class PaymentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit that came or failed, or a withdrawal that was asked for.

    ``seq`` is its row in the audit log. Ids only: no name of a person is read here. Units:
    ``at_us`` when the ledger took it, whole minor units of the currency.
    """

    seq: int
    at_us: int
    step: Step
    payment_id: str
    client_id: str
    amount_minor: int
    currency: str
    provider: str
    method: str


class PaymentsRead(NamedTuple):
    """What follows a row of the audit log, in its order, and how far that goes."""

    payments: tuple[PaymentSeen, ...]
    upto_seq: int


class _Entry(NamedTuple):
    """A row of the audit log."""

    seq: int
    at_ns: int
    action: str
    entity: str

    @property
    def id(self) -> str:
        """The id behind its entity: "payment p-1" is of p-1."""
        return self.entity.partition(" ")[2]


def payments_after(connection: Connection, seq: int, rows: int) -> PaymentsRead:
    """Return the payments among so many rows of the audit log behind a row."""
    columns = AUDIT_LOG.c
    newest = connection.scalar(select(func.max(columns.seq))) or 0
    upto = max(seq, min(newest, seq + rows))
    asked = (
        select(columns.seq, columns.at_ns, columns.action, columns.entity)
        .where(columns.seq > seq, columns.seq <= upto, columns.action.in_(list(Step)))
        .order_by(columns.seq)
    )
    steps = [_Entry(*row) for row in connection.execute(asked)]
    known = {
        **_rows(connection, PAYMENTS, (one.id for one in steps if one.action != Step.HELD)),
        **_rows(connection, WITHDRAWALS, (one.id for one in steps if one.action == Step.HELD)),
    }
    found = [_seen(one, known[one.id]) for one in steps if one.id in known]
    return PaymentsRead(tuple(found), upto)


def seq_at(connection: Connection, at_ns: int) -> int:
    """Return the last row of the audit log that was written before a moment, 0 if none was.

    Rows are in the order of their times but for what a clock is set back.
    """
    columns = AUDIT_LOG.c
    low, high = 0, connection.scalar(select(func.max(columns.seq))) or 0
    while low < high:
        middle = (low + high + 1) // 2
        at = connection.scalar(select(columns.at_ns).where(columns.seq == middle))
        if at is not None and at < at_ns:
            low = middle
        else:
            high = middle - 1
    return low


def newest_seq(connection: Connection) -> int:
    """Return the last row of the audit log, 0 if there is none."""
    return connection.scalar(select(func.max(AUDIT_LOG.c.seq))) or 0


def _rows(connection: Connection, table: Table, ids: Iterable[str]) -> dict[str, Row[Any]]:
    names = ("id", "client_id", "amount_minor", "currency", "provider", "method")
    columns = [table.c[name] for name in names]
    wanted: Sequence[str] = list(dict.fromkeys(ids))
    found: dict[str, Row[Any]] = {}
    for begin in range(0, len(wanted), _AT_ONCE):
        mine = table.c.id.in_(wanted[begin : begin + _AT_ONCE])
        found |= {row.id: row for row in connection.execute(select(*columns).where(mine))}
    return found


def _seen(step: _Entry, row: Row[Any]) -> PaymentSeen:
    return PaymentSeen(
        seq=step.seq,
        at_us=step.at_ns // 1_000,
        step=Step(step.action),
        payment_id=row.id,
        client_id=row.client_id,
        amount_minor=row.amount_minor,
        currency=row.currency,
        provider=row.provider,
        method=row.method,
    )
