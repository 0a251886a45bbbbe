"""Two people end a break: what the second one may not do, and what happens once."""

import threading

import msgspec
import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, select

from crm_sync.audit import verify
from crm_sync.audit_log import audit_row
from crm_sync.people import same_person
from crm_sync.reconcile.fixes import proposed_fix
from crm_sync.reconcile.kept import FourEyes
from crm_sync.reconcile.ports import Posting
from crm_sync.reconcile.resolving import Approval, Resolutions, Wish
from crm_sync.reconcile.schema import DAY_US
from crm_sync.reconcile.store import BreakStore
from crm_sync.reconcile.tables import RECON_PROPOSALS, BreakState, Decision
from crm_sync.schema import AUDIT_LOG
from exposure.errors import DomainError
from tests.crm_sync.reconcile.books import AS_OF_US
from tests.crm_sync.reconcile.test_store import run, some_breaks

MINUTE_US = 60_000_000
LEDGER = Table(
    "posted_in_a_test",
    MetaData(),
    Column("key", String, primary_key=True),
    Column("minor", Integer),
)
RULE = FourEyes(above_usd=10.0, usd_per={"USD": 1.0}, within_us=30 * MINUTE_US)
SMALL, BIG = 900, 1_100


class TestLedger:
    """A ledger of one column: what is posted, in the transaction that it is given."""

    __test__ = False

    def __init__(self, database):
        self.database = database
        self.refusal = None
        with database.writing() as connection:
            LEDGER.create(connection)

    def __call__(self, connection, postings):
        for one in postings:
            connection.execute(LEDGER.insert(), {"key": one.key, "minor": one.amount_minor})
        if self.refusal is not None:
            raise self.refusal

    def posted(self):
        with self.database.reading() as connection:
            return dict(connection.execute(select(LEDGER)).all())


class Office:
    """Breaks of 9 and 11 USD, a limit of 10 USD, and a clock that the test moves."""

    def __init__(self, database):
        self.database = database
        self.now_us = AS_OF_US + DAY_US
        self.store = BreakStore(database, lambda: self.now_us)
        self.ledger = TestLedger(database)
        self.desk = Resolutions(database, RULE, self.ledger, lambda: self.now_us)
        self.store.record(run(0), some_breaks(SMALL, BIG))
        self.told = {held.told.amount_minor: held.told for held in self.store.breaks("all")}

    def wish(self, amount=BIG, key="wish-1", actor="ann", reason="as the statement says", **more):
        told = self.told[amount]
        postings = more.get("postings", proposed_fix(told).postings)
        return Wish(key, told.id, actor, reason, postings)

    def propose(self, *args, **kwargs):
        return self.desk.propose(self.wish(*args, **kwargs))

    def state(self, amount=BIG):
        return self.store.get(self.told[amount].id).state

    def audit(self):
        with self.database.reading() as connection:
            rows = [audit_row(row) for row in connection.execute(select(AUDIT_LOG))]
        assert verify(rows).ok
        return [(row.entry.action, row.entry.actor) for row in rows]


@pytest.fixture
def office(database):
    return Office(database)


def yes(proposal, actor="bob", seen=None):
    return Approval(proposal.key, seen or proposal.payload_hash, actor, "looked at the statement")


def test_a_small_one_is_posted_at_once_by_one_person(office):
    made = office.propose(SMALL)
    assert made.decision is Decision.POSTED
    assert office.state(SMALL) is BreakState.RESOLVED
    assert office.ledger.posted() == {"recon:wish-1:1": SMALL}
    assert office.audit()[1:] == [("recon.propose", "ann"), ("recon.posted", "ann")]


def test_a_big_one_waits_for_a_second_person(office):
    made = office.propose()
    assert (made.decision, office.state()) == (Decision.WAITING, BreakState.PROPOSED)
    assert office.desk.waiting() == [made]
    assert office.ledger.posted() == {}
    done = office.desk.approve(yes(made))
    assert (done.decision, done.decided_by, office.state()) == (
        Decision.APPROVED, "bob", BreakState.RESOLVED,
    )  # fmt: skip
    assert office.ledger.posted() == {"recon:wish-1:1": BIG}
    assert office.desk.waiting() == []
    assert office.audit()[1:] == [("recon.propose", "ann"), ("recon.approved", "bob")]


