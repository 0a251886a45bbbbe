"""Hostile bytes on the hub's socket: refused with a reason on either side, and the others go on."""

from __future__ import annotations

import asyncio
import zlib

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.hub_wire import (
    Answered,
    PositionsOfAccount,
    PositionsOfSymbol,
    Published,
    Refused,
    packed,
    read_from_engine,
    read_question,
)
from exposure.errors import MalformedMessageError
from exposure.model.events import EventBatch, QuoteReceived
from feeds.frames import HEADER_SIZE, Frame
from tests.damage import damaged
from tests.dealing.hub_fakes import frame
from tests.thorough import examples

TABLE = pl.DataFrame({"login": ["1", "22"], "lots": [1.0, 2.0]})
FROM_ENGINE = (Published(frame(3)), Answered(1, TABLE), Refused(2, "not known"))
QUESTIONS = (PositionsOfSymbol(1, "EURUSD", 5), PositionsOfAccount(2, "0042"))
DEEP = b"\x91" * 100_000 + b"\xc0"
READERS = (read_from_engine, read_question)


def received(read, content: bytes):
    """Return what one end reads, or why it refuses; any other exception is a failure."""

    async def story():
        stream = asyncio.StreamReader()
        stream.feed_data(content)
        stream.feed_eof()
        try:
            return await read(stream)
        except (MalformedMessageError, asyncio.IncompleteReadError) as e:
            return e

    return asyncio.run(story())


@pytest.mark.parametrize("message", [*FROM_ENGINE, *QUESTIONS], ids=lambda m: type(m).__name__)
def test_a_message_comes_back(message):
    read = read_question if message in QUESTIONS else read_from_engine
    assert type(received(read, packed(message))) is type(message)


@examples(60)
@given(st.sampled_from((*FROM_ENGINE, *QUESTIONS)), st.data())
def test_damage_anywhere_in_a_message_is_found(message, data):
    whole = packed(message)
    content = data.draw(damaged(whole))
    for read in READERS:
        answer = received(read, content)
        assert isinstance(answer, Exception) or content.startswith(whole)


@examples(60)
@given(st.sampled_from(READERS), st.binary(max_size=200))
def test_random_bytes_are_no_message(read, content):
    assert isinstance(received(read, content), Exception)


def with_right_checksum(payload: bytes) -> bytes:
    return Frame.of_message(payload).data


@examples(60)
@given(st.sampled_from(QUESTIONS), st.data())
def test_a_question_of_another_sender_is_a_question_or_refused(question, data):
    payload = data.draw(damaged(packed(question)[HEADER_SIZE:]))
    answer = received(read_question, with_right_checksum(payload))
    assert isinstance(answer, (MalformedMessageError, PositionsOfSymbol, PositionsOfAccount))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        DEEP,
        b"\x82\xa4type\xa2\xff\xfe\xa2id\x01",
        b"\x83\xa4type\xb2PositionsOfAccount\xa2id\x01\xa5login\xa2\xff\xfe",
        b"\x84\xa4type\xb2PositionsOfAccount\xa2id\x01\xa5login\xa1x\xa1y" + DEEP,
        msgspec.msgpack.encode({"type": "Answered", "id": 1, "answer": b"no table at all"}),
        msgspec.msgpack.encode({"type": "Answered", "id": 1, "answer": b""}),
        msgspec.msgpack.encode({"type": "Answered", "id": 1, "answer": "text"}),
        msgspec.msgpack.encode({"type": "Nothing", "id": 1}),
    ],
)
def test_an_ill_meant_payload_is_refused_with_a_reason(payload):
    for read in READERS:
        answer = received(read, with_right_checksum(payload))
        assert isinstance(answer, MalformedMessageError)
        assert "something else" in str(answer)


def test_events_are_no_message():
    events = Frame.of(EventBatch(1, 0, [QuoteReceived(1, "EURUSD", 1.0, 2.0)])).data
    for read in READERS:
        assert "events instead of messages" in str(received(read, events))


def test_a_table_cut_short_is_refused():
    body = msgspec.msgpack.decode(packed(Answered(1, TABLE))[HEADER_SIZE:])
    for size in range(0, len(body["answer"]), 40):
        cut = msgspec.msgpack.encode(body | {"answer": body["answer"][:size]})
        answer = received(read_from_engine, with_right_checksum(cut))
        assert isinstance(answer, (MalformedMessageError, Answered))


def test_the_checksum_is_that_of_the_payload():
    content = packed(QUESTIONS[0])
    assert zlib.crc32(content[HEADER_SIZE:]).to_bytes(4, "little") == content[28:32]
