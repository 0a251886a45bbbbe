"""Orders to the platform that are unclear: what people say of them, and who has to agree."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from sqlalchemy import Connection

from crm_sync.money.approvals import Decision
from crm_sync.money.platform_orders import PlatformOrder
from crm_sync.money.unclear_orders import By, Verdict, waiting
from crm_sync.reconcile.kept import checked_name, checked_reason
from dealing.back_office.payment_desk import LISTED, VIA, Who, order_told
from dealing.back_office.rooms import Rooms

Action = Literal["found", "not_found", "look_again", "approve", "reject"]
"""What a person can do about an unclear order; the last two are a second person's."""


class OrderDesk:
    """The use case behind the buttons beside an unclear order."""

    def __init__(self, rooms: Rooms) -> None:
        """Take the rooms."""
        self._rooms = rooms

    async def act(self, token: str, action: Action, who: Who) -> dict[str, Any]:
        """Say what is right about an order, or decide about what somebody else said.

        Doing the same again, because its answer was lost, changes nothing.

        Raises:
            DomainError: It cannot be meant, or may not be.
            StorageError: It cannot be kept.
        """
        by = By(actor=checked_name(who.actor), via=VIA, reason=checked_reason(who.reason))
        return await asyncio.to_thread(self._act, token, action, by)

    def _act(self, token: str, action: Action, by: By) -> dict[str, Any]:
        now_us = self._rooms.now_us()
        with self._rooms.database.writing() as connection:
            order = self._done(connection, token, action, by, now_us)
            said = {one.token: one for one in waiting(connection, now_us, LISTED)}
            return order_told(order, said.get(token))

    def _done(
        self, connection: Connection, token: str, action: Action, by: By, now_us: int
    ) -> PlatformOrder:
        unclear = self._rooms.unclear
        match action:
            case "look_again":
                return unclear.look_again(connection, token, by, now_us)
            case "found" | "not_found":
                return unclear.say(connection, token, Verdict(action), by, now_us)
            case "approve" | "reject":
                approve = action == "approve"
                decision = Decision(actor=by.actor, via=by.via, approve=approve, reason=by.reason)
                return unclear.decide(connection, token, decision, now_us)
