"""Credit and bonus on trading accounts: given by one person, and above a limit by two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection

from crm_sync.audit_log import alone
from crm_sync.money import approvals
from crm_sync.money.approvals import Decision, Matter
from crm_sync.money.errors import MoneyConflictError
from crm_sync.money.ledger import refuse_amount
from crm_sync.money.operations import Operation, cause
from crm_sync.money.platform_order_store import Booking, end, keep, note, order_of, place
from crm_sync.money.platform_orders import OrderState, PlatformOrder, rejected
from crm_sync.money.ports import TradingAccount, What

CREDIT: Final = "credit"
"""The source of credit and bonus orders, and the kind of their approvals."""


class CreditRule(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which amount one person gives credit, by currency, and how long a second one may take.

    A currency that is not named always takes a second person.
    """

    alone_up_to_minor: Mapping[str, int]
    decide_within_us: int = 30 * 60 * 1_000_000

    def asks_for(self, amount_minor: int, currency: str) -> bool:
        """Whether a second person has to decide."""
        return amount_minor > self.alone_up_to_minor.get(currency, 0)


def give_credit(
    connection: Connection,
    account: TradingAccount,
    booking: Booking,
    rule: CreditRule,
    operation: Operation,
    now_us: int,
) -> PlatformOrder:
    """Ask for credit or bonus to be given to a trading account, or taken from it.

    Raises:
        MoneyConflictError: It is neither credit nor bonus.
        TransferRefusedError: The amount cannot be meant.
    """
    alone(connection)
    if booking.what is What.BALANCE:
        raise MoneyConflictError("credit or bonus is given by hand, balance is not")
    refuse_amount(booking.amount_minor, f"the amount of {booking.what}")
    waits = rule.asks_for(booking.amount_minor, account.currency)
    state = OrderState.WAITING if waits else OrderState.INTENT
    order = place(connection, account, booking, cause(CREDIT, operation), now_us, state)
    if waits:
        within_us = rule.decide_within_us
        approvals.ask(connection, _matter(order), operation.actor, now_us, within_us)
    return order


def decide_credit(
    connection: Connection, token: str, decision: Decision, now_us: int
) -> PlatformOrder:
    """Let a second person decide about credit or bonus.

    Raises:
        MoneyConflictError: It does not wait, is the same person's, or is not what was asked for.
    """
    alone(connection)
    order = order_of(connection, token)
    if order is None or order.state is not OrderState.WAITING:
        raise MoneyConflictError(f"order {token} does not wait for a decision")
    approvals.decide(connection, _matter(order), decision, now_us)
    if not decision.approve:
        given_up = rejected(order, decision.reason)
        end(connection, given_up, now_us)
        return given_up
    approved = msgspec.structs.replace(order, state=OrderState.INTENT, due_us=now_us)
    note(connection, approved, "approved", now_us, [])
    keep(connection, approved)
    return approved


def lapse_credit(connection: Connection, now_us: int, limit: int = 100) -> int:
    """Give up credit that nobody decided about in time, and return how much of it there was."""
    alone(connection)
    late = approvals.lapsing(connection, CREDIT, now_us, limit)
    for token in late:
        order = order_of(connection, token)
        if order is not None:
            approvals.lapse(connection, _matter(order), now_us)
            end(connection, rejected(order, "nobody decided in time"), now_us)
    return len(late)


def _matter(order: PlatformOrder) -> Matter:
    asked = [order.login, order.side, order.what, order.amount_minor, order.currency]
    return Matter(CREDIT, order.token, asked)
