"""A small back office: real rooms over a real database, three clients, and accounts that live."""

import asyncio
import os

import msgspec
from sqlalchemy import select

from crm_sync.audit_log import alone
from crm_sync.clients.accounts import Account, keep_accounts
from crm_sync.events import (
    Direction,
    KycReported,
    KycState,
    PaymentReported,
    PaymentStep,
    ProfileReported,
)
from crm_sync.messages.model import Item
from crm_sync.messages.sealing import Seal
from crm_sync.messages.tables import INBOX
from crm_sync.money.platform_order_store import Booking, Cause, keep, place
from crm_sync.money.platform_orders import OrderState
from crm_sync.money.ports import Side
from crm_sync.reconcile.kept import FourEyes
from crm_sync.reconcile.store import BreakStore, Run
from crm_sync.schema import AUDIT_LOG
from dealing.back_office.api import office_routes
from dealing.back_office.desk import OfficeDesk
from dealing.back_office.live import LiveAccount
from dealing.back_office.rooms import open_rooms
from dealing.back_office.secrets import BackOfficeSecrets
from dealing.layers import yaml_layer
from dealing.settings import default_file, settings_of
from exposure.errors import DisconnectedError
from tests.crm_sync.reconcile.test_store import some_breaks

START_US = 1_790_000_000_000_000
DAY_US = 86_400_000_000
SECRETS = BackOfficeSecrets(key=b"k" * 32, index_key=b"i" * 32)
SECTION = settings_of([yaml_layer(default_file())]).sync.model_copy(
    update={"approval_above": {"USD": 1_000}}
)
PERSONS = {
    "C1": {"name": "Zanzibarra Quokkamann", "email": "zq.canary@example.com",
           "phone": "+49 151 90817263", "country": "DE"},
    "C2": {"name": "Yolanda Quokkamann", "email": "yq@example.com", "country": "FR"},
    "C3": {"name": "Xaver Bandicoot", "email": "xb@example.com", "country": "AT"},
}  # fmt: skip
CANARIES = ("Zanzibarra", "Quokkamann", "canary", "90817263")
LOGINS = {"C1": ("10000", "10001"), "C2": ("10002",), "C3": ("10003",)}
BREAKS_MINOR = (90_000, 250_000)


class FakeLive:
    """What accounts are worth, as a test says; raises while the engine is away."""

    def __init__(self):
        self.away = False
        self.asked = []
        self.known = {
            login: LiveAccount(
                login=login, currency="USD", equity=5_000.0 + place, margin=1_000.0,
                level_percent=500.0 - place, floating=-120.5, gross_usd=30_000.0,
            )
            for place, login in enumerate(login for mine in LOGINS.values() for login in mine)
        }  # fmt: skip

    async def accounts(self, logins):
        self.asked.append(list(logins))
        if self.away:
            raise DisconnectedError("the engine is away: try again when it is back")
        return {login: self.known[login] for login in logins if login in self.known}

    async def trading(self, logins):
        if self.away:
            raise DisconnectedError("the engine is away: try again when it is back")
        return {"positions": [{"login": login, "symbol": "EURUSD"} for login in logins]}


class SmallOffice:
    """The desk of the back office, and what fills its database."""

    def __init__(self, database, live=None):
        self.database = database
        self.now_us = START_US
        self.live = live or FakeLive()
        self.rooms = open_rooms(database, SECTION, SECRETS, lambda: self.now_us)
        self.seal = Seal(SECRETS.key, (), os.urandom)
        rule = FourEyes(above_usd=1_000.0, usd_per={"USD": 1.0})
        self.desk = OfficeDesk(self.rooms, self.seal, self.live, rule)
        self.routes = office_routes(self.desk)
        self._add_clients()
        for client_id in LOGINS:
            self.deposit(client_id, 500_000)

    def report(self, *reports):
        outcomes = []
        for one in reports:
            with self.database.writing() as connection:
                take = self.rooms.handlers[type(one)]
                outcomes.append(take(connection, one, self.now_us))
        return outcomes

    def deposit(self, client_id, amount_minor, number=1, step=PaymentStep.CAPTURED):
        return self.report(
            PaymentReported(
                provider="stripe", provider_ref=f"pi-{client_id}-{number}",
                event_id=f"e-{client_id}-{number}-{step}", direction=Direction.DEPOSIT, step=step,
                amount_minor=amount_minor, currency="USD", occurred_at_us=self.now_us,
                client_id=client_id, method="card", instrument=f"card-{client_id}",
            )
        )  # fmt: skip

    def break_things(self, *amounts):
        """Let a reconciliation find payments that the ledger does not have."""
        run = Run(key=f"r-{self.now_us}", scope="all", as_of_us=self.now_us)
        BreakStore(self.database, lambda: self.now_us).record(
            run, some_breaks(*(amounts or BREAKS_MINOR))
        )

    def dead_letter(self, body=b'{"name": "Zanzibarra", "amount": 7}', key="k-1"):
        """Let a message be dead that nobody understood."""
        self.rooms.inbox.receive("stripe", [Item(dedupe_key=key, aggregate=key, body=body)])
        with self.database.writing() as connection:
            dead = {"state": "dead", "reason": "no payment", "finished_at_us": self.now_us}
            mine = INBOX.c.dedupe_key == key
            connection.execute(INBOX.update().where(mine).values(dead))
            return connection.scalar(INBOX.select().with_only_columns(INBOX.c.id).where(mine))

    def unclear_order(self, amount_minor=200_000, login="10000"):
        """Let an order be unclear, as the platform's worker leaves it; return its token."""
        with self.database.writing() as connection:
            alone(connection)
            account = self.rooms.accounts.account(connection, login)
            booking = Booking(side=Side.IN, amount_minor=amount_minor)
            cause = Cause(source="test", ext_ref=f"u-{amount_minor}", actor="test", via="test")
            order = place(connection, account, booking, cause, self.now_us)
            sent = {"attempts": 1, "first_sent_at_us": self.now_us, "sent_at_us": self.now_us}
            odd = {"state": OrderState.UNCLEAR, "due_us": None, "ticket": "77", "reason": "deal 77"}
            keep(connection, msgspec.structs.replace(order, **sent, **odd))
        return order.token

    def lose_key_of(self, number):
        """Let a letter be sealed with a key that nobody has."""
        text = Seal(b"x" * 32, (), os.urandom).close(b"{}", "elsewhere")
        with self.database.writing() as connection:
            mine = INBOX.c.id == number
            connection.execute(INBOX.update().where(mine).values(sealed=text))

    def audit(self):
        with self.database.reading() as connection:
            rows = connection.execute(select(AUDIT_LOG).order_by(AUDIT_LOG.c.seq))
            return [(row.action, row.actor, row.reason) for row in rows]

    def do(self, asked):
        """Wait for one of the desk's answers."""
        return asyncio.run(asked)

    def _add_clients(self):
        for client_id, fields in PERSONS.items():
            self.report(
                ProfileReported(
                    source="crm", event_id=f"p-{client_id}", external_id=client_id, fields=fields,
                    occurred_at_us=1,
                ),
                KycReported(
                    provider="sumsub", applicant_id=f"A-{client_id}", event_id=f"k-{client_id}",
                    client_id=client_id, level="standard", state=KycState.APPROVED,
                    occurred_at_us=START_US,
                ),
            )  # fmt: skip
            with self.database.writing() as connection:
                accounts = [
                    Account(login=login, client_id=client_id, currency="USD")
                    for login in LOGINS[client_id]
                ]
                keep_accounts(connection, accounts)
