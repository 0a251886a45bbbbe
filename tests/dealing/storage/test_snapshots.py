"""Snapshots: the state comes back bit for bit, or an earlier one does."""

import struct

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from structlog.testing import capture_logs

from dealing.storage.snapshots import SnapshotStore
from exposure.state import EngineState
from feeds.sealed_files import SealedFiles


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "snapshots"


def state(position):
    return EngineState(
        {
            "positions": {
                "lots": np.array([0.01, np.nan, -0.0, 1e300]),
                "account": np.array([3, -1, 2, 0], np.int32),
                "book": np.array([1, 0, 2, -128], np.int8),
                "quoted": np.array([True, False, True, True]),
                "last_ts": np.array([2**62, -1, 0, 1]),
            },
            "nothing": {"items": np.zeros(0, np.int32)},
            "terms": {"login": ["1", "é", ""], "ratio": [None, 1, 0.5]},
        },
        {"position": position, "as_of": 2**62, "counters": {"deals": 3}, "free": [1, 2]},
    )


def assert_same(was, expected):
    assert was.meta == expected.meta
    assert was.tables.keys() == expected.tables.keys()
    for name, columns in expected.tables.items():
        assert was.tables[name].keys() == columns.keys()
        for key, column in columns.items():
            restored = was.tables[name][key]
            assert type(restored) is type(column)
            assert_array_equal(restored, column, strict=isinstance(column, np.ndarray))


def test_a_state_comes_back_bit_for_bit(directory):
    SnapshotStore(directory).save(state(7))
    was = SnapshotStore(directory).load_latest()
    assert_same(was, state(7))
    assert np.signbit(was.tables["positions"]["lots"][2])


def test_the_newest_few_are_kept(directory):
    store = SnapshotStore(directory, keep=2)
    assert store.load_latest() is None
    for position in (1, 20, 300):
        store.save(state(position))
    assert store.positions() == [20, 300]
    assert store.load_latest().meta["position"] == 300
    assert store.load_latest(not_after=299).meta["position"] == 20
    assert store.load_latest(not_after=19) is None


def test_a_snapshot_torn_at_any_place_gives_way_to_the_one_before(directory):
    store = SnapshotStore(directory)
    store.save(state(1))
    store.save(state(2))
    newest = max(directory.iterdir())
    content = newest.read_bytes()
    for size in range(0, len(content), 97):
        newest.write_bytes(content[:size])
        with capture_logs() as logs:
            assert_same(store.load_latest(), state(1))
        assert [log["log_level"] for log in logs] == ["warning"]


def with_length(head):
    return struct.pack("<I", len(head)) + head


NO_ARROW = msgspec.msgpack.encode({"meta": {}, "lists": {"t": {}}, "frames": {"t": 15}})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        struct.pack("<I", 1 << 30),
        with_length(b"\xc1"),
        with_length(NO_ARROW) + b"no Arrow at all",
    ],
)
def test_a_whole_file_of_another_version_gives_way_to_the_one_before(directory, body):
    store = SnapshotStore(directory)
    store.save(state(1))
    SealedFiles(directory, ".snapshot", keep=3).write(2, [body])
    with capture_logs() as logs:
        assert_same(store.load_latest(), state(1))
    assert logs[0]["event"] == "snapshot of another version passed over"
