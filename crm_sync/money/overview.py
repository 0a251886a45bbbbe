"""Lists of money for people: what waits, what came in, and what one client has.

Everything here only reads, in the caller's transaction, and names clients by their ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, and_, func, or_, select

from crm_sync.money.ledger import Account, AccountKind, Balance, Transfer
from crm_sync.money.ledger_store import balance_of, open_reservations
from crm_sync.money.payments import Stage
from crm_sync.money.tables import (
    CLIENT_FREEZES,
    LEDGER_ACCOUNTS,
    MONEY_APPROVALS,
    PAYMENTS,
    PLATFORM_ORDERS,
    WITHDRAWALS,
)
from crm_sync.money.withdrawals import Withdrawal, WithdrawalState
from crm_sync.money.withdrawing import KIND

_WITHDRAWAL: Final = Withdrawal.__struct_fields__
_COLUMNS: Final = [WITHDRAWALS.c[name] for name in _WITHDRAWAL]
_OF_CLIENT: Final = (AccountKind.WALLET, AccountKind.HOLD, AccountKind.RECEIVABLE)


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A withdrawal that a second person decides about until a time."""

    withdrawal: Withdrawal
    expires_at_us: int


class Deposit(msgspec.Struct, frozen=True, kw_only=True):
    """A payment into the house, as far as it has come."""

    id: str
    provider: str
    client_id: str
    login: str
    stage: Stage
    amount_minor: int
    currency: str
    method: str
    instrument: str
    updated_at_us: int


class Freeze(msgspec.Struct, frozen=True, kw_only=True):
    """Why a client takes nothing out, and since when."""

    client_id: str
    cause: str
    placed_at_us: int


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """How much of everything there is."""

    waiting: int
    paying: int
    open_orders: int
    unclear_orders: int
    frozen: int


def waiting_withdrawals(connection: Connection, limit: int) -> list[Waiting]:
    """Return what waits for a second person, the soonest to lapse first."""
    approval = MONEY_APPROVALS.c
    mine = and_(approval.subject == WITHDRAWALS.c.id, approval.kind == KIND)
    asked = (
        select(*_COLUMNS, approval.expires_at_us)
        .join(MONEY_APPROVALS, mine)
        .where(WITHDRAWALS.c.state == WithdrawalState.WAITING, approval.decision == "")
        .order_by(approval.expires_at_us, WITHDRAWALS.c.id)
        .limit(limit)
    )
    return [_waiting(*row) for row in connection.execute(asked)]


def withdrawals_of(connection: Connection, client_id: str, limit: int) -> list[Withdrawal]:
    """Return the withdrawals of a client, the newest first."""
    mine = select(*_COLUMNS).where(WITHDRAWALS.c.client_id == client_id)
    newest = mine.order_by(WITHDRAWALS.c.requested_at_us.desc(), WITHDRAWALS.c.id).limit(limit)
    return [_withdrawal(*row) for row in connection.execute(newest)]


def deposits(connection: Connection, limit: int, client_id: str | None = None) -> list[Deposit]:
    """Return the deposits that changed last, of one client or of all."""
    asked = select(*(PAYMENTS.c[name] for name in Deposit.__struct_fields__))
    if client_id is not None:
        asked = asked.where(PAYMENTS.c.client_id == client_id)
    newest = asked.order_by(PAYMENTS.c.updated_at_us.desc(), PAYMENTS.c.id).limit(limit)
    return [_deposit(*row) for row in connection.execute(newest)]


def holds(connection: Connection, limit: int, client_id: str | None = None) -> list[Transfer]:
    """Return what people hold back, the newest first, of one client or of all."""
    return open_reservations(connection, "hold", limit, client_id)


def freezes(connection: Connection, limit: int, client_id: str | None = None) -> list[Freeze]:
    """Return who takes nothing out and why, the newest first."""
    columns = CLIENT_FREEZES.c
    asked = select(*(columns[name] for name in Freeze.__struct_fields__))
    asked = asked.where(columns.lifted_at_us.is_(None))
    if client_id is not None:
        asked = asked.where(columns.client_id == client_id)
    newest = asked.order_by(columns.placed_at_us.desc(), columns.client_id, columns.cause)
    return [Freeze(**row._asdict()) for row in connection.execute(newest.limit(limit))]


def balances(
    connection: Connection, client_id: str, logins: Sequence[str]
) -> list[tuple[Account, Balance]]:
    """Return every account of a client and what is in it, the wallets first."""
    columns = LEDGER_ACCOUNTS.c
    own = and_(columns.owner == client_id, columns.kind.in_(_OF_CLIENT))
    platform = and_(columns.owner.in_(logins), columns.kind == AccountKind.PLATFORM)
    keys = connection.scalars(select(columns.key).where(or_(own, platform)))
    accounts = sorted((Account.of_key(key) for key in keys), key=_wallets_first)
    return [(account, balance_of(connection, account)) for account in accounts]


def last_decision(connection: Connection, withdrawal_id: str) -> tuple[str, str]:
    """Return who decided about a withdrawal and how, both "" while it waits or never did."""
    columns = MONEY_APPROVALS.c
    asked = select(columns.decided_by, columns.decision).where(
        columns.kind == KIND, columns.subject == withdrawal_id
    )
    row = connection.execute(asked).first()
    return ("", "") if row is None else (row.decided_by, row.decision)


def counted(connection: Connection) -> Counted:
    """Return how much of everything there is."""
    orders, state = PLATFORM_ORDERS.c, WITHDRAWALS.c.state
    frozen = select(func.count(CLIENT_FREEZES.c.client_id.distinct()))
    return Counted(
        waiting=_count(connection, select(WITHDRAWALS).where(state == WithdrawalState.WAITING)),
        paying=_count(connection, select(WITHDRAWALS).where(state == WithdrawalState.PAYING)),
        open_orders=_count(
            connection,
            select(PLATFORM_ORDERS).where(orders.state.in_(("waiting", "intent", "sent"))),
        ),
        unclear_orders=_count(connection, select(PLATFORM_ORDERS).where(orders.state == "unclear")),
        frozen=connection.scalar(frozen.where(CLIENT_FREEZES.c.lifted_at_us.is_(None))) or 0,
    )


def _count(connection: Connection, asked: Select[Any]) -> int:
    return connection.scalar(select(func.count()).select_from(asked.subquery())) or 0


def _waiting(*values: Any) -> Waiting:
    return Waiting(withdrawal=_withdrawal(*values[:-1]), expires_at_us=values[-1])


def _withdrawal(*values: object) -> Withdrawal:
    fields = dict(zip(_WITHDRAWAL, values, strict=True))
    return msgspec.convert(fields, Withdrawal)


def _deposit(*values: object) -> Deposit:
    fields = dict(zip(Deposit.__struct_fields__, values, strict=True))
    return msgspec.convert(fields, Deposit)


def _wallets_first(account: Account) -> tuple[int, str, str]:
    kinds = (*_OF_CLIENT, AccountKind.PLATFORM)
    return kinds.index(account.kind), account.currency, account.owner
