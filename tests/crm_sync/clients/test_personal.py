"""Erasure, restriction and rotation of keys on both databases."""

import sqlite3

import pytest
from sqlalchemy import select

from crm_sync.clients.fields import PERSONAL, Field, Holding
from crm_sync.clients.loading import FileRow
from crm_sync.clients.marks import Load
from crm_sync.clients.personal import (
    Erasure,
    erase_due,
    personal_of,
    request_erasure,
    rewrap,
    with_exactly,
)
from crm_sync.clients.pii import ClientKey, WrappedKey
from crm_sync.clients.roles import Reader, Role
from crm_sync.clients.tables import CLIENT_KEY, CLIENT_PII, CLIENT_SEARCH, FIELD_SOURCE
from crm_sync.events import Outcome
from exposure.errors import DomainError, StorageError
from tests.crm_sync.clients.samples import CANARY, NOW_US, Room, keyring, reported

DPO = {"actor": "dpo", "reason": "the client asked for it"}


def erase(room, client_id="C1", keep_until_us=0):
    with room.writing() as connection:
        return request_erasure(connection, Erasure(client_id, keep_until_us, **DPO), NOW_US)


def rows_of(room, table):
    with room.database.reading() as connection:
        return connection.execute(select(table)).all()


def test_exact_values_are_found_whatever_they_wear(room):
    room.add()
    room.add("C2", email="other@example.com", phone="+1 555 123456", iban="", national_id="1")
    with room.database.reading() as connection:
        for field, value in (
            (Field.EMAIL, "ZQ.Canary@Example.com "),
            (Field.PHONE, "0049 15190817263"),
            (Field.NATIONAL_ID, "qx-90817263"),
            (Field.IBAN, "de89 3704 0044 0532 0130 00"),
        ):
            assert with_exactly(connection, room.keys, field, value, 5) == ["C1"]


def test_after_an_erasure_nothing_of_a_person_is_left_and_nothing_decrypts(room):
    room.add()
    room.add("C2")
    with room.database.reading() as connection:
        kept = connection.execute(select(CLIENT_PII)).first()
    assert erase(room) is Holding.ERASED
    for table in (CLIENT_KEY, CLIENT_PII, CLIENT_SEARCH, FIELD_SOURCE):
        assert {row.client_id for row in rows_of(room, table)} == {"C2"}
    row = room.row()
    assert (row.holding, row.row_hash, row.external_id) == (Holding.ERASED, None, "C1")
    assert room.personal() is None
    other = rows_of(room, CLIENT_KEY)[0]
    key = room.keys.client_key("C2", WrappedKey(other.kek_id, other.wrapped_dek))
    with pytest.raises(StorageError, match="cannot be decrypted"):
        key.unseal(Field.NAME, kept.name_ct)
    guess = ClientKey("C1", b"x" * 32, bytes)
    with pytest.raises(StorageError, match="cannot be decrypted"):
        guess.unseal(Field.NAME, kept.name_ct)


def test_the_audit_log_keeps_the_id_and_holds_after_an_erasure(room):
    room.add()
    erase(room)
    rows = room.audit()
    assert [row.action for row in rows] == ["profile.changed", "personal_data.erased"]
    assert rows[-1].entity == "client C1"
    assert not any(value in str(row) for row in rows for value in CANARY.values())


def test_an_erased_client_is_not_brought_back_by_files_or_reports(room):
    room.add()
    erase(room)
    assert room.report(reported(at=99, event="e99", name="Back")) == [Outcome.IGNORED]
    done = room.loader.load([FileRow("C1", {Field.NAME: "Back"})], Load("crm", NOW_US, "f"))
    assert (done.new, done.changed, done.ignored) == (0, 0, 1)
    assert room.personal() is None


def test_while_a_law_keeps_the_records_they_are_restricted_and_erased_when_it_ends(room):
    room.add()
    assert erase(room, keep_until_us=NOW_US + 10) is Holding.RESTRICTED
    assert room.personal() == CANARY
    assert rows_of(room, CLIENT_SEARCH) == []
    reader = Reader(actor="pay", role=Role.PAYMENTS)
    with room.database.reading() as connection:
        seen = room.views.client_360(connection, "C1", reader, NOW_US).profile
    assert (seen.name, seen.iban, seen.in_use) == ("", "", False)
    assert room.report(reported(at=99, event="e9", name="New")) == [Outcome.IGNORED]
    with room.writing() as connection:
        assert erase_due(connection, NOW_US + 9) == 0
        assert erase_due(connection, NOW_US + 10) == 1
        assert erase_due(connection, NOW_US + 10) == 0
    assert room.personal() is None
    assert room.audit()[-1].actor == "house"


def test_an_erasure_says_who_asks_and_of_whom(room):
    room.add()
    with pytest.raises(DomainError, match="there is no client C9"):
        erase(room, "C9")
    with room.writing() as connection, pytest.raises(DomainError, match="who asks for it and why"):
        request_erasure(connection, Erasure("C1", 0, "dpo", ""), NOW_US)
    assert erase(room) is Holding.ERASED
    assert erase(room) is Holding.ERASED
    assert len(room.audit()) == 2


def test_erased_words_and_keys_are_not_left_in_the_file(sqlite_database, tmp_path):
    room = Room(sqlite_database)
    room.add()
    kept = rows_of(room, CLIENT_KEY)[0].wrapped_dek
    settle(tmp_path)
    before = (tmp_path / "desk.db").read_bytes()
    assert b"zanzibarra" in before
    assert kept in before
    with room.writing() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete = OFF")  # some builds begin with ON
        request_erasure(connection, Erasure("C1", 0, **DPO), NOW_US)
    settle(tmp_path)
    after = (tmp_path / "desk.db").read_bytes()
    assert b"zanzibarra" not in after
    assert b"quokkamann" not in after
    assert kept not in after


def settle(directory):
    """Let everything of the log go into the file."""
    connection = sqlite3.connect(directory / "desk.db")
    assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    connection.close()


def test_keys_are_wrapped_anew_in_parts_and_then_the_old_one_is_not_needed(database):
    room = Room(database, keyring(["old"]))
    for number in range(5):
        room.add(f"C{number}")
    both = keyring(["old", "new"], seed="other")
    parts = []
    with database.writing() as connection:
        while wrapped := rewrap(connection, both, limit=2):
            parts.append(wrapped)
    assert parts == [2, 2, 1]
    only_new = keyring(["new"])
    with database.reading() as connection:
        values = personal_of(connection, only_new, [f"C{n}" for n in range(5)], PERSONAL)
        assert all(values[f"C{n}"] == CANARY for n in range(5))
        with pytest.raises(StorageError, match="the key new, which was not given"):
            personal_of(connection, keyring(["old"]), ["C1"], PERSONAL)


def test_values_swapped_between_clients_are_refused(room):
    room.add("C1")
    room.add("C2")
    with room.writing() as connection:
        other = select(CLIENT_PII.c.name_ct).where(CLIENT_PII.c.client_id == "C2")
        mine = CLIENT_PII.c.client_id == "C1"
        connection.execute(CLIENT_PII.update().where(mine).values(name_ct=other.scalar_subquery()))
    with pytest.raises(StorageError, match="the field name of client C1 cannot be decrypted"):
        room.personal("C1")
