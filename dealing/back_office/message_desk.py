"""Messages as people look after them: how far behind they are, and what could not be taken."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from crm_sync.messages.dead_letters import Box, By, DeadLetter, DeadLetters
from crm_sync.messages.overview import Queue, inbox_queue, outbox_queue
from crm_sync.messages.sealing import Seal
from crm_sync.reconcile.kept import checked_name, checked_reason
from dealing.back_office.payment_desk import VIA, Who
from dealing.back_office.rooms import Rooms

UNREADABLE: Final = (
    "it cannot be read: {}. With its key given as PLIMSOLL_KEY_OLD and a new start it can be "
    "replayed; otherwise drop it"
)
"""What a person can do about a letter that does not open."""


class MessageDesk:
    """The use cases behind the tab of messages."""

    def __init__(self, rooms: Rooms, seal: Seal) -> None:
        """Take the rooms and what opens messages."""
        self._rooms = rooms
        self._letters = DeadLetters(rooms.database, seal, rooms.now_us)

    async def queue(self) -> dict[str, Any]:
        """Return both boxes and the letters that wait for a person, masked.

        Raises:
            StorageError: The database cannot be used.
        """
        return await asyncio.to_thread(self._queue)

    async def read(self, box: Box, number: int, who: Who) -> dict[str, Any]:
        """Return the whole text of a dead letter; that it was read is in the audit log.

        Raises:
            DomainError: There is no such letter, or nobody says who reads it and why.
            StorageError: The database cannot be used.
        """
        by = _by(who)
        text = await asyncio.to_thread(self._letters.read, box, number, by)
        return {"box": box.value, "number": number, "text": text.decode(errors="replace")}

    async def replay(self, box: Box, number: int, who: Who) -> dict[str, Any]:
        """Let a dead letter be tried again; raises as ``read``."""
        await asyncio.to_thread(self._letters.replay, box, number, _by(who))
        return {"box": box.value, "number": number, "state": "waiting"}

    async def drop(self, box: Box, number: int, who: Who) -> dict[str, Any]:
        """Give a dead letter up; raises as ``read``."""
        await asyncio.to_thread(self._letters.drop, box, number, _by(who))
        return {"box": box.value, "number": number, "state": "dropped"}

    def _queue(self) -> dict[str, Any]:
        now_us = self._rooms.now_us()
        with self._rooms.database.reading() as connection:
            boxes = {Box.INBOX: inbox_queue(connection), Box.OUTBOX: outbox_queue(connection)}
        letters = [one for box in Box for one in self._letters.list(box)]
        return {
            **{box.value: queue_told(queue, now_us) for box, queue in boxes.items()},
            "dead": [_letter_told(one) for one in letters],
        }


def queue_told(queue: Queue, now_us: int) -> dict[str, Any]:
    """Return how far behind a box is."""
    oldest = queue.oldest_us
    lag_ms = None if oldest is None else max(0, now_us - oldest) // 1_000
    return {"waiting": queue.waiting, "dead": queue.dead, "lag_ms": lag_ms}


def _letter_told(one: DeadLetter) -> dict[str, Any]:
    return {
        "box": one.box.value,
        "number": one.number,
        "party": one.party,
        "key": one.key,
        "reason": one.reason,
        "attempts": one.attempts,
        "at_ms": one.at_us // 1_000,
        "mended": one.mended,
        "shape": one.shape,
        "unreadable": UNREADABLE.format(one.unreadable) if one.unreadable else "",
    }


def _by(who: Who) -> By:
    return By(actor=checked_name(who.actor), via=VIA, reason=checked_reason(who.reason))
