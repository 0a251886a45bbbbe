"""Snapshots that somebody damaged: the newest whole one counts, whatever lies beside it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from dealing.storage.snapshots import SnapshotStore
from exposure.export import export_state
from feeds.sealed_files import SealedFiles
from tests.damage import damaged
from tests.exposure.builders import Desk, account, instrument
from tests.thorough import examples

DEEP = b"\x91" * 100_000 + b"\xc0"


def state(position: int):
    """Return a real engine's state, named by another position."""
    desk = Desk([instrument("EURUSD")], [account()])
    exported = export_state(desk.engine)
    exported.meta["position"] = position
    return exported


def loaded(directory: Path) -> int | None:
    """Return the position of the state that a store finds, quietly."""
    with capture_logs():
        found = SnapshotStore(directory).load_latest()
    return None if found is None else found.meta["position"]


@examples(60)
@given(st.data())
def test_a_damaged_snapshot_gives_way_to_the_one_before(data):
    with TemporaryDirectory() as name:
        store = SnapshotStore(Path(name))
        store.save(state(1))
        store.save(state(2))
        newest = max(Path(name).glob("*.snapshot"))
        whole = newest.read_bytes()
        content = data.draw(damaged(whole))
        newest.write_bytes(content)
        assert loaded(Path(name)) == (2 if content == whole else 1)


@examples(60)
@given(st.binary(max_size=100))
def test_random_bytes_under_a_snapshots_name_are_none(content):
    with TemporaryDirectory() as name:
        SnapshotStore(Path(name)).save(state(1))
        (Path(name) / f"{7:020d}.snapshot").write_bytes(content)
        assert loaded(Path(name)) == 1


def sealed(directory: Path, body: bytes) -> None:
    SealedFiles(directory, ".snapshot", keep=3).write(2, [body])


def with_length(head: bytes) -> bytes:
    return len(head).to_bytes(4, "little") + head


def head(**parts) -> bytes:
    whole = {"meta": {"position": 2}, "lists": {}, "frames": {}} | parts
    return with_length(msgspec.msgpack.encode(whole))


@pytest.mark.parametrize(
    "body",
    [
        with_length(DEEP),
        with_length(b"\x83\xa4meta\x81\xa2\xff\xfe\x01"),
        with_length(b"\x83\xa4meta\x81\xa1a" + DEEP),
        head(frames={"prices": 4}) + b"ARRO",
        head(lists={"prices": {}}, frames={"prices": 4}) + b"ARRO",
        head(lists={"prices": {}}, frames={"prices": -4}),
        head(lists={"prices": {}}, frames={"prices": 2**62}),
        head(lists={"prices": {}}, frames={"prices": 40}) + b"ARROW1\x00\x00" + b"\xff" * 32,
        head(lists={"prices": {}}, frames={"prices": 0}),
    ],
)
def test_a_sealed_file_of_something_else_gives_way_to_the_one_before(tmp_path, body):
    SnapshotStore(tmp_path).save(state(1))
    sealed(tmp_path, body)
    assert loaded(tmp_path) == 1


@examples(40)
@given(st.data())
def test_a_sealed_head_that_was_changed_gives_a_state_or_the_one_before(data):
    meta = msgspec.msgpack.encode(state(2).meta)
    changed = data.draw(damaged(meta, most=2))
    body = with_length(
        b"\x83\xa4meta" + changed + b"\xa5lists\x80\xa6frames\x80",
    )
    with TemporaryDirectory() as name:
        store = SnapshotStore(Path(name))
        store.save(state(1))
        sealed(Path(name), body)
        with capture_logs():
            assert store.load_latest() is not None
