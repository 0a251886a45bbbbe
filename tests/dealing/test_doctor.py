"""The doctor: what it finds wrong, and that it says so once."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from dealing.components import ComponentState, ComponentStatus
from dealing.directory import DataDirectory, Role, RunIdentity, replace_file
from dealing.doctor import (
    BookRow,
    DiskRow,
    Examination,
    ProcessRow,
    examine,
    problems,
    show,
)
from dealing.launch import RunStatus, status_file
from dealing.supervisor import ChildStatus

ROOM = DiskRow(used=5_000_000, free=50_000_000_000)
BOOK = BookRow(
    market="simulated",
    as_of_ms=1_773_144_000_000,
    position=4_000,
    frame_age_ms=80.0,
    speed=1.0,
    quotes_per_s=300.0,
    deals_per_s=1.5,
    accounts=2_000,
    positions=5_000,
    unpriced_positions=0,
    stale_symbols=0,
    quarantined=0,
    breaks=0,
)


def process(role, pid=1, state=ComponentState.RUNNING, detail="answers"):
    return ProcessRow(role=role, pid=pid, state=state, restarts=0, detail=detail)


ALL_RUN = [process(role) for role in Role]


def book(**changes):
    return msgspec.structs.replace(BOOK, **changes)


def test_when_all_is_well_nothing_is_said():
    assert problems(ALL_RUN, [], BOOK, ROOM) == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"frame_age_ms": 4_200.0}, "the newest picture of the book is 4.2 s old"),
        ({"quarantined": 3}, "3 events are quarantined: the desk lists them as breaks"),
        ({"unpriced_positions": 2}, "2 positions have no price or no conversion rate"),
    ],
)
def test_what_is_wrong_with_the_book_is_a_sentence(changed, sentence):
    assert problems(ALL_RUN, [], book(**changed), ROOM) == [sentence]


def test_missing_processes_ill_components_and_a_full_disk_are_found():
    processes = [
        process(Role.SUPERVISOR),
        process(Role.PLATFORM),
        process(Role.ENGINE, None, ComponentState.DEGRADED, "keeps dying, tried again slowly"),
        process(Role.DESK),
    ]
    components = [
        ComponentStatus("platform", ComponentState.DEGRADED, "nobody answers", 9_000.0),
        ComponentStatus("journal", ComponentState.RUNNING, "on the disk", 1.0),
    ]
    assert problems(processes, components, None, DiskRow(used=1, free=999_999_999)) == [
        "the engine does not run (keeps dying, tried again slowly)",
        "platform is DEGRADED: nobody answers",
        "the engine shows no book",
        "only 1000.0 MB are left on the disk",
    ]


def test_what_was_set_aside_is_said_until_a_person_moves_it(tmp_path):
    directory = DataDirectory(tmp_path / "data")
    directory.prepare()
    directory.claim(RunIdentity(market="simulated", seed=1, clients=50))
    aside = directory.journal / "set-aside"
    aside.mkdir(parents=True)
    (aside / "1-from-byte-7.frames").write_bytes(b"damaged")
    found = examine(directory)
    assert found.disk.set_aside == [str(aside / "1-from-byte-7.frames")]
    (problem,) = problems(ALL_RUN, [], BOOK, msgspec.structs.replace(found.disk, free=ROOM.free))
    assert problem == (
        "damage was found and set aside (files: 1, the first is "
        f"{aside / '1-from-byte-7.frames'}): check the disk, then move them away"
    )


def test_a_process_that_is_starting_again_is_found_with_its_reason():
    again = ProcessRow(
        role=Role.ENGINE,
        pid=7,
        state=ComponentState.READY,
        restarts=3,
        detail="starting again after exit code 1: the disk is full",
    )
    others = [row for row in ALL_RUN if row.role is not Role.ENGINE]
    assert problems([*others, again], [], BOOK, ROOM) == [
        "the engine is starting again after exit code 1: the disk is full"
    ]


def test_roles_that_run_apart_need_no_supervisor():
    alone = [process(Role.SUPERVISOR, None, ComponentState.STOPPED, ""), *ALL_RUN[1:]]
    assert problems(alone, [], BOOK, ROOM) == []


def test_a_directory_is_examined_without_changing_it(tmp_path):
    directory = DataDirectory(tmp_path / "data")
    directory.prepare()
    run = RunIdentity(market="simulated", seed=1, clients=50)
    directory.claim(run)
    child = ChildStatus(
        role=Role.DESK, state=ComponentState.RUNNING, pid=1, restarts=2, detail="answers"
    )
    status = RunStatus(started_at=1, address="http://127.0.0.1:8050", children=[child])
    replace_file(status_file(directory), msgspec.json.encode(status))
    before = sorted(path.name for path in directory.root.rglob("*"))
    with directory.hold(Role.SUPERVISOR), directory.hold(Role.DESK):
        found = examine(directory)
    assert sorted(path.name for path in directory.root.rglob("*")) == sorted(
        [*before, "supervisor.lock", "desk.lock"]
    )
    assert found.run == run
    assert found.address == "http://127.0.0.1:8050"
    assert [row.state for row in found.processes] == ["RUNNING", "STOPPED", "STOPPED", "RUNNING"]
    assert found.processes[-1].restarts == 2
    assert found.book is None
    assert "the engine shows no book" in found.problems


def test_one_screen_holds_everything():
    screen = io.StringIO()
    examination = Examination(
        directory="var/simulated",
        run=RunIdentity(market="simulated", seed=1, clients=2_000),
        address="http://127.0.0.1:8050",
        processes=ALL_RUN,
        components=[ComponentStatus("journal", ComponentState.RUNNING, "on the disk", 12.0)],
        book=BOOK,
        disk=ROOM,
        problems=["the disk is tired"],
    )
    show(examination, Console(file=screen, width=120, highlight=False))
    shown = screen.getvalue()
    assert len(shown.splitlines()) <= 24
    for words in (
        "simulated market, 2000 clients, seed 1",
        "http://127.0.0.1:8050",
        "platform",
        "12 ms",
        "2,000 accounts, 5,000 positions, event 4,000",
        "5.0 MB used, 50.0 GB free",
        "wrong: the disk is tired",
    ):
        assert words in shown
