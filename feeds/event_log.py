"""An append-only log of events in files: what was appended survives the process that wrote it.

A directory of segments, each a row of frames. One process writes and holds a lock; a frame reaches
the operating system in the call that appends it (nothing waits in a buffer of ours) and the disk
with ``sync``. A frame that a crash cut off is removed when the log is opened again. A damaged frame
that others follow stops a strict log; a tolerant one, which somebody else can complete, opens and
may be cut before it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, Final, Self

from exposure.errors import GapError, MalformedMessageError, StorageError
from exposure.model.events import EventBatch
from feeds.frames import Frame
from feeds.log_cursor import LogCursor
from feeds.sealed_files import private_directory
from feeds.segments import SUFFIX, DamagedLogError, Segment, SegmentWriter, foreign, measure
from feeds.set_aside import copy_aside, move_aside, sync_directory

SEGMENT_BYTES: Final = 64 << 20


class EventLog:
    """The writer of a log, and where readers get their cursors.

    One thread appends, syncs and drops; cursors may be read, and the disk be waited for, in others.
    """

    def __init__(
        self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES, tolerant: bool = False
    ) -> None:
        """Open a log, or begin one.

        Args:
            directory: Holds nothing but this log; created if missing, for this user only.
            segment_bytes: A file that would grow beyond this is followed by a new one.
            tolerant: Open a log that is damaged in the middle too: whoever reads the damage meets
                it and may ``set_aside`` what it spoils.

        Raises:
            DamagedLogError: It is damaged and must not be.
            StorageError: Another process or another version writes it, or it cannot be used.
        """
        self.last_position = 0
        self.torn_bytes = 0
        self.damage: DamagedLogError | None = None
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._tolerant = tolerant
        self._writer: SegmentWriter | None = None
        with ExitStack() as undo:
            self._lock = undo.enter_context(_locked(directory))
            try:
                self._segments = [Segment.found(path) for path in _files_in(directory)]
                self._reopen()
            except OSError as e:
                raise self._failed("cannot be opened", e) from e
            undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def first_position(self) -> int:
        """The oldest position that the log still holds; 1 in an empty log."""
        return self._segments[0].first_position if self._segments else 1

    @property
    def is_empty(self) -> bool:
        """Whether nothing was appended yet; such a log takes any first position."""
        return self.last_position < self.first_position

    def append(self, batch: EventBatch) -> None:
        """Encode a batch and append it; raises as ``append_frame``."""
        self.append_frame(Frame.of(batch))

    def append_frame(self, frame: Frame) -> None:
        """Hand a frame to the operating system.

        Raises:
            GapError: It does not follow the last one.
            StorageError: It could not be written (a full disk); the log is as before.
        """
        if self._writer is not None and frame.first_position != self.last_position + 1:
            raise GapError(self.last_position + 1, frame.first_position)
        try:
            self._writer_for(frame).append(frame.data)
        except OSError as e:
            raise self._failed("takes no more events", e) from e
        self.last_position = frame.position

    def sync(self) -> None:
        """Wait until the disk has everything that was appended.

        Raises:
            StorageError: The disk failed and what it holds is unknown: open the log again.
        """
        if self._writer is not None:
            try:
                self._writer.sync()
            except OSError as e:
                raise self._failed("cannot be synced", e) from e

    def syncing(self) -> Callable[[], None]:
        """Return what waits until the disk has everything up to now.

        Call it once, in whatever thread, while this one goes on appending; raises as ``sync``.
        """
        if self._writer is None:
            return _nothing
        try:
            wait = self._writer.syncing()
        except OSError as e:
            raise self._failed("cannot be synced", e) from e

        def waiting() -> None:
            try:
                wait()
            except OSError as e:
                raise self._failed("cannot be synced", e) from e

        return waiting

    def cursor(self, after: int) -> LogCursor:
        """Return a place in the log from which a reader goes on, now and later.

        Raises:
            GapError: The log ends before ``after`` or no longer holds what follows it.
        """
        if after > self.last_position and not self.is_empty:
            raise GapError(after + 1, self.last_position + 1, "the log ends before it")
        return LogCursor(self._segments, after)

    def read_encoded(self, after: int) -> Generator[Frame]:
        """Return the frames that follow a position, up to the end; raises as ``cursor``."""
        return _drained(self.cursor(after))

    def read(self, after: int) -> Iterator[EventBatch]:
        """Return the batches that follow a position, up to the end.

        Raises:
            GapError: The log ends before ``after`` or no longer holds what follows it.
            DamagedLogError: A frame is damaged.
            StorageError: Another version of Plimsoll wrote the events.
        """
        return self._decoded(self.read_encoded(after))

    def drop_before(self, position: int, spare_bytes: int = 0) -> None:
        """Delete the files that only hold events before ``position``; the newest one stays.

        Args:
            position: Events from here on are needed.
            spare_bytes: Of the files that are not needed the newest stay, up to this size.
        """
        following = self._segments[1:]
        dropped = sum(segment.first_position <= position for segment in following)
        while dropped and (spare_bytes := spare_bytes - self._segments[dropped - 1].size) >= 0:
            dropped -= 1
        old = self._segments[:dropped]
        del self._segments[:dropped]
        for segment in old:
            segment.path.unlink(missing_ok=True)

    def set_aside(self, damage: DamagedLogError) -> list[Path]:
        """Take a damaged frame and all that follows it out of the log, and end before it.

        A crash in between leaves a log that is damaged at the same place. Nobody may be reading.

        Returns:
            Where it is now.

        Raises:
            StorageError: It cannot be set aside (a full disk).
        """
        spoilt, end = damage.segment, damage.offset
        first = self._segments.index(spoilt)
        if end == 0:
            moved = self._move_aside(first)
        else:
            rest = [copy_aside(spoilt.path, end)] if end < spoilt.size else []
            moved = rest + self._move_aside(first + 1)
            self._truncate(spoilt, end)
        self._reopen()
        return moved

    def set_all_aside(self) -> list[Path]:
        """Take everything out of the log, so that it may begin anywhere; returns where it is now.

        Raises:
            StorageError: It cannot be set aside.
        """
        moved = self._move_aside(0)
        self._reopen()
        return moved

    def first_position_within(self, total_bytes: int) -> int:
        """Return where the newest files begin that together have at most ``total_bytes``.

        The newest file always counts. With ``drop_before`` this is retention by size.
        """
        first, room = self.last_position + 1, total_bytes
        for segment in reversed(self._segments):
            room -= segment.size
            if room < 0 and segment is not self._segments[-1]:
                break
            first = segment.first_position
        return first

    def close(self) -> None:
        """Let the file and the lock go; without ``sync`` the disk may lag behind."""
        if self._writer is not None:
            self._writer.close()
        self._lock.close()

    def _decoded(self, frames: Generator[Frame]) -> Iterator[EventBatch]:
        with closing(frames):
            for frame in frames:
                try:
                    batch = frame.batch()
                except MalformedMessageError as e:
                    raise foreign(self._directory, e) from e
                yield batch

    def _reopen(self) -> None:
        self._writer, self.last_position, self.damage = None, 0, None
        if not self._segments:
            return
        newest = self._segments[-1]
        extent = measure(newest)
        if extent.damage is not None and not self._tolerant:
            raise extent.damage
        self._writer = SegmentWriter(newest)
        self.last_position, self.damage = extent.last_position, extent.damage
        self.torn_bytes = newest.size - extent.end
        if self.torn_bytes:
            self._writer.cut(extent.end)

    def _writer_for(self, frame: Frame) -> SegmentWriter:
        if self._writer is None:
            return self._begin(frame.first_position)
        size = self._writer.segment.size
        if size == 0 or size + len(frame.data) <= self._segment_bytes:
            return self._writer
        full = self._writer
        full.sync()
        writer = self._begin(frame.first_position)
        full.close()
        return writer

    def _begin(self, first_position: int) -> SegmentWriter:
        segment = Segment.new(self._directory, first_position)
        self._writer = SegmentWriter(segment)
        self._segments.append(segment)
        sync_directory(self._directory)
        return self._writer

    def _move_aside(self, first: int) -> list[Path]:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        # the newest first: a crash in between leaves no gap in the middle
        moved = []
        while len(self._segments) > first:
            moved.append(move_aside(self._segments[-1].path))
            self._segments.pop()
        return moved[::-1]

    def _truncate(self, segment: Segment, end: int) -> None:
        writer = SegmentWriter(segment)
        try:
            writer.cut(end)
        except OSError as e:
            raise self._failed("cannot be cut", e) from e
        finally:
            writer.close()

    def _failed(self, what: str, e: OSError) -> StorageError:
        return StorageError(
            f"{self._directory} {what}: {e.strerror}; make room or repair the disk, then start "
            "again"
        )


def _locked(directory: Path) -> IO[bytes]:
    private_directory(directory)
    try:
        lock = (directory / "lock").open("ab")
    except OSError as e:
        raise StorageError(
            f"{directory} cannot be locked: {e.strerror}; choose another directory with --data"
        ) from e
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        lock.close()
        raise StorageError(
            f"{directory} is being written by another process: stop it, or choose another "
            "directory with --data"
        ) from e
    return lock


def _files_in(directory: Path) -> list[Path]:
    return sorted(directory.glob(f"*{SUFFIX}"))


def _nothing() -> None:
    """Wait for the disk of an empty log."""


def _drained(cursor: LogCursor) -> Generator[Frame]:
    with cursor:
        yield from cursor.frames()
