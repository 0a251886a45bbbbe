"""One record for every road: what the log stores is what the socket carries and the journal keeps.

A frame is a fixed header and a msgpack payload. Header and payload have a checksum each, so the
time of reception can be stamped into a header without touching the events. A batch is encoded once,
where it is made; everybody else passes the same bytes on.

Layout (little-endian, 36 bytes): magic ``PL``, version, kind, payload length u32, number of events
u32, position of the last event u64, ts_recv i64 (ns UTC), crc32 of the payload, crc32 of the header
before it.
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from exposure.errors import (
    UNDECODABLE,
    InvariantError,
    MalformedMessageError,
    UnknownVersionError,
)
from exposure.model.events import EventBatch, InputEvent

MAGIC: Final = b"PL"
VERSION: Final = 1
"""Of a frame's layout. Events are no part of it: they grow by optional fields and new kinds."""

READABLE_VERSIONS: Final = frozenset({1})
"""A journal may hold frames of an earlier version, so it stays readable when ``VERSION`` rises."""

LONGEST_PAYLOAD: Final = 256 << 20
"""Bytes; a longer one is refused by writers, so a reader that meets one met garbage."""

LAST_POSITION: Final = 2**63 - 1
"""What the engine's columns can hold."""

_FIELDS: Final = struct.Struct("<2sBBIIQqI")
_CHECKSUM: Final = struct.Struct("<I")
HEADER_SIZE: Final = _FIELDS.size + _CHECKSUM.size

_EVENTS: Final[msgspec.msgpack.Decoder[list[InputEvent]]] = msgspec.msgpack.Decoder(
    list[InputEvent]
)


class FrameKind(IntEnum):
    """What the payload is; messages travel on sockets only and have no position."""

    EVENTS = 1
    MESSAGE = 2


_KINDS: Final = {kind.value: kind for kind in FrameKind}


class Header(NamedTuple):
    """The first bytes of a frame. Units: ``length`` in bytes of payload, ``ts_recv`` ns UTC."""

    kind: FrameKind
    length: int
    events: int
    position: int
    ts_recv: int
    checksum: int

    @property
    def size(self) -> int:
        """Bytes of the whole frame."""
        return HEADER_SIZE + self.length

    @property
    def first_position(self) -> int:
        """The position of the first event."""
        return self.position - self.events + 1

    def packed(self) -> bytes:
        """Return the header as bytes, its own checksum at the end."""
        fields = _FIELDS.pack(MAGIC, VERSION, *self)
        return fields + _CHECKSUM.pack(zlib.crc32(fields))


class Frame(NamedTuple):
    """An encoded frame whose checksums are right; ``data`` holds its header as well."""

    header: Header
    data: bytes

    @classmethod
    def of(cls, batch: EventBatch) -> Frame:
        """Encode a batch.

        Raises:
            InvariantError: The batch has no events, more events than its position says, or more
                bytes than a frame may hold.
        """
        count = len(batch.events)
        if not 0 < count <= batch.position:
            raise InvariantError(
                f"a batch of {count} events cannot end at position {batch.position}"
            )
        payload = msgspec.msgpack.encode(batch.events)
        return cls._of_payload(FrameKind.EVENTS, payload, count, batch.position, batch.ts_recv)

    @classmethod
    def of_message(cls, payload: bytes) -> Frame:
        """Wrap an encoded message."""
        return cls._of_payload(FrameKind.MESSAGE, payload, 0, 0, 0)

    @classmethod
    def _of_payload(
        cls, kind: FrameKind, payload: bytes, count: int, position: int, ts_recv: int
    ) -> Frame:
        if len(payload) > LONGEST_PAYLOAD:
            raise InvariantError(
                f"{len(payload)} bytes do not fit into one frame: split the batch before "
                f"position {position}"
            )
        header = Header(kind, len(payload), count, position, ts_recv, zlib.crc32(payload))
        return cls(header, header.packed() + payload)

    @property
    def position(self) -> int:
        """The position of the last event."""
        return self.header.position

    @property
    def first_position(self) -> int:
        """The position of the first event."""
        return self.header.first_position

    @property
    def payload(self) -> memoryview:
        """The bytes behind the header."""
        return memoryview(self.data)[HEADER_SIZE:]

    def batch(self) -> EventBatch:
        """Decode the events.

        Raises:
            MalformedMessageError: The payload is no list of events, or of another number of them.
        """
        try:
            events = _EVENTS.decode(self.payload)
        except UNDECODABLE as e:
            raise MalformedMessageError(f"the frame at {self.position} holds no events: {e}") from e
        if len(events) != self.header.events:
            raise MalformedMessageError(
                f"the frame at {self.position} says {self.header.events} events, was {len(events)}"
            )
        return EventBatch(self.header.position, self.header.ts_recv, events)

    def received_at(self, ts_recv: int) -> Frame:
        """Return the same events with the time of their reception, not encoded again."""
        header = self.header._replace(ts_recv=ts_recv)
        return Frame(header, header.packed() + self.payload)

    def after(self, position: int) -> Frame:
        """Return the frame without its events at or before ``position``, which lies inside it."""
        if position < self.first_position:
            return self
        batch = self.batch()
        missing = position - self.first_position + 1
        return Frame.of(EventBatch(batch.position, batch.ts_recv, batch.events[missing:]))


