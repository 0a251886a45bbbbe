"""One file of an event log: frames one after another, named by the position of its first event."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from exposure.errors import MalformedMessageError, StorageError, UnknownVersionError
from feeds.frames import HEADER_SIZE, MAGIC, Frame, Header, checked_frame, parse_frame, parse_header

SUFFIX: Final = ".frames"


@dataclass(slots=True)
class Segment:
    """A file of frames. ``size`` counts whole frames only: what a reader may read."""

    first_position: int
    path: Path
    size: int

    @classmethod
    def new(cls, directory: Path, first_position: int) -> Segment:
        """Return the empty segment that will begin with a position."""
        return cls(first_position, directory / f"{first_position:020d}{SUFFIX}", 0)

    @classmethod
    def found(cls, path: Path) -> Segment:
        """Return a segment that exists; StorageError if its name is no position."""
        if not path.stem.isdecimal():
            raise StorageError(f"{path} does not belong to an event log: move it away")
        return cls(int(path.stem), path, path.stat().st_size)


class SegmentWriter:
    """Appends to one segment; every call is complete or undone."""

    def __init__(self, segment: Segment) -> None:
        """Open or create the file, for this user only."""
        self.segment = segment
        self._fd = os.open(segment.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def append(self, data: bytes) -> None:
        """Hand bytes to the operating system; after an OSError the file is as before."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            os.ftruncate(self._fd, self.segment.size)
            raise
        self.segment.size += len(data)

    def cut(self, end: int) -> None:
        """Remove what follows a byte."""
        os.ftruncate(self._fd, end)
        self.segment.size = end
        self.sync()

    def sync(self) -> None:
        """Wait for the disk."""
        os.fsync(self._fd)

    def syncing(self) -> Callable[[], None]:
        """Return what waits for the disk in another thread, also when this one was closed since."""
        fd = os.dup(self._fd)

        def wait() -> None:
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

        return wait

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


class DamagedLogError(StorageError):
    """A record of a log cannot be read although others follow it: the disk did that, not a crash.

    ``offset`` is where it begins in the file of its segment, in bytes.
    """

    def __init__(self, segment: Segment, offset: int, reason: object) -> None:
        """Take the place and what is wrong there."""
        self.segment, self.offset, self.reason = segment, offset, str(reason)
        super().__init__(
            f"{segment.path} is damaged at byte {offset} ({reason}): restore the file from a copy, "
            "or start anew with --fresh"
        )


class Extent(NamedTuple):
    """How far the frames of a segment go. Units: ``end`` in bytes.

    ``damage`` is the first damaged frame that whole ones follow, None in a sound segment.
    """

    last_position: int
    end: int
    damage: DamagedLogError | None


class Place(NamedTuple):
    """Where a whole frame begins in a file."""

    offset: int
    header: Header


def measure(segment: Segment) -> Extent:
    """Check every frame of a segment and return where the last whole one ends.

    What follows it is a torn tail: a frame that was being written when the process or the machine
    stopped.

    Raises:
        StorageError: Another version of Plimsoll wrote it.
    """
    position, offset, damage = segment.first_position - 1, 0, None
    with segment.path.open("rb") as file:
        fd = file.fileno()
        while True:
            try:
                header = read_header(fd, offset, segment.size)
                if header is None:
                    break
                read_frame(fd, offset, header, position)
            except UnknownVersionError as e:
                raise foreign(segment.path, e) from e
            except MalformedMessageError as e:
                following = next_frame(fd, offset + 1, segment.size)
                if following is None:
                    break
                damage = damage or DamagedLogError(segment, offset, e)
                offset, position = following.offset, following.header.first_position - 1
            else:
                position, offset = header.position, offset + header.size
    return Extent(position, offset, damage)


def read_header(fd: int, offset: int, end: int) -> Header | None:
    """Return the header at ``offset``, None if no whole frame fits before ``end``.

    Raises:
        MalformedMessageError: The bytes are no header of ours.
    """
    if end - offset < HEADER_SIZE:
        return None
    header = parse_header(os.pread(fd, HEADER_SIZE, offset))
    return header if header.size <= end - offset else None


def read_frame(fd: int, offset: int, header: Header, after: int) -> Frame:
    """Return the frame of a header.

    Raises:
        MalformedMessageError: It is damaged, or events between ``after`` and it are missing.
    """
    if header.first_position > after + 1:
        raise MalformedMessageError(f"position {after + 1} is missing")
    return checked_frame(header, os.pread(fd, header.size, offset))


def next_frame(fd: int, offset: int, end: int) -> Place | None:
    """Return the first whole frame at or behind ``offset``, None if there is none.

    Raises:
        UnknownVersionError: Another version of Plimsoll wrote it.
    """
    rest = os.pread(fd, end - offset, offset)
    at = rest.find(MAGIC)
    while at >= 0:
        if (frame := _frame_at(rest, at)) is not None:
            return Place(offset + at, frame.header)
        at = rest.find(MAGIC, at + 1)
    return None


def foreign(path: Path, reason: object) -> StorageError:
    """Return the error for what is whole and cannot be understood."""
    return StorageError(
        f"{path} was written by another version of Plimsoll ({reason}): use that version, or start "
        "anew with --fresh"
    )


def _frame_at(data: bytes, offset: int) -> Frame | None:
    try:
        return parse_frame(data, offset)
    except UnknownVersionError:
        raise
    except MalformedMessageError:
        return None
