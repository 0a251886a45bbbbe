"""The three sides of the run's own money: the provider's statement, the ledger, the platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, select

from crm_sync.money.tables import PAYMENT_PARTS, PAYMENTS, PAYOUTS, PLATFORM_ORDERS
from crm_sync.money.taking_reports import SOURCE
from crm_sync.reconcile.legs import Sides
from crm_sync.reconcile.schema import COLUMNS, Kind, Side, Status
from exposure.model.ids import Currency
from exposure.model.money import minor_digits
from feeds.platform_commands import BalanceDeal

_PLATFORM_KINDS: Final = {"credit": Kind.CREDIT, "bonus": Kind.BONUS}
_STATUSES: Final = {"captured": Status.DONE, "paid": Status.DONE, "disputed": Status.CHARGED_BACK}

Row = Mapping[str, Any]


def sides_of(
    connection: Connection,
    statement: Iterable[Row],
    deals: Iterable[BalanceDeal],
    currency_of: Mapping[str, str],
) -> Sides:
    """Return the three sides as they are compared.

    Args:
        connection: Reads the ledger.
        statement: What the provider says that moved money (``CashDesk.statement``).
        deals: What the platform booked for desks.
        currency_of: In what each login is kept.
    """
    ledger = [*_deposits(connection), *_payouts(connection), *_other_orders(connection)]
    return Sides(
        _frame(Side.PROVIDER, (_of_statement(row) for row in statement)),
        _frame(Side.LEDGER, ledger),
        _frame(Side.PLATFORM, (_of_deal(one, currency_of) for one in deals)),
    )


def _of_statement(row: Row) -> Row:
    out = row["direction"] == "withdrawal"
    return {
        "ref": row["ref"],
        "client_id": row["client_id"],
        "kind": (Kind.WITHDRAWAL if out else Kind.DEPOSIT).value,
        "amount_minor": -row["amount_minor"] if out else row["amount_minor"],
        "currency": row["currency"],
        "at_us": row["at_us"],
        "id": row["ref"],
        "status": _STATUSES[row["state"]].value,
    }


def _deposits(connection: Connection) -> list[Row]:
    disputed = set(
        connection.scalars(
            select(PAYMENT_PARTS.c.payment_id).where(
                PAYMENT_PARTS.c.kind == "dispute", PAYMENT_PARTS.c.state != "won"
            )
        )
    )
    orders = {
        order.ext_ref: order
        for order in connection.execute(
            select(PLATFORM_ORDERS).where(PLATFORM_ORDERS.c.source == SOURCE)
        )
    }
    held = connection.execute(select(PAYMENTS).where(PAYMENTS.c.stage == "captured"))
    return [_deposit(row, orders.get(row.id), is_disputed=row.id in disputed) for row in held]


def _deposit(row: Any, order: Any, *, is_disputed: bool) -> Row:
    return {
        "ref": row.provider_ref,
        "client_id": row.client_id,
        "login": "" if order is None or order.state == "rejected" else order.login,
        "kind": Kind.DEPOSIT.value,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "at_us": row.captured_at_us,
        "id": row.id,
        "status": (Status.CHARGED_BACK if is_disputed else Status.DONE).value,
        "provider": row.provider,
        "platform_ref": "" if order is None else order.token,
        "credit_minor": row.amount_minor if order is None else order.amount_minor,
        "credit_currency": row.currency,
    }


def _payouts(connection: Connection) -> list[Row]:
    paid = select(PAYOUTS).where(PAYOUTS.c.state.in_(("paid", "returned")))
    return [
        {
            "ref": row.provider_ref,
            "client_id": row.client_id,
            "login": "",
            "kind": Kind.WITHDRAWAL.value,
            "amount_minor": -row.amount_minor,
            "currency": row.currency,
            "at_us": 0,
            "id": row.id,
            "provider": row.provider,
        }
        for row in connection.execute(paid)
    ]


def _other_orders(connection: Connection) -> list[Row]:
    """Return what moved on the platform without a deposit: withdrawals, moves, credits."""
    asked = select(PLATFORM_ORDERS).where(
        PLATFORM_ORDERS.c.source != SOURCE, PLATFORM_ORDERS.c.state.in_(("sent", "confirmed"))
    )
    return [
        {
            "ref": row.token,
            "client_id": row.client_id,
            "login": row.login,
            "kind": _PLATFORM_KINDS.get(row.what, Kind.TRANSFER).value,
            "amount_minor": row.amount_minor if row.side == "in" else -row.amount_minor,
            "currency": row.currency,
            "at_us": row.created_at_us,
            "id": row.token,
            "status": (Status.DONE if row.state == "confirmed" else Status.PENDING).value,
            "platform_ref": row.token,
        }
        for row in connection.execute(asked)
    ]


def _of_deal(one: BalanceDeal, currency_of: Mapping[str, str]) -> Row:
    currency = currency_of.get(one.login, "")
    digits = minor_digits(Currency(currency)) if currency else 2
    return {
        "ref": one.comment,
        "login": one.login,
        "kind": _PLATFORM_KINDS.get(one.kind, Kind.BALANCE).value,
        "amount_minor": round(one.amount * 10**digits),
        "currency": currency,
        "at_us": one.at // 1_000,
        "id": one.deal_id,
    }


def _frame(side: Side, rows: Iterable[Row]) -> pl.DataFrame:
    schema = {column.name: column.dtype for column in COLUMNS[side]}
    return pl.DataFrame(list(rows), schema)
