"""The engine's state on disk: one file per snapshot, whole or refused, the newest few kept.

A file holds the numeric tables as Arrow IPC, one after another, behind a msgpack head with
everything else. Snapshots only shorten a replay of the journal: losing one loses time, not truth.
"""

from __future__ import annotations

import io
import struct
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
import structlog

from exposure.errors import UNDECODABLE
from exposure.state import EngineState
from feeds.sealed_files import SealedFiles

KEPT_SNAPSHOTS: Final = 3

_LENGTH: Final = struct.Struct("<I")


class _Head(msgspec.Struct, frozen=True):
    """What no table holds; ``frames`` are the tables' sizes in bytes, in the order of the file."""

    meta: dict[str, Any]
    lists: dict[str, dict[str, list[Any]]]
    frames: dict[str, int]


_HEADS: Final = msgspec.msgpack.Decoder(_Head)
_NO_STATE: Final = (
    struct.error, KeyError, OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException,
)  # fmt: skip
"""What a file raises that was sealed whole but holds something else than we write."""


class SnapshotStore:
    """Stores and finds snapshots, named by the position of the last event they know."""

    def __init__(self, directory: Path, keep: int = KEPT_SNAPSHOTS) -> None:
        """Take the directory, created with the first snapshot, and how many to keep."""
        self._files = SealedFiles(directory, ".snapshot", keep)

    def positions(self) -> list[int]:
        """Return the positions of the kept snapshots, oldest first."""
        return self._files.positions()

    def save(self, state: EngineState) -> None:
        """Store a state and wait for the disk.

        Raises:
            StorageError: It could not be written; the earlier snapshots are untouched.
        """
        self._files.write(state.meta["position"], _encoded(state))

    def load_latest(self, not_after: int | None = None) -> EngineState | None:
        """Return the newest whole snapshot; damaged ones are logged and set aside.

        Args:
            not_after: Where the journal ends: a snapshot beyond it has no journal behind it.

        Raises:
            StorageError: A damaged one cannot be set aside.
        """
        for position, body in self._files.newest_first(not_after):
            try:
                return _decoded(body)
            except (*UNDECODABLE, *_NO_STATE) as e:
                structlog.get_logger().warning(
                    "snapshot of another version passed over", position=position, reason=str(e)
                )
        return None

    def set_aside_beyond(self, position: int) -> None:
        """Set aside the snapshots beyond a position at which the engine goes on without them.

        Raises:
            StorageError: One cannot be moved.
        """
        self._files.set_aside_beyond(position)


def _encoded(state: EngineState) -> list[bytes]:
    frames: dict[str, bytes] = {}
    lists: dict[str, dict[str, list[Any]]] = {}
    for name, columns in state.tables.items():
        arrays = {key: column for key, column in columns.items() if isinstance(column, np.ndarray)}
        frames[name] = _to_arrow(pl.DataFrame(arrays))
        lists[name] = {key: column for key, column in columns.items() if key not in arrays}
    sizes = {name: len(content) for name, content in frames.items()}
    head = msgspec.msgpack.encode(_Head(state.meta, lists, sizes))
    return [_LENGTH.pack(len(head)), head, *frames.values()]


def _decoded(body: bytes) -> EngineState:
    (length,) = _LENGTH.unpack_from(body)
    begin = _LENGTH.size + length
    head = _HEADS.decode(memoryview(body)[_LENGTH.size : begin])
    ends = list(accumulate(head.frames.values(), initial=begin))
    tables = {
        name: _from_arrow(body[ends[i] : ends[i + 1]]) | head.lists[name]
        for i, name in enumerate(head.frames)
    }
    return EngineState(tables, head.meta)


def _to_arrow(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.write_ipc(stream, compression="uncompressed")
    return stream.getvalue()


def _from_arrow(content: bytes) -> dict[str, Any]:
    frame = pl.read_ipc(io.BytesIO(content))
    return {column.name: column.to_numpy(writable=True) for column in frame}
