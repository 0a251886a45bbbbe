"""The log: nothing appended is lost, nothing damaged is served, nothing is written twice."""

import errno
import resource
import signal
import struct
import subprocess
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure.errors import GapError, StorageError
from feeds.event_log import EventLog
from feeds.frames import HEADER_SIZE, VERSION, Frame
from feeds.segments import DamagedLogError
from tests.feeds.event_samples import flat, quote_batches, streams

REPOSITORY = Path(__file__).parents[2]

WRITER = """
import sys
from pathlib import Path
from exposure.model.events import EventBatch, QuoteReceived
from feeds.event_log import EventLog
log = EventLog(Path(sys.argv[1]), segment_bytes=2_000)
for position in range(1, 1_000_000):
    log.append(EventBatch(position, 0, [QuoteReceived(position, "EURUSD", 1.0, 2.0)]))
    print(position, flush=True)
"""


def write(directory, batches, **options):
    with EventLog(directory, **options) as log:
        for batch in batches:
            log.append(batch)


def read(directory, after=0):
    with EventLog(directory) as log:
        return list(log.read(after))


def segments(directory):
    return sorted(directory.glob("*.frames"))


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "log"


@settings(max_examples=60, deadline=None)
@given(streams(), st.integers(1, 2_000))
def test_what_was_appended_is_read_back_from_every_position(stream, segment_bytes):
    with TemporaryDirectory() as name:
        write(Path(name), stream, segment_bytes=segment_bytes)
        with EventLog(Path(name)) as log:
            assert log.last_position == stream[-1].position
            for after in range(log.last_position + 1):
                assert flat(log.read(after)) == flat(stream)[after:]


@settings(max_examples=60, deadline=None)
@given(streams(max_size=4), st.data())
def test_a_tail_torn_at_any_byte_is_removed_and_the_log_goes_on(stream, data):
    with TemporaryDirectory() as name:
        directory = Path(name)
        write(directory, stream)
        (path,) = segments(directory)
        last = len(Frame.of(stream[-1]).data)
        cut = data.draw(st.integers(1, last - 1))
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - cut)
        with EventLog(directory) as log:
            assert log.torn_bytes == last - cut
            assert list(log.read(0)) == stream[:-1]
            log.append(stream[-1])
        assert read(directory) == stream


