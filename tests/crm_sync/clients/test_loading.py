"""Loading files of clients: once, again, changed, and beside reports; and what it takes."""

import pytest
from sqlalchemy import func, select

from crm_sync.clients import bench
from crm_sync.clients.fields import PERSONAL, Field
from crm_sync.clients.loading import ROWS_AT_ONCE, ClientLoader, FileRow, Loaded
from crm_sync.clients.marks import Load
from crm_sync.clients.sample_clients import sample_row, sample_rows
from crm_sync.clients.tables import CLIENT, CLIENT_KEY, CLIENT_PII, FIELD_SOURCE
from exposure.errors import StorageError
from tests.crm_sync.clients.samples import KYC, NOW_US, POLICY, Room, reported
from tests.thorough import LONG

FIRST, SECOND = Load("crm", NOW_US, "f1"), Load("crm", NOW_US + 1, "f2")
MANY = 1_200_000 if LONG else 5_000
QUICK_MS = 100.0 if LONG else 500.0  # a busy machine is no mistake


def count(room, table):
    with room.database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def test_a_file_is_loaded_once_however_often_it_comes(room):
    rows = list(sample_rows(300))
    assert room.loader.load(rows, FIRST) == Loaded(rows=300, new=300)
    assert room.loader.load(rows, FIRST) == Loaded(rows=300, unchanged=300)
    assert room.loader.load(rows, SECOND) == Loaded(rows=300, unchanged=300)
    assert [count(room, table) for table in (CLIENT, CLIENT_KEY, CLIENT_PII)] == [300] * 3
    said = sample_row(7).values
    assert room.personal("C000000007") == {field: said[field] for field in PERSONAL}
    assert count(room, FIELD_SOURCE) == 0


def test_only_rows_that_changed_are_written(room):
    room.loader.load(sample_rows(300), FIRST)
    done = room.loader.load(sample_rows(300, changed_every=50), SECOND)
    assert done == Loaded(rows=300, changed=6, unchanged=294)
    versions = {number: room.row(f"C{number:09d}").version for number in (50, 51)}
    assert versions == {50: 2, 51: 1}
    assert room.personal("C000000050")[Field.PHONE] == "+44 20 00000050"


def test_a_newer_report_stands_against_an_older_file(room):
    room.report(reported("C000000001", at=NOW_US + 9, name="Newer Name"))
    done = room.loader.load(sample_rows(2), FIRST)
    assert (done.new, done.changed) == (1, 1)
    assert room.personal("C000000001")[Field.NAME] == "Newer Name"
    assert room.personal("C000000001")[Field.IBAN] == sample_row(1).values[Field.IBAN]


def test_a_column_that_its_source_does_not_own_is_not_loaded(room):
    room.loader.load([FileRow("C1", {Field.NAME: "A", Field.LANGUAGE: "de"})], FIRST)
    assert room.row().language == ""


def test_foreseeing_counts_and_writes_nothing(room):
    room.loader.load(sample_rows(10), FIRST)
    rows = list(sample_rows(20, changed_every=5))
    assert room.loader.foresee(rows) == Loaded(rows=20, new=10, changed=2, unchanged=8)
    assert count(room, CLIENT) == 10


def test_progress_is_told_and_the_load_is_audited(room, monkeypatch):
    monkeypatch.setattr("crm_sync.clients.loading.ROWS_AT_ONCE", 100)
    told = []
    room.loader.load(sample_rows(250), FIRST, told.append)
    assert told == [100, 200, 250]
    assert (room.audit()[-1].action, room.audit()[-1].entity) == ("clients.loaded", "file f1")
    assert ROWS_AT_ONCE == 20_000


def test_a_first_load_may_take_several_parts_in_one_transaction(room, monkeypatch):
    monkeypatch.setattr("crm_sync.clients.loading.ROWS_AT_ONCE", 100)
    told = []
    loader = ClientLoader(room.database, room.keys, (POLICY, KYC), lambda: NOW_US, 2)
    assert loader.load(sample_rows(250), FIRST, told.append) == Loaded(rows=250, new=250)
    assert told == [200, 250]
    assert count(room, CLIENT) == 250


def test_a_load_that_stops_keeps_its_parts_and_goes_on(room, monkeypatch):
    monkeypatch.setattr("crm_sync.clients.loading.ROWS_AT_ONCE", 100)

    def broken():
        yield from sample_rows(150)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        room.loader.load(broken(), FIRST)
    assert count(room, CLIENT) == 100
    assert room.loader.load(sample_rows(150), FIRST) == Loaded(rows=150, new=50, unchanged=100)


def test_postgres_refuses_without_repeating_a_value(postgres_database):

    rows = [FileRow(f"C{n}", {Field.COUNTRY: "secret\0value"}) for n in range(300)]
    with pytest.raises(StorageError, match="PostgreSQL refuses rows of client: code") as refusal:
        Room(postgres_database).loader.load(rows, FIRST)
    assert "secret" not in str(refusal.value)


def test_many_clients_are_loaded_and_found_quickly(database, capsys):
    said = []
    medians_ms = bench.measure(database, MANY, said.append)
    with capsys.disabled():
        if LONG:
            bench.tell("\n".join(["", database.name.partition("/")[0], *said]))
    assert f"new {MANY:,}, changed 0" in said[0]
    assert "new 0, changed 0" in said[1]
    assert f"new 0, changed {MANY // 10:,}" in said[2]
    assert max(medians_ms.values()) < QUICK_MS


def test_the_bench_makes_its_own_database(capsys):
    bench.main(["--clients", "50"])
    said = capsys.readouterr().out
    assert "first load" in said
    assert "search last name" in said
