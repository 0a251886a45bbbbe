"""The first clients of a run: what the simulated CRM exports, loaded as any broker's file is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import func, select

from crm_sync.clients.csv_import import Source, import_accounts, import_clients, load_of
from crm_sync.clients.csv_lines import SetAside
from crm_sync.clients.fields import default_policy
from crm_sync.clients.loading import ClientLoader
from crm_sync.clients.tables import CLIENT, TRADING_ACCOUNT
from crm_sync.events import KycState
from dealing.back_office.outside import PartySender
from dealing.back_office.rooms import Rooms
from dealing.directory import write_whole

_CRM: Final = "crm"
_AT_ONCE: Final = 500
"""Clients in one transaction: others write meanwhile."""

_FILES: Final = ("clients.csv", "accounts.csv")


def has_accounts(rooms: Rooms) -> bool:
    """Whether clients were loaded before."""
    with rooms.database.reading() as connection:
        return bool(connection.scalar(select(func.count()).select_from(TRADING_ACCOUNT)))


def load_exports(rooms: Rooms, parties: PartySender, directory: Path) -> int:
    """Fetch the CRM's exports and load them; return how many accounts there are.

    Raises:
        DeliveryError: The CRM does not answer.
        DataError: A file cannot be read.
        StorageError: The database cannot be used.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    clients, accounts = (directory / name for name in _FILES)
    for file in (clients, accounts):
        write_whole(file, parties.exported(file.name))
        file.chmod(0o600)
    loader = ClientLoader(
        rooms.database, rooms.keyring, (default_policy(), rooms.kyc_policy), rooms.now_us
    )
    aside = SetAside()
    import_clients(loader, Source(clients), load_of(clients, _CRM, rooms.now_us()), aside)
    loaded = import_accounts(rooms.database, Source(accounts), aside)
    restrict_unidentified(rooms)
    structlog.get_logger().info("clients loaded", accounts=loaded.rows, refused=aside.count)
    return loaded.rows


def restrict_unidentified(rooms: Rooms) -> None:
    """Let the platform know which clients may only close positions; nobody is told twice."""
    asked = select(CLIENT.c.client_id).where(
        CLIENT.c.kyc_state != KycState.APPROVED.value, CLIENT.c.told_close_only.is_(False)
    )
    with rooms.database.reading() as connection:
        found = connection.scalars(asked).all()
    for begin in range(0, len(found), _AT_ONCE):
        with rooms.database.writing() as connection:
            for client_id in found[begin : begin + _AT_ONCE]:
                rooms.kyc.refresh(connection, client_id, rooms.now_us())
