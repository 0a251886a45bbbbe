"""Payments, their parts and the events about them in a SQL database."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, select

from crm_sync.events import Outcome, PaymentReported, SettlementReported
from crm_sync.money.payments import Part, Payment, Stage, payment_id
from crm_sync.money.rows import locked, value_of
from crm_sync.money.tables import PAYMENT_EVENTS, PAYMENT_PARTS, PAYMENTS

SETTLED: Final = "settled"
"""The step of a settlement among the events."""

_APART: Final = frozenset({"parts"})
_FIELDS: Final = [name for name in Payment.__struct_fields__ if name not in _APART]


def payment_of(connection: Connection, provider: str, provider_ref: str) -> Payment | None:
    """Return a payment; nobody else changes it before the transaction ends."""
    key = payment_id(provider, provider_ref)
    mine = select(PAYMENTS).where(PAYMENTS.c.id == key)
    row = connection.execute(locked(connection, mine)).first()
    if row is None:
        return None
    parts = select(PAYMENT_PARTS).where(PAYMENT_PARTS.c.payment_id == key)
    found = connection.execute(parts.order_by(PAYMENT_PARTS.c.kind, PAYMENT_PARTS.c.ref))
    return _payment(row, [_part(part) for part in found])


def captured_of(connection: Connection, client_id: str, currency: str) -> list[Payment]:
    """Return what a client has deposited in a currency, the oldest first."""
    columns = PAYMENTS.c
    mine = (columns.client_id == client_id) & (columns.currency == currency)
    asked = select(PAYMENTS).where(mine, columns.stage == Stage.CAPTURED)
    rows = connection.execute(asked.order_by(columns.captured_at_us, columns.id)).all()
    parts = defaultdict(list)
    of_mine = PAYMENT_PARTS.c.payment_id.in_(
        select(columns.id).where(mine, columns.stage == Stage.CAPTURED)
    )
    for part in connection.execute(select(PAYMENT_PARTS).where(of_mine)):
        parts[part.payment_id].append(_part(part))
    return [_payment(row, parts[row.id]) for row in rows]


def keep_payment(connection: Connection, payment: Payment, now_us: int) -> None:
    """Keep a payment as it is now, with its parts."""
    row = {name: getattr(payment, name) for name in _FIELDS}
    row["updated_at_us"] = now_us
    update = PAYMENTS.update().where(PAYMENTS.c.id == payment.id)
    if connection.execute(update.values(**row)).rowcount == 0:
        connection.execute(PAYMENTS.insert(), {"id": payment.id, **row})
    for part in payment.parts:
        _keep_part(connection, payment.id, part)


def is_known(connection: Connection, provider: str, event_id: str) -> bool:
    """Whether an event was taken before."""
    columns = PAYMENT_EVENTS.c
    mine = (columns.provider == provider) & (columns.event_id == event_id)
    return connection.execute(select(columns.event_id).where(mine)).first() is not None


def keep_event(
    connection: Connection,
    report: PaymentReported | SettlementReported,
    outcome: Outcome,
    now_us: int,
) -> None:
    """Keep that an event was taken."""
    kind: str = SETTLED
    step: str = SETTLED
    if isinstance(report, PaymentReported):
        kind, step = report.direction, report.step
    row = {
        "provider": report.provider,
        "event_id": report.event_id,
        "kind": kind,
        "provider_ref": report.provider_ref,
        "step": step,
        "amount_minor": report.amount_minor,
        "currency": report.currency,
        "occurred_at_us": report.occurred_at_us,
        "taken_at_us": now_us,
        "outcome": outcome,
    }
    connection.execute(PAYMENT_EVENTS.insert(), row)


def _keep_part(connection: Connection, key: str, part: Part) -> None:
    row = msgspec.structs.asdict(part)
    columns = PAYMENT_PARTS.c
    mine = (columns.payment_id == key) & (columns.kind == part.kind) & (columns.ref == part.ref)
    if connection.execute(PAYMENT_PARTS.update().where(mine).values(**row)).rowcount == 0:
        connection.execute(PAYMENT_PARTS.insert(), {"payment_id": key, **row})


def _payment(row: Row[Any], parts: list[Part]) -> Payment:
    return value_of(row, Payment, parts=parts)


def _part(row: Row[Any]) -> Part:
    return value_of(row, Part)
