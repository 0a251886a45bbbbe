"""Which deals were applied: every id ever, in little more than a bit each.

Platforms number their deals. Ids of one source that differ only in a number are bits of that
number's series; the rest is kept as it is. Nothing is hashed, so nothing new is ever taken for old.
Source: semantics.md section 6 (idempotent by server and deal id, or by provider and deal id).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

ID_TABLES: Final = ("series", "chunks", "words", "others")
"""The tables of an export."""

_CHUNK: Final = 512
"""Numbers per integer of bits: one dictionary entry for so many neighbours."""

_WORDS: Final = _CHUNK // 64
_NUMBERED: Final = re.compile(r"(.*?)([1-9][0-9]{0,17})", re.DOTALL)
"""What stands before an id's number, and the number, which begins with no zero: one way only."""


class Series(NamedTuple):
    """Ids that differ in a number only."""

    source: str
    prefix: str


class AppliedIds:
    """A set of (source, id) that remembers in which order series began, so that bytes repeat."""

    def __init__(self) -> None:
        self._series: dict[Series, dict[int, int]] = {}
        self._others: dict[tuple[str, str], None] = {}

    def add(self, source: str, name: str) -> None:
        """Remember an id of a source."""
        numbered = _NUMBERED.fullmatch(name)
        if numbered is None:
            self._others[source, name] = None
            return
        chunk, bit = divmod(int(numbered[2]), _CHUNK)
        chunks = self._series.setdefault(Series(source, numbered[1]), {})
        chunks[chunk] = chunks.get(chunk, 0) | 1 << bit

    def __contains__(self, key: tuple[str, str]) -> bool:
        """Whether a (source, id) was added."""
        source, name = key
        numbered = _NUMBERED.fullmatch(name)
        if numbered is None:
            return key in self._others
        chunk, bit = divmod(int(numbered[2]), _CHUNK)
        chunks = self._series.get(Series(source, numbered[1]))
        return chunks is not None and bool(chunks.get(chunk, 0) >> bit & 1)

    def __len__(self) -> int:
        """How many there are."""
        bits = (bits for chunks in self._series.values() for bits in chunks.values())
        return len(self._others) + sum(map(int.bit_count, bits))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield every (source, id), in no order that means anything."""
        yield from self._others
        for (source, prefix), chunks in self._series.items():
            for chunk, bits in chunks.items():
                for bit in range(_CHUNK):
                    if bits >> bit & 1:
                        yield source, f"{prefix}{chunk * _CHUNK + bit}"

    def clear(self) -> None:
        """Forget everything."""
        self._series.clear()
        self._others.clear()

    def export(self) -> dict[str, dict[str, Any]]:
        """Return everything as tables of columns."""
        chunks = [chunk for series in self._series.values() for chunk in series]
        bits = [
            one.to_bytes(_CHUNK // 8, "little")
            for series in self._series.values()
            for one in series.values()
        ]
        return {
            "series": {
                "source": [series.source for series in self._series],
                "prefix": [series.prefix for series in self._series],
                "chunks": [len(chunks) for chunks in self._series.values()],
            },
            "chunks": {"chunk": np.array(chunks, np.int64)},
            "words": {"bits": np.frombuffer(b"".join(bits), np.uint64)},
            "others": {
                "source": [source for source, _ in self._others],
                "name": [name for _, name in self._others],
            },
        }

    def restore(self, tables: dict[str, dict[str, Any]]) -> None:
        """Take back what ``export`` returned."""
        self.clear()
        series, others = tables["series"], tables["others"]
        chunks = iter(np.asarray(tables["chunks"]["chunk"]).tolist())
        words = np.asarray(tables["words"]["bits"], np.uint64).reshape(-1, _WORDS)
        bits = (int.from_bytes(row.tobytes(), "little") for row in words)
        for source, prefix, count in zip(*series.values(), strict=True):
            pairs = zip((next(chunks) for _ in range(count)), bits, strict=False)
            self._series[Series(source, prefix)] = dict(pairs)
        self._others = dict.fromkeys(zip(*others.values(), strict=True))
