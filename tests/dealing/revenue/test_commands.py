"""``plimsoll revenue`` and ``plimsoll db`` as a person calls them, on real data directories."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from crm_sync.database import database_at
from crm_sync.schema import SCHEMA_VERSIONS
from dealing.directory import DataDirectory, RunIdentity
from dealing.revenue.closing import DayClosing
from dealing.storage.lake import RevenueLake
from dealing.storage.migrate import upgrade
from dealing.storage.revenue_store import SqlRevenueStore
from tests.dealing.revenue.made_facts import GOLDEN, HOUR, NEW_YORK, NOON, booking

ROOT = Path(__file__).parents[3]


def plimsoll(*arguments, **environment):
    inherited = {name: value for name, value in os.environ.items() if "PLIMSOLL" not in name}
    done = subprocess.run(
        [sys.executable, ROOT / "app.py", *map(str, arguments)],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def directory(tmp_path):
    """The data directory of a run that has earned the golden trade and closed its day."""
    made = DataDirectory(tmp_path / "data")
    made.claim(RunIdentity(market="simulated", seed=1, clients=1))
    made.make_database()
    with closing(database_at(None, made.database, made.run_id)) as database:
        upgrade(database)
        store = SqlRevenueStore(database, lambda: 1)
        store.add(booking(GOLDEN))
        DayClosing(store, RevenueLake(made.revenue_lake), NEW_YORK).close(NOON + 24 * HOUR)
    return made


def tamper(directory):
    with closing(sqlite3.connect(directory.database)) as connection, connection:
        connection.execute("UPDATE revenue_facts SET amount_micro_usd = 1 WHERE position = 2")


def test_what_holds_is_told_in_a_table_and_ends_with_0(directory):
    code, out, _ = plimsoll("revenue", "check", "--data", directory.root)
    assert code == 0
    assert "2026-01-13" in out
    assert "Everything holds: 1 day, 9 facts, 12.700000 USD." in out


def test_what_is_wrong_is_told_line_by_line_and_ends_with_1(directory):
    tamper(directory)
    code, out, err = plimsoll("revenue", "check", "--data", directory.root)
    assert code == 1
    assert (
        "wrong: 2026-01-13 event 2 has facts that do not add up to its control: -2.500000 "
        "expected, 0.000001 found, 2.500001 too much\n"
    ) in out
    assert err == ""


def test_the_answer_is_json_for_a_program_and_nothing_else(directory, tmp_path):
    code, out, _ = plimsoll("revenue", "check", "--data", directory.root, "--json", "-")
    assert (code, json.loads(out)["ok"]) == (0, True)
    tamper(directory)
    answer = tmp_path / "answer.json"
    code, out, _ = plimsoll("revenue", "check", "--data", directory.root, "--json", answer)
    assert (code, out) == (1, "")
    assert {v["law"] for v in json.loads(answer.read_text())["violations"]} >= {"event", "seal"}


def test_facts_are_exported_by_the_day(directory, tmp_path):
    out = tmp_path / "facts.csv"
    arguments = ("revenue", "export", "--data", directory.root, "--out", out)
    code, said, _ = plimsoll(*arguments, "--from", "2026-01-13", "--to", "2026-01-13")
    assert (code, said) == (0, f"9 facts in {out}.\n")
    assert len(out.read_text("utf-8-sig").splitlines()) == 10
    code, said, _ = plimsoll(*arguments, "--from", "2026-01-14")
    assert (code, said) == (0, f"0 facts in {out}.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("revenue", "export", "--out", "a.txt"), 1, "a.txt has to end in .csv, .xlsx or .parquet"),
        (("revenue", "export", "--out", "a.csv", "--from", "13.1."), 2, "--from"),
        (("revenue", "export"), 2, "--out"),
        (("revenue", "nothing"), 2, "nothing"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(directory, arguments, code, sentence):
    data = ("--data", directory.root) if arguments[1] == "export" else ()
    ended, _, err = plimsoll(*arguments, *data)
    assert ended == code
    assert sentence in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", [("revenue", "check"), ("db", "upgrade")])
def test_a_directory_without_a_run_is_said(tmp_path, command):
    code, _, err = plimsoll(*command, "--data", tmp_path / "none")
    assert code == 1
    assert "keeps no database yet: start a run with plimsoll run" in err
    assert not (tmp_path / "none").exists()


def test_a_group_of_commands_lists_them():
    for group, command in (("revenue", "export"), ("db", "upgrade")):
        code, out, _ = plimsoll(group)
        assert code == 2
        assert command in out


def test_a_postgres_is_made_ready_by_hand_and_says_so(postgres, tmp_path):
    address = {"PLIMSOLL__STORAGE__DATABASE": postgres.new_database()}
    data = ("--data", tmp_path / "data")
    code, _, err = plimsoll("revenue", "check", *data, **address)
    assert code == 1
    assert "has no tables yet: run plimsoll db upgrade" in err
    code, out, _ = plimsoll("db", "upgrade", *data, **address)
    assert (code, f"has schema {SCHEMA_VERSIONS[-1]} (it had none)" in out) == (0, True)
    code, out, _ = plimsoll("db", "upgrade", *data, **address)
    assert (code, f"has schema {SCHEMA_VERSIONS[-1]} (as before)" in out) == (0, True)
    code, out, _ = plimsoll("revenue", "check", *data, **address)
    assert (code, out) == (0, "No revenue is kept yet.\n")


def test_an_engine_refuses_a_postgres_without_tables_with_the_way_out(postgres, tmp_path):
    address = {"PLIMSOLL__STORAGE__DATABASE": postgres.new_database()}
    code, _, err = plimsoll("engine", "--data", tmp_path / "data", **address)
    assert code == 1
    assert "has no tables yet: run plimsoll db upgrade" in err


def test_a_newer_database_is_refused_by_every_command(directory):
    with closing(sqlite3.connect(directory.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for command in (("engine",), ("revenue", "check"), ("db", "upgrade")):
        code, _, err = plimsoll(*command, "--data", directory.root)
        assert code == 1
        assert "use the newer version that made it" in err
