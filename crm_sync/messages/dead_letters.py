"""Messages that could not be taken or sent: shown without their content, and a person decides.

Reading, mending, replaying and dropping are written into the audit log with who and why. A mended
text stands beside the original, which stays. What is shown without a reason is the shape of a
message: which fields it has, and of which kind.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Table, select

from crm_sync.audit import AuditEntry, canonical
from crm_sync.audit_log import alone, append
from crm_sync.database import Database
from crm_sync.messages.errors import UnreadableError
from crm_sync.messages.inbox import inbox_label
from crm_sync.messages.model import MessageState, digest
from crm_sync.messages.outbox import outbox_label
from crm_sync.messages.rows import new_row
from crm_sync.messages.sealing import Seal
from crm_sync.messages.tables import INBOX, OUTBOX, is_dead
from exposure.errors import UNDECODABLE, DomainError

LONGEST_MENDED: Final = 256 << 10
_NS_PER_US: Final = 1_000
_DEEPEST: Final = 6


class Box(StrEnum):
    """Where a message is."""

    INBOX = "inbox"
    OUTBOX = "outbox"


class By(msgspec.Struct, frozen=True, kw_only=True):
    """Who does something, through what, and why."""

    actor: str
    via: str
    reason: str


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that waits for a person; ``shape`` is JSON with kinds in place of values.

    ``unreadable`` is why it does not open, "" where it does; then it has no shape.

    Units: microseconds UTC.
    """

    box: Box
    number: int
    party: str
    key: str
    reason: str
    attempts: int
    at_us: int
    finished_at_us: int
    mended: bool
    shape: str
    unreadable: str = ""


class DeadLetters:
    """What a person can do with messages that are dead."""

    def __init__(self, database: Database, seal: Seal, now_us: Callable[[], int]) -> None:
        """Take the database, what opens the messages, and the wall clock."""
        self._database = database
        self._seal = seal
        self._now_us = now_us

    def list(self, box: Box, limit: int = 100) -> list[DeadLetter]:
        """Return the newest, without their content."""
        table = _TABLES[box]
        asked = select(table).where(is_dead(table)).order_by(table.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [self._shown(box, row) for row in connection.execute(asked)]

    def read(self, box: Box, number: int, by: By) -> bytes:
        """Return the whole text of one; that it was read is written down.

        Raises:
            DomainError: There is no such dead letter, no reason was given, or it does not open.
        """
        with self._database.writing() as connection:
            row = self._begin(connection, box, number, by)
            self._audit(connection, box, row, by, "read")
            try:
                return self._text(box, row)
            except UnreadableError as e:
                raise DomainError(f"letter {number} of the {box} cannot be read: {e}") from e

    def mend(self, box: Box, number: int, text: bytes, by: By) -> None:
        """Put another text in place of one's own; raises as ``read``."""
        if len(text) > LONGEST_MENDED:
            raise DomainError(f"a message may have at most {LONGEST_MENDED} bytes")
        with self._database.writing() as connection:
            row = self._begin(connection, box, number, by)
            mended = self._seal.close(text, _label(box, row))
            _change(connection, box, number, {"mended": mended})
            self._audit(connection, box, row, by, "mended", digest(text))

    def replay(self, box: Box, number: int, by: By) -> None:
        """Let one be tried again from the beginning; raises as ``read``."""
        with self._database.writing() as connection:
            row = self._begin(connection, box, number, by)
            _change(connection, box, number, new_row(self._now_us()))
            self._audit(connection, box, row, by, "replayed")

    def drop(self, box: Box, number: int, by: By) -> None:
        """Give one up; raises as ``read``."""
        with self._database.writing() as connection:
            row = self._begin(connection, box, number, by)
            _change(connection, box, number, {"state": MessageState.DROPPED.value})
            self._audit(connection, box, row, by, "dropped")

    def _begin(self, connection: Connection, box: Box, number: int, by: By) -> Row[Any]:
        """Return a dead letter that nobody else changes meanwhile."""
        if not by.actor.strip() or not by.reason.strip():
            raise DomainError("who does it and why have to be said")
        alone(connection)
        table = _TABLES[box]
        asked = select(table).where(table.c.id == number, is_dead(table)).with_for_update()
        row = connection.execute(asked).first()
        if row is None:
            raise DomainError(f"there is no dead letter {number} in the {box}: look again")
        return row

    def _audit(
        self,
        connection: Connection,
        box: Box,
        row: Row[Any],
        by: By,
        done: str,
        sha256: str = "",
    ) -> None:
        detail = {"why_dead": row.reason, "attempts": row.attempts, "sha256": sha256}
        entry = AuditEntry(
            at_ns=self._now_us() * _NS_PER_US,
            actor=by.actor,
            via=by.via,
            action=f"dead_letter.{done}",
            entity=f"{box}:{row.id}",
            reason=by.reason,
            detail=canonical(detail),
        )
        append(connection, entry)

    def _shown(self, box: Box, row: Row[Any]) -> DeadLetter:
        incoming = box is Box.INBOX
        try:
            shape, unreadable = shape_of(self._text(box, row)), ""
        except UnreadableError as e:
            shape, unreadable = "", str(e)
        return DeadLetter(
            box=box,
            number=row.id,
            party=row.provider if incoming else row.target,
            key=row.dedupe_key if incoming else row.key,
            reason=row.reason,
            attempts=row.attempts,
            at_us=row.received_at_us if incoming else row.created_at_us,
            finished_at_us=row.finished_at_us,
            mended=row.mended is not None,
            shape=shape,
            unreadable=unreadable,
        )

    def _text(self, box: Box, row: Row[Any]) -> bytes:
        sealed = row.sealed if row.mended is None else row.mended
        return self._seal.open(sealed, _label(box, row))


def shape_of(text: bytes) -> str:
    """Return JSON with kinds in place of values, so that no content is in it."""
    try:
        return canonical(_shape(msgspec.json.decode(text), _DEEPEST))
    except UNDECODABLE:
        return f"no JSON, {len(text)} bytes"


def _shape(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return {name: _shape(inner, depth - 1) for name, inner in value.items()} if depth else "..."
    if isinstance(value, list):
        return [_shape(inner, depth - 1) for inner in value[:1]] if depth else "..."
    if isinstance(value, str):
        return f"text of {len(value)}"
    return "null" if value is None else type(value).__name__


_TABLES: Final[dict[Box, Table]] = {Box.INBOX: INBOX, Box.OUTBOX: OUTBOX}


def _label(box: Box, row: Row[Any]) -> str:
    if box is Box.INBOX:
        return inbox_label(row.provider, row.dedupe_key)
    return outbox_label(row.key)


def _change(connection: Connection, box: Box, number: int, values: dict[str, Any]) -> None:
    table = _TABLES[box]
    connection.execute(table.update().where(table.c.id == number).values(**values))
