"""The engine's journal: every event is written here before it is applied.

Recovery is a snapshot and the journal's events behind it, then the platform from where the journal
ends. Writing hands the bytes to the operating system, so a killed process loses nothing; the disk
follows when ``sync`` is called, which the runtime does at least every 20 ms.

The journal is a copy: the platform has the truth. So damage in it never stops the engine: what
cannot be read is set aside with all that follows it, and the platform is asked for it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import structlog

from exposure.errors import GapError
from exposure.model.events import EventBatch
from feeds.event_log import SEGMENT_BYTES, EventLog
from feeds.frames import Frame
from feeds.segments import DamagedLogError


class Journal:
    """The engine's own copy of the events it was given, in the bytes it was given."""

    def __init__(self, log: EventLog, keep_bytes: int = 0) -> None:
        """Take the log, tolerant and without another writer.

        Args:
            log: Where the events are.
            keep_bytes: How much stays of what no snapshot needs any more.
        """
        self._log = log
        self._keep_bytes = keep_bytes
        self._synced_position = 0  # a killed process may have left what the disk has not yet

    @classmethod
    def open(
        cls, directory: Path, *, segment_bytes: int = SEGMENT_BYTES, keep_bytes: int = 0
    ) -> Journal:
        """Open or begin the journal in a directory.

        Raises:
            StorageError: Another process or another version writes it, or it cannot be used.
        """
        log = EventLog(directory, segment_bytes=segment_bytes, tolerant=True)
        return cls(log, keep_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def first_position(self) -> int:
        """The oldest position that is still here; 1 in an empty journal."""
        return self._log.first_position

    @property
    def last_position(self) -> int:
        """The position after which the platform has to go on; 0 in an empty journal."""
        return self._log.last_position

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever written; such a journal may begin behind a snapshot."""
        return self._log.is_empty

    @property
    def is_synced(self) -> bool:
        """Whether the disk has everything."""
        return self._synced_position == self._log.last_position

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

    def sync(self) -> None:
        """Wait until the disk has everything, as is due before a snapshot is stored.

        Raises:
            StorageError: The disk failed and what it holds is unknown.
        """
        self._log.sync()
        self._synced_position = self._log.last_position

    def syncing(self) -> Callable[[], None]:
        """Return what waits until the disk has everything up to now.

        Call it once, in a thread, while events are appended: a slow disk holds up nothing but what
        must be on it. Raises as ``sync``.
        """
        position, wait = self._log.last_position, self._log.syncing()

        def waiting() -> None:
            wait()
            self._synced_position = max(self._synced_position, position)

        return waiting

    def recover(self, after: int) -> Iterator[EventBatch]:
        """Yield the batches behind a position as far as they can be read.

        Read it to its end: then the journal ends with the last batch, or at ``after`` if there was
        none, and what could not be read is set aside.

        Raises:
            StorageError: Another version wrote it, or damage cannot be set aside (a full disk).
        """
        reached = after
        try:
            for batch in self._log.read(after):
                yield batch
                reached = batch.position
        except DamagedLogError as damage:
            self._set_aside(damage)
        except GapError as gap:
            self._set_all_aside(str(gap))
        else:
            self._tell_harmless_damage()
        if self._log.last_position != reached:
            self._set_all_aside(f"it ends at {self._log.last_position} and not at {reached}")

    def replay(self, after: int) -> Iterator[EventBatch]:
        """Return the batches behind a position, up to the end, changing nothing.

        Raises:
            GapError: The journal ends before it or no longer holds what follows it.
            DamagedLogError: A frame is damaged; names file and byte.
        """
        return self._log.read(after)

    def keep_after(self, snapshot_positions: list[int]) -> None:
        """Delete old files that no kept snapshot needs; without a snapshot everything stays."""
        if snapshot_positions:
            self._log.drop_before(min(snapshot_positions) + 1, self._keep_bytes)

    def close(self) -> None:
        """Sync and let go of the files."""
        with self._log:
            if not self.is_synced:
                self.sync()

    def _set_aside(self, damage: DamagedLogError) -> None:
        moved = self._log.set_aside(damage)
        structlog.get_logger().error(
            "the journal is damaged: the rest is set aside and the platform is asked for it",
            file=str(damage.segment.path),
            byte=damage.offset,
            reason=damage.reason,
            last_position=self._log.last_position,
            set_aside=[str(path) for path in moved],
        )

    def _set_all_aside(self, reason: str) -> None:
        if moved := self._log.set_all_aside():
            structlog.get_logger().error(
                "the journal does not continue the saved state: it is set aside and begun anew",
                reason=reason,
                set_aside=[str(path) for path in moved],
            )

    def _tell_harmless_damage(self) -> None:
        if (damage := self._log.damage) is not None:
            structlog.get_logger().warning(
                "the journal is damaged before the saved state, which does no harm",
                file=str(damage.segment.path),
                byte=damage.offset,
                reason=damage.reason,
            )
