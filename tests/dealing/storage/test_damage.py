"""Damage on the engine's disk: found, set aside, and in the end the same book to the byte."""

from __future__ import annotations

import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from exposure.errors import StorageError
from feeds.frames import HEADER_SIZE
from tests.dealing.storage.broker_days import Left, Truth, broker_day, flipped, state_of

LONG = bool(os.environ.get("PLIMSOLL_LONG_TESTS"))
LAST_BYTES = 4_096

DAY = broker_day(18)
TRUTH = Truth(DAY)


def begins_of(frames):
    """Return at which byte of one file each frame begins."""
    begins = [0]
    for frame in frames:
        begins.append(begins[-1] + len(frame.data))
    return begins


BEGINS = begins_of(DAY)


def last_position(size, saved_after):
    """Return what an engine can know that finds the journal cut to a size.

    A journal without any whole frame says nothing against the newest saved state.
    """
    whole = sum(begin <= size for begin in BEGINS) - 1
    if whole:
        return DAY[whole - 1].position
    return DAY[max(saved_after)].position if saved_after else 0


@pytest.fixture
def left_by(tmp_path):
    return lambda *arguments, **options: Left(tmp_path, DAY, *arguments, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("saved_after", "stride"),
    [((), 1 if LONG else 13), ((3, 12, 16), 1 if LONG else 31)],
    ids=["from the journal alone", "from snapshots and the journal"],
)
def test_every_truncation_of_the_last_4096_bytes_recovers(left_by, saved_after, stride):
    left = left_by(saved_after)
    (journal,) = left.segments
    size = len(left.content(journal))
    assert size > LAST_BYTES
    for cut in range(0, LAST_BYTES + 1, stride):
        left.put_back()
        journal.write_bytes(left.content(journal)[: size - cut])
        engine = left.recovered()
        assert engine.position == last_position(size - cut, saved_after)
        assert state_of(engine) == TRUTH.after(engine.position)
    assert TRUTH.caught_up(engine) == TRUTH.after(TRUTH.end)


@pytest.fixture(scope="module")
def left_in_small_files(tmp_path_factory):
    return Left(tmp_path_factory.mktemp("small"), DAY, (3, 12, 16), segment_bytes=500)


@pytest.fixture(scope="module")
def left_in_one_file(tmp_path_factory):
    return Left(tmp_path_factory.mktemp("one"), DAY, (3, 12))


@given(st.data())
def test_a_flipped_bit_never_gives_a_wrong_book(left_in_small_files, left_in_one_file, data):
    left = data.draw(st.sampled_from([left_in_small_files, left_in_one_file]))
    left.put_back()
    for _ in range(data.draw(st.integers(1, 3))):
        file = data.draw(st.sampled_from(left.files))
        content = file.read_bytes()
        at = data.draw(st.integers(0, len(content) - 1))
        file.write_bytes(flipped(content, at, data.draw(st.integers(0, 7))))
    engine = left.recovered()
    assert state_of(engine) == TRUTH.after(engine.position)
    assert TRUTH.caught_up(engine) == TRUTH.after(TRUTH.end)


@given(st.data())
def test_files_that_are_gone_never_give_a_wrong_book(left_in_small_files, data):
    left = left_in_small_files
    left.put_back()
    for file in data.draw(st.sets(st.sampled_from(left.files), min_size=1)):
        file.unlink()
    engine = left.recovered()
    assert state_of(engine) == TRUTH.after(engine.position)
    assert TRUTH.caught_up(engine) == TRUTH.after(TRUTH.end)


@pytest.mark.parametrize("part", ["header", "payload"])
def test_damage_before_the_saved_state_does_no_harm_and_is_said(left_by, part):
    left = left_by((5, 12))
    (journal,) = left.segments
    at = BEGINS[8] + (4 if part == "header" else HEADER_SIZE + 4)
    journal.write_bytes(flipped(left.content(journal), at))
    with capture_logs() as logs:
        engine = left.recovered()
    assert state_of(engine) == TRUTH.after(TRUTH.end)
    assert left.set_aside() == []
    (said,) = [log for log in logs if log["log_level"] != "info"]
    assert said["event"] == "the journal is damaged before the saved state, which does no harm"
    assert (said["file"], said["byte"]) == (str(journal), BEGINS[8])


@pytest.mark.parametrize("part", ["header", "payload"])
@pytest.mark.parametrize("segment_bytes", [600, 1 << 20], ids=["small files", "one file"])
def test_damage_behind_the_saved_state_cuts_the_journal_and_keeps_the_rest(
    left_by, part, segment_bytes
):
    left = left_by((5,), segment_bytes=segment_bytes)
    file, begin = place_of(left, DAY[8])
    content = left.content(file)
    at = begin + (4 if part == "header" else HEADER_SIZE + 4)
    file.write_bytes(flipped(content, at))
    with capture_logs() as logs:
        engine = left.recovered()
    assert engine.position == DAY[7].position
    assert state_of(engine) == TRUTH.after(engine.position)
    spoilt = b"".join(path.read_bytes() for path in left.set_aside())
    assert spoilt == flipped(content, at)[begin:] + b"".join(
        left.content(later) for later in left.segments if later > file
    )
    (said,) = [log for log in logs if log["log_level"] == "error"]
    assert (said["file"], said["byte"]) == (str(file), begin)
    assert said["set_aside"] == [str(path) for path in sorted(left.set_aside(), key=str)]
    assert TRUTH.caught_up(engine) == TRUTH.after(TRUTH.end)
    assert state_of(left.recovered()) == TRUTH.after(DAY[7].position)


