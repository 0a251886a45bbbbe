"""Starting the back office inside its process."""

from __future__ import annotations

import asyncio
import os
import secrets as random_names

from crm_sync.database import Database
from dealing.back_office.clock import now_us
from dealing.back_office.process import run_sync
from dealing.back_office.rooms import open_rooms
from dealing.back_office.secrets import secrets_of
from dealing.directory import DataDirectory
from dealing.settings import Settings


async def be_sync(
    settings: Settings, directory: DataDirectory, database: Database, stop: asyncio.Event
) -> None:
    """Be the process of the back office."""
    secrets = secrets_of(directory.secrets_file, os.environ)
    rooms = open_rooms(database, settings.sync, secrets, now_us)
    holder = f"{os.getpid()}-{random_names.token_hex(4)}"
    try:
        await run_sync(rooms, settings.sync, secrets, directory, holder, stop)
    finally:
        database.close()
