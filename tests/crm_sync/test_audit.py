"""The audit log's chain: every kind of tampering is found, at its place."""

import sqlite3

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_sync.audit import FIRST_HASH, AuditEntry, chained, row_hash, verify
from dealing.commands.command import run_verify
from dealing.commands.memory_store import MemoryCommandStore
from dealing.storage.command_store import SqlCommandStore
from tests.dealing.commands.test_command_store import entry


def chain(count):
    store = MemoryCommandStore()
    for number in range(count):
        store.record(entry(f"act-{number}"))
    return list(store.audit_rows())


def test_the_hash_is_the_sha256_of_the_hash_before_and_the_rows_json():
    # printf '000...0[1,4611686018427387904,"a","b","c","d","e","{}"]' | sha256sum
    told = AuditEntry(
        at_ns=2**62, actor="a", via="b", action="c", entity="d", reason="e", detail="{}"
    )
    assert row_hash(FIRST_HASH, 1, told) == (
        "66c816702ba6c1dd3f0419ed9002a3c63dacd81dbd7c67d65dbfcadb1ededbb5"
    )


def test_a_whole_chain_holds_and_its_head_is_the_newest_hash():
    rows = chain(4)
    verdict = verify(rows)
    assert (verdict.ok, verdict.rows, verdict.head) == (True, 4, rows[-1].hash)
    assert verify([]).head == FIRST_HASH


FIELDS = sorted(set(AuditEntry.__struct_fields__) - {"at_ns"})


@settings(max_examples=25)
@given(st.integers(0, 4), st.sampled_from(FIELDS), st.text(min_size=1, max_size=3))
def test_a_changed_row_is_found_where_it_is(place, field, more):
    rows = chain(5)
    changed = {field: getattr(rows[place].entry, field) + more}
    spoilt = msgspec.structs.replace(rows[place].entry, **changed)
    rows[place] = msgspec.structs.replace(rows[place], entry=spoilt)
    verdict = verify(rows)
    assert (verdict.broken_at, verdict.rows) == (place + 1, place)
    assert "was changed after it was written" in verdict.reason


def test_a_row_that_was_changed_and_hashed_again_spoils_the_next_one():
    rows = chain(5)
    spoilt = msgspec.structs.replace(rows[2].entry, actor="nobody")
    rows[2] = chained(spoilt, rows[1])
    assert verify(rows).broken_at == 4


@pytest.mark.parametrize("place", [0, 2])
def test_a_removed_row_is_missed(place):
    rows = chain(5)
    del rows[place]
    verdict = verify(rows)
    assert verdict.broken_at == place + 1
    assert f"row {place + 1} is missing" in verdict.reason


def test_an_inserted_row_and_swapped_rows_are_found():
    rows = chain(5)
    assert verify([*rows[:2], chained(entry("forged"), rows[1]), *rows[2:]]).broken_at == 4
    rows[1], rows[2] = rows[2], rows[1]
    assert verify(rows).broken_at == 2


def test_an_end_that_was_cut_off_is_found_by_a_hash_noted_earlier():
    rows = chain(5)
    noted = rows[-1].hash
    assert verify(rows, noted).ok
    assert verify(rows[:3]).ok
    verdict = verify(rows[:3], noted)
    assert not verdict.ok
    assert "were cut off or replaced" in verdict.reason


def test_the_command_says_whether_the_log_holds(capsys):
    store = MemoryCommandStore()
    store.record(entry())
    assert run_verify(store, head=None, json_out=None) == 0
    assert capsys.readouterr().out.startswith("1 row holds. The newest hash is ")
    assert run_verify(store, head="0" * 63, json_out="-") == 1
    told = orjson.loads(capsys.readouterr().out)
    assert (told["ok"], told["rows"], told["broken_at"]) == (False, 1, None)


def test_a_database_that_was_edited_by_hand_is_found(sqlite_database, tmp_path, capsys):
    store = SqlCommandStore(sqlite_database)
    for number in range(3):
        store.record(entry(f"act-{number}"))
    with sqlite3.connect(tmp_path / "desk.db") as connection:
        connection.execute("DROP TRIGGER audit_log_no_update")
        connection.execute("UPDATE audit_log SET reason = 'another' WHERE seq = 2")
    connection.close()
    assert run_verify(store, head=None, json_out=None) == 1
    assert "row 2 was changed after it was written. 1 rows before" in capsys.readouterr().out
