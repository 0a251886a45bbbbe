"""The back office as a process: it takes webhooks and keeps three sides in step."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from crm_sync.clients.profiles import OURSELVES
from crm_sync.messages.inbox_worker import InboxWorker
from crm_sync.messages.inbox_worker import Rooms as Readers
from crm_sync.messages.outbox_worker import Boxes, OutboxWorker
from crm_sync.messages.ports import Provider, Sender
from crm_sync.messages.receiving import webhooks_app
from crm_sync.messages.retries import INBOX_RETRIES, OUTBOX_RETRIES, Pace
from crm_sync.money.platform_worker import PlatformWorker, Timing
from crm_sync.money.sole_sender import Lease
from dealing.back_office.opening import has_accounts, load_exports
from dealing.back_office.outside import PartySender, readers, senders, sources
from dealing.back_office.platform import PlatformSender, SocketBalancePlatform
from dealing.back_office.rooms import PLATFORM, Rooms
from dealing.back_office.secrets import BackOfficeSecrets
from dealing.back_office.serving import address_in, local_socket, told_address
from dealing.back_office.tidying import ThreeWayCheck, Tidying
from dealing.back_office.work import IDLE_S, SOON_S, Step, repeat
from dealing.backoff import Backoff
from dealing.directory import DataDirectory, Role
from dealing.process import run_until
from dealing.serving import serve
from dealing.settings import SyncSection

_S: Final = 1_000_000
_FIRST_CHECK_S: Final = 30.0
_LONGEST_PAUSE_S: Final = 5.0


async def run_sync(
    rooms: Rooms,
    section: SyncSection,
    secrets: BackOfficeSecrets,
    directory: DataDirectory,
    holder: str,
    stop: asyncio.Event,
) -> None:
    """Be the back office until told to stop.

    Args:
        rooms: Who takes what.
        section: Where to listen, and how long things may take.
        secrets: With what others sign.
        directory: Where the run is.
        holder: A name that no other process has, for the right to send to the platform.
        stop: Ends it.

    Raises:
        DeskError: It cannot listen, or a secret cannot be used.
    """
    platform = directory.socket(Role.PLATFORM)
    parties = PartySender(address_in(directory.parties_file), secrets.parties, rooms.now_us)
    by_name = readers(section, secrets.webhooks)
    app = webhooks_app(sources(section, secrets, by_name), rooms.inbox, rooms.now_us)
    told = senders(PlatformSender(platform), parties, secrets.tokens, rooms.now_us)
    worker = _platform_worker(rooms, section, directory, holder)
    steps: dict[str, Step] = {
        "clients": partial(_load_once, rooms, parties, directory),
        "inbox": _inbox(rooms, by_name),
        "outbox": _outbox(rooms, by_name, told),
        "platform": _due(worker.step, rooms.now_us),
        "tidying": Tidying(rooms).step,
    }
    if section.reconcile_every_min > 0.0:
        check = ThreeWayCheck(rooms, parties, platform, section.reconcile_every_min * 60.0)
        steps["reconciliation"] = _later(check.step, _FIRST_CHECK_S)
    ended = asyncio.Event()
    try:
        with (
            local_socket(section.host, section.port) as listening,
            told_address(directory.webhooks_file, listening),
        ):
            await run_until(
                ended,
                serve(app, listening, stop, ended),
                *(repeat(name, step, _backoff(), stop) for name, step in steps.items()),
            )
    finally:
        await asyncio.to_thread(worker.close)


def _platform_worker(
    rooms: Rooms, section: SyncSection, directory: DataDirectory, holder: str
) -> PlatformWorker:
    def currency_of(login: str) -> str:
        with rooms.database.reading() as connection:
            account = rooms.accounts.account(connection, login)
        return "" if account is None else account.currency

    quarantine_us = round(section.quarantine_s * _S)
    # what a dead process sent is looked for after the quarantine: no use to hold others off longer
    lease_us = min(Timing().lease_us, quarantine_us)
    timing = Timing(quarantine_us=quarantine_us, lease_us=lease_us)
    lease = Lease(PLATFORM, holder, timing.lease_us)
    platform = SocketBalancePlatform(directory.socket(Role.PLATFORM), currency_of)
    return PlatformWorker(rooms.database, platform, lease, rooms.after_orders, rooms.now_us, timing)


def _load_once(rooms: Rooms, parties: PartySender, directory: DataDirectory) -> float:
    if not has_accounts(rooms):
        if not directory.parties_file.exists():
            return IDLE_S  # the platform has only just started
        load_exports(rooms, parties, directory.parties)
    return math.inf


def _inbox(rooms: Rooms, by_name: Mapping[str, Provider]) -> Step:
    pace = Pace(rooms.now_us, random.random, INBOX_RETRIES)
    taken = Readers(by_name, rooms.handlers, OURSELVES)
    worker = InboxWorker(rooms.database, rooms.inbox, rooms.outbox, taken, pace)
    return lambda: SOON_S if worker.step() else IDLE_S


def _outbox(rooms: Rooms, by_name: Mapping[str, Provider], sender: Sender) -> Step:
    pace = Pace(rooms.now_us, random.random, OUTBOX_RETRIES)
    boxes = Boxes(rooms.outbox, rooms.inbox, by_name)
    worker = OutboxWorker(rooms.database, boxes, sender, pace)
    return lambda: SOON_S if worker.step() else IDLE_S


def _due(step: Callable[[], int], now_us: Callable[[], int]) -> Step:
    """Return a step that says in how many seconds it is wanted, from one that says when."""
    return lambda: max(min((step() - now_us()) / _S, _LONGEST_PAUSE_S), SOON_S)


def _later(step: Step, first_s: float) -> Step:
    """Return a step that does nothing the first time."""
    waited = False

    def taken() -> float:
        nonlocal waited
        if not waited:
            waited = True
            return first_s
        return step()

    return taken


def _backoff() -> Backoff:
    return Backoff(random.random, first_s=0.2, limit_s=10.0)
