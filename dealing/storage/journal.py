"""The engine's journal: every event is written here before it is applied.

Recovery is a snapshot and the journal's events behind it, then the platform from where the journal
ends. Writing hands the bytes to the operating system, so a killed process loses nothing; the disk
follows at least every 20 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from exposure.model.events import EventBatch
from feeds.event_log import EventLog
from feeds.frames import Frame

SYNC_WITHIN_NS: Final = 20_000_000
"""How long an event may wait for the disk (performance.md, goals)."""


class Journal:
    """The engine's own copy of the events it was given, in the bytes it was given."""

    def __init__(self, log: EventLog) -> None:
        """Take the log, which has no other writer."""
        self._log = log
        self._unsynced = False
        self._synced_at = 0

    @classmethod
    def open(cls, directory: Path) -> Journal:
        """Open or begin the journal in a directory; raises as ``EventLog``."""
        return cls(EventLog(directory))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def last_position(self) -> int:
        """The position after which the platform has to go on; 0 in an empty journal."""
        return self._log.last_position

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever written; such a journal may begin behind a snapshot."""
        return self._log.is_empty

    @property
    def torn_bytes(self) -> int:
        """How many bytes of an unfinished write were removed when it was opened."""
        return self._log.torn_bytes

    def append(self, batch: EventBatch) -> None:
        """Write a batch; only then may it be applied.

        Raises:
            GapError: It does not follow the last one.
            StorageError: It could not be written: do not apply it.
        """
        self.append_frame(Frame.of(batch))

    def append_frame(self, frame: Frame) -> None:
        """Write a batch in the bytes it came in; raises as ``append``."""
        self._log.append_frame(frame)
        self._unsynced = True

    def sync_if_due(self, now_ns: int) -> bool:
        """Wait for the disk if something was written and the last wait was 20 ms ago.

        Args:
            now_ns: A monotonic clock's reading.

        Returns:
            Whether it waited.
        """
        due = self._unsynced and now_ns - self._synced_at >= SYNC_WITHIN_NS
        if due:
            self.sync()
            self._synced_at = now_ns
        return due

    def sync(self) -> None:
        """Wait until the disk has everything, as is due before a snapshot is stored."""
        self._log.sync()
        self._unsynced = False

    def replay(self, after: int) -> Iterator[EventBatch]:
        """Return the batches behind a position, up to the end.

        Raises:
            GapError: The journal ends before it or no longer holds what follows it.
            StorageError: A frame is damaged; names file and byte.
        """
        return self._log.read(after)

    def keep_after(self, snapshot_positions: list[int]) -> None:
        """Delete what the oldest kept snapshot already holds; without one everything stays."""
        if snapshot_positions:
            self._log.drop_before(min(snapshot_positions) + 1)

    def close(self) -> None:
        """Sync and let go of the files."""
        with self._log:
            self.sync()