def encode_batch(batch: EventBatch) -> bytes:
    """Return a batch as the bytes of one frame; raises as ``Frame.of``."""
    return Frame.of(batch).data


def decode_batch(data: bytes) -> EventBatch:
    """Return the batch that exactly one frame holds.

    Raises:
        MalformedMessageError: The bytes are damaged, incomplete, too many, or no batch.
    """
    frame = parse_frame(data)
    if frame is None or len(frame.data) != len(data):
        raise MalformedMessageError(f"{len(data)} bytes are not exactly one frame")
    if frame.header.kind is not FrameKind.EVENTS:
        raise MalformedMessageError("the frame holds a message instead of events")
    return frame.batch()


def parse_header(data: bytes | bytearray, offset: int = 0) -> Header:
    """Read the ``HEADER_SIZE`` bytes at ``offset``.

    Raises:
        UnknownVersionError: They are a header, but not one of ours.
        MalformedMessageError: They are no header.
    """
    fields = bytes(data[offset : offset + _FIELDS.size])
    (checksum,) = _CHECKSUM.unpack_from(data, offset + _FIELDS.size)
    magic, version, kind, *rest = _FIELDS.unpack(fields)
    if magic != MAGIC or checksum != zlib.crc32(fields):
        raise MalformedMessageError("the bytes do not begin with the header of a frame")
    if version not in READABLE_VERSIONS or kind not in _KINDS:
        raise UnknownVersionError(f"a frame has version {version} and kind {kind}")
    return _plausible(Header(_KINDS[kind], *rest))


def parse_frame(data: bytes | bytearray, offset: int = 0) -> Frame | None:
    """Return the frame that begins at ``offset``, None while it is incomplete.

    Raises:
        MalformedMessageError: A checksum is wrong.
    """
    if len(data) - offset < HEADER_SIZE:
        return None
    header = parse_header(data, offset)
    if len(data) - offset < header.size:
        return None
    return checked_frame(header, bytes(data[offset : offset + header.size]))


def checked_frame(header: Header, data: bytes) -> Frame:
    """Return the frame of a header and all its bytes; MalformedMessageError if damaged."""
    if zlib.crc32(memoryview(data)[HEADER_SIZE:]) != header.checksum:
        raise MalformedMessageError(f"the payload of the frame at {header.position} is damaged")
    return Frame(header, data)


class FrameReader:
    """Cuts a stream of bytes, as it arrives, into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes and return the frames that they complete.

        Raises:
            MalformedMessageError: The stream is damaged; nothing after that can be read from it.
        """
        self._rest += data
        frames, offset = [], 0
        while (frame := parse_frame(self._rest, offset)) is not None:
            frames.append(frame)
            offset += len(frame.data)
        del self._rest[:offset]
        return frames


def _plausible(header: Header) -> Header:
    events = 0 < header.events <= header.position <= LAST_POSITION
    message = header.events == header.position == 0
    fits = events if header.kind is FrameKind.EVENTS else message
    if not fits or header.length > LONGEST_PAYLOAD:
        raise MalformedMessageError(
            f"a frame of {header.events} events and {header.length} bytes cannot end at position "
            f"{header.position}"
        )
    return header
