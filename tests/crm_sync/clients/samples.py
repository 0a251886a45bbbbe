"""Clients, keys and reports for the tests of this room."""

import hashlib
import itertools
from contextlib import contextmanager

from sqlalchemy import select

from crm_sync.clients.fields import PERSONAL, Field, default_policy
from crm_sync.clients.kyc import KycPolicy
from crm_sync.clients.loading import ClientLoader
from crm_sync.clients.personal import personal_of
from crm_sync.clients.pii import Keyring
from crm_sync.clients.ports import NoOtherRooms
from crm_sync.clients.profile_rows import held_clients
from crm_sync.clients.profiles import ProfileReports
from crm_sync.clients.search import ClientSearch
from crm_sync.clients.tables import CLIENT, CLIENT_SEARCH
from crm_sync.clients.views import ClientViews
from crm_sync.events import ProfileReported
from crm_sync.schema import AUDIT_LOG

NOW_US = 1_790_000_000_000_000
POLICY = default_policy()
KYC = KycPolicy()

CANARY = {
    Field.NAME: "Zanzibarra Quokkamann",
    Field.EMAIL: "zq.canary@example.com",
    Field.PHONE: "+49 151 90817263",
    Field.BIRTH_DATE: "1971-03-29",
    Field.ADDRESS: "77 Kestrel Close, Nowhere",
    Field.NATIONAL_ID: "QX90817263",
    Field.IBAN: "DE89370400440532013000",
}
"""Values that stand nowhere else."""


def never_random(seed="seed"):
    """Return bytes that are different each time and the same in each run."""
    counter = itertools.count()

    def draw(size):
        content = f"{seed}:{next(counter)}".encode()
        return hashlib.shake_256(content).digest(size)

    return draw


def keyring(keks=("kek-1",), current=None, seed="seed"):
    keys = {kek: hashlib.sha256(kek.encode()).digest() for kek in keks}
    return Keyring(keys, current or keks[-1], b"i" * 32, never_random(seed))


def reported(external_id="C1", *, source="crm", event="e1", at=1, origin="", **fields):
    return ProfileReported(
        source=source, event_id=event, external_id=external_id, fields=fields, occurred_at_us=at,
        origin=origin,
    )  # fmt: skip


class Room:
    """This room's parts on one database."""

    def __init__(self, database, keys=None):
        self.database = database
        self.keys = keys or keyring()
        self.profiles = ProfileReports(self.keys, POLICY)
        self.views = ClientViews(self.keys, NoOtherRooms())
        self.search = ClientSearch(self.keys, self.views)
        self.loader = ClientLoader(database, self.keys, (POLICY, KYC), lambda: NOW_US)

    def report(self, *reports):
        with self.database.writing() as connection:
            return [self.profiles.apply_profile(connection, one, NOW_US) for one in reports]

    def add(self, external_id="C1", **more):
        fields = {field.value: value for field, value in CANARY.items()}
        self.report(reported(external_id, **(fields | {"country": "DE"} | more)))

    def personal(self, client_id="C1"):
        with self.database.reading() as connection:
            return personal_of(connection, self.keys, [client_id], PERSONAL).get(client_id)

    def state(self, external_id="C1"):
        """Return all that reports decide: values, marks and words."""
        with self.database.writing() as connection:
            held = held_clients(connection, [external_id])[external_id]
            plain = {name: getattr(held.row, name) for name in ("country", "language", "partner")}
            words = connection.scalars(
                select(CLIENT_SEARCH.c.word)
                .where(CLIENT_SEARCH.c.client_id == held.row.client_id)
                .order_by(CLIENT_SEARCH.c.word)
            ).all()
        return plain, self.personal(external_id), held.marks.all(POLICY), words

    def row(self, client_id="C1"):
        with self.database.reading() as connection:
            return connection.execute(select(CLIENT).where(CLIENT.c.client_id == client_id)).one()

    def audit(self):
        with self.database.reading() as connection:
            return connection.execute(select(AUDIT_LOG).order_by(AUDIT_LOG.c.seq)).all()

    @contextmanager
    def writing(self):
        with self.database.writing() as connection:
            yield connection
