"""What happens by the clock: approvals lapse, identifications expire, three sides are compared."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import select

from crm_sync.clients.personal import erase_due
from crm_sync.clients.tables import TRADING_ACCOUNT
from crm_sync.messages.errors import DeliveryError
from crm_sync.money.invariants import broken
from crm_sync.money.lending import lapse_credit
from crm_sync.money.operations import release_late
from crm_sync.money.unclear_orders import lapse_said
from crm_sync.reconcile.breaks import breaks_of
from crm_sync.reconcile.reconciling import reconcile
from crm_sync.reconcile.schema import Terms
from crm_sync.reconcile.store import BreakStore, Run
from dealing.back_office.outside import PartySender
from dealing.back_office.rooms import Rooms
from dealing.back_office.three_sides import sides_of
from feeds.socket_feed import balance_deals

SCOPE: Final = "all"
TIDY_EVERY_S: Final = 5.0
_WITHIN_S: Final = 30.0
_US_PER_S: Final = 1_000_000


class Tidying:
    """Does what is due by the clock in the database."""

    def __init__(self, rooms: Rooms) -> None:
        """Take the rooms."""
        self._rooms = rooms
        self._said: list[str] = []

    def step(self) -> float:
        """Let things lapse, expire and be erased, and prove the ledger's invariants."""
        rooms = self._rooms
        with rooms.database.writing() as connection:
            now_us = rooms.now_us()
            rooms.withdrawals.lapse(connection, now_us)
            release_late(connection, now_us)
            lapse_credit(connection, now_us)
            lapse_said(connection, now_us)
            rooms.kyc.refresh_due(connection, now_us)
            erase_due(connection, now_us)
        with rooms.database.reading() as connection:
            found = broken(connection, rooms.now_us())
        if found and found != self._said:
            structlog.get_logger().critical("the ledger's invariants are broken", found=found)
        self._said = found
        return TIDY_EVERY_S


class ThreeWayCheck:
    """Compares provider, ledger and platform now and then, and keeps the breaks."""

    def __init__(
        self, rooms: Rooms, parties: PartySender, platform_socket: Path, every_s: float
    ) -> None:
        """Take the rooms, whom to ask for the other two sides, and how often."""
        self._rooms = rooms
        self._parties = parties
        self._socket = platform_socket
        self._every_s = every_s

    def step(self) -> float:
        """Compare once.

        Raises:
            DeskError: A side cannot be had now.
        """
        statement = _decoded(self._parties.exported("statement"))
        deals = asyncio.run(_in_time(self._socket))
        with self._rooms.database.reading() as connection:
            asked = select(TRADING_ACCOUNT.c.login, TRADING_ACCOUNT.c.currency)
            currency_of = {one.login: one.currency for one in connection.execute(asked)}
            sides = sides_of(connection, statement, deals, currency_of)
        now_us = self._rooms.now_us()
        found = reconcile(*sides, Terms(as_of_us=now_us, scope=SCOPE))
        run = Run(key=f"{SCOPE}:{now_us}", scope=SCOPE, as_of_us=now_us)
        changes = BreakStore(self._rooms.database, self._rooms.now_us).record(
            run, breaks_of(found.open_breaks)
        )
        structlog.get_logger().info("reconciled", **msgspec.structs.asdict(changes))
        return self._every_s


def _decoded(statement: bytes) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(statement, type=list[dict[str, Any]])
    except msgspec.DecodeError as e:
        raise DeliveryError("the provider's statement cannot be read") from e


async def _in_time(socket: Path) -> list[Any]:
    async with asyncio.timeout(_WITHIN_S):
        return await balance_deals(socket, "")
