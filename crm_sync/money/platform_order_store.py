"""Orders to platforms in a SQL database, each kept together with the money that it moves."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, func, select

from crm_sync.money.ledger import Transfer
from crm_sync.money.platform_orders import (
    OrderState,
    PlatformOrder,
    ending,
    reservation,
    token_of,
)
from crm_sync.money.ports import Side, TradingAccount, What
from crm_sync.money.recording import Deed, record
from crm_sync.money.rows import locked, value_of
from crm_sync.money.tables import PLATFORM_ORDERS


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why a platform is to book: the same cause asks for one booking, however often it is given."""

    source: str
    ext_ref: str
    actor: str
    via: str
    reason: str = ""


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be booked."""

    side: Side
    amount_minor: int
    what: What = What.BALANCE
    then_login: str = ""


def place(
    connection: Connection,
    account: TradingAccount,
    booking: Booking,
    cause: Cause,
    now_us: int,
    state: OrderState = OrderState.INTENT,
) -> PlatformOrder:
    """Keep an order and reserve its money; the same cause again returns the order that it made.

    Call ``alone`` earlier in the transaction.

    Raises:
        TransferRefusedError: The wallet does not have the money, or the amount cannot be meant.
    """
    token = token_of(cause.source, cause.ext_ref, booking.side)
    held = order_of(connection, token)
    if held is not None:
        return held
    order = PlatformOrder(
        token=token,
        platform=account.platform,
        client_id=account.client_id,
        login=account.login,
        side=booking.side,
        what=booking.what,
        amount_minor=booking.amount_minor,
        currency=account.currency,
        source=cause.source,
        ext_ref=cause.ext_ref,
        created_at_us=now_us,
        then_login=booking.then_login,
        state=state,
        due_us=None if state is OrderState.WAITING else now_us,
    )
    reserved = reservation(order)
    transfers = [] if reserved is None else [reserved]
    note(connection, order, "asked", now_us, transfers, cause)
    connection.execute(PLATFORM_ORDERS.insert(), _row(order))
    return order


def order_of(connection: Connection, token: str) -> PlatformOrder | None:
    """Return the order of a token; nobody else changes it before the transaction ends."""
    mine = select(PLATFORM_ORDERS).where(PLATFORM_ORDERS.c.token == token)
    row = connection.execute(locked(connection, mine)).first()
    return None if row is None else _order(row)


def due(connection: Connection, platform: str, now_us: int, limit: int) -> list[PlatformOrder]:
    """Return the orders that something has to be done about, the oldest first."""
    columns = PLATFORM_ORDERS.c
    asked = _of(platform).where(columns.due_us <= now_us).order_by(columns.due_us, columns.token)
    return [_order(row) for row in connection.execute(asked.limit(limit))]


def next_due_us(connection: Connection, platform: str) -> int | None:
    """Return when the next order has to be looked at, None if none has."""
    earliest = select(func.min(PLATFORM_ORDERS.c.due_us))
    found: int | None = connection.scalar(earliest.where(PLATFORM_ORDERS.c.platform == platform))
    return found


def open_orders(connection: Connection, platform: str) -> list[PlatformOrder]:
    """Return the orders that have no end yet, those that a person has to look at among them."""
    ended = (OrderState.CONFIRMED, OrderState.REJECTED)
    asked = _of(platform).where(PLATFORM_ORDERS.c.state.not_in(ended))
    return [_order(row) for row in connection.execute(asked.order_by(PLATFORM_ORDERS.c.token))]


def keep(connection: Connection, order: PlatformOrder) -> None:
    """Keep an order as it is now."""
    update = PLATFORM_ORDERS.update().where(PLATFORM_ORDERS.c.token == order.token)
    connection.execute(update.values(**_row(order)))


def end(
    connection: Connection, order: PlatformOrder, now_us: int, cause: Cause | None = None
) -> None:
    """Keep an order that has ended, and move what its end moves; ``cause`` is a person's word."""
    note(connection, order, order.state.value, now_us, ending(order, now_us), cause)
    keep(connection, order)


def note(
    connection: Connection,
    order: PlatformOrder,
    action: str,
    now_us: int,
    transfers: list[Transfer],
    cause: Cause | None = None,
) -> None:
    """Write into the audit log what happened to an order, and post what it moves."""
    deed = Deed(
        actor="plimsoll" if cause is None else cause.actor,
        via="platform" if cause is None else cause.via,
        action=f"order.{action}",
        entity=f"order {order.token}",
        at_us=now_us,
        reason=order.reason if cause is None else cause.reason,
        detail=order,
    )
    record(connection, deed, transfers)


def _of(platform: str) -> Select[Any]:
    return select(PLATFORM_ORDERS).where(PLATFORM_ORDERS.c.platform == platform)


def _row(order: PlatformOrder) -> dict[str, Any]:
    return msgspec.structs.asdict(order)


def _order(row: Row[Any]) -> PlatformOrder:
    return value_of(row, PlatformOrder)
