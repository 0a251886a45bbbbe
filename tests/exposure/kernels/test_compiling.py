"""What is kept on disk of one kernel is renewed when any of them changes."""

import pkgutil

import pytest
from numba.core.dispatcher import Dispatcher

from bookrouting import flow_kernels, score
from exposure import kernels
from exposure.kernels import bounds, compiling, margins, thresholds, ticks, values


def test_every_kernel_carries_the_stamp_of_all_sources():
    found = {
        value
        for module in (bounds, margins, thresholds, ticks, values)
        for value in vars(module).values()
        if isinstance(value, Dispatcher)
    }
    assert kernels.apply_quotes in found
    assert len(found) > 20
    assert {one._cache._cache_file._source_stamp for one in found} == {compiling.source_stamp()}


def test_the_kernels_of_another_room_carry_the_stamp_of_both():
    stamp = flow_kernels.take_quotes._cache._cache_file._source_stamp
    assert stamp == compiling.source_stamp("bookrouting") != compiling.source_stamp()
    assert score.score_rows._cache._cache_file._source_stamp == stamp


@pytest.mark.parametrize("source", ["kernels/values.py", "kernels/ticks.py", "state.py"])
def test_the_stamp_changes_with_any_source(source, monkeypatch):
    read = pkgutil.get_data

    def edited(package, name):
        return read(package, name) + (b"#" if name == source else b"")

    before = compiling.source_stamp()
    assert compiling.source_stamp.__wrapped__() == before
    monkeypatch.setattr(pkgutil, "get_data", edited)
    assert compiling.source_stamp.__wrapped__() != before
