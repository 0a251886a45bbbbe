"""What inbox and outbox have in common in SQL: idempotent writes, and what became of a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from crm_sync.messages.model import MessageState
from crm_sync.messages.retries import Pace

LONGEST_REASON: Final = 500


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a message stands after an attempt; one that still waits has ``due_at_us``."""

    state: MessageState
    attempts: int
    reason: str = ""
    due_at_us: int = 0


def insert_once(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows; one whose key is known already stays as it is."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(postgresql.insert(table).on_conflict_do_nothing(), rows)
    else:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)


def new_row(now_us: int) -> dict[str, Any]:
    """Return how a message stands that nobody has tried."""
    return _columns(Standing(state=MessageState.WAITING, attempts=0, due_at_us=now_us), now_us)


def stand(connection: Connection, table: Table, number: int, as_: Standing, now_us: int) -> None:
    """Write how a message stands; one whose end is written already keeps it."""
    mine = table.update().where(table.c.id == number, table.c.state == MessageState.WAITING.value)
    connection.execute(mine.values(**_columns(as_, now_us)))


def after_failure(attempts: int, reason: str, pace: Pace, at_least_s: float = 0.0) -> Standing:
    """Return how a message stands after so many failures: it waits longer, or it is dead."""
    wait_us = pace.wait_us(attempts, at_least_s)
    if wait_us is None:
        return Standing(state=MessageState.DEAD, attempts=attempts, reason=reason)
    due_at_us = pace.now_us() + wait_us
    return Standing(
        state=MessageState.WAITING, attempts=attempts, reason=reason, due_at_us=due_at_us
    )


def _columns(standing: Standing, now_us: int) -> dict[str, Any]:
    waits = standing.state is MessageState.WAITING
    return {
        "state": standing.state.value,
        "attempts": standing.attempts,
        "reason": standing.reason[:LONGEST_REASON],
        "due_at_us": standing.due_at_us,
        "finished_at_us": None if waits else now_us,
    }
