"""The codec: what goes in comes out, and no damage passes unseen."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure.errors import InvariantError, MalformedMessageError
from exposure.model.events import ClockTicked, EventBatch
from feeds.frames import (
    HEADER_SIZE,
    LONGEST_PAYLOAD,
    Frame,
    FrameKind,
    FrameReader,
    Header,
    decode_batch,
    encode_batch,
)
from tests.feeds.event_samples import batches, quote_batches, streams


@given(batches())
def test_a_batch_of_any_events_comes_back_equal(batch):
    assert decode_batch(encode_batch(batch)) == batch


@given(streams(), st.data())
def test_a_stream_cut_anywhere_gives_the_same_frames(stream, data):
    frames = [Frame.of(batch) for batch in stream]
    content = b"".join(frame.data for frame in frames)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(content)), max_size=9)) | {0, len(content)})
    reader = FrameReader()
    read = [frame for begin, end in pairwise(cuts) for frame in reader.feed(content[begin:end])]
    assert read == frames


@given(batches(), st.data())
def test_a_flipped_bit_anywhere_is_found(batch, data):
    content = bytearray(encode_batch(batch))
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(MalformedMessageError):
        decode_batch(bytes(content))


@given(batches(), st.data())
def test_a_cut_frame_is_no_batch(batch, data):
    content = encode_batch(batch)
    with pytest.raises(MalformedMessageError):
        decode_batch(content[: data.draw(st.integers(0, len(content) - 1))])


def test_bytes_after_a_frame_are_no_batch():
    (batch,) = quote_batches(2)
    with pytest.raises(MalformedMessageError, match="not exactly one frame"):
        decode_batch(encode_batch(batch) + b"\0")


@given(batches(), st.integers(0, 2**62))
def test_the_time_of_reception_is_stamped_without_touching_the_events(batch, ts_recv):
    stamped = Frame.of(batch).received_at(ts_recv)
    assert stamped.data == encode_batch(EventBatch(batch.position, ts_recv, batch.events))


@given(batches(), st.data())
def test_a_frame_gives_up_the_events_that_are_known(batch, data):
    first = batch.position - len(batch.events) + 1
    after = data.draw(st.integers(first - 1, batch.position - 1))
    rest = Frame.of(batch).after(after).batch()
    assert rest.position == batch.position
    assert rest.events == batch.events[after - first + 1 :]


def test_a_batch_needs_events_and_a_position_that_can_hold_them():
    for batch in (EventBatch(3, 0, []), EventBatch(1, 0, [ClockTicked(1), ClockTicked(2)])):
        with pytest.raises(InvariantError, match="cannot end at position"):
            encode_batch(batch)


def test_a_header_that_asks_for_too_much_memory_is_refused_before_its_payload_comes():
    header = Header(FrameKind.EVENTS, LONGEST_PAYLOAD + 1, 1, 1, 0, 0)
    with pytest.raises(MalformedMessageError, match="cannot end at position"):
        FrameReader().feed(header.packed())


def test_a_payload_that_is_no_list_of_events_is_refused():
    (batch,) = quote_batches(2)
    frame = Frame.of(batch)
    wrong_count = frame._replace(header=frame.header._replace(events=1))
    with pytest.raises(MalformedMessageError, match="says 1 events, was 2"):
        wrong_count.batch()
    with pytest.raises(MalformedMessageError, match="holds no events"):
        frame._replace(data=frame.data[:HEADER_SIZE] + b"\xc0").batch()
    with pytest.raises(MalformedMessageError, match="message instead of events"):
        decode_batch(Frame.of_message(b"\xc0").data)
