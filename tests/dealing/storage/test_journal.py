"""The journal: written before applied, on the disk in time, and enough to recover from."""

import pytest

from dealing.storage.journal import SYNC_WITHIN_NS, Journal
from dealing.storage.snapshots import SnapshotStore
from exposure.engine import ExposureEngine
from exposure.errors import GapError
from exposure.export import export_state, restore
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    DealExecuted,
    InstrumentDefined,
    QuoteReceived,
)
from feeds.event_log import EventLog
from feeds.frames import Frame
from tests.exposure.builders import account, instrument
from tests.feeds.event_samples import numbered, quote_batches


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


def test_the_disk_is_waited_for_once_in_20_ms_and_only_when_something_was_written(
    directory,
):
    first, second, third = frames(1, 1, 1)
    start = 10 * SYNC_WITHIN_NS
    log = CountingLog(directory)
    with Journal(log) as journal:
        assert not journal.sync_if_due(start)
        journal.append(first.batch())
        assert journal.sync_if_due(start)
        journal.append_frame(second)
        assert not journal.sync_if_due(start + SYNC_WITHIN_NS - 1)
        journal.append_frame(third)
        assert journal.sync_if_due(start + SYNC_WITHIN_NS)
        assert not journal.sync_if_due(start + 9 * SYNC_WITHIN_NS)
        assert log.syncs == 2


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


def broker_day():
    opening = [InstrumentDefined(0, instrument("EURUSD")), AccountChanged(0, account("1"))]
    moments = [
        [
            QuoteReceived(t, "EURUSD", 1.1 + t / 1e4, 1.1 + t / 1e4),
            DealExecuted(t, f"d{t}", "1", f"p{t}", "EURUSD", "buy", "in", 0.1, 1.1 + t / 1e4),
            BalanceChanged(t, "1", "deposit", 0.1),
        ]
        for t in range(1, 9)
    ]
    return [Frame.of(batch) for batch in numbered([opening, *moments])]


@pytest.mark.parametrize("lost_snapshots", [0, 1, 2])
def test_a_snapshot_and_the_journal_behind_it_give_the_engine_back(tmp_path, lost_snapshots):
    store, engine = SnapshotStore(tmp_path / "snapshots"), ExposureEngine()
    with Journal.open(tmp_path / "journal") as journal:
        for number, frame in enumerate(broker_day()):
            journal.append_frame(frame)
            engine.apply(frame.batch())
            if number in {2, 5}:
                store.save(export_state(engine))
    for path in sorted((tmp_path / "snapshots").iterdir(), reverse=True)[:lost_snapshots]:
        path.write_bytes(b"torn")

    with Journal.open(tmp_path / "journal") as journal:
        state = store.load_latest(not_after=journal.last_position)
        recovered = restore(state) if state is not None else ExposureEngine()
        for batch in journal.replay(recovered.position):
            recovered.apply(batch)
    assert (state is None) == (lost_snapshots == 2)
    assert recovered.position == engine.position
    assert recovered.account("1") == engine.account("1")
    assert recovered.snapshot().exposure.equals(engine.snapshot().exposure)
