"""The lake: whole files, or a sentence."""

import pytest

from dealing.revenue.frames import facts_frame
from dealing.storage import lake as lakes
from dealing.storage.lake import RevenueLake
from exposure.errors import StorageError
from tests.dealing.revenue.made_facts import BOOKS, GOLDEN, TUESDAY, WEDNESDAY

FACTS = facts_frame(BOOKS.facts(GOLDEN))


@pytest.fixture
def lake(tmp_path):
    return RevenueLake(tmp_path / "lake" / "revenue")


def test_a_day_is_one_file_that_any_tool_finds_by_its_name(lake):
    lake.write(TUESDAY, FACTS)
    assert lake.path(TUESDAY).name == "day=2026-01-13.parquet"
    assert lake.read(TUESDAY).equals(FACTS)
    assert lake.read(TUESDAY).schema == FACTS.schema


def test_the_days_are_those_that_have_a_file(lake):
    assert lake.days() == []
    lake.write(WEDNESDAY, FACTS)
    lake.write(TUESDAY, FACTS)
    (lake.path(TUESDAY).parent / "day=odd.parquet").touch()
    assert lake.days() == [TUESDAY, WEDNESDAY]


def test_a_file_is_replaced_as_a_whole(lake):
    lake.write(TUESDAY, FACTS.head(1))
    lake.write(TUESDAY, FACTS)
    assert lake.read(TUESDAY).equals(FACTS)
    assert [path.name for path in lake.path(TUESDAY).parent.iterdir()] == ["day=2026-01-13.parquet"]


def test_a_full_disk_leaves_the_earlier_file(lake, monkeypatch):
    lake.write(TUESDAY, FACTS.head(1))

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lakes.os, "fsync", full)
    with pytest.raises(StorageError, match="cannot be written: No space left on device"):
        lake.write(TUESDAY, FACTS)
    monkeypatch.undo()
    assert lake.read(TUESDAY).height == 1
    assert len(list(lake.path(TUESDAY).parent.iterdir())) == 1


def test_what_cannot_be_read_is_named(lake):
    with pytest.raises(StorageError, match=r"day=2026-01-13\.parquet is missing"):
        lake.read(TUESDAY)
    lake.write(TUESDAY, FACTS)
    lake.path(TUESDAY).write_bytes(lake.path(TUESDAY).read_bytes()[:-10])
    with pytest.raises(StorageError, match=r"day=2026-01-13\.parquet is damaged"):
        lake.read(TUESDAY)


def test_nobody_else_may_look(lake):
    lake.write(TUESDAY, FACTS)
    assert lake.path(TUESDAY).parent.stat().st_mode & 0o077 == 0
