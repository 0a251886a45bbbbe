"""Files that are whole or refused: written aside, synced, renamed, and read against a checksum.

A family of such files in one directory is numbered by position; the newest few are kept, so that a
damaged one has a predecessor. What cannot be used is set aside: it would count among the newest.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import structlog

from exposure.errors import StorageError
from feeds.set_aside import move_aside, sync_directory

MAGIC: Final = b"PLF1"

_HEADER: Final = struct.Struct("<4sIQ")
"""Magic, crc32 of the body, length of the body; little-endian."""


class SealedFiles:
    """One family of numbered files, for example the checkpoints of a process."""

    def __init__(self, directory: Path, suffix: str, keep: int) -> None:
        """Take the directory, the ending that the family owns there, and how many to keep."""
        self._directory = directory
        self._suffix = suffix
        self._keep = keep

    def positions(self) -> list[int]:
        """Return the numbers of the files, oldest first."""
        stems = (path.stem for path in self._directory.glob(f"[0-9]*{self._suffix}"))
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def write(self, position: int, parts: Sequence[bytes]) -> None:
        """Store the parts as one file that survives a power cut, then drop the oldest files.

        Raises:
            StorageError: It could not be written (a full disk); the earlier files are untouched.
        """
        private_directory(self._directory)
        draft = self._directory / f".draft{self._suffix}"
        try:
            _write_synced(draft, [_header_of(parts), *parts])
            draft.replace(self._path(position))
            sync_directory(self._directory)
            for old in self.positions()[: -self._keep]:
                self._path(old).unlink(missing_ok=True)
        except OSError as e:
            draft.unlink(missing_ok=True)
            raise StorageError(
                f"{self._path(position)} cannot be written: {e.strerror}; make room or repair the "
                "disk"
            ) from e

    def read(self, position: int) -> bytes:
        """Return the body of one file.

        Raises:
            StorageError: It is missing, cut off or damaged.
        """
        path = self._path(position)
        try:
            content = path.read_bytes()
        except OSError as e:
            raise StorageError(f"{path} cannot be read: {e.strerror}") from e
        body = memoryview(content)[_HEADER.size :]
        if content[: _HEADER.size] != _header_of([body]):
            raise StorageError(f"{path} is damaged: {len(content)} bytes do not match their seal")
        return bytes(body)

    def newest_first(self, not_after: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield number and body of each file from the newest on; damaged ones are set aside.

        Args:
            not_after: Pass over files beyond this position.

        Raises:
            StorageError: A damaged file cannot be set aside.
        """
        for position in reversed(self.positions()):
            if not_after is not None and position > not_after:
                continue
            try:
                body = self.read(position)
            except StorageError as e:
                self._set_aside(position, str(e))
            else:
                yield position, body

    def set_aside_beyond(self, position: int) -> None:
        """Set aside what is beyond a position that turned out to be the end of its history.

        Raises:
            StorageError: A file cannot be moved.
        """
        for beyond in self.positions():
            if beyond > position:
                self._set_aside(beyond, f"everything else ends at position {position}")

    def _set_aside(self, position: int, reason: str) -> None:
        moved = move_aside(self._path(position))
        structlog.get_logger().warning("file set aside", reason=reason, set_aside=str(moved))

    def _path(self, position: int) -> Path:
        return self._directory / f"{position:020d}{self._suffix}"


def private_directory(path: Path) -> None:
    """Create a directory for this user only, unless it exists.

    Raises:
        StorageError: It cannot be created or is no directory.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise StorageError(
            f"{path} cannot be used: {e.strerror}; choose another directory with --data"
        ) from e


def _header_of(parts: Sequence[bytes | memoryview]) -> bytes:
    checksum, length = 0, 0
    for part in parts:
        checksum, length = zlib.crc32(part, checksum), length + len(part)
    return _HEADER.pack(MAGIC, checksum, length)


def _write_synced(path: Path, parts: Sequence[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
