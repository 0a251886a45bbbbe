"""A set of ids that forgets nothing and invents nothing, whatever an id looks like."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure.applied_ids import AppliedIds
from tests.thorough import examples

names = (
    st.integers(0, 3_000).map(str)
    | st.integers(0, 10**20).map(lambda number: f"D{number}")
    | st.sampled_from(["", "0", "00", "007", "7", "D0", "D00", "D01", "D1", "D10", "1\n", "\n1",
                       "٣", "x1y", "1" * 18, "1" * 19, "9" * 40, "a/1", "-1", "1.0"])
    | st.text(max_size=4)
)  # fmt: skip
keys = st.tuples(st.sampled_from(["", "s2", "LP1", "LP1/"]), names)


@examples(200)
@given(added=st.lists(keys), asked=st.lists(keys))
def test_it_is_a_set(added, asked):
    ids, model = AppliedIds(), set()
    for source, name in added:
        ids.add(source, name)
        model.add((source, name))
    again = AppliedIds()
    again.restore(ids.export())
    for one in (ids, again):
        assert set(one) == model
        assert len(one) == len(model)
        assert [key in one for key in asked] == [key in model for key in asked]
    for source, name in asked:
        ids.add(source, name)
        again.add(source, name)
    assert _bytes(again) == _bytes(ids)


def _bytes(ids):
    tables = ids.export()
    return {
        name: {key: list(column) for key, column in columns.items()}
        for name, columns in tables.items()
    }


@pytest.mark.parametrize("step", [1, 3])
def test_a_million_numbered_deals_take_a_few_bytes_each(step):
    ids = AppliedIds()
    count = 200_000
    for number in range(count):
        ids.add("s1", str(50_000_000 + step * number))
    (chunks,) = ids._series.values()
    size = sys.getsizeof(chunks) + sum(sys.getsizeof(bits) + 32 for bits in chunks.values())
    assert len(ids) == count
    assert size / count < 2.0
