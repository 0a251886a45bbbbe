"""Clients who may not take money out for now: a dispute or a person's decision says why."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select, text

from crm_sync.audit_log import alone
from crm_sync.money.errors import MoneyConflictError
from crm_sync.money.recording import Deed, record
from crm_sync.money.tables import CLIENT_FREEZES

_PLACE: Final = text(
    "INSERT INTO client_freezes (client_id, cause, placed_at_us, lifted_by) "
    "VALUES (:client_id, :cause, :placed_at_us, '') ON CONFLICT DO NOTHING"
)
_COLUMNS: Final = CLIENT_FREEZES.c


def freeze(connection: Connection, client_id: str, cause: str, now_us: int) -> None:
    """Let a client take nothing out because of a cause; once lifted, the cause is spent."""
    row = {"client_id": client_id, "cause": cause, "placed_at_us": now_us}
    connection.execute(_PLACE, row)


def causes(connection: Connection, client_id: str) -> list[str]:
    """Return why a client may take nothing out now; empty if he may."""
    asked = select(_COLUMNS.cause).where(
        _COLUMNS.client_id == client_id, _COLUMNS.lifted_at_us.is_(None)
    )
    return sorted(connection.scalars(asked))


def lift(connection: Connection, client_id: str, cause: str, deed: Deed) -> None:
    """Let a person end a freeze.

    Raises:
        MoneyConflictError: There is none.
    """
    alone(connection)
    mine = (_COLUMNS.client_id == client_id) & (_COLUMNS.cause == cause)
    update = CLIENT_FREEZES.update().where(mine, _COLUMNS.lifted_at_us.is_(None))
    lifted = connection.execute(update.values(lifted_at_us=deed.at_us, lifted_by=deed.actor))
    if lifted.rowcount != 1:
        raise MoneyConflictError(f"client {client_id} is not frozen because of {cause}")
    record(connection, deed)
