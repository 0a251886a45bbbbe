"""What tests of this room are made of: a clock, a room that counts, and messages for it."""

import json
import os
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, MetaData, String, Table, event, func, select

from crm_sync.events import KycReported, Outcome, PaymentReported, ProfileReported
from crm_sync.messages.inbox import Inbox
from crm_sync.messages.inbox_worker import InboxWorker, Rooms
from crm_sync.messages.outbox import Outbox
from crm_sync.messages.retries import INBOX_RETRIES, OUTBOX_RETRIES, Pace
from crm_sync.messages.sealing import Seal
from crm_sync.messages.tables import INBOX
from crm_sync.providers.standard import Standard
from exposure.errors import DomainError

KEY = bytes(range(32))
SEAL = Seal(KEY, (), os.urandom)
START_US = 1_700_000_000_000_000
ORIGIN = "plimsoll"

TAKEN = Table(
    "taken",
    MetaData(),
    Column("event_id", String, primary_key=True),
    Column("who", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("place", BigInteger, nullable=False),
)
"""What the counting room has taken; in which place of its own order."""


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self):
        self.us = START_US

    def __call__(self):
        return self.us

    def go(self, s):
        self.us += round(s * 1_000_000)


class CountingRoom:
    """Takes payments and profiles once each, and refuses what it was told to refuse."""

    def __init__(self):
        self.refuses = {}
        self.calls = 0

    def __call__(self, connection, report, now_us):
        self.calls += 1
        who = name_of(report)
        mine = TAKEN.c.event_id == report.event_id
        if connection.scalar(select(TAKEN.c.event_id).where(mine)) is not None:
            return Outcome.DUPLICATE
        place = connection.scalar(select(func.count()).select_from(TAKEN))
        amount = getattr(report, "amount_minor", 0)
        row = {"event_id": report.event_id, "who": who, "amount_minor": amount, "place": place}
        connection.execute(TAKEN.insert(), row)
        if who in self.refuses:
            raise self.refuses[who]
        return Outcome.APPLIED


def name_of(report):
    return report.provider_ref if isinstance(report, PaymentReported) else report.external_id


class Killed(BaseException):
    """The process dies here; nothing of ours may catch it."""


class Killer:
    """Lets the process die before its n-th statement or commit from now on."""

    NEVER = 10**9
    _MOMENTS = ("before_cursor_execute", "commit")

    def __init__(self, database):
        self.left = self.NEVER
        self._engine = database._engine
        for moment in self._MOMENTS:
            event.listen(self._engine, moment, self._count)

    def off(self):
        for moment in self._MOMENTS:
            event.remove(self._engine, moment, self._count)

    def _count(self, *_):
        self.left -= 1
        if self.left < 0:
            raise Killed


class Desk(NamedTuple):
    """Everything between a webhook and the rooms, on one database."""

    database: object
    clock: Clock
    inbox: Inbox
    outbox: Outbox
    room: CountingRoom
    worker: InboxWorker

    def receive(self, *bodies, provider="crm"):
        for body in bodies:
            self.inbox.receive(provider, Standard("crm").items(body))

    def drain(self):
        """Take everything, however long it takes to be due."""
        while any(row.state == "waiting" for row in self.rows()):
            while self.worker.step():
                pass
            self.clock.go(3_600)

    def taken(self):
        """Return what the room has taken, in its order."""
        with self.database.reading() as connection:
            return connection.execute(select(TAKEN).order_by(TAKEN.c.place)).all()

    def rows(self, table=INBOX):
        with self.database.reading() as connection:
            return connection.execute(select(table).order_by(table.c.id)).all()


def pace_of(clock, retries=INBOX_RETRIES):
    return Pace(now_us=clock, chance=lambda: 0.0, retries=retries)


def outbox_pace(clock):
    return pace_of(clock, OUTBOX_RETRIES)


def desk_on(database, providers=None, room=None, handlers=None, *, make=True):
    """Return a desk; its room's table is made unless it is there already."""
    if make:
        with database.writing() as connection:
            TAKEN.create(connection)
    clock, room = Clock(), room or CountingRoom()
    inbox, outbox = Inbox(database, SEAL, clock), Outbox(SEAL, clock)
    kinds = (PaymentReported, ProfileReported, KycReported)
    rooms = Rooms(
        providers={"crm": Standard("crm"), **(providers or {})},
        handlers=dict.fromkeys(kinds, room) if handlers is None else handlers,
        origin=ORIGIN,
    )
    worker = InboxWorker(database, inbox, outbox, rooms, pace_of(clock))
    return Desk(database, clock, inbox, outbox, room, worker)


def payment(ref, amount_minor=100, **more):
    """Return the body of a payment that was captured."""
    data = {
        "provider_ref": ref,
        "direction": "deposit",
        "step": "captured",
        "amount_minor": amount_minor,
        "currency": "EUR",
        **more,
    }
    return enveloped("payment.reported", data)


def profile(who, origin="", **fields):
    """Return the body of a profile."""
    return enveloped("client.updated", {"external_id": who, "fields": fields}, origin)


def enveloped(kind, data, origin=""):
    content = {"type": kind, "timestamp": "2023-11-14T22:13:20Z", "data": data, "origin": origin}
    return json.dumps(content).encode()


def refused(why="not yet"):
    return DomainError(why)
