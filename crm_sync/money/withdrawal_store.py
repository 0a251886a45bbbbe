"""Withdrawals and their payouts in a SQL database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, select

from crm_sync.money.payment_store import captured_of
from crm_sync.money.rows import locked, value_of
from crm_sync.money.tables import PAYOUTS, WITHDRAWALS
from crm_sync.money.withdrawals import Destination, Payout, PayoutState, Source, Withdrawal

_GONE: Final = (PayoutState.FAILED, PayoutState.RETURNED, PayoutState.VOID)
"""Payouts that have not given a deposit back."""


def withdrawal_of(connection: Connection, withdrawal_id: str) -> Withdrawal | None:
    """Return a withdrawal; nobody else changes it before the transaction ends."""
    mine = select(WITHDRAWALS).where(WITHDRAWALS.c.id == withdrawal_id)
    row = connection.execute(locked(connection, mine)).first()
    return None if row is None else value_of(row, Withdrawal)


def keep_withdrawal(connection: Connection, withdrawal: Withdrawal) -> None:
    """Keep a withdrawal as it is now."""
    row = msgspec.structs.asdict(withdrawal)
    update = WITHDRAWALS.update().where(WITHDRAWALS.c.id == withdrawal.id)
    if connection.execute(update.values(**row)).rowcount == 0:
        connection.execute(WITHDRAWALS.insert(), row)


def payout_of(connection: Connection, reference: str) -> Payout | None:
    """Return the payout of a reference."""
    if not reference:
        return None
    row = connection.execute(select(PAYOUTS).where(PAYOUTS.c.id == reference)).first()
    return None if row is None else _payout(row)


def payouts_of_withdrawal(connection: Connection, withdrawal_id: str) -> tuple[Payout, ...]:
    """Return the parts of a withdrawal, always in the same order."""
    mine = select(PAYOUTS).where(PAYOUTS.c.withdrawal_id == withdrawal_id)
    return tuple(_payout(row) for row in connection.execute(mine.order_by(PAYOUTS.c.id)))


def keep_payouts(connection: Connection, payouts: Iterable[Payout]) -> None:
    """Keep payouts as they are now."""
    for payout in payouts:
        row = msgspec.structs.asdict(payout)
        update = PAYOUTS.update().where(PAYOUTS.c.id == payout.id)
        if connection.execute(update.values(**row)).rowcount == 0:
            connection.execute(PAYOUTS.insert(), row)


def sources_of(connection: Connection, client_id: str, currency: str) -> list[Source]:
    """Return what a client has deposited and not got back, the oldest first."""
    columns = PAYOUTS.c
    mine = (columns.client_id == client_id) & (columns.currency == currency)
    given: dict[tuple[str, str], int] = {}
    for row in connection.execute(select(PAYOUTS).where(mine, columns.state.not_in(_GONE))):
        deposit = (row.provider, row.payment_ref)
        given[deposit] = given.get(deposit, 0) + row.amount_minor
    return [
        Source(
            Destination(payment.provider, payment.method, payment.instrument),
            payment.provider_ref,
            payment.kept_minor - given.get((payment.provider, payment.provider_ref), 0),
        )
        for payment in captured_of(connection, client_id, currency)
    ]


def _payout(row: Row[Any]) -> Payout:
    return value_of(row, Payout)
