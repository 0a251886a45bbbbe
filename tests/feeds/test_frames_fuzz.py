"""Hostile bytes on the platform's road: refused with a reason, and nothing that was not sent."""

from __future__ import annotations

import struct
import zlib
from typing import get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exposure.errors import MalformedMessageError
from exposure.model.events import InputEvent
from feeds.frames import (
    HEADER_SIZE,
    LAST_POSITION,
    LONGEST_PAYLOAD,
    Frame,
    FrameKind,
    FrameReader,
    Header,
    parse_frame,
)
from feeds.platform_wire import AskStatus, Refused, Subscribe, news_in, question_in
from tests.damage import damaged
from tests.feeds.event_samples import FIELDS, batches, streams
from tests.feeds.platform_sockets import status

DEEP = b"\x91" * 100_000 + b"\xc0"
NO_TEXT = b"\xa2\xff\xfe"
MESSAGES = (Subscribe(7), AskStatus(), Refused(1, 2, "gone"), status(label="simulated"))

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)
tagged = st.tuples(st.sampled_from([kind.__name__ for kind in get_args(InputEvent)]), plain)


def framed(payload: bytes, events: int = 1) -> Frame:
    """Return a frame whose checksums are right, whatever its payload is."""
    header = Header(FrameKind.EVENTS, len(payload), events, events, 0, zlib.crc32(payload))
    return parse_frame(header.packed() + payload)


def refusal_of(read, *given) -> str | None:
    """Return why bytes are refused, None if they are not; any other exception is a failure."""
    try:
        read(*given)
    except MalformedMessageError as e:
        return str(e)
    return None


def test_the_samples_hold_every_kind_of_event():
    assert FIELDS.keys() == set(get_args(InputEvent))


@given(st.binary(max_size=400) | st.builds(b"PL".__add__, st.binary(max_size=400)))
def test_random_bytes_never_become_a_frame(content):
    reader = FrameReader()
    assert refusal_of(reader.feed, content) or len(content) < HEADER_SIZE


@given(streams(max_size=5), st.data())
def test_what_a_damaged_stream_gives_was_sent_in_that_order(stream, data):
    frames = [Frame.of(batch) for batch in stream]
    content = data.draw(damaged(b"".join(frame.data for frame in frames)))
    reader, received = FrameReader(), []
    for begin in range(0, len(content), 50):
        if refusal_of(lambda at: received.extend(reader.feed(content[at : at + 50])), begin):
            break
    unsent = iter(frames)
    assert all(frame in unsent for frame in received)


@given(
    kind=st.sampled_from(FrameKind),
    length=st.integers(0, 2**32 - 1),
    events=st.integers(0, 2**32 - 1),
    position=st.integers(0, 2**64 - 1),
)
@example(FrameKind.EVENTS, LONGEST_PAYLOAD + 1, 1, 1)
@example(FrameKind.EVENTS, 1, 1, LAST_POSITION + 1)
@example(FrameKind.EVENTS, 1, 2, 1)
@example(FrameKind.MESSAGE, 1, 0, 1)
def test_a_header_with_impossible_numbers_is_refused_before_its_payload_comes(
    kind, length, events, position
):
    header = Header(kind, length, events, position, 0, 0)
    possible = length <= LONGEST_PAYLOAD and (
        0 < events <= position <= LAST_POSITION
        if kind is FrameKind.EVENTS
        else events == position == 0
    )
    reason = refusal_of(FrameReader().feed, header.packed())
    assert (reason is None) == possible


@given(st.binary(min_size=2, max_size=2), st.integers(0, 255), st.integers(0, 255))
def test_a_header_of_another_kind_of_file_is_refused(magic, version, kind):
    fields = struct.pack("<2sBBIIQqI", magic, version, kind, 1, 1, 1, 0, 0)
    content = fields + struct.pack("<I", zlib.crc32(fields))
    ours = magic == b"PL" and version == 1 and kind == FrameKind.EVENTS
    assert bool(refusal_of(FrameReader().feed, content)) != ours


@given(batches(), st.data())
def test_a_payload_of_another_sender_is_events_or_refused(batch, data):
    payload = data.draw(damaged(bytes(Frame.of(batch).payload)))
    frame = framed(payload, len(batch.events))
    reason = refusal_of(frame.batch)
    assert reason is None or reason.startswith("the frame at ")


@given(st.lists(tagged | plain, min_size=1, max_size=4))
def test_any_values_in_a_payload_are_events_or_refused(values):
    refusal_of(framed(msgspec.msgpack.encode(values), len(values)).batch)


@pytest.mark.parametrize(
    "payload",
    [
        DEEP,
        b"\x91\x93\xabClockTicked\x01" + DEEP,
        b"\x91\x95\xadQuoteReceived\x01" + NO_TEXT + b"\x01\x01",
        b"\xdd\xff\xff\xff\xff",
        b"\x91\xdb\xff\xff\xff\xff",
        b"",
    ],
    ids=["deep", "deep inside", "no text", "long list", "long text", "empty"],
)
def test_an_ill_meant_payload_is_refused_with_a_reason(payload):
    assert "holds no events" in refusal_of(framed(payload).batch)


@given(st.sampled_from(MESSAGES), st.data())
def test_a_damaged_message_is_a_message_or_refused(message, data):
    payload = data.draw(damaged(msgspec.msgpack.encode(message)))
    frame = Frame.of_message(payload)
    for read in (question_in, news_in):
        reason = refusal_of(read, frame)
        assert reason is None or "something else" in reason


@pytest.mark.parametrize(
    "payload",
    [
        b"\x82\xa4type" + NO_TEXT + b"\xa5after\x01",
        b"\x83\xa4type\xa9Subscribe\xa5after\x01\xa1x" + DEEP,
        b"\x84\xa4type\xa7Refused\xa8expected\x01\xa3was\x01\xa6reason" + NO_TEXT,
    ],
)
def test_an_ill_meant_message_is_refused_with_a_reason(payload):
    frame = Frame.of_message(payload)
    assert "something else" in refusal_of(question_in, frame)
    assert "something else" in refusal_of(news_in, frame)
