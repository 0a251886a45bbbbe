"""Personal data in the database: read in clear, found by exact values, restricted and erased.

Erasing destroys the client's key, all that it sealed, and every index that leads to the client.
What ledgers and the audit log keep is the client's id. While a law asks for the records to be kept,
the data is restricted instead: nobody but compliance sees it, and it is erased when that time is
over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, select

from crm_sync.audit import AuditEntry, canonical
from crm_sync.audit_log import alone, append
from crm_sync.clients.fields import Field, Holding
from crm_sync.clients.pii import Keyring, WrappedKey
from crm_sync.clients.profile_rows import AT_ONCE, in_parts
from crm_sync.clients.tables import (
    CLIENT,
    CLIENT_KEY,
    CLIENT_PII,
    CLIENT_SEARCH,
    FIELD_SOURCE,
)
from exposure.errors import DomainError

HOUSE: Final = "house"

_HOLDS_PERSON: Final = (CLIENT_KEY, CLIENT_PII, CLIENT_SEARCH, FIELD_SOURCE)


class Erasure(NamedTuple):
    """Somebody asks for a client's data to be erased; a law keeps it until ``keep_until_us``."""

    client_id: str
    keep_until_us: int
    actor: str
    reason: str


def personal_of(
    connection: Connection, keyring: Keyring, client_ids: Sequence[str], fields: Iterable[Field]
) -> dict[str, dict[Field, str]]:
    """Return fields of clients in clear; a client without a key has none.

    Raises:
        StorageError: Something cannot be decrypted.
    """
    wanted = tuple(fields)
    joined = CLIENT_PII.join(CLIENT_KEY, CLIENT_KEY.c.client_id == CLIENT_PII.c.client_id)
    columns = [CLIENT_PII.c[f"{field}_ct"] for field in wanted]
    asked = select(CLIENT_KEY, *columns).select_from(joined)
    found = {}
    for part in in_parts(client_ids):
        for client_id, kek_id, dek, *sealed in connection.execute(
            asked.where(CLIENT_PII.c.client_id.in_(part))
        ):
            key = keyring.client_key(client_id, WrappedKey(kek_id, dek))
            values = zip(wanted, sealed, strict=True)
            found[client_id] = {field: key.unseal(field, ct) for field, ct in values if ct}
    return found


def with_exactly(
    connection: Connection, keyring: Keyring, field: Field, value: str, limit: int
) -> list[str]:
    """Return the clients with a value, found by its blind index."""
    column = CLIENT_PII.c[f"{field}_bi"]
    asked = select(CLIENT_PII.c.client_id).where(column == keyring.blind(field, value))
    return list(connection.scalars(asked.order_by(CLIENT_PII.c.client_id).limit(limit)))


def rewrap(connection: Connection, keyring: Keyring, limit: int = AT_ONCE) -> int:
    """Wrap clients' keys with the current KEK that another one wraps; return how many were.

    Call it until it returns 0; then the old KEK is not needed any more.

    Raises:
        StorageError: The KEK of one was not given.
    """
    old = select(CLIENT_KEY).where(CLIENT_KEY.c.kek_id != keyring.current).limit(limit)
    rows = [
        {"b_client_id": client_id, **keyring.rewrapped(client_id, WrappedKey(*kept))._asdict()}
        for client_id, *kept in connection.execute(old.with_for_update())
    ]
    if rows:
        mine = CLIENT_KEY.c.client_id == bindparam("b_client_id")
        new: dict[str, Any] = {name: bindparam(name) for name in WrappedKey._fields}
        connection.execute(CLIENT_KEY.update().where(mine).values(new), rows)
    return len(rows)


def request_erasure(connection: Connection, asked: Erasure, now_us: int) -> Holding:
    """Erase a client's personal data, or restrict it until a law lets it be erased.

    Raises:
        DomainError: There is no such client, or nobody says who asks and why.
    """
    if not asked.actor or not asked.reason:
        raise DomainError("an erasure needs who asks for it and why")
    alone(connection)
    mine = CLIENT.c.client_id == asked.client_id
    held = connection.scalar(select(CLIENT.c.holding).where(mine).with_for_update())
    if held is None:
        raise DomainError(f"there is no client {asked.client_id}")
    if held == Holding.ERASED:
        return Holding.ERASED
    if asked.keep_until_us <= now_us:
        _erase(connection, asked.client_id, now_us)
        append(connection, _entry("erased", asked, now_us))
        return Holding.ERASED
    _forget_words(connection, asked.client_id)
    state = {"holding": Holding.RESTRICTED.value, "erase_at_us": asked.keep_until_us}
    connection.execute(CLIENT.update().where(mine).values(**state))
    append(connection, _entry("restricted", asked, now_us))
    return Holding.RESTRICTED


def erase_due(connection: Connection, now_us: int, limit: int = 100) -> int:
    """Erase the clients whose records need not be kept any longer; return how many were."""
    alone(connection)
    due = select(CLIENT.c.client_id, CLIENT.c.erase_at_us).where(CLIENT.c.erase_at_us <= now_us)
    rows = connection.execute(due.limit(limit).with_for_update()).all()
    for client_id, until_us in rows:
        _erase(connection, client_id, now_us)
        asked = Erasure(client_id, until_us, HOUSE, "the time for which records are kept is over")
        append(connection, _entry("erased", asked, now_us))
    return len(rows)


def _erase(connection: Connection, client_id: str, now_us: int) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")  # freed pages are overwritten
    for table in _HOLDS_PERSON:
        connection.execute(delete(table).where(table.c.client_id == client_id))
    nothing: dict[str, Any] = {
        "holding": Holding.ERASED.value,
        "erase_at_us": None,
        "row_hash": None,
        "language": "",
        "loaded_fields": "",
        "updated_at_us": now_us,
        "version": CLIENT.c.version + 1,
    }
    connection.execute(CLIENT.update().where(CLIENT.c.client_id == client_id).values(nothing))


def _forget_words(connection: Connection, client_id: str) -> None:
    connection.execute(delete(CLIENT_SEARCH).where(CLIENT_SEARCH.c.client_id == client_id))


def _entry(what: str, asked: Erasure, now_us: int) -> AuditEntry:
    return AuditEntry(
        at_ns=now_us * 1_000,
        actor=asked.actor,
        via="privacy",
        action=f"personal_data.{what}",
        entity=f"client {asked.client_id}",
        reason=asked.reason,
        detail=canonical({"keep_until_us": asked.keep_until_us}),
    )
