"""Clients out to a CSV file, as the role may see them, and without formulas.

A spreadsheet takes a field that begins with ``=`` or the like for a formula, and a client may have
chosen such a name. So these get an apostrophe in front. Every export is in the audit log.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from enum import StrEnum
from typing import IO, Final

import msgspec
from sqlalchemy import Connection

from crm_sync.audit import AuditEntry, canonical
from crm_sync.audit_log import alone, append
from crm_sync.clients.profile_rows import in_parts
from crm_sync.clients.roles import Reader, Role
from crm_sync.clients.views import ClientViews
from exposure.errors import DomainError

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - the wide forms are meant


def export_clients(
    connection: Connection,
    views: ClientViews,
    client_ids: Sequence[str],
    reader: Reader,
    now_us: int,
    out: IO[str],
) -> int:
    """Write clients as they stand in the reader's lists; return how many.

    Raises:
        DomainError: The reader may not see single clients, or does not say who he is and why.
    """
    if reader.role is Role.MANAGEMENT:
        raise DomainError("management sees numbers of clients, and no single client")
    if not reader.actor or not reader.reason.strip():
        raise DomainError("to take clients out, say who takes them and why")
    alone(connection)
    writer, count = csv.writer(out), 0
    for part in in_parts(client_ids):
        for hit in views.hits(connection, part, reader.role):
            if count == 0:
                writer.writerow(hit.__struct_fields__)
            writer.writerow([_cell(value) for value in msgspec.structs.astuple(hit)])
            count += 1
    append(connection, _entry(reader, count, now_us))
    return count


def neutral(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cell(value: object) -> object:
    match value:
        case StrEnum():
            return value.value
        case str():
            return neutral(value)
        case tuple():
            return neutral(" ".join(map(str, value)))
        case _:
            return value


def _entry(reader: Reader, count: int, now_us: int) -> AuditEntry:
    return AuditEntry(
        at_ns=now_us * 1_000,
        actor=reader.actor,
        via="export",
        action="clients.exported",
        entity="clients",
        reason=reader.reason,
        detail=canonical({"role": reader.role.value, "clients": count}),
    )
