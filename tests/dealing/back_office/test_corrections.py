"""A break whose fix is an order: it is sent to the platform when it is approved, and not before."""

import pytest

from crm_sync.money.invariants import broken
from crm_sync.money.platform_order_store import open_orders
from crm_sync.money.platform_worker import PlatformWorker, Timing
from crm_sync.money.sole_sender import Lease
from crm_sync.reconcile.breaks import breaks_of
from crm_sync.reconcile.store import BreakStore, Run
from dealing.back_office.payment_desk import Who
from dealing.back_office.rooms import PLATFORM
from exposure.errors import DomainError
from tests.crm_sync.money.fakes import Platform
from tests.crm_sync.reconcile.books import deal, entry, payment, reconciled
from tests.dealing.back_office.offices import SmallOffice

ANNA, BEN = Who("p-1", "Anna", "it never arrived there"), Who("", "Ben", "seen as well")
LARGE = 250_000


class Corrected:
    """A small office with the platform's worker beside it."""

    def __init__(self, database):
        self.office = SmallOffice(database)
        self.platform = Platform(lambda: self.office.now_us)
        rooms = self.office.rooms
        self.worker = PlatformWorker(
            database, self.platform, Lease(PLATFORM, "w", 15_000_000), rooms.after_orders,
            rooms.now_us, Timing(),
        )  # fmt: skip

    def find(self, provider, ledger, platform):
        """Let a run find the breaks of three sides, and return the only one."""
        run = Run(key=f"r-{self.office.now_us}", scope="all", as_of_us=self.office.now_us)
        store = BreakStore(self.office.database, lambda: self.office.now_us)
        store.record(run, breaks_of(reconciled(provider, ledger, platform).open_breaks))
        return self.only()

    def only(self):
        (told,) = self.office.do(self.office.desk.breaks.queue())["breaks"]
        return told

    def resolve(self, told):
        """Let one propose and another one approve."""
        desk = self.office.desk.breaks
        made = self.office.do(desk.propose(told["id"], ANNA))
        if made["decision"]:
            return made
        assert self.orders() == [], "nobody has agreed yet"
        return self.office.do(desk.decide(made["key"], made["payload_hash"], BEN, approve=True))

    def orders(self):
        with self.office.database.reading() as connection:
            return open_orders(connection, PLATFORM)

    def broken(self):
        with self.office.database.reading() as connection:
            return broken(connection, self.office.now_us)

    def booked(self):
        return [(one.login, one.side, one.amount_minor) for one in self.platform.all_deals()]


@pytest.fixture
def corrected(database):
    return Corrected(database)


def missing(amount=LARGE, login="10000"):
    return [payment("a", amount)], [entry("a", amount, login=login)], []


def test_what_the_platform_lacks_is_ordered_when_a_second_person_agrees(corrected):
    told = corrected.find(*missing())
    assert (told["class"], told["fix"]["orders"][0]["login"]) == ("MISSING_PLATFORM", "10000")
    assert corrected.resolve(told)["decision"] == "approved"
    (order,) = corrected.orders()
    assert (order.source, order.amount_minor, order.state) == ("correction", LARGE, "intent")
    corrected.worker.step()
    assert corrected.booked() == [("10000", "in", LARGE)]
    assert (corrected.orders(), corrected.broken()) == ([], [])
    assert ("order.asked", "Ben", "it never arrived there") in corrected.office.audit()


def test_what_the_platform_has_twice_is_taken_back_and_the_ledger_stays(corrected):
    sides = [payment("a", 7)], [entry("a", 7, login="10000")], [deal("a", 7, login="10000")] * 2
    told = corrected.find(*sides)
    assert told["class"] == "DUPLICATE_PLATFORM"
    corrected.resolve(told)
    corrected.worker.step()
    assert corrected.booked() == [("10000", "out", 7)]
    assert corrected.broken() == []


def test_a_correction_whose_answer_is_lost_is_booked_once(corrected):
    corrected.platform.will("lost")
    corrected.resolve(corrected.find(*missing()))
    for _ in range(3):
        corrected.worker.step()
        corrected.office.now_us += 61_000_000
    assert corrected.booked() == [("10000", "in", LARGE)]
    assert (corrected.orders(), corrected.broken()) == ([], [])


def test_a_correction_that_the_platform_refuses_opens_its_break_again(corrected):
    corrected.platform.will("no")
    told = corrected.find(*missing())
    corrected.resolve(told)
    corrected.worker.step()
    again = corrected.only()
    assert (again["id"], again["state"]) == (told["id"], "open")
    assert again["note"] == "the platform refused it: not enough free margin"
    assert (corrected.booked(), corrected.broken()) == ([], [])
    made = corrected.office.do(
        corrected.office.desk.breaks.propose(told["id"], ANNA._replace(key="p-2"))
    )
    assert made["decision"] == ""


def test_a_correction_for_a_login_that_nobody_knows_is_refused_and_nothing_is_kept(corrected):
    told = corrected.find(*missing(login="77777"))
    with pytest.raises(DomainError, match="login 77777 is no account in USD"):
        corrected.resolve(told)
    assert (corrected.only()["state"], corrected.orders()) == ("proposed", [])