def place_of(left, frame):
    """Return the file and the byte at which a frame begins."""
    for file in left.segments:
        at = left.content(file).find(frame.data)
        if at >= 0:
            return file, at
    raise AssertionError


def test_a_hole_that_did_no_harm_still_cuts_once_its_saved_state_is_gone(left_by):
    left = left_by((3, 12))
    (journal,) = left.segments
    damaged = flipped(left.content(journal), BEGINS[8] + HEADER_SIZE)
    journal.write_bytes(damaged)
    assert left.recovered().position == TRUTH.end
    newest = left.saved[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    engine = left.recovered()
    assert engine.position == DAY[7].position
    assert {path.name for path in left.set_aside()} == {
        newest.name,
        f"{journal.stem}-from-byte-{BEGINS[8]}.frames",
    }
    assert TRUTH.caught_up(engine) == TRUTH.after(TRUTH.end)


def test_damaged_saved_states_give_way_to_the_one_before_and_are_kept_apart(left_by):
    left = left_by((3, 12, 16), keep=3)
    spoilt = left.saved[1:]
    for file in spoilt:
        file.write_bytes(flipped(left.content(file), 700))
    with capture_logs() as logs:
        engine = left.recovered()
    assert state_of(engine) == TRUTH.after(TRUTH.end)
    assert [path.name for path in left.set_aside()] == [file.name for file in spoilt]
    (recovery,) = [log for log in logs if log["event"] == "recovered"]
    assert recovery["snapshot"] == DAY[3].position


def test_a_saved_state_beyond_a_torn_journal_is_kept_apart(left_by):
    left = left_by((3, 16))
    (journal,) = left.segments
    journal.write_bytes(left.content(journal)[: BEGINS[15] + 5])
    engine = left.recovered()
    assert engine.position == DAY[14].position
    assert [path.name for path in left.set_aside()] == [left.saved[1].name]
    assert TRUTH.caught_up(engine) == TRUTH.after(TRUTH.end)


def test_a_saved_state_that_the_journal_does_not_reach_is_better_than_none(left_by):
    left = left_by((16,), segment_bytes=600)
    for file in left.segments[:2] + left.segments[-6:]:
        file.unlink()
    engine = left.recovered()
    assert engine.position == DAY[16].position
    assert state_of(engine) == TRUTH.after(engine.position)
    assert len(left.set_aside()) == len(left.segments) - 8


def test_without_a_saved_state_a_journal_that_lost_its_beginning_starts_anew(left_by):
    left = left_by((), segment_bytes=600)
    left.segments[0].unlink()
    with capture_logs() as logs:
        engine = left.recovered()
    assert engine.position == 0
    assert [path.name for path in left.set_aside()] == [path.name for path in left.segments[1:]]
    (said,) = [log for log in logs if log["log_level"] == "error"]
    assert "is set aside and begun anew" in said["event"]


class PowerCutError(Exception):
    """Everything ends here."""


@pytest.mark.parametrize("dies_at", range(8))
def test_a_crash_while_damage_is_set_aside_changes_nothing(left_by, dies_at, monkeypatch):
    left = left_by((5,), segment_bytes=600)
    file, begin = place_of(left, DAY[8])
    damaged = flipped(left.content(file), begin + 4)
    file.write_bytes(damaged)
    calls, wait_for_disk = itertools.count(), os.fsync

    def dying(fd):
        if next(calls) == dies_at:
            raise PowerCutError
        wait_for_disk(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", dying)
        with pytest.raises(PowerCutError):
            left.recovered()
    engine = left.recovered()
    assert engine.position == DAY[7].position
    assert state_of(engine) == TRUTH.after(engine.position)
    kept = [path.read_bytes() for path in (*left.journal.glob("*.frames"), *left.set_aside())]
    assert damaged[begin:] in kept
    assert all(left.content(later) in kept for later in left.segments if later > file)
    assert TRUTH.caught_up(engine) == TRUTH.after(TRUTH.end)


def test_damage_that_cannot_be_set_aside_stops_the_start_and_changes_nothing(left_by):
    left = left_by(())
    (journal,) = left.segments
    damaged = flipped(left.content(journal), BEGINS[8] + 4)
    journal.write_bytes(damaged)
    (left.journal / "set-aside").write_text("in the way")
    with pytest.raises(StorageError, match="is damaged and cannot be set aside: File exists"):
        left.recovered()
    assert journal.read_bytes() == damaged
