"""How a desk gets the screen of the back office, over the run's own database and engine."""

from __future__ import annotations

import os
import time
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter

from crm_sync.database import Database
from crm_sync.messages.sealing import Seal
from crm_sync.reconcile.kept import FourEyes
from dealing.back_office.api import office_routes
from dealing.back_office.clock import now_us
from dealing.back_office.desk import OfficeDesk
from dealing.back_office.live import EngineAccounts
from dealing.back_office.rooms import open_rooms
from dealing.back_office.secrets import secrets_of
from dealing.back_office.trading import EngineTrading
from dealing.desk.held_book import BookDesk
from dealing.directory import DataDirectory
from dealing.hub import HubClient
from dealing.server_day import ServerDay
from dealing.settings import Settings, SyncSection

_USD: Final = "USD"


def office_routes_of(
    settings: Settings, directory: DataDirectory, database: Database, hub: HubClient
) -> APIRouter:
    """Return the routes of the back office's screen.

    Raises:
        ConfigError: A key that was given is none.
        StorageError: The secrets of the run cannot be read or written.
    """
    secrets = secrets_of(directory.secrets_file, os.environ)  # those of the sync process
    rooms = open_rooms(database, settings.sync, secrets, now_us)
    day = ServerDay(ZoneInfo(settings.desk.day_zone), settings.desk.day_starts_at_hour)
    books = BookDesk(hub, day, time.time_ns)
    live = EngineAccounts(books, EngineTrading(hub, hub.latest))
    seal = Seal(secrets.key, secrets.old_keys, os.urandom)
    return office_routes(OfficeDesk(rooms, seal, live, four_eyes_of(settings.sync)))


def four_eyes_of(section: SyncSection) -> FourEyes:
    """Return which corrections take a second person: as withdrawals do, in USD.

    Other currencies have no price here, so a second person always decides about them.
    """
    return FourEyes(above_usd=section.approval_above.get(_USD, 0), usd_per={_USD: 1.0})
