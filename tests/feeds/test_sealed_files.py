"""Sealed files: whole or refused, and always a predecessor."""

import errno

import pytest
from structlog.testing import capture_logs

from exposure.errors import StorageError
from feeds.sealed_files import SealedFiles


@pytest.fixture
def files(tmp_path):
    return SealedFiles(tmp_path / "checkpoints", ".checkpoint", keep=2)


@pytest.fixture
def path_of(tmp_path):
    return lambda position: tmp_path / "checkpoints" / f"{position:020d}.checkpoint"


def test_the_newest_files_are_kept(files):
    assert files.positions() == []
    for position in (5, 70, 600):
        files.write(position, [b"state ", b"%d" % position])
    assert files.positions() == [70, 600]
    assert list(files.newest_first()) == [(600, b"state 600"), (70, b"state 70")]
    assert list(files.newest_first(not_after=599)) == [(70, b"state 70")]


def test_a_file_cut_or_changed_anywhere_is_passed_over_and_logged(files, path_of):
    files.write(1, [b"old"])
    files.write(2, [b"new state"])
    whole = path_of(2).read_bytes()
    cut = [whole[:size] for size in range(len(whole))]
    changed = [
        whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
        for at in range(len(whole))
        for bit in range(8)
    ]
    for content in [*cut, *changed, whole + b"\0"]:
        path_of(2).write_bytes(content)
        with capture_logs() as logs:
            assert list(files.newest_first()) == [(1, b"old")]
        assert str(path_of(2)) in logs[0]["reason"]


def test_a_damaged_file_is_kept_apart_and_counts_no_more(files, path_of):
    for position in (10, 20):
        files.write(position, [b"state"])
        path_of(position).write_bytes(b"torn %d" % position)
    assert list(files.newest_first()) == []
    assert files.positions() == []
    aside = path_of(1).parent / "set-aside"
    assert (aside / path_of(20).name).read_bytes() == b"torn 20"
    assert (aside / path_of(10).name).read_bytes() == b"torn 10"
    files.write(5, [b"earlier, but all there is"])
    files.write(6, [b"next"])
    assert files.positions() == [5, 6]


def test_files_beyond_the_end_of_everything_else_are_kept_apart(files, path_of):
    files.write(1, [b"old"])
    files.write(9, [b"of a history that was lost"])
    files.set_aside_beyond(8)
    assert files.positions() == [1]
    kept = path_of(9).parent / "set-aside" / path_of(9).name
    assert kept.read_bytes().endswith(b"of a history that was lost")


def test_a_missing_file_is_named(files, path_of):
    with pytest.raises(StorageError, match=f"{path_of(3)} cannot be read: No such file"):
        files.read(3)


def test_a_full_disk_leaves_the_earlier_files(files, path_of, monkeypatch):
    files.write(1, [b"old"])

    def refuse(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("feeds.sealed_files.os.fsync", refuse)
        with pytest.raises(StorageError, match="cannot be written: No space left on device"):
            files.write(2, [b"new"])
    assert list(files.newest_first()) == [(1, b"old")]
    assert [path.name for path in path_of(1).parent.iterdir()] == [path_of(1).name]
