"""State as bytes: plain values, arrays bit for bit, and the state of a random generator.

Nothing that is unpacked can run code.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import numpy as np

_ARRAY: Final = 1


class _PackedArray(msgspec.Struct, array_like=True):
    dtype: str
    shape: tuple[int, ...]
    data: bytes


def pack(state: Any) -> bytes:
    """Return plain values and numpy arrays as bytes."""
    return msgspec.msgpack.encode(state, enc_hook=_encode)


def unpack(packed: bytes) -> Any:
    """Return what was packed; arrays are new and can be written to."""
    return msgspec.msgpack.decode(packed, ext_hook=_decode)


def generator_state(rng: np.random.Generator) -> str:
    """Return where a random generator stands (its numbers are wider than 64 bits)."""
    return json.dumps(rng.bit_generator.state)


def set_generator_state(rng: np.random.Generator, state: str) -> None:
    """Let a generator of the same kind go on from ``generator_state``."""
    rng.bit_generator.state = json.loads(state)


def _encode(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        array = _PackedArray(value.dtype.str, value.shape, value.tobytes())
        return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode(array))
    raise NotImplementedError(f"{type(value)} is no plain value")


def _decode(_code: int, data: memoryview) -> Any:
    array = msgspec.msgpack.decode(data, type=_PackedArray)
    return np.frombuffer(array.data, array.dtype).reshape(array.shape).copy()
