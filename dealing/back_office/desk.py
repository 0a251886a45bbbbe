"""The back office as its screen sees it: payments, clients, breaks, messages, and its health.

Pages and machines ask through ``api.py``; what may be done is decided in the rooms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from crm_sync.clients.roles import Role
from crm_sync.messages.overview import inbox_queue, outbox_queue
from crm_sync.messages.sealing import Seal
from crm_sync.money import overview
from crm_sync.money.invariants import broken
from crm_sync.reconcile.kept import FourEyes
from crm_sync.reconcile.store import living_count
from dealing.back_office.break_desk import BreakDesk
from dealing.back_office.client_desk import ROLES, ClientDesk
from dealing.back_office.live import LiveAccounts
from dealing.back_office.message_desk import MessageDesk, queue_told
from dealing.back_office.order_desk import OrderDesk
from dealing.back_office.payment_desk import PaymentDesk
from dealing.back_office.rooms import Rooms

PROVED_EVERY_US: Final = 60_000_000
"""The ledger is added up anew this seldom: it reads every transfer."""

NAMED: Final = 5
"""Broken rules that are told; more would not help."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the money, in sentences, and when that was computed."""

    broken: tuple[str, ...]
    at_us: int


class OfficeDesk:
    """Everything behind the screen of the back office."""

    def __init__(
        self,
        rooms: Rooms,
        seal: Seal,
        live: LiveAccounts,
        rule: FourEyes,
        roles: Sequence[Role] = ROLES,
    ) -> None:
        """Take the rooms, what opens messages, who knows accounts, and what people may do.

        ``rule`` says which corrections take a second person, ``roles`` which readers are answered.
        """
        self.clients = ClientDesk(rooms, live, roles)
        self.payments = PaymentDesk(rooms, live)
        self.orders = OrderDesk(rooms)
        self.breaks = BreakDesk(rooms, rule)
        self.messages = MessageDesk(rooms, seal)
        self._rooms = rooms
        self._proof: Proof | None = None
        self._proving = asyncio.Lock()

    async def health(self) -> dict[str, Any]:
        """Return how much there is of everything, and what is wrong with the money.

        Raises:
            StorageError: The database cannot be used.
        """
        counted = await asyncio.to_thread(self._counted)
        proof = await self._proved()
        return {
            **counted,
            "broken": list(proof.broken[:NAMED]),
            "broken_count": len(proof.broken),
            "proved_at_ms": proof.at_us // 1_000,
        }

    async def _proved(self) -> Proof:
        """Return the newest proof; only one is computed at a time."""
        async with self._proving:
            now_us = self._rooms.now_us()
            if self._proof is None or now_us - self._proof.at_us >= PROVED_EVERY_US:
                self._proof = await asyncio.to_thread(self._prove, now_us)
            return self._proof

    def _prove(self, now_us: int) -> Proof:
        with self._rooms.database.reading() as connection:
            return Proof(broken=tuple(broken(connection, now_us)), at_us=now_us)

    def _counted(self) -> dict[str, Any]:
        now_us = self._rooms.now_us()
        with self._rooms.database.reading() as connection:
            return {
                **msgspec.to_builtins(overview.counted(connection)),
                "breaks": living_count(connection),
                "inbox": queue_told(inbox_queue(connection), now_us),
                "outbox": queue_told(outbox_queue(connection), now_us),
            }
