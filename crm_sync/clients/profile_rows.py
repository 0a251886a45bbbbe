"""Clients as rows: how a new one is made, how held ones are read and changed, many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, Row, bindparam, delete, select

from crm_sync.clients.fields import DEFAULTS, PERSONAL, PLAIN, Field, Holding, Mark
from crm_sync.clients.kyc import Standing
from crm_sync.clients.marks import Load, Marks, from_list, listed
from crm_sync.clients.new_rows import add_new
from crm_sync.clients.pii import BLIND, ClientKey, Keyring, WrappedKey
from crm_sync.clients.tables import (
    CLIENT,
    CLIENT_KEY,
    CLIENT_PII,
    CLIENT_SEARCH,
    FIELD_SOURCE,
)
from crm_sync.clients.wording import search_words
from crm_sync.events import KycState

AT_ONCE: Final = 5_000
"""Ids in one question; SQLite takes at most 32,766."""

Item = TypeVar("Item")

_NEW: Final = Standing(KycState.NONE, 0, "", None)
_CT: Final = {field: f"{field}_ct" for field in PERSONAL}
_BI: Final = {field: f"{field}_bi" for field in BLIND}


class NewClient(NamedTuple):
    """A client that is not known yet; it is called as its CRM calls it."""

    external_id: str
    values: Mapping[Field, str]
    marks: Marks = Marks()
    standing: Standing = _NEW
    row_hash: bytes | None = None


class Held(NamedTuple):
    """A client as the database holds it."""

    row: Row[Any]
    marks: Marks

    @property
    def key(self) -> WrappedKey:
        """The key of personal data."""
        return WrappedKey(self.row.kek_id, self.row.wrapped_dek)

    @property
    def in_use(self) -> bool:
        """Whether personal data may be changed."""
        return bool(self.row.holding == Holding.IN_USE)


class Change(NamedTuple):
    """New values of a held client, and its marks after them."""

    held: Held
    values: Mapping[Field, str]
    marks: Marks
    row_hash: bytes | None


def in_parts(items: Sequence[Item], size: int = AT_ONCE) -> Iterator[Sequence[Item]]:
    """Yield items in parts of a size that one question takes."""
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]


def add_clients(
    connection: Connection, keyring: Keyring, clients: Sequence[NewClient], now_us: int
) -> None:
    """Add clients that are not there yet, with their personal data encrypted."""
    keys: list[tuple[Any, ...]] = []
    personal: list[tuple[Any, ...]] = []
    words: list[tuple[str, str]] = []
    for client in clients:
        client_id, values = client.external_id, client.values
        key, wrapped = keyring.new_key(client_id)
        keys.append((client_id, *wrapped))
        personal.append((client_id, *_sealed(keyring, key, values)))
        words.extend((word, client_id) for word in _words(values))
    add_new(connection, CLIENT, [_client_row(client, now_us) for client in clients])
    add_new(connection, CLIENT_KEY, keys)
    add_new(connection, CLIENT_PII, personal)
    add_new(connection, CLIENT_SEARCH, sorted(words))
    own = [(client.external_id, client.marks.own) for client in clients if client.marks.own]
    add_new(connection, FIELD_SOURCE, _mark_rows(own))


def held_clients(connection: Connection, external_ids: Sequence[str]) -> dict[str, Held]:
    """Return clients by external id, kept from others until the transaction ends."""
    found: dict[str, Held] = {}
    for part in in_parts(external_ids):
        rows = connection.execute(_locked().where(CLIENT.c.external_id.in_(part))).all()
        marks = _own_marks(connection, [row.client_id for row in rows])
        for row in rows:
            load = Load(row.loaded_source, row.loaded_at_us, row.loaded_event)
            own = marks.get(row.client_id, {})
            found[row.external_id] = Held(row, Marks(load, from_list(row.loaded_fields), own))
    return found


def change_clients(
    connection: Connection, keyring: Keyring, changes: Sequence[Change], now_us: int
) -> None:
    """Write changes of held clients."""
    if not changes:
        return
    rows = [_changed_row(change, now_us) for change in changes]
    update = CLIENT.update().where(CLIENT.c.client_id == bindparam("b_client_id"))
    connection.execute(update.values(_places(rows[0])), rows)
    _change_marks(connection, changes)
    keys = {
        change.held.row.client_id: keyring.client_key(change.held.row.client_id, change.held.key)
        for change in changes
        if not change.values.keys().isdisjoint(PERSONAL)
    }
    _change_personal(connection, keyring, changes, keys)
    _change_words(connection, changes, keys)


def _locked() -> Any:
    joined = CLIENT.outerjoin(CLIENT_KEY, CLIENT_KEY.c.client_id == CLIENT.c.client_id)
    asked = select(CLIENT, CLIENT_KEY.c.kek_id, CLIENT_KEY.c.wrapped_dek).select_from(joined)
    return asked.with_for_update(of=CLIENT)


# New rows --------------------------------------------------------------------------------------


def _client_row(client: NewClient, now_us: int) -> tuple[Any, ...]:
    plain = DEFAULTS | {field: client.values[field] for field in PLAIN if field in client.values}
    load, standing = client.marks.load, client.standing
    row = {
        "client_id": client.external_id,
        "external_id": client.external_id,
        **{field.value: str(value) for field, value in plain.items()},
        "kyc_state": standing.state.value,
        "kyc_level": standing.level,
        "kyc_since_us": standing.since_us,
        "kyc_due_at_us": standing.due_at_us,
        "kyc_base_state": standing.state.value,
        "kyc_base_at_us": standing.since_us,
        "told_close_only": False,
        "holding": Holding.IN_USE.value,
        "erase_at_us": None,
        "row_hash": client.row_hash,
        "loaded_source": load.source,
        "loaded_at_us": load.occurred_at_us,
        "loaded_event": load.event_id,
        "loaded_fields": listed(client.marks.loaded),
        "created_at_us": now_us,
        "updated_at_us": now_us,
        "version": 1,
    }
    return tuple(row[name] for name in CLIENT.columns.keys())  # noqa: SIM118 - columns, not names


def _sealed(keyring: Keyring, key: ClientKey, values: Mapping[Field, str]) -> list[bytes | None]:
    sealed = [key.seal(field, value) if (value := values.get(field)) else None for field in _CT]
    blind = [keyring.blind(field, value) if (value := values.get(field)) else None for field in _BI]
    return [*sealed, *blind]


def _words(values: Mapping[Field, str]) -> tuple[str, ...]:
    return search_words(values.get(Field.NAME, ""), values.get(Field.EMAIL, ""))


# Marks -----------------------------------------------------------------------------------------


def _own_marks(connection: Connection, client_ids: Sequence[str]) -> dict[str, dict[Field, Mark]]:
    asked = select(FIELD_SOURCE).where(FIELD_SOURCE.c.client_id.in_(client_ids))
    found: dict[str, dict[Field, Mark]] = {}
    for client_id, field, *mark in connection.execute(asked):
        found.setdefault(client_id, {})[Field(field)] = Mark(*mark)
    return found


def _change_marks(connection: Connection, changes: Sequence[Change]) -> None:
    other = [change for change in changes if change.marks.own != change.held.marks.own]
    for part in in_parts([change.held.row.client_id for change in other]):
        connection.execute(delete(FIELD_SOURCE).where(FIELD_SOURCE.c.client_id.in_(part)))
    own = [(change.held.row.client_id, change.marks.own) for change in other]
    add_new(connection, FIELD_SOURCE, _mark_rows(own))


def _mark_rows(own: Sequence[tuple[str, Mapping[Field, Mark]]]) -> list[tuple[Any, ...]]:
    return [
        (client_id, field.value, *mark) for client_id, marks in own for field, mark in marks.items()
    ]


# Changes ---------------------------------------------------------------------------------------


def _changed_row(change: Change, now_us: int) -> dict[str, Any]:
    row, marks = change.held.row, change.marks
    plain = {field: change.values.get(field, getattr(row, field)) for field in PLAIN}
    return {
        "b_client_id": row.client_id,
        **{field.value: str(value) for field, value in plain.items()},
        "row_hash": change.row_hash,
        "loaded_source": marks.load.source,
        "loaded_at_us": marks.load.occurred_at_us,
        "loaded_event": marks.load.event_id,
        "loaded_fields": listed(marks.loaded),
        "updated_at_us": now_us,
        "version": row.version + 1,
    }


def _change_personal(
    connection: Connection,
    keyring: Keyring,
    changes: Sequence[Change],
    keys: Mapping[str, ClientKey],
) -> None:
    mine = CLIENT_PII.c.client_id == bindparam("b_client_id")
    for field in PERSONAL:
        said = [
            (change.held.row.client_id, change.values[field])
            for change in changes
            if field in change.values
        ]
        if said:
            rows = [_sealed_field(keyring, keys[who], who, (field, value)) for who, value in said]
            names: dict[str, Any] = {
                name: bindparam(name) for name in rows[0] if name != "b_client_id"
            }
            connection.execute(CLIENT_PII.update().where(mine).values(names), rows)


def _places(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: bindparam(name) for name in row if name != "b_client_id"}


def _sealed_field(
    keyring: Keyring, key: ClientKey, client_id: str, said: tuple[Field, str]
) -> dict[str, Any]:
    field, value = said
    row: dict[str, Any] = {"b_client_id": client_id}
    row[_CT[field]] = key.seal(field, value) if value else None
    if field in _BI:
        row[_BI[field]] = keyring.blind(field, value) if value else None
    return row


def _change_words(
    connection: Connection, changes: Sequence[Change], keys: Mapping[str, ClientKey]
) -> None:
    renamed = [c for c in changes if Field.NAME in c.values or Field.EMAIL in c.values]
    for part in in_parts(renamed):
        who = [change.held.row.client_id for change in part]
        asked = select(CLIENT_PII.c.client_id, CLIENT_PII.c.name_ct, CLIENT_PII.c.email_ct)
        words: list[tuple[str, str]] = []
        for client_id, name, email in connection.execute(
            asked.where(CLIENT_PII.c.client_id.in_(who))
        ):
            sealed = {Field.NAME: name, Field.EMAIL: email}
            values = {f: keys[client_id].unseal(f, ct) for f, ct in sealed.items() if ct}
            words.extend((word, client_id) for word in _words(values))
        connection.execute(delete(CLIENT_SEARCH).where(CLIENT_SEARCH.c.client_id.in_(who)))
        add_new(connection, CLIENT_SEARCH, sorted(words))
