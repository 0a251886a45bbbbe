"""The one process that tells a platform what to book: each order once, whatever dies in between.

A step marks an order as sent, on the disk, and then sends it. Where the answer is lost, or the
process, the order stays marked. After its quarantine, in which the platform would have obeyed, it
is looked for by its token, and only if it is not there is it sent again. The quarantine must be
longer than the platform may ever take to obey.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import Connection

from crm_sync.audit_log import alone
from crm_sync.database import Database
from crm_sync.money import sole_sender
from crm_sync.money.errors import PlatformRefusedError, PlatformUnknownError
from crm_sync.money.platform_order_store import due, end, keep, next_due_us, order_of
from crm_sync.money.platform_orders import (
    OrderState,
    PlatformOrder,
    asked,
    confirmed,
    found_among,
    rejected,
    sending,
)
from crm_sync.money.ports import BalancePlatform

SECOND_US: Final = 1_000_000

OrderEnded = Callable[[Connection, PlatformOrder, int], None]
"""Who goes on where an order has ended, in the transaction that keeps its end."""


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How long things may take.

    ``quarantine_us`` is longer than the platform may take to obey, ``clock_margin_us`` more than
    its clock may be off, ``idle_us`` the longest time until the next step.
    """

    quarantine_us: int = 60 * SECOND_US
    lease_us: int = 15 * SECOND_US
    clock_margin_us: int = 3_600 * SECOND_US
    idle_us: int = SECOND_US
    orders_per_step: int = 50


class PlatformWorker:
    """Does what is due for one platform, a step at a time."""

    def __init__(
        self,
        database: Database,
        platform: BalancePlatform,
        lease: sole_sender.Lease,
        ended: OrderEnded,
        now_us: Callable[[], int],
        timing: Timing | None = None,
    ) -> None:
        """Take everything that it connects; ``lease.holder`` names this process alone."""
        self._database = database
        self._platform = platform
        self._lease = lease
        self._ended = ended
        self._now_us = now_us
        self._timing = timing or Timing()
        self._fence = 0

    def step(self) -> int:
        """Do what is due, and return when the next step is wanted.

        Raises:
            NotSoleSenderError: Another process sends to this platform; nothing was sent.
            StorageError: The database cannot be used; what is due stays due.
        """
        with self._database.writing() as connection:
            self._fence = sole_sender.take(connection, self._lease, self._now_us())
        with self._database.reading() as connection:
            orders = due(
                connection, self._lease.platform, self._now_us(), self._timing.orders_per_step
            )
        for order in orders:
            self._advance(order)
        return self._next_us()

    def close(self) -> None:
        """Let the next process send; without this it waits until the lease is over."""
        with self._database.writing() as connection:
            sole_sender.let_go(connection, self._lease)

    def _advance(self, order: PlatformOrder) -> None:
        if order.state is OrderState.SENT:
            self._look(order)
        else:
            self._send(order)

    def _send(self, seen: PlatformOrder) -> None:
        order = self._mark_sent(seen)
        if order is None or self._is_late(order):
            return
        try:
            ticket = self._platform.change_balance(asked(order))
        except PlatformRefusedError as e:
            self._end(rejected(order, str(e)))
        except PlatformUnknownError:
            return  # it stays marked as sent, and is looked for when it is due
        else:
            self._end(confirmed(order, ticket.ticket))

    def _mark_sent(self, seen: PlatformOrder) -> PlatformOrder | None:
        with self._database.writing() as connection:
            alone(connection)
            now_us = self._now_us()
            sole_sender.keep(connection, self._lease, self._fence, now_us)
            if order_of(connection, seen.token) != seen:
                return None
            order = sending(seen, now_us, self._fence, self._timing.quarantine_us)
            keep(connection, order)
        return order

    def _is_late(self, order: PlatformOrder) -> bool:
        """Whether this process was paused so long that another one may send the same by now."""
        return self._now_us() - (order.sent_at_us or 0) >= self._timing.lease_us

    def _look(self, order: PlatformOrder) -> None:
        margin_us = self._timing.clock_margin_us
        first_us = order.first_sent_at_us or order.created_at_us
        try:
            deals = self._platform.balance_deals(
                order.login, first_us - margin_us, self._now_us() + margin_us
            )
        except PlatformUnknownError:
            self._postpone(order)
            return
        ended = found_among(order, deals)
        if ended is None:
            self._send(order)
        else:
            self._end(ended)

    def _postpone(self, order: PlatformOrder) -> None:
        with self._database.writing() as connection:
            alone(connection)
            if order_of(connection, order.token) == order:
                later = self._now_us() + self._timing.quarantine_us
                keep(connection, msgspec.structs.replace(order, due_us=later))

    def _end(self, order: PlatformOrder) -> None:
        """Keep how an order ended, move its money and let what waits for it go on."""
        with self._database.writing() as connection:
            alone(connection)
            held = order_of(connection, order.token)
            if held is None or held.state is not OrderState.SENT:
                return
            if order.state is OrderState.REJECTED and order.attempts != held.attempts:
                return  # a later attempt is under way: its answer counts
            now_us = self._now_us()
            end(connection, order, now_us)
            self._ended(connection, order, now_us)

    def _next_us(self) -> int:
        with self._database.reading() as connection:
            next_us = next_due_us(connection, self._lease.platform)
        latest = self._now_us() + self._timing.idle_us
        return latest if next_us is None else min(next_us, latest)
