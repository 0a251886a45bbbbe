"""The journal: written before applied, on the disk in time, and enough to recover from."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from dealing.storage.journal import Journal
from dealing.storage.snapshots import SnapshotStore
from exposure.engine import ExposureEngine
from exposure.errors import GapError, StorageError
from exposure.export import restore
from feeds.event_log import EventLog
from feeds.frames import Frame
from tests.dealing.storage.broker_days import (
    SETTINGS,
    Left,
    Truth,
    broker_day,
    flipped,
    state_of,
)
from tests.feeds.event_samples import quote_batches

DAY = broker_day(8)


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "journal"


class CountingLog(EventLog):
    syncs = 0

    def sync(self):
        super().sync()
        self.syncs += 1


def frames(*sizes):
    return [Frame.of(batch) for batch in quote_batches(*sizes)]


def test_what_was_written_is_replayed_after_any_position(directory):
    with Journal.open(directory) as journal:
        assert journal.is_empty
        for frame in frames(2, 2):
            journal.append_frame(frame.received_at(77))
    with Journal.open(directory) as journal:
        assert (journal.is_empty, journal.last_position, journal.torn_bytes) == (False, 4, 0)
        assert [(batch.position, batch.ts_recv) for batch in journal.replay(0)] == [
            (2, 77),
            (4, 77),
        ]
        (rest,) = journal.replay(3)
        assert rest.events == quote_batches(2, 2)[1].events[1:]
        assert list(journal.replay(4)) == []


def test_what_was_written_is_unsynced_until_the_disk_was_waited_for(directory):
    first, second = frames(1, 1)
    log = CountingLog(directory)
    with Journal(log) as journal:
        assert journal.is_synced
        journal.append(first.batch())
        journal.append_frame(second)
        assert not journal.is_synced
        journal.sync()
        assert journal.is_synced
    assert log.syncs == 1


def test_events_are_appended_while_another_thread_waits_for_the_disk(directory):
    log = EventLog(directory, segment_bytes=200)
    rows = frames(*[1] * 40)
    with Journal(log) as journal:
        journal.syncing()()  # of nothing there is nothing to wait for
        assert journal.is_synced
        journal.append_frame(rows[0])
        wait = journal.syncing()
        for frame in rows[1:]:
            journal.append_frame(frame)  # files are begun and closed meanwhile
        with ThreadPoolExecutor(1) as pool:
            pool.submit(wait).result()
            assert not journal.is_synced  # only what was there when the wait was made
            pool.submit(journal.syncing()).result()
        assert journal.is_synced
        assert len(list(journal.replay(0))) == 40


def test_a_disk_that_fails_is_a_storage_error_to_whoever_waits_for_it(directory, monkeypatch):
    with Journal.open(directory) as journal:
        journal.append_frame(frames(1)[0])
        wait = journal.syncing()
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", failing)
            with pytest.raises(StorageError, match="cannot be synced"):
                wait()
        assert not journal.is_synced
        with monkeypatch.context() as broken:
            broken.setattr(os, "dup", failing)
            with pytest.raises(StorageError, match="cannot be synced"):
                journal.syncing()


def failing(_fd):
    raise OSError(errno.EIO, "Input/output error")


def test_what_a_killed_process_left_is_not_taken_for_synced(directory):
    with EventLog(directory) as log:
        log.append_frame(frames(1)[0])
    with Journal.open(directory) as journal:
        assert not journal.is_synced
        journal.sync()
        assert journal.is_synced


def test_a_journal_that_closes_waits_for_the_disk(directory):
    log = CountingLog(directory)
    with Journal(log) as journal:
        journal.append_frame(frames(1)[0])
    assert log.syncs == 1


def test_of_what_no_snapshot_needs_the_newest_files_stay_up_to_a_size(directory):
    log = EventLog(directory, segment_bytes=200)
    one_file = 2 * len(frames(1)[0].data)
    with Journal(log, keep_bytes=2 * one_file) as journal:
        for frame in frames(*[1] * 12):
            journal.append_frame(frame)
        journal.keep_after([9])
        assert journal.first_position == 5
        journal.keep_after([9])
        assert journal.first_position == 5


def test_everything_behind_the_oldest_kept_snapshot_stays(directory):
    with Journal(EventLog(directory, segment_bytes=200)) as journal:
        for frame in frames(*[1] * 12):
            journal.append_frame(frame)
        journal.keep_after([])
        assert len(list(journal.replay(0))) == 12
        journal.keep_after([7, 9])
        assert [batch.position for batch in journal.replay(7)] == [8, 9, 10, 11, 12]
        with pytest.raises(GapError, match="no longer kept"):
            journal.replay(0)


@pytest.mark.parametrize("lost_snapshots", [0, 1, 2])
def test_a_snapshot_and_the_journal_behind_it_give_the_engine_back(tmp_path, lost_snapshots):
    truth, left = Truth(DAY), Left(tmp_path, DAY, saved_after=(2, 5))
    for path in left.saved[2 - lost_snapshots :]:
        path.write_bytes(b"torn")
    with Journal.open(left.journal) as journal:
        state = SnapshotStore(left.snapshots).load_latest(not_after=journal.last_position)
        recovered = restore(state, SETTINGS) if state is not None else ExposureEngine(SETTINGS)
        for batch in journal.replay(recovered.position):
            recovered.apply(batch)
    assert (state is None) == (lost_snapshots == 2)
    assert state_of(recovered) == truth.after(truth.end)


def test_a_recovered_journal_goes_on_where_the_engine_is(tmp_path):
    left = Left(tmp_path, DAY[:6], saved_after=(2,))
    (path,) = left.segments
    damaged_at = sum(len(frame.data) for frame in DAY[:4])
    path.write_bytes(flipped(left.content(path), damaged_at))
    with Journal.open(left.journal) as journal:
        behind_the_snapshot = list(journal.recover(DAY[2].position))
        assert [batch.position for batch in behind_the_snapshot] == [DAY[3].position]
        for frame in DAY[4:]:
            journal.append_frame(frame)
    with Journal.open(left.journal) as journal:
        assert [batch.position for batch in journal.replay(0)] == [frame.position for frame in DAY]
