"""Processes that died, keep dying or ended, as the supervisor writes down."""

from __future__ import annotations

import msgspec
import pytest

from dealing.alerts.sources.system import CURSOR, SystemSource, read_status
from dealing.components import ComponentState
from dealing.directory import Role
from dealing.launch import RunStatus
from dealing.supervisor import ChildStatus
from tests.dealing.alerts.sources.made_frames import NOW_US


def status(role=Role.ENGINE, state=ComponentState.RUNNING, restarts=0, detail="answers", begun=1):
    child = ChildStatus(role=role, state=state, pid=1, restarts=restarts, detail=detail)
    return RunStatus(started_at=begun, address="", children=[child])


@pytest.mark.parametrize(
    ("state", "value"), [(ComponentState.DEGRADED, 1.0), (ComponentState.FAULTED, 2.0)]
)
def test_a_process_that_keeps_dying_is_told(state, value):
    look = SystemSource({}).look(status(state=state, detail="keeps dying"), NOW_US)

    (reading,) = look.readings
    assert (reading.rule, reading.subject, reading.value) == (
        "component_down",
        "process engine",
        value,
    )
    assert reading.headline == (
        f"Process engine {'is degraded' if value < 2 else 'has stopped'}: keeps dying"
    )


@pytest.mark.parametrize("state", [ComponentState.RUNNING, ComponentState.READY])
def test_a_process_that_runs_or_starts_is_not_told(state):
    look = SystemSource({}).look(status(state=state), NOW_US)

    assert (look.readings, look.measured) == ((), {"component_down"})


def test_a_restart_is_told_for_a_minute():
    source = SystemSource({})
    source.look(status(), NOW_US)

    (reading,) = source.look(status(restarts=1, detail="answers"), NOW_US + 1).readings
    assert reading.headline == (
        "The engine process died and was started again (1 time in this run): answers"
    )
    assert source.look(status(restarts=1), NOW_US + 59_000_000).readings
    assert not source.look(status(restarts=1), NOW_US + 60_000_001).readings


def test_a_restart_while_nobody_looked_is_told_after_a_restart():
    cursors = SystemSource({}).look(status(restarts=2), NOW_US).cursors

    again = SystemSource(cursors).look(status(restarts=3), NOW_US)
    same = SystemSource(cursors).look(status(restarts=2), NOW_US)

    assert again.readings
    assert not same.readings
    assert set(cursors) == {CURSOR}


def test_another_run_begins_to_count_anew():
    cursors = SystemSource({}).look(status(restarts=0), NOW_US).cursors

    assert not SystemSource(cursors).look(status(restarts=3, begun=2), NOW_US).readings


def test_without_a_supervisor_there_is_nothing_to_say():
    look = SystemSource({CURSOR: "no json"}).look(None, NOW_US)

    assert (look.readings, look.cursors) == ((), {})


def test_the_file_is_read_as_the_supervisor_wrote_it(tmp_path):
    file, told = tmp_path / "status.json", status(restarts=4)
    assert read_status(file) is None

    file.write_bytes(msgspec.json.encode(told))
    assert read_status(file) == told

    file.write_bytes(b"{")
    assert read_status(file) is None
