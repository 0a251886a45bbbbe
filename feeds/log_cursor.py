"""A place in an event log that moves on as it is read, and waits at the end for what comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from typing import Self

from exposure.errors import DeskError, GapError, MalformedMessageError, UnknownVersionError
from feeds.frames import Frame, Header
from feeds.segments import (
    DamagedLogError,
    Segment,
    foreign,
    next_frame,
    read_frame,
    read_header,
)


@dataclass(slots=True)
class _Place:
    segment: Segment
    file: FileIO
    offset: int = 0

    @property
    def at_end(self) -> bool:
        return self.offset >= self.segment.size

    def header(self, after: int) -> Header:
        """Return the header here, or behind damage that ends at ``after`` or before it."""
        try:
            header = read_header(self.file.fileno(), self.offset, self.segment.size)
        except MalformedMessageError as e:
            return self._header_behind(e, after)
        except OSError as e:
            raise DamagedLogError(self.segment, self.offset, e.strerror) from e
        if header is None:
            raise DamagedLogError(self.segment, self.offset, "the last frame is cut off")
        return header

    def frame(self, header: Header, after: int) -> Frame:
        try:
            return read_frame(self.file.fileno(), self.offset, header, after).after(after)
        except MalformedMessageError as e:
            raise DamagedLogError(self.segment, self.offset, e) from e
        except OSError as e:
            raise DamagedLogError(self.segment, self.offset, e.strerror) from e

    def _header_behind(self, damage: MalformedMessageError, after: int) -> Header:
        try:
            found = next_frame(self.file.fileno(), self.offset, self.segment.size)
        except UnknownVersionError as e:
            raise foreign(self.segment.path, e) from e
        if found is None or found.header.first_position > after + 1:
            raise DamagedLogError(self.segment, self.offset, damage) from damage
        self.offset = found.offset
        return found.header


class LogCursor:
    """Reads the segments of a log that its writer, perhaps in another thread, still extends."""

    def __init__(self, segments: list[Segment], after: int) -> None:
        """Stand behind a position.

        Args:
            segments: The log's own list, which its writer changes.
            after: The last position that is already known.

        Raises:
            GapError: What follows was dropped.
        """
        self.position = after
        self._segments = segments
        self._place: _Place | None = None
        try:
            self._next_place()
        except DeskError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._place is not None:
            self._place.file.close()

    def frames(self, up_to: int | None = None) -> Iterator[Frame]:
        """Yield what follows this place; call again for what was appended meanwhile.

        Args:
            up_to: Stop before a frame that goes beyond this position.

        Raises:
            GapError: What follows was dropped.
            DamagedLogError: A frame that follows is damaged or missing. One before this place
                harms nobody and is passed over.
            StorageError: Another version of Plimsoll wrote the log.
        """
        while (place := self._next_place()) is not None:
            header = place.header(self.position)
            if up_to is not None and header.position > up_to:
                return
            if header.position <= self.position:
                place.offset += header.size
                continue
            frame = place.frame(header, self.position)
            place.offset += header.size
            self.position = header.position
            yield frame

    def _next_place(self) -> _Place | None:
        while True:
            # The list before the size: a segment that has a successor grows no more.
            segments = tuple(self._segments)
            if self._place is not None and not self._place.at_end:
                return self._place
            segment = self._following(segments)
            if segment is None:
                return None
            self.close()
            self._place = _Place(segment, self._open(segment))

    def _following(self, segments: tuple[Segment, ...]) -> Segment | None:
        if self._place is None:
            return self._containing(segments)
        here = self._place.segment
        following = next((s for s in segments if s.first_position > here.first_position), None)
        if following is None or following.first_position <= self.position + 1:
            return following
        if here in segments:
            raise DamagedLogError(here, self._place.offset, "its last frames are missing")
        raise self._dropped(following)

    def _containing(self, segments: tuple[Segment, ...]) -> Segment | None:
        if not segments:
            return None
        begun = [s for s in segments if s.first_position <= self.position + 1]
        if not begun:
            raise self._dropped(segments[0])
        return begun[-1]

    def _open(self, segment: Segment) -> FileIO:
        try:
            return FileIO(segment.path)
        except FileNotFoundError as e:
            raise self._dropped(segment) from e

    def _dropped(self, oldest: Segment) -> GapError:
        return GapError(
            self.position + 1, oldest.first_position, "older events are no longer kept there"
        )
