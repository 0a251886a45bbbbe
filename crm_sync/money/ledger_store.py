"""The ledger in a SQL database: SQLite and PostgreSQL alike.

Everything happens inside the caller's transaction. Only the accounts that may not go below zero
have a row that changes; the broker's own accounts take part in so many transfers that a row of
theirs would make every writer wait, so their balances are sums of transfers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, func, or_, select, text
from sqlalchemy.orm import aliased

from crm_sync.money.ledger import (
    Account,
    Balance,
    Change,
    Flow,
    Transfer,
    changes_of,
    check_transfer,
    refuse_other_content,
    refuse_overdraft,
    void_of,
)
from crm_sync.money.rows import locked
from crm_sync.money.tables import LEDGER_ACCOUNTS, LEDGER_TRANSFERS

POSTED: Final = (Flow.POSTED, Flow.POST)

_OPEN_ACCOUNT: Final = text(
    "INSERT INTO ledger_accounts (key, kind, owner, currency, no_overdraft, debits_posted, "
    "credits_posted, debits_pending, credits_pending) "
    "VALUES (:key, :kind, :owner, :currency, :no_overdraft, 0, 0, 0, 0) ON CONFLICT DO NOTHING"
)
_ENDING: Final = aliased(LEDGER_TRANSFERS)


def post(connection: Connection, transfers: Sequence[Transfer], audit_seq: int) -> list[Transfer]:
    """Post transfers in their order and return those that were not known before.

    Args:
        connection: Inside a transaction that waited for its turn at the audit log (``alone``).
        transfers: What is to move; what is known already is left as it is.
        audit_seq: The row of the audit log, in the same transaction, that tells why.

    Raises:
        TransferRefusedError: One breaks a rule; let the transaction end without a commit.
        MoneyConflictError: One has the id of another one that said something else.
    """
    return [one for one in transfers if _post_one(connection, one, audit_seq)]


def transfer_of(connection: Connection, transfer_id: str) -> Transfer | None:
    """Return the transfer of an id."""
    found = select(LEDGER_TRANSFERS).where(LEDGER_TRANSFERS.c.id == transfer_id)
    row = connection.execute(found).first()
    return None if row is None else _transfer(row)


def balance_of(connection: Connection, account: Account) -> Balance:
    """Return what has gone through an account."""
    if account.no_overdraft:
        return _kept(connection, account)
    debit = LEDGER_TRANSFERS.c.debit == account.key
    credit = LEDGER_TRANSFERS.c.credit == account.key
    return Balance(
        debits_posted=_sum(connection, _posted().where(debit)),
        credits_posted=_sum(connection, _posted().where(credit)),
        debits_pending=_sum(connection, _reserved().where(debit)),
        credits_pending=_sum(connection, _reserved().where(credit)),
    )


def is_open(connection: Connection, pending_id: str) -> bool:
    """Whether nothing has ended a reservation."""
    ended = select(LEDGER_TRANSFERS.c.id).where(LEDGER_TRANSFERS.c.pending_id == pending_id)
    return connection.execute(ended).first() is None


def timed_out(connection: Connection, now_us: int, limit: int) -> list[Transfer]:
    """Return the voids of reservations whose time is over, the oldest first."""
    late = (
        _reservations()
        .where(LEDGER_TRANSFERS.c.timeout_us <= now_us)
        .order_by(LEDGER_TRANSFERS.c.timeout_us)
        .limit(limit)
    )
    return [void_of(_transfer(row), now_us) for row in connection.execute(late)]


def open_reservations(
    connection: Connection, source: str, limit: int, owner: str | None = None
) -> list[Transfer]:
    """Return what is reserved for a source (out of one owner's wallets), the newest first."""
    table = LEDGER_TRANSFERS.c
    asked = _reservations().where(table.source == source)
    if owner is not None:
        wallets = select(LEDGER_ACCOUNTS.c.key).where(LEDGER_ACCOUNTS.c.owner == owner)
        asked = asked.where(table.debit.in_(wallets))
    newest = asked.order_by(table.at_us.desc(), table.id).limit(limit)
    return [_transfer(row) for row in connection.execute(newest)]


def statement(connection: Connection, account: Account, limit: int) -> list[Transfer]:
    """Return the newest transfers of an account, the newest first."""
    table = LEDGER_TRANSFERS.c
    mine = select(LEDGER_TRANSFERS).where(
        or_(table.debit == account.key, table.credit == account.key)
    )
    newest = mine.order_by(table.at_us.desc(), table.id).limit(limit)
    return [_transfer(row) for row in connection.execute(newest)]


def _post_one(connection: Connection, transfer: Transfer, audit_seq: int) -> bool:
    held = transfer_of(connection, transfer.id)
    if held is not None:
        return refuse_other_content(held, transfer)
    pending, resolved = None, False
    if transfer.pending_id:
        pending = transfer_of(connection, transfer.pending_id)
        resolved = not is_open(connection, transfer.pending_id)
    check_transfer(transfer, pending, resolved=resolved)
    sides = (transfer.debit, transfer.credit)
    connection.execute(_OPEN_ACCOUNT, [_account_row(account) for account in sides])
    for account, change in zip(sides, changes_of(transfer, pending), strict=True):
        if account.no_overdraft:
            _keep_balance(connection, account, change)
    connection.execute(LEDGER_TRANSFERS.insert(), {**_row(transfer), "audit_seq": audit_seq})
    return True


def _keep_balance(connection: Connection, account: Account, change: Change) -> None:
    refuse_overdraft(account, _kept(connection, account), change)
    columns = LEDGER_ACCOUNTS.c
    added = {name: columns[name] + amount for name, amount in change._asdict().items() if amount}
    update = LEDGER_ACCOUNTS.update().where(columns.key == account.key)
    connection.execute(update.values(**added))


def _kept(connection: Connection, account: Account) -> Balance:
    columns = [LEDGER_ACCOUNTS.c[name] for name in Balance.__struct_fields__]
    mine = select(*columns).where(LEDGER_ACCOUNTS.c.key == account.key)
    row = connection.execute(locked(connection, mine)).first()
    return Balance() if row is None else Balance(**row._asdict())


def _posted() -> Select[Any]:
    return select(func.sum(LEDGER_TRANSFERS.c.amount_minor)).where(
        LEDGER_TRANSFERS.c.flow.in_(POSTED)
    )


def _reserved() -> Select[Any]:
    return _open(select(func.sum(LEDGER_TRANSFERS.c.amount_minor)))


def _reservations() -> Select[Any]:
    return _open(select(LEDGER_TRANSFERS))


def _open(asked: Select[Any]) -> Select[Any]:
    ended = select(_ENDING.c.id).where(_ENDING.c.pending_id == LEDGER_TRANSFERS.c.id)
    return asked.where(LEDGER_TRANSFERS.c.flow == Flow.PENDING, ~ended.exists())


def _sum(connection: Connection, asked: Select[Any]) -> int:
    return int(connection.scalar(asked) or 0)


def _account_row(account: Account) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(account),
        "key": account.key,
        "no_overdraft": int(account.no_overdraft),
    }


def _row(transfer: Transfer) -> dict[str, Any]:
    held = msgspec.structs.asdict(transfer)
    return {
        **held,
        "id": transfer.id,
        "debit": transfer.debit.key,
        "credit": transfer.credit.key,
        "currency": transfer.currency,
        "pending_id": transfer.pending_id or None,
    }


def _transfer(row: Row[Any]) -> Transfer:
    held = row._asdict()
    same = {name: held[name] for name in Transfer.__struct_fields__}
    return Transfer(
        **{
            **same,
            "debit": Account.of_key(row.debit),
            "credit": Account.of_key(row.credit),
            "flow": Flow(row.flow),
            "pending_id": row.pending_id or "",
        }
    )
