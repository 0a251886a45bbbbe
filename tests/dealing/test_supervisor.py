"""The supervisor: starts, starts again, gives up on what never worked, ends in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from dealing.directory import Role
from dealing.ports import ComponentState
from dealing.supervisor import (
    ENDS_WITHIN_S,
    SLOW_DELAY_S,
    ChildFailedError,
    ChildPlan,
    Restart,
    RestartPolicy,
    Supervisor,
)

LIVE = """
import pathlib, signal, sys, threading
ready, ended = map(pathlib.Path, sys.argv[1:3])
over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())
ready.write_text("")
over.wait()
with ended.open("a") as log:
    log.write(ready.stem + " ")
"""
FAIL = "raise SystemExit(3)"
STUBBORN = LIVE.replace("over.set()", "None")

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Run:
    """A supervisor over scripts, and everything it ever said about them."""

    def __init__(self, tmp_path, scripts):
        self.path = tmp_path
        self.told = []
        self.stop = asyncio.Event()
        self.news = asyncio.Event()
        plans = [self.plan(role, script) for role, script in scripts.items()]
        self.supervisor = Supervisor(plans, lambda: 0.99, self.tell)

    def plan(self, role, script):
        ready = self.path / f"{role}.ready"

        async def is_ready():
            return ready.exists()

        command = [sys.executable, "-ISc", script, ready, self.path / "ended"]
        return ChildPlan(role, command, is_ready, lambda: ready.unlink(missing_ok=True))

    def tell(self, statuses):
        self.told.append({status.role: status for status in statuses})
        self.news.set()

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not self.told or not condition(self.told[-1]):
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def running(tmp_path, **scripts):
    run = Run(tmp_path, {Role(name): script for name, script in scripts.items()})
    task = asyncio.create_task(run.supervisor.run(run.stop))
    try:
        async with asyncio.timeout(20):
            await run.supervisor.ready()
        yield run
    finally:
        run.stop.set()
        async with asyncio.timeout(20):
            await task


async def test_everything_is_started_and_ended_in_reverse_order(tmp_path):
    async with running(tmp_path, platform=LIVE, engine=LIVE, desk=LIVE) as run:
        assert {status.state for status in run.told[-1].values()} == {ComponentState.RUNNING}
    assert (tmp_path / "ended").read_text() == "desk engine platform "
    assert {status.state for status in run.told[-1].values()} == {ComponentState.STOPPED}


async def test_a_killed_process_is_started_again_alone(tmp_path):
    async with running(tmp_path, platform=LIVE, engine=LIVE) as run:
        before = run.told[-1]
        os.kill(before[Role.ENGINE].pid, signal.SIGKILL)
        await run.until(
            lambda now: (
                now[Role.ENGINE].restarts == 1 and now[Role.ENGINE].state is ComponentState.RUNNING
            )
        )
        after = run.told[-1]
        assert after[Role.ENGINE].pid != before[Role.ENGINE].pid
        assert after[Role.PLATFORM].pid == before[Role.PLATFORM].pid


async def test_a_process_that_keeps_dying_is_degraded_and_said_so(tmp_path, caplog):
    async with running(tmp_path, platform=LIVE, engine=LIVE) as run:
        for death in range(1, 6):
            os.kill(run.told[-1][Role.ENGINE].pid, signal.SIGKILL)
            await run.until(
                lambda now, death=death: (
                    now[Role.ENGINE].restarts == death
                    and (now[Role.ENGINE].state is not ComponentState.READY)
                )
            )
        status = run.told[-1][Role.ENGINE]
        assert status.state is ComponentState.DEGRADED
        assert status.detail == "keeps dying (killed by signal 9), tried again slowly"


async def test_a_process_that_never_was_ready_ends_the_run_with_its_exit_code(tmp_path):
    run = Run(tmp_path, {Role.PLATFORM: LIVE, Role.ENGINE: FAIL})
    with pytest.raises(ChildFailedError, match="the engine did not start") as e:
        async with asyncio.timeout(20):
            await run.supervisor.run(run.stop)
    assert e.value.exit_code == 3
    assert run.told[-1][Role.PLATFORM].state is ComponentState.STOPPED


async def test_what_a_process_said_last_is_passed_on_and_is_why_it_ended(tmp_path, capsys):
    reason = "a disk is full: make room"
    failing = f"{LIVE}sys.stderr.write('plimsoll engine: {reason}\\n'); sys.exit(1)"
    async with running(tmp_path, engine=failing) as run:
        os.kill(run.told[-1][Role.ENGINE].pid, signal.SIGTERM)
        await run.until(lambda now: now[Role.ENGINE].restarts == 1)
        (detail,) = {
            told[Role.ENGINE].detail
            for told in run.told
            if told[Role.ENGINE].detail.startswith("died")
        }
    assert detail == f"died (exit code 1: {reason}), is started again"
    assert f"plimsoll engine: {reason}\n" in capsys.readouterr().err


async def test_a_talkative_process_is_never_held_up(tmp_path, capsys):
    talkative = LIVE.replace("ready.write", "sys.stderr.write('é' * 300_000); ready.write")
    async with running(tmp_path, engine=talkative):
        pass
    assert capsys.readouterr().err.count("é") == 300_000


async def test_a_process_that_is_still_starting_is_not_waited_for(tmp_path):
    run = Run(tmp_path, {Role.ENGINE: STUBBORN.replace('ready.write_text("")', "")})
    task = asyncio.create_task(run.supervisor.run(run.stop))
    await run.until(lambda now: now[Role.ENGINE].pid is not None)
    run.stop.set()
    async with asyncio.timeout(ENDS_WITHIN_S / 2):
        await task


async def test_a_process_that_does_not_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("dealing.supervisor.ENDS_WITHIN_S", 0.1)
    async with running(tmp_path, engine=STUBBORN) as run:
        pid = run.told[-1][Role.ENGINE].pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_delays_double_then_a_fifth_death_in_a_minute_slows_down():
    policy = RestartPolicy(lambda: 0.0)
    assert [policy.died(now_s) for now_s in (0, 1, 2, 3, 4)] == [
        Restart(0.1, degraded=False),
        Restart(0.2, degraded=False),
        Restart(0.4, degraded=False),
        Restart(0.8, degraded=False),
        Restart(SLOW_DELAY_S, degraded=True),
    ]


def test_deaths_that_are_a_minute_old_are_forgiven():
    policy = RestartPolicy(lambda: 0.0)
    for now_s in range(5):
        policy.died(now_s)
    assert policy.died(64.5) == Restart(0.1, degraded=False)


def test_chance_keeps_restarts_out_of_step():
    assert RestartPolicy(lambda: 0.5).died(0).delay_s == pytest.approx(0.075)


HEAPS = """
import os, pathlib, sys
pathlib.Path(sys.argv[2]).write_text(os.environ["MALLOC_ARENA_MAX"] + os.environ["HOME"])
""" + LIVE.replace('"a"', '"r"').replace('log.write(ready.stem + " ")', "log.read()")


async def test_a_process_has_one_heap_for_all_its_threads_and_its_users_environment(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", "/home/dealer")
    async with running(tmp_path, engine=HEAPS) as run:
        await run.until(lambda told: told["engine"].state is ComponentState.RUNNING)
    assert (tmp_path / "ended").read_text() == "1/home/dealer"
