"""Loading a whole file of clients: a million at once, and again every night.

A keyed hash of each row says whether the file says anything new of a client; only then is it
decrypted, merged field by field and written. Clients that are not known yet go in as fast as the
engine takes them. A file that says again what it said before changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from crm_sync.audit import AuditEntry, canonical
from crm_sync.audit_log import alone, append
from crm_sync.clients.fields import Field, FieldPolicy, RiskClass
from crm_sync.clients.kyc import KycPolicy, Standing, standing
from crm_sync.clients.kyc_reports import base_step
from crm_sync.clients.marks import Load, Marks, merge
from crm_sync.clients.pii import Keyring
from crm_sync.clients.profile_rows import (
    Change,
    NewClient,
    add_clients,
    change_clients,
    held_clients,
    in_parts,
)
from crm_sync.clients.tables import CLIENT
from crm_sync.database import Database
from crm_sync.events import KycState

ROWS_AT_ONCE: Final = 20_000
"""Clients in memory at once, and in one transaction while others write as well."""

FIRST_LOAD_PARTS: Final = 10
"""Parts in one transaction of a first load: each one writes most pages of the indexes anew."""

CACHE_KIB: Final = 262_144
"""What SQLite keeps in memory meanwhile: indexes of random keys need it."""

Progress = Callable[[int], None]


class FileRow(NamedTuple):
    """What a file says of a client; an empty value says nothing."""

    external_id: str
    values: Mapping[Field, str]
    kyc_state: KycState = KycState.NONE


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a load did: ``ignored`` clients are erased or restricted, or newer values stand."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    ignored: int = 0

    def __add__(self, other: Loaded) -> Loaded:
        """Return both together."""
        mine, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        names = self.__struct_fields__
        return Loaded(**dict(zip(names, map(sum, zip(mine, theirs, strict=True)), strict=True)))


class _Sorted(NamedTuple):
    """A part of a file by what has to be done."""

    new: list[tuple[FileRow, bytes]]
    told: list[tuple[FileRow, bytes]]
    unchanged: int


class ClientLoader:
    """Loads files of clients into a database."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        policies: tuple[FieldPolicy, KycPolicy],
        now_us: Callable[[], int],
        parts_together: int = 1,
    ) -> None:
        """Take what it works with.

        Args:
            database: Where to.
            keyring: The keys of personal data.
            policies: Who owns fields, and what KYC asks.
            now_us: The clock.
            parts_together: How many parts are one transaction. More are faster, but on SQLite
                nobody else can write meanwhile: FIRST_LOAD_PARTS is for a desk not in use yet.
        """
        self._database = database
        self._parts_together = parts_together
        self._keyring = keyring
        self._fields, self._kyc = policies
        self._now_us = now_us

    def load(self, rows: Iterable[FileRow], load: Load, progress: Progress | None = None) -> Loaded:
        """Load rows; what was loaded when it stops stays, and loading again goes on.

        Args:
            rows: Each client once.
            load: The file.
            progress: Called with the number of rows so far.

        Raises:
            StorageError: The database cannot be used.
        """
        total, parts = Loaded(), _parts(rows)
        while further := self._load_some(parts, load, total, progress):
            total = further
        with self._database.writing() as connection:
            alone(connection)
            append(connection, self._entry(load, total))
        return total

    def foresee(self, rows: Iterable[FileRow]) -> Loaded:
        """Return what loading would do, and write nothing; newer values may still stand."""
        total = Loaded()
        for part in _parts(rows):
            with self._database.reading() as connection:
                found = self._sorted(connection, part)
            new, changed = len(found.new), len(found.told)
            total += Loaded(rows=len(part), new=new, changed=changed, unchanged=found.unchanged)
        return total

    def _load_some(
        self, parts: Iterator[list[FileRow]], load: Load, total: Loaded, progress: Progress | None
    ) -> Loaded | None:
        """Load parts in one transaction; return the new total, None where there are no more."""
        first = next(parts, None)
        if first is None:
            return None
        with self._database.writing() as connection:
            alone(connection)
            _enlarge_cache(connection)
            for part in chain([first], islice(parts, self._parts_together - 1)):
                total += self._write(connection, part, load)
        if progress is not None:
            progress(total.rows)
        return total

    def _write(self, connection: Connection, part: Sequence[FileRow], load: Load) -> Loaded:
        found, now_us = self._sorted(connection, part), self._now_us()
        owned = self._fields.owned_by(load.source)
        new = [self._new(row, row_hash, Marks(load, owned)) for row, row_hash in found.new]
        add_clients(connection, self._keyring, new, now_us)
        changes = self._changes(connection, found.told, load)
        change_clients(connection, self._keyring, changes, now_us)
        changed = sum(bool(change.values) for change in changes)
        return Loaded(
            rows=len(part),
            new=len(new),
            changed=changed,
            unchanged=found.unchanged,
            ignored=len(found.told) - changed,
        )

    def _sorted(self, connection: Connection, part: Sequence[FileRow]) -> _Sorted:
        held: dict[str, bytes | None] = {}
        asked = select(CLIENT.c.external_id, CLIENT.c.row_hash)
        for some in in_parts([row.external_id for row in part]):
            found = connection.execute(asked.where(CLIENT.c.external_id.in_(some)))
            held.update((external_id, row_hash) for external_id, row_hash in found)
        hashed = [(row, self._hash(row)) for row in part]
        new = [one for one in hashed if one[0].external_id not in held]
        known = [one for one in hashed if one[0].external_id in held]
        told = [one for one in known if held[one[0].external_id] != one[1]]
        return _Sorted(new, told, len(known) - len(told))

    def _hash(self, row: FileRow) -> bytes:
        said = sorted((field, value) for field, value in row.values.items() if value)
        return self._keyring.fingerprint([row.external_id, row.kyc_state, said])

    def _new(self, row: FileRow, row_hash: bytes, source: Marks) -> NewClient:
        """Return a client of whom only this file has spoken."""
        values = {f: value for f, value in row.values.items() if value and f in source.loaded}
        risk_class = RiskClass(values.get(Field.RISK_CLASS, RiskClass.MEDIUM))
        at = _first_standing(row.kyc_state, risk_class, source.load.occurred_at_us, self._kyc)
        marks = Marks(source.load, frozenset(values))
        return NewClient(row.external_id, values, marks, at, row_hash)

    def _changes(
        self, connection: Connection, told: Sequence[tuple[FileRow, bytes]], load: Load
    ) -> list[Change]:
        held = held_clients(connection, [row.external_id for row, _ in told])
        changes = []
        for row, row_hash in told:
            client = held[row.external_id]
            if client.in_use:
                said = self._fields.marks(_said(row), *load)
                won, marks = merge(client.marks, said, self._fields, load)
                values = {field: row.values[field] for field in won}
                changes.append(Change(client, values, marks, row_hash))
        return changes

    def _entry(self, load: Load, total: Loaded) -> AuditEntry:
        return AuditEntry(
            at_ns=self._now_us() * 1_000,
            actor=load.source,
            via="file",
            action="clients.loaded",
            entity=f"file {load.event_id}",
            reason="",
            detail=canonical(msgspec.to_builtins(total)),
        )


@lru_cache(maxsize=256)
def _first_standing(
    state: KycState, risk_class: RiskClass, at_us: int, policy: KycPolicy
) -> Standing:
    if state is KycState.NONE:
        return Standing(state, 0, "", None)
    return standing([base_step(state, at_us, policy)], policy, risk_class, at_us)


def _said(row: FileRow) -> list[Field]:
    return [field for field, value in row.values.items() if value]


def _parts(rows: Iterable[FileRow]) -> Iterator[list[FileRow]]:
    waiting = iter(rows)
    while part := list(islice(waiting, ROWS_AT_ONCE)):
        yield part


def _enlarge_cache(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")
