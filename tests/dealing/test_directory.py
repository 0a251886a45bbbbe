"""The data directory: one run in it, one process per role, nothing foreign touched."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from dealing.directory import (
    LONGEST_SOCKET_PATH,
    DataDirectory,
    Role,
    RunIdentity,
    replace_file,
)
from exposure.errors import StorageError

RUN = RunIdentity(market="simulated", seed=1, clients=50)

HOLDER = """
import sys
from pathlib import Path
from dealing.directory import DataDirectory, Role
with DataDirectory(Path(sys.argv[1])).hold(Role.ENGINE):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def directory(tmp_path):
    directory = DataDirectory(tmp_path / "data")
    directory.prepare()
    return directory


@pytest.fixture
def holder(directory):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, directory.root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_new_directory_takes_a_run_and_the_same_run_continues(directory):
    assert directory.held_identity() is None
    assert not directory.claim(RUN)
    assert directory.claim(RUN)
    assert directory.held_identity() == RUN


def test_when_a_run_begins_belongs_to_what_it_is(directory):
    begun = msgspec.structs.replace(RUN, start=datetime(2014, 5, 8, 12, 25, tzinfo=UTC))
    directory.claim(begun)
    assert directory.held_identity() == begun
    assert directory.held_identity().as_settings()["market.start"] == begun.start
    with pytest.raises(StorageError, match="seed 1, from 2014-05-08 12:25"):
        directory.claim(RUN)


def test_another_run_is_refused_with_what_is_held_and_what_to_do(directory):
    directory.claim(RUN)
    with pytest.raises(StorageError) as e:
        directory.claim(RunIdentity(market="simulated", seed=2, clients=50))
    assert str(e.value) == (
        f"{directory.root} holds another run (simulated market, 50 clients, seed 1), not simulated "
        "market, 50 clients, seed 2: continue it without these options, choose another directory "
        "with --data, or delete it with --fresh"
    )


def test_a_directory_with_somebody_elses_files_is_refused(directory):
    (directory.root / "thesis.txt").write_text("years of work")
    with pytest.raises(StorageError, match=r"is not empty \(thesis.txt\) and holds no run"):
        directory.claim(RUN)


def test_a_damaged_identity_is_named(directory):
    directory.identity_file.write_text("{")
    with pytest.raises(StorageError, match=r"run\.json cannot be read"):
        directory.held_identity()


def test_a_run_that_never_began_leaves_the_directory_to_another(directory):
    directory.claim(RUN)
    directory.disclaim()
    assert directory.held_identity() is None
    directory.claim(RUN)
    directory.platform.mkdir()
    directory.disclaim()
    assert directory.held_identity() == RUN


def test_deleting_a_run_leaves_what_is_not_its_own(directory):
    directory.claim(RUN)
    for path in (directory.platform, directory.journal, directory.snapshots):
        path.mkdir()
        (path / "0001").write_bytes(b"x")
    (directory.root / "notes.txt").write_text("mine")
    directory.delete_run()
    left = sorted(path.name for path in directory.root.iterdir())
    assert left == ["log", "notes.txt", "run"]


def test_a_file_in_place_of_the_directory_is_named(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(StorageError, match=r"data.* cannot be used: .*--data"):
        DataDirectory(tmp_path / "data").prepare()


def test_a_small_file_that_cannot_be_replaced_keeps_its_old_content(tmp_path):
    path = tmp_path / "run.json"
    replace_file(path, b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        with pytest.raises(
            StorageError, match=r"run\.json cannot be written: File too large; make"
        ):
            replace_file(path, b"x" * 2_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["run.json"]


def test_a_role_has_one_process_and_the_second_one_is_told_who(directory, holder):
    assert directory.owner(Role.ENGINE) == holder.pid
    with pytest.raises(StorageError) as e, directory.hold(Role.ENGINE, patience_s=0):
        pass
    assert str(e.value) == (
        f"another Plimsoll's engine (process {holder.pid}) runs on {directory.root}: stop it, or "
        "choose another directory with --data"
    )


def test_a_killed_process_leaves_its_role_free(directory, holder):
    holder.kill()
    with directory.hold(Role.ENGINE, patience_s=10):
        assert directory.owner(Role.ENGINE) == os.getpid()
    assert directory.owner(Role.ENGINE) is None


def test_roles_do_not_exclude_each_other(directory, holder):
    with directory.hold(Role.DESK, patience_s=0):
        assert directory.owner(Role.DESK) == os.getpid()


def test_what_processes_meet_in_is_private(directory):
    assert stat.S_IMODE(directory.socket(Role.ENGINE).parent.stat().st_mode) == 0o700


def test_a_deep_directory_still_gets_a_socket_that_fits(tmp_path):
    deep = DataDirectory(tmp_path / ("deep" * 30))
    other = DataDirectory(tmp_path / ("deep" * 31))
    assert len(os.fsencode(deep.socket(Role.ENGINE))) <= LONGEST_SOCKET_PATH
    assert deep.socket(Role.ENGINE) != other.socket(Role.ENGINE)
    assert deep.socket(Role.ENGINE) != deep.socket(Role.PLATFORM)


def test_a_run_has_a_name_of_its_own_that_stays(directory):
    assert directory.held_run_id() is None
    name = directory.run_id()
    assert directory.run_id() == directory.held_run_id() == name
    assert len(name) == 32


def test_a_new_run_has_another_name_and_no_revenue(directory):
    directory.claim(RUN)
    before = directory.run_id()
    directory.make_database()
    directory.database.with_name("desk.db-wal").touch()
    directory.revenue_lake.mkdir(parents=True)
    directory.delete_run()
    left = {path.name for path in directory.root.iterdir()}
    assert left == {"log", "run"}
    assert directory.run_id() != before
