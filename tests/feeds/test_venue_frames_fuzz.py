"""A venue that sends anything: each line is a quote or is counted, and costs no other line."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.samples import CRYPTO_SAMPLE, sample_directory
from feeds.venue_frames import NO_TIME, VenueQuotes, read_venue_frames
from tests.damage import damaged
from tests.thorough import examples

TICKER = b'{"stream":"btcusdt@bookTicker","data":{"s":"BTCUSDT","b":"1.5","a":"1.6","T":7}}'
DEEP = b"[" * 100_000 + b"]" * 100_000
COUNTED = {"unreadable", "without a stream", "of other streams"}


@cache
def recorded() -> list[bytes]:
    """Some lines of every recorded file, of every stream in it."""
    folders = [sample_directory("venue_frames"), sample_directory(CRYPTO_SAMPLE)]
    return [
        line
        for folder in folders
        for path in sorted(folder.glob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()[:60]
    ]


def read(*lines: bytes) -> VenueQuotes:
    with TemporaryDirectory() as name:
        path = Path(name) / "frames.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return read_venue_frames(path)


def rows_of(quotes: VenueQuotes) -> list[tuple[object, ...]]:
    """Return the quotes as rows that can be compared, NaN included."""
    names = [quotes.symbols[index] for index in quotes.symbol]
    columns = (quotes.bid, quotes.ask, quotes.ts_recorded, quotes.ts_exchange)
    return list(zip(names, *(map(repr, column.tolist()) for column in columns), strict=True))


@st.composite
def lines(draw) -> list[bytes]:
    found = []
    for line in draw(st.lists(st.sampled_from(recorded()), min_size=1, max_size=12)):
        content = draw(st.just(line) | damaged(line) | st.binary(max_size=60))
        found.append(content.replace(b"\n", b"").replace(b"\r", b""))
    return found


@examples(60)
@given(lines())
def test_a_line_means_the_same_alone_and_among_others(sent):
    together = read(*sent)
    alone = [read(line) for line in sent]
    assert rows_of(together) == [row for one in alone for row in rows_of(one)]
    assert together.skipped == sum((one.skipped for one in alone), Counter())
    assert together.damage is None


@examples(60)
@given(lines())
def test_every_line_is_a_quote_or_is_counted_by_what_it_is(sent):
    quotes = read(*sent)
    assert len(quotes.bid) + quotes.skipped.total() == len(sent)
    assert set(quotes.skipped) <= COUNTED
    assert (quotes.ts_recorded >= 0).all()
    assert (quotes.ts_exchange >= NO_TIME).all()


@pytest.mark.parametrize(
    "line",
    [
        b"99999999999999999999 " + TICKER,
        b"-5 " + TICKER,
        b"1" * 5_000 + b" " + TICKER,
        b"1 " + TICKER.replace(b":7}", b":99999999999999999}"),
        b"1 " + TICKER.replace(b":7}", b":-1}"),
        b"1 " + TICKER.replace(b":7}", b":1e400}"),
        b'1 {"stream":"a@bookTicker","data":' + DEEP + b"}",
        b'1 {"stream":"a@bookTicker","more":' + DEEP + b"}",
        b'1 {"stream":' + DEEP + b"}",
        b"1 " + TICKER.replace(b"BTC", b"B\x00C"),
        b"1 " + TICKER.replace(b"BTC", b"\xff\xfe"),
        b"1 " + TICKER.replace(b"BTC", b"\\ud800"),
        b"1 " + TICKER + TICKER,
        b'1 {"stream":"a@bookTicker"}',
        b"1",
        b"",
    ],
)
def test_an_ill_meant_line_is_counted_as_unreadable(line):
    good = b"2 " + TICKER
    quotes = read(good, line, good)
    assert quotes.skipped == {"unreadable": 1}
    assert quotes.ts_recorded.tolist() == [2, 2]


@examples(40)
@given(st.data())
def test_a_damaged_gzip_loses_nothing_that_came_before_the_damage(data):
    whole = gzip.compress(b"".join(line + b"\n" for line in recorded()), mtime=0)
    content = data.draw(damaged(whole, most=1))
    with TemporaryDirectory() as name:
        path = Path(name) / "frames.jsonl.gz"
        path.write_bytes(content)
        quotes = read_venue_frames(path)
    first_injury = next(
        (i for i, (a, b) in enumerate(zip(content, whole, strict=False)) if a != b),
        min(len(content), len(whole)),
    )
    readable = len(whole_lines_before(whole, first_injury))
    assert len(quotes.bid) + quotes.skipped.total() >= readable
    assert (quotes.damage is None) or "compressed data" in quotes.damage


def whole_lines_before(packed: bytes, end: int) -> list[bytes]:
    unpacked = zlib.decompressobj(31).decompress(packed[:end])
    return unpacked.split(b"\n")[:-1]


def test_absurd_prices_stay_what_they_are():
    line = b"1 " + TICKER.replace(b'"1.5"', b'"1e999"').replace(b'"1.6"', b'"nan"')
    quotes = read(line)
    assert np.isinf(quotes.bid[0])
    assert np.isnan(quotes.ask[0])