def test_every_truncation_of_the_last_frame_recovers(directory):
    stream = quote_batches(2, 3)
    write(directory, stream)
    (path,) = segments(directory)
    content = path.read_bytes()
    first = len(Frame.of(stream[0]).data)
    for size in range(first, len(content)):
        path.write_bytes(content[:size])
        assert read(directory) == stream[:1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_is_never_served(at, bit):
    stream = quote_batches(1, 2, 3, 1, 2, 3)
    with TemporaryDirectory() as name:
        directory = Path(name)
        write(directory, stream, segment_bytes=400)
        paths = segments(directory)
        assert len(paths) > 1
        content = [bytearray(path.read_bytes()) for path in paths]
        total = sum(map(len, content))
        at %= total
        in_last_frame = at >= total - len(Frame.of(stream[-1]).data)
        for path, part in zip(paths, content, strict=True):
            if 0 <= at < len(part):
                part[at] ^= 1 << bit
                path.write_bytes(part)
            at -= len(part)
        if in_last_frame:
            assert read(directory) == stream[:-1]
        else:
            with pytest.raises(StorageError, match="is damaged at byte"):
                read(directory)


def test_a_damaged_frame_in_the_middle_is_named_by_file_and_byte(directory):
    stream = quote_batches(1, 1, 1)
    write(directory, stream)
    (path,) = segments(directory)
    content = bytearray(path.read_bytes())
    second = len(Frame.of(stream[0]).data)
    content[second + HEADER_SIZE + 3] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(StorageError) as e:
        EventLog(directory)
    assert str(e.value) == (
        f"{path} is damaged at byte {second} (the payload of the frame at 2 is damaged): restore "
        "the file from a copy, or start anew with --fresh"
    )


def damaged_in_the_middle(directory, stream, number, **options):
    """Write a stream, flip a bit in the payload of one batch, and return its file and byte."""
    write(directory, stream, **options)
    data = Frame.of(stream[number]).data
    for path in segments(directory):
        content = path.read_bytes()
        begin = content.find(data)
        if begin >= 0:
            at = begin + HEADER_SIZE + 3
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            return path, begin
    raise AssertionError


def test_a_tolerant_log_opens_with_damage_and_gives_what_lies_on_either_side(directory):
    stream = quote_batches(1, 2, 1, 1)
    path, begin = damaged_in_the_middle(directory, stream, 1)
    with EventLog(directory, tolerant=True) as log:
        assert (log.last_position, log.torn_bytes) == (5, 0)
        assert (log.damage.segment.path, log.damage.offset) == (path, begin)
        assert list(log.read(3)) == stream[2:]
        batches = log.read(0)
        assert next(batches) == stream[0]
        with pytest.raises(DamagedLogError, match=f"{path} is damaged at byte {begin}"):
            next(batches)
        log.append(quote_batches(5, 1)[1])
        assert log.last_position == 6


@pytest.mark.parametrize("segment_bytes", [180, 10_000], ids=["many files", "one file"])
def test_a_log_that_is_cut_before_damage_goes_on_there_and_loses_no_byte(directory, segment_bytes):
    stream = quote_batches(*[1] * 6)
    path, begin = damaged_in_the_middle(directory, stream, 2, segment_bytes=segment_bytes)
    spoilt = path.read_bytes()[begin:]
    later = [file.read_bytes() for file in segments(directory) if file > path]
    with EventLog(directory, segment_bytes=segment_bytes, tolerant=True) as log:
        with pytest.raises(DamagedLogError) as e:
            list(log.read(0))
        moved = log.set_aside(e.value)
        assert [file.read_bytes() for file in moved] == [spoilt, *later]
        assert {file.parent for file in moved} == {directory / "set-aside"}
        assert (log.last_position, log.damage) == (2, None)
        log.append(stream[2])
    assert read(directory) == stream[:3]


def test_a_log_whose_first_frame_is_damaged_may_begin_anywhere_once_that_is_set_aside(directory):
    stream = quote_batches(1, 1, 1)
    path, _ = damaged_in_the_middle(directory, stream, 0)
    with EventLog(directory, tolerant=True) as log:
        with pytest.raises(DamagedLogError) as e:
            list(log.read(0))
        assert log.set_aside(e.value) == [directory / "set-aside" / path.name]
        assert log.is_empty
        log.append(stream[2])
        assert list(log.read(2)) == stream[2:]


def test_what_is_set_aside_twice_is_kept_twice(directory):
    for _ in range(2):
        write(directory, quote_batches(1))
        with EventLog(directory, tolerant=True) as log:
            (moved,) = log.set_all_aside()
            assert log.set_all_aside() == []
    name = f"{1:020d}"
    assert moved.name == f"{name}-2.frames"
    assert sorted(path.name for path in moved.parent.iterdir()) == [
        f"{name}-2.frames",
        f"{name}.frames",
    ]


@pytest.mark.parametrize("tolerant", [False, True])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_frames_of_a_newer_version_are_refused_and_never_cut(directory, tolerant, at):
    frames = [Frame.of(batch) for batch in quote_batches(1, 1, 1)]
    newer = struct.pack("<B", VERSION + 1)
    contents = [frame.data for frame in frames]
    fields = contents[at][:2] + newer + contents[at][3 : HEADER_SIZE - 4]
    checksum = struct.pack("<I", zlib.crc32(fields))
    contents[at] = fields + checksum + contents[at][HEADER_SIZE:]
    directory.mkdir()
    path = directory / f"{1:020d}.frames"
    path.write_bytes(b"".join(contents))
    with pytest.raises(StorageError) as e:
        EventLog(directory, tolerant=tolerant)
    assert str(e.value) == (
        f"{path} was written by another version of Plimsoll (a frame has version {VERSION + 1} and "
        "kind 1): use that version, or start anew with --fresh"
    )
    assert path.read_bytes() == b"".join(contents)


def test_events_of_a_kind_that_is_not_known_yet_are_no_damage(directory):
    (batch,) = quote_batches(1)
    frame = Frame.of(batch)
    payload = msgspec.msgpack.encode([["HeardSomething", 1]])
    header = frame.header._replace(length=len(payload), checksum=zlib.crc32(payload))
    with EventLog(directory, tolerant=True) as log:
        log.append_frame(Frame(header, header.packed() + payload))
        with pytest.raises(StorageError, match="written by another version of Plimsoll") as e:
            list(log.read(0))
        assert not isinstance(e.value, DamagedLogError)


def test_a_journal_of_an_earlier_version_of_frames_stays_readable(directory, monkeypatch):
    stream = quote_batches(1, 2)
    write(directory, stream[:1])
    monkeypatch.setattr("feeds.frames.VERSION", VERSION + 1)
    monkeypatch.setattr("feeds.frames.READABLE_VERSIONS", frozenset({VERSION, VERSION + 1}))
    write(directory, stream[1:])
    assert read(directory) == stream


def test_a_full_segment_that_lost_its_end_is_named(directory):
    write(directory, quote_batches(1, 1, 1, 1), segment_bytes=180)
    first = segments(directory)[0]
    size = len(Frame.of(quote_batches(1)[0]).data)
    with first.open("r+b") as file:
        file.truncate(size)
    with pytest.raises(StorageError, match=f"{first} is damaged at byte {size}"):
        read(directory)


def test_the_killed_writer_loses_nothing_it_appended(directory):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, directory], stdout=subprocess.PIPE, cwd=REPOSITORY
    ) as process:
        said = [int(process.stdout.readline()) for _ in range(200)]
        process.kill()
        said += [int(line) for line in process.stdout if line.endswith(b"\n")]
    assert process.returncode == -signal.SIGKILL
    positions = [event.ts_event for event in flat(read(directory))]
    assert positions == list(range(1, len(positions) + 1))
    assert len(positions) in {said[-1], said[-1] + 1}


