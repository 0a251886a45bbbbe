"""Do what ``plimsoll clients import`` does: load files, and say what could not be loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.console import Console

from crm_sync.clients.csv_import import Source, import_accounts, import_clients, load_of
from crm_sync.clients.csv_lines import SetAside, read_mapping
from crm_sync.clients.fields import default_policy
from crm_sync.clients.loading import ClientLoader, Loaded
from dealing.back_office.opening import restrict_unidentified
from dealing.back_office.rooms import Rooms
from dealing.clients_cli import ImportAsked
from exposure.errors import ConfigError

_TOLD: Final = 20


def run_import(rooms: Rooms, asked: ImportAsked, console: Console) -> int:
    """Load and return the exit code: 1 if a row was set aside.

    Raises:
        ConfigError: No file was named.
        DataError: A file cannot be read, or lacks a column.
        StorageError: The database cannot be used.
    """
    if asked.clients is None and asked.accounts is None:
        raise ConfigError(["name a file: --clients FILE, --accounts FILE, or both"])
    aside = SetAside()
    if asked.clients is not None:
        loader = ClientLoader(
            rooms.database, rooms.keyring, (default_policy(), rooms.kyc_policy), rooms.now_us
        )
        load = load_of(asked.clients, asked.source, rooms.now_us())
        source = _source(asked.clients, asked.clients_mapping)
        done = import_clients(loader, source, load, aside, dry_run=asked.dry_run)
        console.print(_sentence("clients", done, dry_run=asked.dry_run))
    if asked.accounts is not None:
        source = _source(asked.accounts, asked.accounts_mapping)
        done = import_accounts(rooms.database, source, aside, dry_run=asked.dry_run)
        console.print(_sentence("accounts", done, dry_run=asked.dry_run))
    if not asked.dry_run:
        restrict_unidentified(rooms)
    for bad in aside.told[:_TOLD]:
        console.print(f"set aside: {bad.file} line {bad.line}: {bad.reason}")
    if aside.count > _TOLD:
        console.print(f"... and {aside.count - _TOLD:,} rows more")
    return 1 if aside.count else 0


def _source(path: Path, mapping: Path | None) -> Source:
    return Source(path, None if mapping is None else read_mapping(mapping))


def _sentence(what: str, done: Loaded, *, dry_run: bool) -> str:
    verb = "would be " if dry_run else ""
    return (
        f"{done.rows:,} {what}: {done.new:,} {verb}new, {done.changed:,} {verb}changed, "
        f"{done.unchanged:,} unchanged, {done.ignored:,} {verb}ignored"
    )
