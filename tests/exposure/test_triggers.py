"""Rows of the trigger index: entries stay findable and bounds safe, whatever comes and goes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exposure.triggers import BLOCK, Zones
from tests.thorough import examples

ROWS = 3


class Model:
    """Zones beside a plain dictionary of what is in them."""

    def __init__(self):
        self.zones, self.entry_of, self.row_of = Zones(), {}, {}
        self.zones.make_rows(ROWS)

    def add(self, row, slot):
        self.entry_of[slot] = self.zones.add(row, slot)
        self.row_of[slot] = row

    def remove(self, slot):
        moved = self.zones.remove(self.row_of.pop(slot), self.entry_of.pop(slot))
        if moved is not None:
            self.entry_of[moved.slot] = moved.entry

    def bound(self, slot, lo, hi):
        arrays, entry, row = self.zones.arrays, self.entry_of[slot], self.row_of[slot]
        arrays.lo[entry], arrays.hi[entry] = lo, hi
        for low, high, place in (
            (arrays.block_lo, arrays.block_hi, entry // BLOCK),
            (arrays.row_lo, arrays.row_hi, row),
        ):
            low[place], high[place] = max(low[place], lo), min(high[place], hi)

    def check(self):
        arrays = self.zones.arrays
        assert len(set(self.entry_of.values())) == len(self.entry_of)
        assert arrays.entries[:ROWS].sum() == len(self.entry_of)
        for slot, entry in self.entry_of.items():
            row, block = self.row_of[slot], entry // BLOCK
            assert arrays.slot[entry] == slot
            begin = arrays.blocks.start[row]
            blocks = arrays.blocks.items[begin : begin + arrays.blocks.length[row]].tolist()
            place = blocks.index(block) * BLOCK + entry % BLOCK
            assert place < arrays.entries[row]
            assert arrays.lo[entry] <= arrays.block_lo[block] <= arrays.row_lo[row]
            assert arrays.hi[entry] >= arrays.block_hi[block] >= arrays.row_hi[row]


@examples(30)
@given(data=st.data())
def test_entries_are_found_again_and_bounds_hold(data):
    model = Model()
    for slot in range(data.draw(st.integers(0, 3 * BLOCK))):
        model.add(slot % 2, slot)
    for slot in range(1_000, 1_000 + data.draw(st.integers(1, 40))):
        if model.entry_of and data.draw(st.booleans()):
            model.remove(data.draw(st.sampled_from(sorted(model.entry_of))))
        model.add(data.draw(st.integers(0, ROWS - 1)), slot)
        lo = data.draw(st.floats(-10, 10))
        model.bound(slot, lo, lo + data.draw(st.floats(0, 5)))
    model.check()


@examples(20)
@given(sizes=st.lists(st.integers(0, 2 * BLOCK + 3), min_size=ROWS, max_size=ROWS))
def test_rows_built_at_once_are_those_built_one_by_one(sizes):
    model = Model()
    rows = np.repeat(np.arange(ROWS), sizes)
    np.random.default_rng(sum(sizes)).shuffle(rows)
    slots = np.arange(len(rows)) + 7
    entries = model.zones.rebuild(rows, slots)
    model.entry_of = dict(zip(slots.tolist(), entries.tolist(), strict=True))
    model.row_of = dict(zip(slots.tolist(), rows.tolist(), strict=True))
    model.check()
    for slot in slots.tolist()[::3]:
        model.remove(slot)
    for slot in range(5_000, 5_100):
        model.add(slot % ROWS, slot)
    model.check()