def test_postings_above_the_limit_wait_however_small_the_break_is(office):
    big = Posting(debit="a", credit="b", amount_minor=BIG, currency="USD", code="x")
    assert office.propose(SMALL, postings=[big]).decision is Decision.WAITING
    half = msgspec.structs.replace(big, amount_minor=BIG // 2)
    assert RULE.asks_for(office.told[SMALL], [half, half])
    assert not RULE.asks_for(office.told[SMALL], [half])


def test_what_has_no_price_waits(office):
    strange = Posting(debit="a", credit="b", amount_minor=1, currency="NOK", code="x")
    assert RULE.asks_for(office.told[SMALL], [strange])
    unpriced = msgspec.structs.replace(office.told[SMALL], usd_at_risk=None)
    assert RULE.asks_for(unpriced, [])


def test_who_proposed_cannot_approve_under_any_spelling(office):
    made = office.propose()
    for actor in ("ann", "ANN", " Ann ", "a nn", "\uff21nn"):
        with pytest.raises(DomainError, match="a second person has to approve"):
            office.desk.approve(yes(made, actor))
        assert same_person("ann", actor)
    assert office.ledger.posted() == {}
    assert office.state() is BreakState.PROPOSED


def test_another_payload_than_was_seen_is_refused(office):
    made = office.propose()
    with pytest.raises(DomainError, match="is not what was seen"):
        office.desk.approve(yes(made, seen="0" * 64))
    assert office.ledger.posted() == {}


def test_a_break_that_changed_since_is_refused(office):
    made = office.propose()
    (big,) = some_breaks(BIG)
    office.store.record(run(1), [msgspec.structs.replace(big, amount_minor=BIG + 1)])
    with pytest.raises(DomainError, match="is not what was seen"):
        office.desk.approve(yes(made))
    assert office.ledger.posted() == {}
    office.desk.reject(yes(made))
    assert office.state() is BreakState.OPEN


def test_postings_that_were_changed_in_the_database_are_refused(office):
    made = office.propose()
    forged = '[{"debit":"a","credit":"thief","amount_minor":1,"currency":"USD","code":"x"}]'
    with office.database.writing() as connection:
        connection.execute(RECON_PROPOSALS.update().values(postings=forged))
    with pytest.raises(DomainError, match="is not what was seen"):
        office.desk.approve(yes(made))
    assert office.ledger.posted() == {}


def test_an_expired_proposal_is_refused_and_gives_its_break_back(office):
    made = office.propose()
    office.now_us = made.expires_at_us
    assert office.desk.waiting() == []
    for _ in range(2):
        with pytest.raises(DomainError, match=r"has expired|does not wait any more: it is lapsed"):
            office.desk.approve(yes(made))
    assert office.state() is BreakState.OPEN
    assert office.ledger.posted() == {}
    again = office.propose(key="wish-2")
    office.desk.approve(yes(again))
    assert office.ledger.posted() == {"recon:wish-2:1": BIG}


def test_a_new_proposal_ends_one_whose_time_is_over(office):
    office.propose()
    with pytest.raises(DomainError, match="waits for a second person"):
        office.propose(key="wish-2")
    office.now_us += RULE.within_us
    assert office.propose(key="wish-2").decision is Decision.WAITING
    assert ("recon.lapsed", "plimsoll") in office.audit()


def test_a_rejected_proposal_gives_its_break_back_to_its_owner(office):
    office.desk.assign(office.told[BIG].id, "cleo", "ann")
    made = office.propose()
    assert office.desk.reject(yes(made)).decision is Decision.REJECTED
    assert office.state() is BreakState.ASSIGNED
    with pytest.raises(DomainError, match="does not wait any more: it is rejected"):
        office.desk.approve(yes(made))
    assert office.ledger.posted() == {}


def test_a_break_that_heals_takes_its_proposal_along(office):
    made = office.propose()
    office.store.record(run(1), [])
    assert office.state() is BreakState.HEALED
    with pytest.raises(DomainError, match="does not wait any more: it is lapsed"):
        office.desk.approve(yes(made))
    assert office.ledger.posted() == {}


def test_a_resolved_break_stays_so_until_the_sides_say_something_else(office):
    office.now_us = run(1).as_of_us
    office.propose(SMALL)
    assert office.store.record(run(1), some_breaks(SMALL, BIG)).reopened == 0
    assert office.store.record(run(2), some_breaks(SMALL, BIG)).reopened == 0
    assert office.state(SMALL) is BreakState.RESOLVED
    changed = [msgspec.structs.replace(one, amount_minor=one.amount_minor + 1)
               for one in some_breaks(SMALL)]  # fmt: skip
    assert office.store.record(run(3), [*changed, *some_breaks(BIG)]).reopened == 1
    assert office.state(SMALL) is BreakState.OPEN
    assert office.propose(SMALL, key="wish-2").decision is Decision.POSTED


def test_a_ledger_that_refuses_changes_nothing(office):
    made = office.propose()
    before = office.audit()
    office.ledger.refusal = DomainError("there is no account")
    with pytest.raises(DomainError, match="there is no account"):
        office.desk.approve(yes(made))
    assert (office.state(), office.ledger.posted()) == (BreakState.PROPOSED, {})
    assert office.audit() == before


def test_the_same_wish_again_posts_nothing_more_and_another_needs_its_own_key(office):
    first = office.propose(SMALL)
    assert office.propose(SMALL) == first
    with pytest.raises(DomainError, match="key wish-1 was used for another proposal"):
        office.propose(BIG)
    with pytest.raises(DomainError, match="is resolved: there is nothing to do about it"):
        office.propose(SMALL, key="wish-2")
    assert len(office.ledger.posted()) == 1


def test_an_owner_and_a_note_are_kept_and_audited(office):
    break_id = office.told[BIG].id
    assert office.desk.assign(break_id, "cleo", "ann").state is BreakState.ASSIGNED
    assert office.desk.note(break_id, "asked the provider", "cleo").note == "asked the provider"
    held = office.store.get(break_id)
    assert (held.owner, held.note, held.state) == (
        "cleo", "asked the provider", BreakState.ASSIGNED,
    )  # fmt: skip
    assert office.audit()[1:] == [("recon.assign", "ann"), ("recon.note", "cleo")]


def test_what_cannot_be_meant_is_refused(office):
    nothing = Posting(debit="a", credit="b", amount_minor=0, currency="USD", code="x")
    nowhere = msgspec.structs.replace(nothing, credit="a", amount_minor=1)
    for change, said in (
        ({"actor": " "}, "must have a name"),
        ({"actor": "a\nb"}, "must have a name"),
        ({"actor": "a" * 65}, "must have a name"),
        ({"reason": "no"}, "the reason must say why"),
        ({"reason": "a" * 501}, "the reason must say why"),
        ({"postings": [nothing]}, "moves an amount above 0"),
        ({"postings": [nowhere]}, "between two accounts"),
    ):
        with pytest.raises(DomainError, match=said):
            office.propose(SMALL, **change)
    assert office.state(SMALL) is BreakState.OPEN


def test_what_there_never_was_is_named(office):
    with pytest.raises(DomainError, match="there is no break nowhere"):
        office.desk.assign("nowhere", "cleo", "ann")
    with pytest.raises(DomainError, match="there is no proposal nothing"):
        office.desk.approve(Approval("nothing", "0", "bob", "why not"))


def test_two_approvals_at_once_are_one_resolution(office):
    made = office.propose()
    together, ends = threading.Barrier(4), []

    def approve(actor):
        together.wait()
        try:
            office.desk.approve(yes(made, actor))
            ends.append("posted")
        except DomainError as e:
            ends.append(str(e))

    people = [threading.Thread(target=approve, args=(f"bob {n}",)) for n in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    late = "proposal wish-1 does not wait any more: it is approved"
    assert sorted(ends) == sorted(["posted", late, late, late])
    assert office.ledger.posted() == {"recon:wish-1:1": BIG}
    assert [action for action, _ in office.audit()].count("recon.approved") == 1
