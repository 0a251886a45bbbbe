"""An append-only log of events in files: what was appended survives the process that wrote it.

A directory of segments, each a row of frames. One process writes and holds a lock; a frame reaches
the operating system in the call that appends it (nothing waits in a buffer of ours) and the disk
with ``sync``. A frame that a crash cut off is removed when the log is opened again.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final, Self

from exposure.errors import GapError, StorageError
from exposure.model.events import EventBatch
from feeds.frames import Frame
from feeds.log_cursor import LogCursor
from feeds.sealed_files import private_directory, sync_directory
from feeds.segments import SUFFIX, Segment, SegmentWriter, measure

SEGMENT_BYTES: Final = 64 << 20


class EventLog:
    """The writer of a log, and where readers get their cursors.

    One thread appends, syncs and drops; cursors may be read in others.
    """

    def __init__(self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Open a log, or begin one.

        Args:
            directory: Holds nothing but this log; created if missing, for this user only.
            segment_bytes: A file that would grow beyond this is followed by a new one.

        Raises:
            StorageError: Another process writes it, it is damaged, or it cannot be used.
        """
        self.last_position = 0
        self.torn_bytes = 0
        self._directory = directory
        self._segment_bytes = segment_bytes
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

    def cursor(self, after: int) -> LogCursor:
        """Return a place in the log from which a reader goes on, now and later.

        Raises:
            GapError: The log ends before ``after`` or no longer holds what follows it.
        """
        if after > self.last_position and not self.is_empty:
            raise GapError(after + 1, self.last_position + 1, "the log ends before it")
        return LogCursor(self._segments, after)

    def read_encoded(self, after: int) -> Iterator[Frame]:
        """Return the frames that follow a position, up to the end; raises as ``cursor``."""
        return _drained(self.cursor(after))

    def read(self, after: int) -> Iterator[EventBatch]:
        """Return the batches that follow a position, up to the end; raises as ``cursor``."""
        return (frame.batch() for frame in self.read_encoded(after))

    def drop_before(self, position: int) -> None:
        """Delete the files that only hold events before ``position``; the newest one stays."""
        while len(self._segments) > 1 and self._segments[1].first_position <= position:
            self._segments.pop(0).path.unlink(missing_ok=True)

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

    def _reopen(self) -> None:
        if not self._segments:
            return
        newest = self._segments[-1]
        extent = measure(newest)
        self._writer = SegmentWriter(newest)
        self.last_position = extent.last_position
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


def _drained(cursor: LogCursor) -> Iterator[Frame]:
    with cursor:
        yield from cursor.frames()
