"""Signals end a process once and cleanly, whenever they come."""

from __future__ import annotations

import asyncio
import inspect
import os
import random
import signal
import subprocess
from contextlib import suppress

import pytest

from dealing import cli
from dealing.bootstrap import Plimsoll
from dealing.directory import DataDirectory, Role
from dealing.process import run_until_told
from dealing.stopping import STOP_SIGNALS, StopSignals
from tests.dealing.processes import PATIENCE_S, start, until
from tests.thorough import LONG

SERVICES = {"run", "feed", "engine", "sync", "desk", "alerts"}
"""The commands that live until a signal; every other one gives Ctrl-C back to its person."""

MOMENTS = 12 if LONG else 6
START_S = 3.0


@pytest.fixture
def signals():
    """Signals that are listened to, and afterwards again those of the test run."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
    listening = StopSignals()
    listening.listen()
    yield listening
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_before_the_loop_runs_keeps_the_work_from_beginning(signals, number):
    begun = []

    async def work(_):
        begun.append(True)

    os.kill(os.getpid(), number)
    run_until_told(work, signals)
    assert signals.told
    assert begun == []


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_while_the_loop_runs_sets_the_event(signals, number):
    async def work(stop):
        os.kill(os.getpid(), number)
        async with asyncio.timeout(PATIENCE_S):
            await stop.wait()

    run_until_told(work, signals)


def test_a_signal_between_listening_and_looking_is_not_lost(signals):
    class Loop:
        def add_signal_handler(self, number, _):
            if number is signal.SIGTERM:
                os.kill(os.getpid(), signal.SIGHUP)

    stop = asyncio.Event()
    signals.tell(Loop(), stop)
    assert stop.is_set()


def test_a_signal_after_the_loop_is_noted_and_interrupts_nothing(signals):
    async def work(_):
        return

    run_until_told(work, signals)
    os.kill(os.getpid(), signal.SIGINT)
    assert signals.told


def test_a_run_that_was_told_to_ignore_a_hang_up_goes_on_ignoring_it(signals):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    StopSignals().listen()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_command_that_a_person_waits_for_can_be_interrupted(signals):
    signals.leave()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_signal_before_such_a_command_began_interrupts_it_then(signals):
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signals.leave()


def test_every_command_but_a_service_gives_ctrl_c_back():
    commands = {name for name in vars(cli.Commands) if not name.startswith("_")}
    kept = {
        name
        for name in commands
        if "self._signals.leave()" not in inspect.getsource(getattr(Plimsoll, name))
    }
    assert kept == SERVICES


def hears(pid):
    """Tell whether a process listens to SIGTERM, which is Plimsoll's first act."""
    with suppress(FileNotFoundError), open(f"/proc/{pid}/status") as status:  # noqa: PTH123
        caught = next(line for line in status if line.startswith("SigCgt"))
        return bool(int(caught.split()[1], 16) & 1 << signal.SIGTERM - 1)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("number", STOP_SIGNALS[:2])
def test_a_signal_at_any_moment_of_the_start_is_a_clean_end(tmp_path, number):
    chance = random.Random(int(number))  # noqa: S311 - which moment is no secret
    for moment in range(MOMENTS // 2):
        directory = DataDirectory(tmp_path / str(moment))
        process = start("run", "--data", directory.root, "--port", 0, "--clients", 20,
                        "--no-browser")  # fmt: skip
        until(lambda process=process: hears(process.pid))
        with suppress(subprocess.TimeoutExpired):  # a moment of the start passes
            process.wait(chance.random() ** 2 * START_S)
        process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, "Traceback" in output, "ignored" in output) == (0, 0, 0), output
        assert all(directory.owner(role) is None for role in Role)
        assert directory.platform.exists() or directory.held_identity() is None
