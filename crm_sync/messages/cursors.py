"""Asking for what no webhook told us: pages since the last time, and a little before.

Clocks and commits of the other side do not come in order, so every round reads an overlap again.
What is found goes through the same inbox as a webhook, where a second time changes nothing. A page
and the place after it are kept in one transaction, so a round that was cut off goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from crm_sync.database import Database
from crm_sync.messages.inbox import Inbox
from crm_sync.messages.model import Item, unread
from crm_sync.messages.ports import Page, Provider, PullSource
from crm_sync.messages.rows import insert_once
from crm_sync.messages.tables import CURSORS
from exposure.errors import MalformedMessageError

MOST_PAGES: Final = 10_000
"""A stream that never ends its round goes on the next time."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far a stream was read.

    ``high_watermark_us`` is the newest time of the rounds that ended, ``seen_us`` that of the round
    that goes on, and ``cursor`` its next page, "" between rounds.
    """

    cursor: str = ""
    high_watermark_us: int = 0
    seen_us: int = 0

    def after(self, page: Page) -> Cursor:
        """Return the place after a page."""
        seen_us = max(self.seen_us, page.newest_us)
        if page.next_cursor:
            return msgspec.structs.replace(self, cursor=page.next_cursor, seen_us=seen_us)
        mark_us = max(self.high_watermark_us, seen_us)
        return Cursor(cursor="", high_watermark_us=mark_us, seen_us=0)


class Stream(NamedTuple):
    """What is read: whose messages, who gives the pages, and how far back each round begins.

    Units: ``overlap_us`` in microseconds.
    """

    provider: str
    name: str
    reader: Provider
    source: PullSource
    overlap_us: int


class Puller:
    """Reads streams into the inbox."""

    def __init__(self, database: Database, inbox: Inbox, now_us: Callable[[], int]) -> None:
        """Take the database, where messages go, and the wall clock."""
        self._database = database
        self._inbox = inbox
        self._now_us = now_us

    def pull(self, stream: Stream) -> int:
        """Read a stream to the end of a round and return how many messages came.

        Raises:
            DeliveryError: The other side cannot be asked now; what came is kept.
            StorageError: It cannot be kept.
        """
        count = 0
        for _ in range(MOST_PAGES):
            place = self.place(stream.provider, stream.name)
            since_us = max(0, place.high_watermark_us - stream.overlap_us)
            page = stream.source.page(since_us, place.cursor)
            self._keep(stream, page, place.after(page))
            count += len(page.bodies)
            if not page.next_cursor:
                break
        return count

    def place(self, provider: str, name: str) -> Cursor:
        """Return how far a stream was read."""
        mine = (CURSORS.c.provider == provider, CURSORS.c.stream == name)
        with self._database.reading() as connection:
            row = connection.execute(select(CURSORS).where(*mine)).first()
        if row is None:
            return Cursor()
        return Cursor(
            cursor=row.cursor, high_watermark_us=row.high_watermark_us, seen_us=row.seen_us
        )

    def _keep(self, stream: Stream, page: Page, place: Cursor) -> None:
        items = [item for body in page.bodies for item in _items(stream.reader, body)]
        with self._database.writing() as connection:
            self._inbox.put(connection, stream.provider, items)
            self._move(connection, stream, place)

    def _move(self, connection: Connection, stream: Stream, place: Cursor) -> None:
        key = {"provider": stream.provider, "stream": stream.name}
        values = {**msgspec.structs.asdict(place), "updated_at_us": self._now_us()}
        insert_once(connection, CURSORS, [{**key, **values}])
        mine = (CURSORS.c.provider == stream.provider, CURSORS.c.stream == stream.name)
        connection.execute(CURSORS.update().where(*mine).values(**values))


def _items(reader: Provider, body: bytes) -> list[Item]:
    """Return the messages of a body; one that is no JSON is kept for the dead letters."""
    try:
        return reader.items(body)
    except MalformedMessageError:
        return [unread(body)]
