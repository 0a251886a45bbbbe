"""What other systems said: kept once, encrypted, before anybody looks at what it means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from crm_sync.database import Database
from crm_sync.messages.model import Item, digest
from crm_sync.messages.rows import insert_once, new_row
from crm_sync.messages.sealing import Seal
from crm_sync.messages.tables import INBOX


class Inbox:
    """Where messages are kept."""

    def __init__(self, database: Database, seal: Seal, now_us: Callable[[], int]) -> None:
        """Take the database, what encrypts the messages, and the wall clock."""
        self._database = database
        self._seal = seal
        self._now_us = now_us

    def receive(self, provider: str, items: Sequence[Item]) -> None:
        """Keep messages on the disk; those that are known already change nothing.

        Raises:
            StorageError: They could not be kept.
        """
        with self._database.writing() as connection:
            self.put(connection, provider, items)

    def put(self, connection: Connection, provider: str, items: Sequence[Item]) -> None:
        """Keep messages inside somebody's transaction."""
        now_us = self._now_us()
        insert_once(connection, INBOX, [self._row(provider, item, now_us) for item in items])

    def text(self, row: Row[Any]) -> bytes:
        """Return what a row says, as it was mended if it was.

        Raises:
            UnreadableError: It does not open.
        """
        sealed = row.sealed if row.mended is None else row.mended
        return self._seal.open(sealed, inbox_label(row.provider, row.dedupe_key))

    def _row(self, provider: str, item: Item, now_us: int) -> dict[str, Any]:
        label = inbox_label(provider, item.dedupe_key)
        return {
            "provider": provider,
            "dedupe_key": item.dedupe_key,
            "aggregate": item.aggregate,
            "sha256": digest(item.body),
            "sealed": self._seal.close(item.body, label),
            "received_at_us": now_us,
            **new_row(now_us),
        }


def inbox_label(provider: str, dedupe_key: str) -> str:
    """Return what a message of the inbox is sealed with."""
    return f"inbox\n{provider}\n{dedupe_key}"
