"""Bytes that went wrong: what a disk, a cut line or an ill-meaning sender makes of good ones."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

_NUMBERS = (0, 1, -1, 2**31 - 1, -(2**31), 1 << 28)


@st.composite
def damaged(draw, content: bytes, most: int = 4) -> bytes:
    """Return ``content`` with one to ``most`` injuries."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, most))):
        at = draw(st.integers(0, len(data)))
        _injure(draw, data, at)
    return bytes(data)


def _injure(draw, data: bytearray, at: int) -> None:
    match draw(st.sampled_from(("bit", "byte", "number", "cut", "insert", "repeat", "end"))):
        case "bit" if at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        case "byte" if at < len(data):
            data[at] = draw(st.integers(0, 255))
        case "number":
            kind = draw(st.sampled_from("<>"))
            data[at : at + 4] = struct.pack(f"{kind}i", draw(st.sampled_from(_NUMBERS)))
        case "cut":
            del data[at : at + draw(st.integers(1, 9))]
        case "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=9))
        case "repeat":
            data[at:at] = data[at : at + draw(st.integers(1, 40))]
        case "end":
            del data[at:]
        case _:
            data.append(draw(st.integers(0, 255)))
