"""A log whose files somebody else wrote: what is read was written, everything else is refused."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure.errors import GapError, StorageError
from feeds.event_log import EventLog
from feeds.frames import Frame
from tests.damage import damaged
from tests.feeds.event_samples import quote_batches, streams
from tests.thorough import examples

SEGMENT_BYTES = 300


def written(directory: Path, stream) -> list[Path]:
    with EventLog(directory, segment_bytes=SEGMENT_BYTES) as log:
        for batch in stream:
            log.append(batch)
    return sorted(directory.glob("*.frames"))


def read_as_far_as_it_goes(directory: Path) -> tuple[list[Frame], str | None]:
    """Return the frames that a log gives and the refusal that ended it, None at its end."""
    frames: list[Frame] = []
    try:
        with EventLog(directory, segment_bytes=SEGMENT_BYTES) as log:
            frames.extend(log.read_encoded(log.first_position - 1))
    except (StorageError, GapError) as e:
        return frames, str(e)
    return frames, None


@examples(40)
@given(streams(max_size=8), st.data())
def test_a_damaged_file_gives_what_was_written_or_a_refusal_that_names_it(stream, data):
    frames = [Frame.of(batch) for batch in stream]
    with TemporaryDirectory() as name:
        paths = written(Path(name), stream)
        victim = data.draw(st.sampled_from(paths))
        victim.write_bytes(data.draw(damaged(victim.read_bytes())))
        read, refusal = read_as_far_as_it_goes(Path(name))
        assert read == frames[: len(read)]
        if refusal is None:
            # only the end of the newest file may be taken for a torn write
            intact = sum(frame.position < int(paths[-1].stem) for frame in frames)
            assert len(read) >= intact
        else:
            assert victim.name in refusal or "position" in refusal


@examples(40)
@given(st.lists(st.tuples(st.integers(0, 30), st.binary(max_size=200)), min_size=1, max_size=3))
def test_files_of_random_bytes_hold_no_event(files):
    with TemporaryDirectory() as name:
        for position, content in files:
            (Path(name) / f"{position:020d}.frames").write_bytes(content)
        read, _ = read_as_far_as_it_goes(Path(name))
        assert read == []


@pytest.mark.parametrize("stem", ["", " ", "first", "1.5", "-1", "0x10", "1 copy", "٣"])
def test_a_file_of_another_name_is_no_part_of_the_log(tmp_path, stem):
    written(tmp_path, quote_batches(2))
    (tmp_path / f"{stem}.frames").write_bytes(b"")
    read, refusal = read_as_far_as_it_goes(tmp_path)
    assert refusal is not None or len(read) == 1


def test_a_directory_in_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "00000000000000000001.frames").mkdir()
    with pytest.raises(StorageError, match="cannot be opened"):
        EventLog(tmp_path)


def test_a_directory_in_place_of_the_lock_is_refused(tmp_path):
    (tmp_path / "lock").mkdir()
    with pytest.raises(StorageError, match="lock"):
        EventLog(tmp_path)
