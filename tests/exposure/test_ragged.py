"""Rows in one flat array behave like a list of lists."""

from hypothesis import given
from hypothesis import strategies as st

from exposure.ragged import Ragged

steps = st.lists(st.tuples(st.sampled_from("anrs"), st.integers(0, 9), st.integers(0, 9)))


@given(steps)
def test_a_ragged_array_is_a_list_of_lists(script):
    ragged, model, item = Ragged(), [], 0
    for action, which, where in script:
        if action == "n" or not model:
            assert ragged.add_row() == len(model)
            model.append([])
            continue
        row = which % len(model)
        if action == "a":
            assert ragged.append(row, item) == len(model[row])
            model[row].append(item)
            item += 1
        elif model[row] and action == "r":
            gone = model[row].pop(where % len(model[row]))
            ragged.remove_keeping_order(row, gone)
        elif model[row]:
            place = where % len(model[row])
            last = model[row].pop()
            if place < len(model[row]):
                model[row][place] = last
            moved = ragged.remove_swapping(row, place)
            assert moved == (last if place < len(model[row]) else -1)
        assert [ragged.row(r).tolist() for r in range(ragged.rows)] == model
    stored = ragged.export()
    again = Ragged.restore(stored["length"], stored["items"])
    assert [again.row(r).tolist() for r in range(again.rows)] == model
    for row in range(len(model)):
        again.append(row, 99)
        assert again.row(row).tolist() == [*model[row], 99]