def test_a_second_writer_is_refused_while_the_first_lives(directory):
    with EventLog(directory), pytest.raises(StorageError, match="written by another process"):
        EventLog(directory)
    EventLog(directory).close()


def test_events_must_follow_each_other(directory):
    first, second, third = quote_batches(2, 2, 2)
    with EventLog(directory) as log:
        log.append(first)
        with pytest.raises(GapError, match="expected position 3, was 5"):
            log.append(third)
        with pytest.raises(GapError, match="expected position 3, was 1"):
            log.append(first)
        log.append(second)
        assert list(log.read(0)) == [first, second]


def test_an_empty_log_takes_any_first_position(directory):
    _, second = quote_batches(2, 2)
    with EventLog(directory) as log:
        assert log.is_empty
        log.append(second)
        assert (log.first_position, log.last_position) == (3, 4)
    assert read(directory, after=2) == [second]


def test_asking_beyond_the_end_is_a_gap(directory):
    with EventLog(directory) as log:
        log.append(quote_batches(2)[0])
        assert list(log.read(2)) == []
        with pytest.raises(GapError, match="expected position 4, was 3; the log ends before it"):
            log.read(3)


def test_dropped_events_are_a_gap_that_says_what_is_kept(directory):
    stream = quote_batches(*[1] * 10)
    write(directory, stream, segment_bytes=180)
    with EventLog(directory) as log:
        log.drop_before(6)
        assert log.first_position == 5
        assert list(log.read(4)) == stream[4:]
        with pytest.raises(GapError) as e:
            log.read(3)
    assert str(e.value) == (
        "the feed skipped events: expected position 4, was 5; older events are no longer kept there"
    )


