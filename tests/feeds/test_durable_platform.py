"""A platform with a log: interrupted anywhere, it goes on as if it never had been."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure.errors import InvariantError, StorageError
from exposure.model.events import BookAssigned, ClockTicked, EventBatch
from feeds.command_log import CommandLog
from feeds.durable_platform import OPENING_SLICE, DurablePlatform
from feeds.event_log import EventLog
from feeds.platform_commands import AssignBook
from feeds.sealed_files import SealedFiles
from tests.feeds.event_samples import flat, quotes
from tests.feeds.stepping_platform import SECOND, SteppingPlatform

DURATIONS = [SECOND, 3 * SECOND, SECOND // 2, 7, SECOND, 2 * SECOND, SECOND, SECOND]


class CrashError(Exception):
    """The process dies here."""


def checkpoints_in(directory):
    return SealedFiles(directory / "checkpoints", ".checkpoint", keep=2)


def commands_in(directory):
    return CommandLog(directory / "commands" / "taken.frames")


def live(directory, steps, checkpoint_after=(), crash_after=None, **options):
    """Resume and take steps; checkpoints and a crash come after so many steps of this life."""
    with EventLog(directory / "log", segment_bytes=1_000) as log:
        durable = DurablePlatform(
            SteppingPlatform(**options), log, checkpoints_in(directory), commands_in(directory)
        )
        durable.resume()
        for number, duration_ns in enumerate(steps):
            if number in checkpoint_after:
                durable.checkpoint(durable.position, durable.platform.save())
            if number == crash_after:
                raise CrashError
            durable.step(duration_ns)
        return durable.platform.save()


def history(directory):
    with EventLog(directory / "log") as log:
        return [frame.data for frame in log.read_encoded(0)]


def steps_taken(directory):
    with EventLog(directory / "log") as log:
        return sum(isinstance(event, ClockTicked) for event in flat(log.read(0)))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sets(st.integers(0, 4), max_size=2), st.integers(0, 90)),
        max_size=5,
    )
)
def test_a_platform_that_crashes_anywhere_equals_one_that_never_did(lives):
    with TemporaryDirectory() as whole, TemporaryDirectory() as crashed:
        expected_state = live(Path(whole), DURATIONS)
        directory = Path(crashed)
        for crash_after, checkpoint_after, torn in lives:
            rest = (
                DURATIONS[steps_taken(directory) :] if (directory / "log").exists() else DURATIONS
            )
            try:
                live(directory, rest, checkpoint_after, crash_after)
            except CrashError:
                tear(directory, torn)
        state = live(directory, DURATIONS[steps_taken(directory) :])
        assert history(directory) == history(Path(whole))
        assert state == expected_state


MOVES = {
    number: AssignBook(key=f"move-{number}", login=str(number), book="ABC"[number % 3])
    for number in range(len(DURATIONS))
}


def commanded(directory, lives, commands=MOVES):
    """Live through all steps with a command before each, crashing where ``lives`` says so.

    A life is (after how many of its steps it ends, whether it ends between a command and its step,
    whether a checkpoint comes before that). Whoever gave the command repeats it in the next life.
    """
    for crash_after, before_step, checkpoint in [*lives, (None, False, False)]:
        with EventLog(directory / "log", segment_bytes=1_000) as log:
            durable = DurablePlatform(
                SteppingPlatform(), log, checkpoints_in(directory), commands_in(directory)
            )
            durable.resume()
            done = steps_in(log)
            for number, duration_ns in enumerate(DURATIONS[done:]):
                if checkpoint and number == 1:
                    durable.checkpoint(durable.position, durable.platform.save())
                ends = number == crash_after
                given = [commands[done + number]] if done + number in commands else []
                answers = durable.take(given) if not ends or before_step else []
                assert all(answer.accepted for answer in answers)
                if ends:
                    break
                durable.step(duration_ns)
    return durable.platform.save()


def steps_in(log):
    return sum(isinstance(event, ClockTicked) for event in flat(log.read(0)))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=5))
def test_commands_are_obeyed_once_at_their_step_wherever_the_platform_crashes(lives):
    with TemporaryDirectory() as whole, TemporaryDirectory() as crashed:
        expected = commanded(Path(whole), [])
        state = commanded(Path(crashed), lives)
        assert state == expected
        assert history(Path(crashed)) == history(Path(whole))
        with EventLog(Path(crashed) / "log") as log:
            moved = [e.login for e in flat(log.read(0)) if isinstance(e, BookAssigned)]
        assert moved == [str(number) for number in MOVES]


def test_a_command_that_is_repeated_happens_once_and_is_answered_the_same(tmp_path):
    move = MOVES[1]
    bad = AssignBook(key="move-x", login="nobody", book="A")
    with EventLog(tmp_path / "log") as log:
        durable = DurablePlatform(
            SteppingPlatform(), log, checkpoints_in(tmp_path), commands_in(tmp_path)
        )
        durable.resume()
        first, twin, refused = durable.take([move, move, bad])
        assert (first.accepted, twin.accepted, refused.accepted) == (True, True, False)
        assert refused.reason == "login nobody is not known here"
        durable.step(SECOND)
        assert durable.take([bad, move]) == [refused, first]
        durable.step(SECOND)
        moved = [e for e in flat(log.read(0)) if isinstance(e, BookAssigned)]
        assert [event.login for event in moved] == [move.login]


def tear(directory, bytes_lost):
    """Lose the end of the newest file, as a power cut may, and the checkpoints beyond it stay."""
    newest = max((directory / "log").glob("*.frames"))
    with newest.open("r+b") as file:
        file.truncate(max(0, newest.stat().st_size - bytes_lost))


def test_an_opening_that_was_cut_off_is_completed(tmp_path):
    opening = 2 * OPENING_SLICE + 3
    whole, crashed = tmp_path / "whole", tmp_path / "crashed"
    live(whole, [], opening=opening)
    assert len(history(whole)) == 3
    live(crashed, [], opening=opening)
    for path in sorted((crashed / "log").glob("*.frames"))[1:]:
        path.unlink()
    live(crashed, [], opening=opening)
    assert history(crashed) == history(whole)


def test_damaged_checkpoints_only_cost_time(tmp_path):
    live(tmp_path, DURATIONS[:5], checkpoint_after={1, 3})
    for path in (tmp_path / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    state = live(tmp_path, DURATIONS[5:])
    assert state == live(tmp_path / "whole", DURATIONS)


def test_checkpoints_beyond_a_torn_log_do_not_push_out_those_that_follow(tmp_path):
    live(tmp_path, DURATIONS[:6], checkpoint_after={4, 5})
    newest = max((tmp_path / "log").glob("*.frames"))
    newest.write_bytes(newest.read_bytes()[:30])
    live(tmp_path, DURATIONS[steps_taken(tmp_path) :], checkpoint_after={0, 1})
    beyond = list((tmp_path / "checkpoints" / "set-aside").iterdir())
    assert beyond
    assert checkpoints_in(tmp_path).positions()[-1] <= history_end(tmp_path)
    live(tmp_path / "whole", DURATIONS)
    assert history(tmp_path) == history(tmp_path / "whole")


def history_end(directory):
    with EventLog(directory / "log") as log:
        return log.last_position


def test_a_log_that_an_earlier_version_wrote_is_recognised_by_its_events(tmp_path, monkeypatch):
    live(tmp_path, DURATIONS[:4])
    written = history(tmp_path)
    monkeypatch.setattr("feeds.frames.VERSION", 2)
    monkeypatch.setattr("feeds.frames.READABLE_VERSIONS", frozenset({1, 2}))
    live(tmp_path, DURATIONS[4:])
    assert history(tmp_path)[: len(written)] == written
    assert len(history(tmp_path)) > len(written)


def test_a_damaged_middle_stops_the_platform_with_a_sentence(tmp_path):
    live(tmp_path, DURATIONS)
    newest = max((tmp_path / "log").glob("*.frames"))
    content = bytearray(newest.read_bytes())
    content[60] ^= 1
    newest.write_bytes(content)
    with pytest.raises(StorageError, match=f"{newest} is damaged at byte 0 .* restore the file"):
        live(tmp_path, [SECOND])
    assert newest.read_bytes() == bytes(content)


def test_a_platform_that_does_not_repeat_itself_is_stopped(tmp_path):
    live(tmp_path, DURATIONS)
    held = history(tmp_path)
    with pytest.raises(InvariantError, match="does not repeat its events after position 0"):
        live(tmp_path, DURATIONS, seed=2)
    assert history(tmp_path) == held


def test_a_log_of_something_else_is_not_stepped_through(tmp_path):
    live(tmp_path, [])
    with EventLog(tmp_path / "log") as log:
        log.append(EventBatch(9, 0, quotes(1, 2)))
    with pytest.raises(InvariantError, match=r"ends at position 9 .* does not say how long"):
        live(tmp_path, [])


def test_old_events_are_dropped_but_none_that_a_checkpoint_needs(tmp_path):
    live(tmp_path, 5 * DURATIONS, checkpoint_after={20, 30})
    with EventLog(tmp_path / "log") as log:
        durable = DurablePlatform(
            SteppingPlatform(), log, checkpoints_in(tmp_path), commands_in(tmp_path)
        )
        durable.keep_log_within(0)
        older = checkpoints_in(tmp_path).positions()[0]
        assert 1 < log.first_position <= older + 1
    live(tmp_path, [SECOND])
    for path in (tmp_path / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(StorageError, match="no longer reaches back to the start: start anew"):
        live(tmp_path, [])
