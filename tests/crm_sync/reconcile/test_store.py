"""Breaks from run to run, and what the database itself refuses, on both databases."""

import msgspec
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from crm_sync.audit import verify
from crm_sync.audit_log import audit_row
from crm_sync.reconcile.breaks import Age, age_of, breaks_of
from crm_sync.reconcile.planting import planted
from crm_sync.reconcile.reconciling import reconcile
from crm_sync.reconcile.schema import DAY_US, BreakClass
from crm_sync.reconcile.store import BreakStore, Changes, Run, living_count
from crm_sync.reconcile.tables import RECON_BREAKS, RECON_PROPOSALS, BreakState
from crm_sync.schema import AUDIT_LOG
from exposure.errors import DomainError, StorageError
from tests.crm_sync.reconcile.books import AS_OF_US, deal, entry, payment, reconciled

NOW_US = AS_OF_US + DAY_US


@pytest.fixture
def store(database):
    return BreakStore(database, lambda: NOW_US)


def run(number, scope="all"):
    return Run(key=f"{scope}-{number}", scope=scope, as_of_us=AS_OF_US + number * DAY_US)


def some_breaks(*amounts):
    """Return one break for each amount, of a reference of its own."""
    rows = [payment(f"p{amount}", amount) for amount in amounts]
    return breaks_of(reconciled(rows, [], []).breaks)


def kept(store, state=None):
    states = list(BreakState) if state is None else [state]
    return {held.told.ref: held for held in store.breaks("all", states)}


def test_a_break_is_one_row_from_run_to_run_and_ages(store):
    assert store.record(run(0), some_breaks(7, 8)) == Changes(opened=2)
    assert store.record(run(3), some_breaks(7, 9)) == Changes(opened=1, seen_again=1, healed=1)
    held = kept(store)
    assert {ref: one.state for ref, one in held.items()} == {
        "p7": BreakState.OPEN, "p8": BreakState.HEALED, "p9": BreakState.OPEN,
    }  # fmt: skip
    seven = held["p7"]
    assert (seven.first_seen_us, seven.last_seen_us) == (run(0).as_of_us, run(3).as_of_us)
    assert seven.age(run(3).as_of_us) is Age.WEEK
    assert list(kept(store, BreakState.HEALED)) == ["p8"]


def test_a_break_that_comes_back_is_open_again_and_young(store):
    store.record(run(0), some_breaks(7))
    store.record(run(1), [])
    assert store.record(run(2), some_breaks(7)) == Changes(reopened=1)
    held = kept(store)["p7"]
    assert (held.state, held.first_seen_us) == (BreakState.OPEN, run(0).as_of_us)
    assert held.open_since_us == run(2).as_of_us


def test_the_same_run_again_changes_nothing(store, database):
    first = store.record(run(0), some_breaks(7))
    before = kept(store)
    assert store.record(run(0), []) == first
    assert kept(store) == before
    with database.reading() as connection:
        assert len(connection.execute(select(AUDIT_LOG)).all()) == 1


def test_what_has_no_end_is_listed_whatever_its_scope(store, database):
    store.record(run(0), some_breaks(7, 8))
    store.record(run(0, "stripe"), some_breaks(9))
    store.record(run(1), some_breaks(7))
    assert {held.told.ref for held in store.living(10)} >= {"p7"}
    assert "p8" not in {held.told.ref for held in store.living(10)}
    assert len(store.living(1)) == 1
    with database.reading() as connection:
        assert living_count(connection) == len(store.living(10)) == 2


def test_a_run_of_the_past_is_refused(store):
    store.record(run(2), some_breaks(7))
    with pytest.raises(DomainError, match="a later run of all is kept already"):
        store.record(run(1), [])
    assert kept(store)["p7"].state is BreakState.OPEN


def test_a_run_speaks_for_its_scope_alone(store):
    store.record(run(0), some_breaks(7))
    assert store.record(run(1, "psp"), []) == Changes()
    assert kept(store)["p7"].state is BreakState.OPEN


def test_what_may_still_heal_by_itself_is_not_kept(store):
    breaks = [msgspec.structs.replace(one, break_class=BreakClass.TIMING) for one in some_breaks(7)]
    assert store.record(run(0), breaks) == Changes()


def test_what_a_run_says_newly_of_a_break_replaces_what_was_said(store):
    def run_with(amount):
        sides = [payment("a", amount)], [entry("a", 7)], [deal("a", 7)]
        return breaks_of(reconciled(*sides).breaks)

    store.record(run(0), run_with(9))
    store.record(run(1), run_with(10))
    (held,) = kept(store).values()
    assert (held.told.amount_minor, held.told.provider.amount_minor) == (3, 10)


def test_every_class_is_kept_and_read_again(store):
    book = planted(200, 2, 5)
    breaks = breaks_of(reconcile(*book.frames, book.terms).breaks)
    store.record(run(0), breaks)
    real = {one.id: one for one in breaks if one.break_class is not BreakClass.TIMING}
    assert {held.told.id: held.told for held in store.breaks("all")} == real
    one = next(iter(real.values()))
    assert store.get(one.id).told == one
    assert store.get("none") is None


def test_a_run_is_in_the_audit_log(store, database):
    store.record(run(0), some_breaks(7, 8))
    with database.reading() as connection:
        rows = [audit_row(row) for row in connection.execute(select(AUDIT_LOG))]
    assert verify(rows).ok
    assert (rows[0].entry.action, rows[0].entry.entity) == ("recon.run", "all")
    assert '"opened":2' in rows[0].entry.detail


def refuses(database, statement, values):
    with pytest.raises(StorageError) as refusal, database.writing() as connection:
        connection.execute(statement.values(**values))
    assert isinstance(refusal.value.__cause__, IntegrityError), values


def test_the_database_refuses_breaks_that_cannot_be(store, database):
    store.record(run(0), some_breaks(7))
    for nonsense in (
        {"state": "gone"},
        {"break_class": "ODD"},
        {"side": "bank"},
        {"amount_minor": -1},
        {"state": "assigned", "owner": ""},
        {"last_seen_us": 1},
    ):
        refuses(database, update(RECON_BREAKS), nonsense)


def test_the_database_refuses_decisions_that_cannot_be(database):
    texts = ("key", "break_id", "postings", "payload_hash", "reason", "decided_by")
    row = dict.fromkeys((*texts, "decision", "decision_reason"), "") | {"proposed_by": "ann"}
    row |= {"proposed_at_us": 0, "expires_at_us": 1, "decided_at_us": None}
    with database.writing() as connection:
        connection.execute(RECON_PROPOSALS.insert(), row | {"key": "good"})
    for nonsense in (
        {"decision": "approved", "decided_by": "ann", "decided_at_us": 1},
        {"decision": "maybe", "decided_at_us": 1},
        {"decision": "rejected"},
        {"decided_at_us": 1},
    ):
        refuses(database, RECON_PROPOSALS.insert(), row | nonsense)


def test_a_row_that_cannot_be_read_says_what_to_do(store, database):
    store.record(run(0), some_breaks(7))
    with database.writing() as connection:
        connection.execute(update(RECON_BREAKS).values(document="{"))
    with pytest.raises(StorageError, match=r"a break in the database cannot be read .* restore"):
        store.breaks("all")


@pytest.mark.parametrize(
    ("days", "age"),
    [(0, "0-1"), (1, "1-3"), (3, "3-7"), (7, "7-30"), (30, "30+"), (29.999, "7-30"), (400, "30+")],
)
def test_ages_begin_where_the_last_one_ends(days, age):
    assert age_of(AS_OF_US, AS_OF_US + int(days * DAY_US)) == age
