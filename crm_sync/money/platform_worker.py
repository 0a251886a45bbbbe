"""The one process that tells a platform what to book: each order once, whatever dies in between.

A step takes a round of orders, one of each account at most. It marks all of them as sent, on the
disk, and then sends them together. Where the answer is lost, or the process, an order stays marked.
After its quarantine, in which the platform would have obeyed, it is looked for by its token, and
only if it is not there is it sent again. The quarantine must be longer than the platform may ever
take to obey.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, assert_never

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from crm_sync.audit_log import alone
from crm_sync.database import Database
from crm_sync.money import sole_sender
from crm_sync.money.errors import PlatformUnknownError
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
from crm_sync.money.ports import BalancePlatform, BalanceTicket, Booked, NotBooked
from exposure.errors import DeskError, DomainError, StorageError

SECOND_US: Final = 1_000_000

ENDED_AT_ONCE: Final = 10
"""Orders whose end is one transaction: others want to write too, webhooks in 0.1 s."""

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
    orders_per_step: int = 100


class PlatformWorker:
    """Does what is due for one platform, a round at a time."""

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
        self._refusals: list[DeskError] = []

    def step(self) -> int:
        """Do what is due, and return when the next step is wanted.

        Raises:
            NotSoleSenderError: Another process sends to this platform; nothing was sent.
            DomainError: The end of an order is refused as things stand; the others went on.
            StorageError: The database cannot be used; what is due stays due.
        """
        with self._database.writing() as connection:
            self._fence = sole_sender.take(connection, self._lease, self._now_us())
        with self._database.reading() as connection:
            orders = due(
                connection, self._lease.platform, self._now_us(), self._timing.orders_per_step
            )
        sent = [order for order in orders if order.state is OrderState.SENT]
        fresh = [order for order in orders if order.state is not OrderState.SENT]
        self._refusals = []
        self._send([*self._looked_for(sent), *fresh])
        if self._refusals:
            raise self._refusals[0]
        return self._next_us()

    def close(self) -> None:
        """Let the next process send; without this it waits until the lease is over."""
        with self._database.writing() as connection:
            sole_sender.let_go(connection, self._lease)

    def _looked_for(self, sent: Sequence[PlatformOrder]) -> list[PlatformOrder]:
        """End the orders that the platform has booked, and return those that it has not."""
        missing: list[PlatformOrder] = []
        found: list[PlatformOrder] = []
        unknown: list[PlatformOrder] = []
        for mine in _by_login(sent).values():
            margin_us = self._timing.clock_margin_us
            first_us = min(order.first_sent_at_us or order.created_at_us for order in mine)
            try:
                deals = self._platform.balance_deals(
                    mine[0].login, first_us - margin_us, self._now_us() + margin_us
                )
            except PlatformUnknownError:
                unknown += mine
                continue
            for order in mine:
                ended = found_among(order, deals)
                missing += [order] if ended is None else []
                found += [] if ended is None else [ended]
        self._postpone(unknown)
        self._end(found)
        return missing

    def _send(self, due_now: Sequence[PlatformOrder]) -> None:
        """Send the first order of each account; the others stay due."""
        orders = self._mark_sent([mine[0] for mine in _by_login(due_now).values()])
        if not orders or self._is_late(orders[0]):
            return
        answers = self._platform.change_balances([asked(order) for order in orders])
        ended = (_ended(*pair) for pair in zip(orders, answers, strict=True))
        self._end([order for order in ended if order is not None])

    def _mark_sent(self, seen: Sequence[PlatformOrder]) -> list[PlatformOrder]:
        """Keep that orders are sent now; those that somebody changed meanwhile are left out."""
        if not seen:
            return []
        with self._database.writing() as connection:
            alone(connection)
            now_us = self._now_us()
            sole_sender.keep(connection, self._lease, self._fence, now_us)
            orders = [
                sending(order, now_us, self._fence, self._timing.quarantine_us)
                for order in seen
                if order_of(connection, order.token) == order
            ]
            for order in orders:
                keep(connection, order)
        return orders

    def _is_late(self, order: PlatformOrder) -> bool:
        """Whether this process was paused so long that another one may send the same by now."""
        return self._now_us() - (order.sent_at_us or 0) >= self._timing.lease_us

    def _postpone(self, orders: Sequence[PlatformOrder]) -> None:
        if not orders:
            return
        with self._database.writing() as connection:
            alone(connection)
            later = self._now_us() + self._timing.quarantine_us
            for order in orders:
                if order_of(connection, order.token) == order:
                    keep(connection, msgspec.structs.replace(order, due_us=later))

    def _end(self, orders: Sequence[PlatformOrder]) -> None:
        """Keep how orders ended, move their money and let what waits for them go on.

        One whose end is refused is tried again by the next step, and holds no other one up.
        """
        for first in range(0, len(orders), ENDED_AT_ONCE):
            with self._database.writing() as connection:
                alone(connection)
                for order in orders[first : first + ENDED_AT_ONCE]:
                    self._end_or_refuse(connection, order)

    def _end_or_refuse(self, connection: Connection, order: PlatformOrder) -> None:
        try:
            with connection.begin_nested():
                self._end_one(connection, order)
        except DomainError as e:
            self._refusals.append(e)
        except (IntegrityError, DataError) as e:
            what = f"the database refuses the end of order {order.token}: {type(e).__name__}"
            self._refusals.append(StorageError(what))

    def _end_one(self, connection: Connection, order: PlatformOrder) -> None:
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


def _by_login(orders: Iterable[PlatformOrder]) -> dict[str, list[PlatformOrder]]:
    found: dict[str, list[PlatformOrder]] = {}
    for order in orders:
        found.setdefault(order.login, []).append(order)
    return found


def _ended(order: PlatformOrder, booked: Booked) -> PlatformOrder | None:
    """Return how an order ended by its answer; without one it stays sent, and is looked for."""
    match booked:
        case BalanceTicket(ticket=ticket):
            return confirmed(order, ticket)
        case NotBooked(reason=reason, is_certain=True):
            return rejected(order, reason)
        case NotBooked():
            return None
        case _ as never:
            assert_never(never)
