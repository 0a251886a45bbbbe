"""What people move by hand: holds, transfers between trading accounts, and debts.

Every operation has a key of its own: the same key again moves nothing again. Each function works in
the caller's transaction; where it raises, let the transaction end without a commit.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from crm_sync.audit_log import alone
from crm_sync.money import freezes
from crm_sync.money.errors import MoneyConflictError, TransferRefusedError
from crm_sync.money.ledger import (
    Account,
    AccountKind,
    Flow,
    Transfer,
    of_house,
    receivable,
    refuse_amount,
    void_of,
    wallet,
)
from crm_sync.money.ledger_store import balance_of, is_open, timed_out, transfer_of
from crm_sync.money.platform_order_store import (
    Booking,
    Cause,
    place,
)
from crm_sync.money.platform_orders import PlatformOrder
from crm_sync.money.ports import Side, TradingAccount
from crm_sync.money.recording import Deed, record

MOVE: Final = "move"
"""The source of transfers between a client's trading accounts."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """Who does something by hand, under which key, and why."""

    key: str
    actor: str
    via: str
    reason: str


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of a client's money."""

    client_id: str
    amount_minor: int
    currency: str


def hold(
    connection: Connection,
    held: Sum,
    operation: Operation,
    now_us: int,
    until_us: int | None = None,
) -> Transfer:
    """Keep a part of a client's wallet out of his reach until it is released, or until a time.

    Raises:
        TransferRefusedError: The wallet does not have it.
    """
    alone(connection)
    transfer = Transfer(
        debit=wallet(held.client_id, held.currency),
        credit=Account(kind=AccountKind.HOLD, owner=held.client_id, currency=held.currency),
        amount_minor=held.amount_minor,
        source="hold",
        ext_ref=operation.key,
        code="hold",
        at_us=now_us,
        flow=Flow.PENDING,
        timeout_us=until_us,
    )
    record(connection, deed(operation, "hold.placed", now_us), [transfer])
    return transfer


def release(connection: Connection, hold_id: str, operation: Operation, now_us: int) -> None:
    """Give a hold back to the wallet.

    Raises:
        MoneyConflictError: There is no such hold, or it was released before.
    """
    alone(connection)
    held = transfer_of(connection, hold_id)
    if held is None or held.source != "hold" or not is_open(connection, hold_id):
        raise MoneyConflictError(f"hold {hold_id} is not there any more")
    record(connection, deed(operation, "hold.released", now_us), [void_of(held, now_us)])


def release_late(connection: Connection, now_us: int, limit: int = 100) -> int:
    """Give back what is reserved beyond its time, and return how many reservations that were."""
    alone(connection)
    late = timed_out(connection, now_us, limit)
    for void in late:
        ended = Deed(
            actor="plimsoll",
            via="clock",
            action="hold.ended",
            entity=f"{void.source} {void.ext_ref}",
            at_us=now_us,
        )
        record(connection, ended, [void])
    return len(late)


def move_between_accounts(
    connection: Connection,
    giver: TradingAccount,
    taker: TradingAccount,
    amount_minor: int,
    operation: Operation,
    now_us: int,
) -> PlatformOrder:
    """Ask for money of a client to go from one of his trading accounts to another.

    It comes out into his wallet first; ``AfterOrders`` sends it on.

    Raises:
        MoneyConflictError: The accounts are not of one client and one currency.
        TransferRefusedError: The amount cannot be meant.
    """
    alone(connection)
    if (giver.client_id, giver.currency) != (taker.client_id, taker.currency):
        raise MoneyConflictError(
            f"logins {giver.login} and {taker.login} are not of one client and one currency"
        )
    if giver.login == taker.login:
        raise MoneyConflictError(f"login {giver.login} cannot pay itself")
    if freezes.causes(connection, giver.client_id):
        raise MoneyConflictError(f"client {giver.client_id} is frozen: nothing is moved")
    refuse_amount(amount_minor, "the amount to move")
    booking = Booking(side=Side.OUT, amount_minor=amount_minor, then_login=taker.login)
    return place(connection, giver, booking, cause(MOVE, operation), now_us)


def repay(connection: Connection, debt: Sum, operation: Operation, now_us: int) -> None:
    """Pay a client's debt from his wallet.

    Raises:
        TransferRefusedError: The wallet does not have it, or he owes less.
    """
    ours = wallet(debt.client_id, debt.currency)
    _lower_debt(connection, debt, ours, "repayment", operation, now_us)


def write_off(connection: Connection, debt: Sum, operation: Operation, now_us: int) -> None:
    """Let the house bear a client's debt.

    Raises:
        TransferRefusedError: He owes less.
    """
    house = of_house(AccountKind.WRITE_OFF, debt.currency)
    _lower_debt(connection, debt, house, "write_off", operation, now_us)


def _lower_debt(
    connection: Connection,
    debt: Sum,
    payer: Account,
    code: str,
    operation: Operation,
    now_us: int,
) -> None:
    alone(connection)
    debtor = receivable(debt.client_id, debt.currency)
    refuse_amount(debt.amount_minor, "the amount of the debt")
    transfer = by_hand(payer, debtor, debt.amount_minor, code, operation, now_us)
    if transfer_of(connection, transfer.id) is None:
        owed = -balance_of(connection, debtor).posted_minor
        if debt.amount_minor > owed:
            raise TransferRefusedError(f"account {debtor.key} owes {owed}, not {debt.amount_minor}")
    record(connection, deed(operation, f"debt.{code}", now_us), [transfer])


def by_hand(
    debit: Account,
    credit: Account,
    amount_minor: int,
    code: str,
    operation: Operation,
    now_us: int,
) -> Transfer:
    """Return a transfer that an operation makes; no other operation makes the same."""
    return Transfer(
        debit=debit,
        credit=credit,
        amount_minor=amount_minor,
        source="operation",
        ext_ref=operation.key,
        code=code,
        at_us=now_us,
    )


def cause(source: str, operation: Operation) -> Cause:
    """Return an operation as the cause of an order."""
    return Cause(
        source=source,
        ext_ref=operation.key,
        actor=operation.actor,
        via=operation.via,
        reason=operation.reason,
    )


def deed(operation: Operation, action: str, now_us: int, detail: Any = None) -> Deed:
    """Return an operation as what the audit log tells."""
    return Deed(
        actor=operation.actor,
        via=operation.via,
        action=action,
        entity=f"operation {operation.key}",
        at_us=now_us,
        reason=operation.reason,
        detail=detail,
    )
