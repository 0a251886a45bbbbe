"""What other systems are to be told: written inside the transaction that it tells of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from crm_sync.messages.model import Method, OutMessage, is_key
from crm_sync.messages.rows import insert_once, new_row
from crm_sync.messages.sealing import Seal
from crm_sync.messages.tables import OUTBOX
from exposure.errors import InvariantError


class Outbox:
    """Where messages are put until they are sent."""

    def __init__(self, seal: Seal, now_us: Callable[[], int]) -> None:
        """Take what encrypts the messages, and the wall clock."""
        self._seal = seal
        self._now_us = now_us

    def tell(self, connection: Connection, message: OutMessage) -> None:
        """Let another system know; a key that was told before changes nothing, ever.

        Raises:
            InvariantError: The key cannot be one.
        """
        if not is_key(message.key):
            raise InvariantError("a message's key has to be made by key_of")
        now_us = self._now_us()
        row = msgspec.structs.asdict(message)
        row["sealed"] = self._seal.close(row.pop("body"), outbox_label(message.key))
        row["method"] = message.method.value
        insert_once(connection, OUTBOX, [{**row, "created_at_us": now_us, **new_row(now_us)}])

    def message(self, row: Row[Any]) -> OutMessage:
        """Return what a row tells, as it was mended if it was.

        Raises:
            UnreadableError: It does not open.
        """
        sealed = row.sealed if row.mended is None else row.mended
        return OutMessage(
            key=row.key,
            aggregate=row.aggregate,
            target=row.target,
            body=self._seal.open(sealed, outbox_label(row.key)),
            method=Method(row.method),
            path=row.path,
            answer_to=row.answer_to,
        )


def outbox_label(key: str) -> str:
    """Return what a message of the outbox is sealed with."""
    return f"outbox\n{key}"
