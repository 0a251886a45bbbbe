"""The database: its schema, whose it is, and what is said when it cannot be used."""

import sqlite3
import stat

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from crm_sync.database import database_at
from crm_sync.schema import DATABASE_OWNER, METADATA, SCHEMA_VERSIONS
from dealing.directory import DataDirectory
from dealing.storage import migrate
from dealing.storage.migrate import upgrade
from exposure.errors import SchemaError, StorageError
from tests.crm_sync.postgres_server import PostgresServer


@pytest.fixture(scope="module")
def postgres():
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def address(request, tmp_path):
    """Where an empty database is: a URL (None for SQLite) and SQLite's file."""
    file = tmp_path / "odd name %#?.db"
    if request.param == "sqlite":
        file.touch()
        return None, file
    return request.getfixturevalue("postgres").new_database(), file


@pytest.fixture
def opened(address):
    """Open the database as often as a test wants, and close all of them."""
    made = []

    def open_as(owner):
        made.append(database_at(*address, lambda: owner))
        return made[-1]

    yield open_as
    for database in made:
        database.close()


def set_version(database, version):
    with database.migrating() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})


def test_an_upgrade_makes_exactly_the_tables_that_are_read_and_written(opened):
    database = opened("run")
    assert upgrade(database) is None
    assert upgrade(database) == SCHEMA_VERSIONS[-1]
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_versions_are_those_of_the_migrations():
    steps = Config()
    steps.set_main_option("script_location", str(migrate.STEPS))
    revisions = [step.revision for step in ScriptDirectory.from_config(steps).walk_revisions()]
    assert tuple(reversed(revisions)) == SCHEMA_VERSIONS


def test_a_database_of_the_first_version_keeps_what_it_holds(opened):
    database = opened("run")
    with database.migrating() as connection:
        steps = Config()
        steps.set_main_option("script_location", str(migrate.STEPS))
        steps.attributes["connection"] = connection
        command.upgrade(steps, "0001")
        connection.execute(DATABASE_OWNER.insert(), {"run_id": "run"})
    assert upgrade(database) == "0001"
    with database.reading() as connection:
        assert connection.scalars(DATABASE_OWNER.select()).all() == ["run"]
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_database_without_tables_says_what_to_do(opened):
    with pytest.raises(SchemaError, match="has no tables yet: run plimsoll db upgrade"):
        opened("run").check()


def test_an_older_schema_says_what_to_do(opened, monkeypatch):
    database = opened("run")
    upgrade(database)
    newer = (*SCHEMA_VERSIONS, "9999")
    monkeypatch.setattr("crm_sync.database.SCHEMA_VERSIONS", newer)
    with pytest.raises(
        SchemaError, match=rf"has schema {SCHEMA_VERSIONS[-1]}, this Plimsoll needs 9999: run plim"
    ):
        database.check()


def test_a_newer_schema_is_refused_and_never_touched(opened):
    database = opened("run")
    upgrade(database)
    set_version(database, "9999")
    for use in (database.check, lambda: upgrade(database)):
        with pytest.raises(SchemaError, match=r"schema 9999, .* use the newer version that made"):
            use()


def test_an_upgrade_that_fails_leaves_nothing_behind(opened, monkeypatch):
    database = opened("run")

    def broken(connection, *_):
        connection.attributes["connection"].execute(text("CREATE TABLE half (i INTEGER)"))
        connection.attributes["connection"].execute(text("CREATE TABLE half (i INTEGER)"))

    monkeypatch.setattr(migrate.command, "upgrade", broken)
    with pytest.raises(StorageError, match="half"):
        upgrade(database)
    monkeypatch.undo()
    assert upgrade(database) is None
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_first_writer_owns_it_and_another_run_is_refused(opened):
    ours, theirs, anybody = opened("ours"), opened("theirs"), opened(None)
    upgrade(ours)
    theirs.check()
    with ours.writing():
        pass
    ours.check()
    for use in (theirs.check, theirs.writing().__enter__):
        with pytest.raises(SchemaError, match="holds the facts of another run"):
            use()
    anybody.check()
    with anybody.reading() as connection:
        assert connection.scalars(DATABASE_OWNER.select()).all() == ["ours"]


def test_a_block_that_fails_writes_nothing(opened):
    database = opened("run")
    upgrade(database)
    block = database.writing()
    block.__enter__().execute(DATABASE_OWNER.insert(), {"run_id": "x"})
    assert not block.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    with database.reading() as connection:
        assert connection.scalars(DATABASE_OWNER.select()).all() == []


def test_a_reader_sees_one_moment(opened):
    writer, reader = opened("run"), opened("run")
    upgrade(writer)
    with writer.writing():
        pass
    with reader.reading() as connection:
        before = connection.scalars(DATABASE_OWNER.select()).all()
        with writer.writing() as other:
            other.execute(DATABASE_OWNER.insert(), {"run_id": "second"})
        assert connection.scalars(DATABASE_OWNER.select()).all() == before == ["run"]


def test_a_postgres_that_goes_away_and_comes_back_is_used_again(postgres, tmp_path):
    database = database_at(postgres.new_database(), tmp_path / "none", lambda: "run")
    upgrade(database)
    database.check()
    postgres.kill()
    with pytest.raises(StorageError, match="cannot be used") as refusal:
        database.check()
    assert not isinstance(refusal.value, SchemaError)
    postgres.start()
    database.check()
    database.close()


def test_a_file_that_is_missing_or_no_database_is_named(tmp_path):
    missing = database_at(None, tmp_path / "none.db")
    with pytest.raises(StorageError, match=r"none\.db cannot be used: unable to open"):
        missing.check()
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "odd.db").write_bytes(b"x" * 5_000)
    with pytest.raises(StorageError, match=r"odd\.db cannot be used: file is not a database"):
        database_at(None, tmp_path / "odd.db").check()


def test_what_is_committed_is_on_the_disk(tmp_path):
    directory = DataDirectory(tmp_path)
    directory.make_database()
    assert stat.S_IMODE(directory.database.stat().st_mode) == 0o600
    database = database_at(None, directory.database)
    upgrade(database)
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    database.close()
    assert stat.S_IMODE(directory.database.stat().st_mode) == 0o600


def test_a_full_disk_is_said_and_what_was_kept_stays(tmp_path):
    file = tmp_path / "desk.db"
    file.touch()
    database = database_at(None, file, lambda: "run")
    upgrade(database)
    with database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    many = [{"run_id": f"{k:0100d}"} for k in range(10_000)]
    with pytest.raises(StorageError, match="database or disk is full"), database.writing() as full:
        full.execute(DATABASE_OWNER.insert(), many)
    database.close()
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT run_id FROM database_owner").fetchall() == [("run",)]
    connection.close()
