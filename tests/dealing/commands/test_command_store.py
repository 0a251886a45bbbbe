"""One contract for every store of commands, and what only a database can promise."""

import threading

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from crm_sync.audit import AuditEntry, verify
from dealing.commands.model import Approval, Command, CommandState, Move
from dealing.commands.ports import Change
from dealing.storage.command_store import SqlCommandStore
from exposure.account_books import BookPlace
from exposure.errors import StorageError
from tests.dealing.commands.given import reassign


def command(key="move-1", logins=("1",), state=CommandState.SENDING, **changes):
    moves = tuple(
        Move(
            login=login, client_id=f"C{login}", book="A", hedge_ratio=None, symbol="",
            move_open=False, before=(BookPlace("B", 0.1), BookPlace("C", 0.3, "EURUSD")),
        )
        for login in logins
    )  # fmt: skip
    made = Command(
        request=reassign(key, logins, reason="weiß warum: „Ω“"),
        via="api",
        state=state,
        created_at_ns=7,
        moves=moves,
        clients=len(logins),
        gross_usd=0.1 + 0.2,
        unpriced=0,
    )
    return msgspec.structs.replace(made, **changes)


def entry(action="reassign.requested", reason="why: „Ω“"):
    return AuditEntry(
        at_ns=2**62, actor="dealer", via="api", action=action, entity="command", reason=reason,
        detail='{"a":0.30000000000000004}',
    )  # fmt: skip


def waiting(key="move-1", expires_at_ns=100):
    approval = Approval(
        payload_hash="x", requested_by="dealer", requested_at_ns=1, expires_at_ns=expires_at_ns
    )
    return command(key, state=CommandState.WAITING, approval=approval)


def test_what_is_kept_comes_back_as_it_was(store):
    made = waiting()
    assert store.add(made, entry()) is made
    assert store.get("move-1") == made
    assert store.get("move-2") is None


def test_a_key_is_kept_once_and_its_row_written_once(store):
    store.add(command(), entry())
    assert store.add(command(logins=("2",)), entry()) == command()
    assert len(store.audit(0, 10)) == 1


def test_a_change_is_made_only_to_what_was_read(store):
    was = waiting()
    store.add(was, entry())
    decided = msgspec.structs.replace(
        was.approval, decision="approved", decided_by="second", decided_at_ns=9, reason="yes"
    )
    now = msgspec.structs.replace(was, state=CommandState.SENDING, approval=decided)
    assert store.change([Change(was, now)], [entry("approval.approved")])
    assert store.get("move-1") == now
    assert not store.change([Change(was, was)], [entry("approval.rejected")])
    assert store.get("move-1") == now
    assert [row.entry.action for row in store.audit(0, 10)] == [
        "reassign.requested",
        "approval.approved",
    ]


def test_changes_are_made_together_or_not_at_all(store):
    first, second = command("move-1"), command("move-2")
    store.add(first, entry())
    stale = msgspec.structs.replace(second, via="other")
    store.add(second, entry())
    done = [msgspec.structs.replace(one, state=CommandState.DONE) for one in (first, second)]
    assert not store.change([Change(first, done[0]), Change(stale, done[1])], [entry()])
    assert [store.get("move-1"), store.get("move-2")] == [first, second]
    assert store.change([Change(first, done[0]), Change(second, done[1])], [])
    assert [store.get("move-1"), store.get("move-2")] == done


def test_commands_are_listed_newest_first_and_by_state(store):
    for number in range(5):
        state = CommandState.DONE if number % 2 else CommandState.SENDING
        store.add(command(f"move-{number}", state=state), entry())
    assert [one.key for one in store.newest(3)] == ["move-4", "move-3", "move-2"]
    done = store.newest(None, (CommandState.DONE,))
    assert [one.key for one in done] == ["move-3", "move-1"]
    assert store.newest(10, (CommandState.LAPSED,)) == []


def test_what_is_due_is_found_oldest_first(store):
    store.add(waiting("move-1", expires_at_ns=100), entry())
    store.add(command("move-2", state=CommandState.DONE, expires_at_ns=50), entry())
    store.add(command("move-3", state=CommandState.DONE, expires_at_ns=50, undone_by="x"), entry())
    store.add(command("move-4", state=CommandState.REFUSED, expires_at_ns=50), entry())
    assert store.due(49) == []
    assert [one.key for one in store.due(50)] == ["move-2"]
    assert [one.key for one in store.due(100)] == ["move-1", "move-2"]


def test_later_commands_of_the_same_accounts_are_found(store):
    many = tuple(str(number) for number in range(1_200))
    store.add(command("move-1", many), entry())
    store.add(command("move-2", ("5", "1100")), entry())
    store.add(command("move-3", ("9999",)), entry())
    store.add(command("move-4", ("7",)), entry())
    assert [one.key for one in store.later("move-1", many)] == ["move-2", "move-4"]
    assert [one.key for one in store.later("move-2", ("7",))] == ["move-4"]
    assert store.later("move-4", many) == []


def test_rows_hold_on_to_each_other_and_are_read_in_pages(store):
    for number in range(7):
        store.record(entry(f"act-{number}"))
    assert verify(store.audit_rows()).rows == 7
    assert [row.seq for row in store.audit(5, 10)] == [6, 7]
    assert [row.seq for row in store.audit_newest(None, 3)] == [7, 6, 5]
    assert [row.seq for row in store.audit_newest(5, 3)] == [4, 3, 2]
    assert store.audit(0, 1)[0].entry == entry("act-0")


# A database --------------------------------------------------------------------------------------


def test_another_process_sees_what_was_kept(database):
    SqlCommandStore(database).add(waiting(), entry())
    other = SqlCommandStore(database)
    assert other.get("move-1") == waiting()
    assert verify(other.audit_rows()).ok


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log WHERE seq = 1"],
)
def test_the_database_itself_refuses_to_change_the_audit_log(database, statement):
    store = SqlCommandStore(database)
    store.record(entry())
    with pytest.raises(StorageError, match="append-only"), database.writing() as connection:
        connection.execute(text(statement))
    assert verify(store.audit_rows()).rows == 1


def test_a_truncated_table_is_refused_by_postgres(postgres_database):
    with (
        pytest.raises((StorageError, DatabaseError), match="append-only"),
        postgres_database.writing() as connection,
    ):
        connection.execute(text("TRUNCATE audit_log"))


def test_writers_at_once_take_places_one_after_the_other(database):
    stores = [SqlCommandStore(database) for _ in range(4)]

    def write(number, store):
        for turn in range(5):
            store.add(command(f"move-{number}-{turn}"), entry())

    threads = [threading.Thread(target=write, args=one) for one in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(stores[0].audit_rows()).rows == 20
    assert len(stores[0].newest(None)) == 20


def test_a_command_that_cannot_be_read_says_so(database):
    store = SqlCommandStore(database)
    store.add(command(), entry())
    with database.writing() as connection:
        connection.execute(text("UPDATE commands SET document = '{}'"))
    with pytest.raises(StorageError, match="a command in the database cannot be read"):
        store.get("move-1")
