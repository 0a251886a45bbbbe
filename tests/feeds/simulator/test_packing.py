"""State becomes bytes and comes back the same."""

import numpy as np
import pytest

from feeds.simulator.packing import generator_state, pack, set_generator_state, unpack


def test_arrays_come_back_bit_for_bit():
    arrays = {
        "floats": np.array([[0.1, np.nan], [-0.0, np.inf]]),
        "bytes": np.arange(-3, 3, dtype=np.int8),
        "empty": np.zeros(0, np.int64),
    }
    back = unpack(pack(arrays))
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()


def test_unpacked_arrays_can_be_written_to():
    back = unpack(pack(np.zeros(3)))
    back[1] = 5.0
    assert back.tolist() == [0.0, 5.0, 0.0]


def test_numpy_scalars_become_plain_numbers():
    assert unpack(pack([np.float64(0.1), np.int32(7), None, "x"])) == [0.1, 7, None, "x"]


def test_something_that_is_no_plain_value_is_refused():
    with pytest.raises(NotImplementedError):
        pack({"code": print})


def test_a_generator_goes_on_where_it_stood():
    first, second = np.random.default_rng(1), np.random.default_rng(2)
    first.random(5)
    set_generator_state(second, unpack(pack(generator_state(first))))
    assert first.random(100).tolist() == second.random(100).tolist()
