"""The platform as a process: killed at random, slowed down, ended, started again."""

import asyncio
import random
import signal
import sys
from asyncio.subprocess import DEVNULL
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exposure.errors import DisconnectedError, StorageError
from exposure.model.events import BookAssigned, ClockTicked
from feeds.command_log import CommandLog
from feeds.durable_platform import DurablePlatform
from feeds.event_log import EventLog
from feeds.frames import decode_batch
from feeds.pacing import Pace
from feeds.platform_commands import AssignBook, CommandAnswer
from feeds.platform_process import Upkeep, run_platform
from feeds.sealed_files import SealedFiles
from feeds.socket_feed import SocketEventFeed, ask_status, send_commands
from tests.feeds.event_samples import flat
from tests.feeds.platform_sockets import until
from tests.feeds.stepping_platform import AS_FAST_AS_IT_GOES, SECOND, SteppingPlatform

pytestmark = pytest.mark.anyio

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def anyio_backend():
    return "asyncio"


@asynccontextmanager
async def living(platform, directory, pace=AS_FAST_AS_IT_GOES, **options):
    """A platform in this process; ends cleanly with the block."""
    stop, path = asyncio.Event(), directory / "socket"
    directory.mkdir(exist_ok=True)
    task = asyncio.create_task(run_platform(platform, directory, path, pace, stop, **options))
    try:
        await until(lambda: path.exists() or task.done())
        yield SocketEventFeed(path, lambda: 0)
    finally:
        stop.set()
        await task


