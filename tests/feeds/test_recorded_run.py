"""A recorded run gives what its log holds, at any pace and from any place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure.errors import DataError, StorageError
from exposure.model.events import BookAssigned, ClockTicked
from feeds.command_log import CommandLog
from feeds.durable_platform import DurablePlatform
from feeds.event_log import EventLog
from feeds.platform_commands import AssignBook, SendHedgeOrder
from feeds.recorded_run import RecordedRun
from feeds.sealed_files import SealedFiles
from tests.feeds.event_samples import flat
from tests.feeds.stepping_platform import SECOND, SteppingPlatform

STEPS = 12


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A run's log and its events without the clock's."""
    directory = tmp_path_factory.mktemp("run")
    with EventLog(directory / "log", segment_bytes=1_000) as log:
        checkpoints = SealedFiles(directory / "checkpoints", ".checkpoint", keep=2)
        commands = CommandLog(directory / "commands.frames")
        durable = DurablePlatform(SteppingPlatform(), log, checkpoints, commands)
        durable.resume()
        for _ in range(STEPS):
            durable.step(SECOND)
        return directory / "log", without_clock(flat(log.read(0)))


def without_clock(events):
    return [event for event in events if not isinstance(event, ClockTicked)]


@given(st.lists(st.integers(1, 3 * SECOND), max_size=20), st.integers(0, 20))
def test_any_pace_and_any_interruption_give_the_same_events(held, durations, interrupted):
    log, expected = held
    run = RecordedRun(log, "recorded")
    events = run.opening_events()
    for number, duration_ns in enumerate([*durations, STEPS * SECOND]):
        if number == interrupted:
            state = run.save()
            run = RecordedRun(log, "recorded")
            run.load(state)
        step = run.advance(duration_ns)
        assert step[-1] == ClockTicked(run.now)
        assert all(event.ts_event <= run.now for event in step)
        events += step
    assert without_clock(events) == expected
    assert run.exhausted


def test_time_goes_on_after_the_last_event(held):
    run = RecordedRun(held[0], "recorded")
    run.opening_events()
    run.advance(STEPS * SECOND)
    assert run.advance(SECOND) == [ClockTicked((STEPS + 1) * SECOND)]


def test_a_log_that_is_cut_off_is_played_as_far_as_it_goes(held, tmp_path):
    log, expected = held
    copy = tmp_path / "log"
    copy.mkdir()
    for path in log.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    newest = max(copy.glob("*.frames"))
    newest.write_bytes(newest.read_bytes()[:-3])
    run = RecordedRun(copy, "recorded")
    events = run.opening_events() + run.advance(STEPS * SECOND)
    played = without_clock(events)
    assert run.exhausted
    assert played == expected[: len(played)]
    assert len(played) < len(expected)


def test_a_directory_without_a_run_from_its_beginning_is_refused(held, tmp_path):
    with pytest.raises(DataError, match="from its beginning"):
        RecordedRun(tmp_path, "recorded")
    shortened = tmp_path / "log"
    shortened.mkdir()
    newest = max(held[0].glob("*.frames"))
    (shortened / newest.name).write_bytes(newest.read_bytes())
    with pytest.raises(DataError, match="from its beginning"):
        RecordedRun(shortened, "recorded")


def test_clients_may_be_sent_to_other_books_and_nothing_can_be_hedged(held):
    run = RecordedRun(held[0], "recorded")
    run.opening_events()
    move = AssignBook(key="move-1", login="1", book="A")
    assert run.refusal(move) == ""
    assert run.advance(SECOND, [move])[0] == BookAssigned(0, "1", "A")
    order = SendHedgeOrder(key="hedge-1", lp="LP1", symbol="EURUSD", side="buy", lots=1.0)
    assert run.refusal(order).startswith("a recorded run takes no orders and no money")


def test_a_state_of_something_else_is_refused(held):
    with pytest.raises(StorageError, match="new data directory"):
        RecordedRun(held[0], "recorded").load(b"x")