def test_retention_by_size_keeps_the_newest_files(directory):
    stream = quote_batches(*[1] * 10)
    write(directory, stream, segment_bytes=180)
    two_files = sum(path.stat().st_size for path in segments(directory)[-2:])
    with EventLog(directory) as log:
        assert log.first_position_within(10**9) == 1
        assert log.first_position_within(0) == 9
        assert log.first_position_within(two_files) == 7
        log.drop_before(log.first_position_within(two_files))
    assert [path.name for path in segments(directory)] == [f"{p:020d}.frames" for p in (7, 9)]
    assert read(directory, after=6) == stream[6:]


def test_what_is_not_needed_stays_up_to_a_size_by_whole_files(directory):
    stream = quote_batches(*[1] * 10)
    write(directory, stream, segment_bytes=180)
    size = segments(directory)[0].stat().st_size
    with EventLog(directory) as log:
        log.drop_before(8, spare_bytes=2 * size)
        assert log.first_position == 3
        log.drop_before(8, spare_bytes=2 * size - 1)
        assert log.first_position == 5
        log.drop_before(8)
        assert log.first_position == 7
        log.drop_before(10**9, spare_bytes=-1)
        assert log.first_position == 9


def test_a_cursor_waits_at_the_end_and_goes_on_over_new_files(directory):
    stream = quote_batches(*[1] * 9)
    with EventLog(directory, segment_bytes=180) as log, log.cursor(0) as cursor:
        seen = []
        for batch in stream:
            log.append(batch)
            seen += [frame.batch() for frame in cursor.frames()]
        assert seen == stream
        assert list(cursor.frames()) == []


def test_a_cursor_stops_before_what_may_not_be_shown_yet(directory):
    stream = quote_batches(2, 2, 2)
    write(directory, stream)
    with EventLog(directory) as log, log.cursor(0) as cursor:
        assert [frame.position for frame in cursor.frames(up_to=5)] == [2, 4]
        assert [frame.position for frame in cursor.frames()] == [6]


def test_a_cursor_whose_next_file_was_dropped_meets_a_gap(directory):
    stream = quote_batches(*[1] * 8)
    write(directory, stream, segment_bytes=180)
    with EventLog(directory) as log, log.cursor(0) as cursor:
        frames = cursor.frames()
        assert next(frames).position == 1
        log.drop_before(7)
        assert next(frames).position == 2
        with pytest.raises(GapError, match="expected position 3, was 7"):
            next(frames)


@contextmanager
def files_no_longer_than(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_half_a_frame_leaves_a_log_that_goes_on(directory):
    first, second = quote_batches(1, 20)
    with EventLog(directory) as log:
        log.append(first)
        with files_no_longer_than(300), pytest.raises(StorageError) as e:
            log.append(second)
        assert f"{directory} takes no more events: " in str(e.value)
        assert list(log.read(0)) == [first]
        log.append(second)
    assert read(directory) == [first, second]


def test_a_full_disk_at_a_new_file_leaves_a_log_that_opens(directory, monkeypatch):
    first, second = quote_batches(1, 1)

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with EventLog(directory, segment_bytes=1) as log:
        log.append(first)
        with monkeypatch.context() as patch:
            patch.setattr("feeds.segments.os.write", refuse)
            with pytest.raises(StorageError, match="No space left on device; make room"):
                log.append(second)
    with EventLog(directory) as log:
        assert list(log.read(0)) == [first]
        log.append(second)
    assert read(directory) == [first, second]


def test_a_foreign_file_is_named(directory):
    write(directory, quote_batches(1))
    (directory / "copy.frames").touch()
    with pytest.raises(StorageError, match=r"copy\.frames does not belong to an event log"):
        EventLog(directory)


def test_a_directory_that_cannot_be_one_is_named(tmp_path):
    (tmp_path / "log").touch()
    with pytest.raises(StorageError, match="cannot be used: File exists"):
        EventLog(tmp_path / "log")


def test_files_are_for_this_user_only(directory):
    write(directory, quote_batches(1))
    assert directory.stat().st_mode & 0o777 == 0o700
    assert segments(directory)[0].stat().st_mode & 0o777 == 0o600