@asynccontextmanager
async def process(directory, steps, speed):
    """A platform in a process of its own; killed at the end of the block."""
    words = ["-m", "tests.feeds.stepping_platform", directory, directory / "socket", steps, speed]
    child = await asyncio.create_subprocess_exec(
        sys.executable, *map(str, words), cwd=REPOSITORY, stdin=DEVNULL
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def follow(path, seen, wanted, last):
    """Add what follows to ``seen``, over reconnections, until there is enough or the last came."""

    def is_enough():
        return len(seen) >= wanted or seen[-1:] == [last]

    while not is_enough():
        try:
            async with aclosing(SocketEventFeed(path, lambda: 0).batches(len(seen))) as stream:
                while not is_enough():
                    seen += (await anext(stream)).events
        except DisconnectedError:
            await asyncio.sleep(0.005)


def history(directory):
    with EventLog(directory / "log") as log:
        return [frame.data for frame in log.read_encoded(0)]


async def whole_history(directory, steps):
    """What a platform writes that nobody interrupts."""
    platform = SteppingPlatform(steps)
    async with living(platform, directory):
        await until(lambda: platform.exhausted)
    return history(directory)


async def test_a_process_killed_at_random_equals_an_uninterrupted_one_byte_for_byte(tmp_path):
    steps, last, chance = 600, ClockTicked(600 * SECOND), random.Random(2)  # noqa: S311
    crashed, seen = tmp_path / "crashed", []
    crashed.mkdir()
    async with asyncio.timeout(60):
        for more in [0, 1, *(chance.randrange(1, 400) for _ in range(4)), sys.maxsize]:
            async with process(crashed, steps, speed=500) as child:
                await follow(crashed / "socket", seen, len(seen) + more, last)
            assert child.returncode == -signal.SIGKILL
        expected = await whole_history(tmp_path / "whole", steps)
    assert list((crashed / "checkpoints").iterdir())
    assert history(crashed) == expected
    assert seen == flat(decode_batch(data) for data in expected)


async def test_a_process_that_is_told_to_end_leaves_a_checkpoint_at_its_end(tmp_path):
    async with asyncio.timeout(30), process(tmp_path, 10_000, speed=500) as child:
        await follow(tmp_path / "socket", [], 50, None)
        child.terminate()
        assert await child.wait() == 0
    assert not (tmp_path / "socket").exists()
    with EventLog(tmp_path / "log") as log:
        checkpoints = SealedFiles(tmp_path / "checkpoints", ".checkpoint", 2)
        assert checkpoints.positions()[-1] == log.last_position


async def test_an_ended_recording_is_still_served_and_says_so(tmp_path):
    platform = SteppingPlatform(steps=5)
    async with asyncio.timeout(10), living(platform, tmp_path) as feed:
        seen = []
        await follow(tmp_path / "socket", seen, sys.maxsize, ClockTicked(5 * SECOND))
        status = await ask_status(tmp_path / "socket")
        assert (status.exhausted, status.detail) == (True, "recording ended")
        assert (status.now, status.position) == (5 * SECOND, len(seen))
        async with aclosing(feed.batches(len(seen) - 1)) as stream:
            assert (await anext(stream)).events == [ClockTicked(5 * SECOND)]


async def test_a_platform_goes_on_where_an_earlier_one_ended(tmp_path):
    first, second = SteppingPlatform(steps=5), SteppingPlatform(steps=9)
    async with asyncio.timeout(10):
        async with living(first, tmp_path):
            await until(lambda: first.exhausted)
        async with living(second, tmp_path):
            await until(lambda: second.exhausted)
        assert history(tmp_path) == await whole_history(tmp_path / "whole", 9)


async def test_what_a_person_should_know_is_said_whenever_the_platform_starts(tmp_path):
    said = []
    async with asyncio.timeout(10):
        for _ in range(2):
            async with living(SteppingPlatform(), tmp_path, say=said.append):
                pass
    assert said == ["it goes by steps"] * 2


async def test_a_log_stays_within_its_size_and_a_checkpoint_that_does_not_fit_is_tried_again(
    tmp_path,
):
    upkeep = Upkeep(repeat_ns=1, log_bytes=20_000, segment_bytes=2_000)
    in_the_way = tmp_path / "checkpoints"
    in_the_way.write_text("a file where the directory should be")
    platform = SteppingPlatform(steps=600)
    async with asyncio.timeout(60), living(platform, tmp_path, upkeep=upkeep):
        with capture_logs() as logs:
            await until(lambda: any("checkpoint not saved" in log["event"] for log in logs))
        in_the_way.unlink()
        await until(lambda: platform.exhausted)
    sizes = [path.stat().st_size for path in (tmp_path / "log").glob("*.frames")]
    assert 20_000 - 2_000 < sum(sizes) <= 20_000
    assert max(sizes) <= 2_000
    with EventLog(tmp_path / "log") as log:
        assert log.first_position > 1
        assert SealedFiles(in_the_way, ".checkpoint", 2).positions()[-1] == log.last_position


class Laborious(SteppingPlatform):
    """Every step takes a second of the clock in hand."""

    wall_ns = 0

    def advance(self, duration_ns, commands=()):
        self.wall_ns += SECOND
        return super().advance(duration_ns, commands)


async def test_a_platform_that_cannot_keep_up_says_how_fast_it_is(tmp_path):
    platform = Laborious(steps=1_000_000)
    options = {"pace": Pace(10), "clock": lambda: platform.wall_ns}
    async with asyncio.timeout(10), living(platform, tmp_path, **options) as feed:
        batches = feed.batches(0)
        while feed.status is None or not feed.status.is_late:
            await anext(batches)
        await batches.aclose()
    assert feed.status.detail == "falls behind: speed 1 of 10"
    assert feed.status.label == "stepping"


async def test_a_second_platform_on_one_directory_is_refused(tmp_path):
    async with asyncio.timeout(10), living(SteppingPlatform(), tmp_path):
        with pytest.raises(StorageError, match="being written by another process"):
            await run_platform(
                SteppingPlatform(), tmp_path, tmp_path / "other", Pace(), asyncio.Event()
            )


def moving(number):
    return AssignBook(key=f"move-{number}", login=str(number), book="A")


def moved_in(directory):
    with EventLog(directory / "log") as log:
        return [event for event in flat(log.read(0)) if isinstance(event, BookAssigned)]


async def test_commands_of_several_desks_are_obeyed_and_answered_in_their_own_order(tmp_path):
    path, platform = tmp_path / "socket", SteppingPlatform(steps=10**9)
    async with asyncio.timeout(10), living(platform, tmp_path, pace=Pace(10)):
        unknown = AssignBook(key="move-x", login="nobody", book="B")
        first, second = await asyncio.gather(
            send_commands(path, [moving(1), unknown, moving(2)]), send_commands(path, [moving(3)])
        )
        again = await send_commands(path, [moving(3), moving(1)])
    assert first == [
        CommandAnswer("move-1", accepted=True),
        CommandAnswer("move-x", accepted=False, reason="login nobody is not known here"),
        CommandAnswer("move-2", accepted=True),
    ]
    assert second == [CommandAnswer("move-3", accepted=True)]
    assert again == [*second, first[0]]
    assert sorted(event.login for event in moved_in(tmp_path)) == ["1", "2", "3"]


async def test_after_the_end_of_a_recording_commands_are_refused(tmp_path):
    platform = SteppingPlatform(steps=3)
    async with asyncio.timeout(10), living(platform, tmp_path):
        await until(lambda: platform.exhausted)
        (answer,) = await send_commands(tmp_path / "socket", [moving(1)])
    assert not answer.accepted
    assert "the recording has ended" in answer.reason
    assert moved_in(tmp_path) == []


async def test_without_a_platform_nobody_answers_a_command(tmp_path):
    with pytest.raises(DisconnectedError, match="is the platform running"):
        await send_commands(tmp_path / "socket", [moving(1)])


async def obeyed(path, commands):
    """Send until there is an answer, as a desk does whose platform dies under it."""
    while True:
        try:
            return await send_commands(path, commands)
        except DisconnectedError:
            await asyncio.sleep(0.005)


async def test_a_platform_killed_at_random_under_commands_obeys_each_key_once(tmp_path):
    answers = {}

    async def command(numbers):
        for number in numbers:
            (answers[number],) = await obeyed(tmp_path / "socket", [moving(number)])

    async with asyncio.timeout(60):
        desk = asyncio.create_task(command(range(1, 41)))
        for enough in (1, 9, 17, 26, 40):
            async with process(tmp_path, 10**9, speed=500):
                # the next command is on its way when the process is killed
                await until(lambda enough=enough: len(answers) >= enough)
        await desk
    assert all(answer.accepted for answer in answers.values())
    assert [event.login for event in moved_in(tmp_path)] == [str(n) for n in range(1, 41)]
    with EventLog(tmp_path / "log") as log:  # and it repeats itself, commands included
        commands = CommandLog(tmp_path / "commands" / "taken.frames")
        checkpoints = SealedFiles(tmp_path / "nothing", ".checkpoint", 2)
        DurablePlatform(SteppingPlatform(10**9), log, checkpoints, commands).resume()
