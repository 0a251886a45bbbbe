"""Recorded quotes that somebody damaged: the good lines count, a market starts or says why not."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure.errors import DataError
from feeds.recorded_market import RecordedMarket
from feeds.recordings import read_recordings
from feeds.reference_rates import FILE_NAME, read_rates
from tests.damage import damaged
from tests.thorough import examples

NAME = "oanda_eurusd_20140508.csv"
HEADER = b"ts_ms_utc,bid,ask\n"
NOON = 1_399_550_400_000
LATEST = 2**63 - 1
GOOD = [b"%d.5,1.39%03d,1.39%03d" % (NOON + k, k, k + 9) for k in range(100, 130)]
ODD = (
    b"", b",,", b"x,1,2", b"%d,1" % NOON, b"%d,1,2,3" % NOON, b"-1,1,2", b"9223372036855,1,2",
    b"1e400,1,2", b"NaN,1,2", b"%d,\x00,2" % NOON, b"%d,\xff,2" % NOON, b'%d,"1,2' % NOON,
 b"%d,1;2,3" % NOON,
)  # fmt: skip
DAYS = b"Date,USD,JPY,GBP,\n2014-05-08,1.3953,141.95,0.8233,\n2014-05-07,1.3927,141.5,0.82,\n"


def recordings_of(content: bytes, name: str = NAME):
    with TemporaryDirectory() as directory:
        (Path(directory) / name).write_bytes(content)
        notes: list[str] = []
        (found,) = read_recordings(Path(directory), notes)
        return found, notes


@examples(60)
@given(st.lists(st.sampled_from(GOOD) | st.sampled_from(ODD), min_size=1, max_size=12))
def test_good_lines_are_read_exactly_whatever_stands_between_them(lines):
    found, _ = recordings_of(HEADER + b"\n".join([*lines, GOOD[0]]))
    good = [line.split(b",") for line in lines if line in GOOD] + [GOOD[0].split(b",")]
    assert found.ts.tolist() == [int(ts.replace(b".5", b"")) * 10**6 + 500_000 for ts, *_ in good]
    assert found.bid.tolist() == [float(bid) for _, bid, _ in good]
    assert found.ask.tolist() == [float(ask) for *_, ask in good]


def test_a_line_longer_than_any_number_costs_no_other_line():
    found, notes = recordings_of(HEADER + b"%d,%s,2\n" % (NOON, b"x" * 1_000_000) + GOOD[0])
    assert len(found.ts) == 1
    assert notes == [f"{NAME}: lines left out: 1 unreadable"]


@examples(60)
@given(st.data())
def test_a_damaged_file_gives_a_market_or_one_sentence(data):
    whole = HEADER + b"\n".join(GOOD)
    packed = data.draw(st.booleans())
    content = data.draw(damaged(gzip.compress(whole, mtime=0) if packed else whole))
    with TemporaryDirectory() as directory:
        (Path(directory) / f"{NAME}{'.gz' if packed else ''}").write_bytes(content)
        try:
            market = RecordedMarket(Path(directory))
        except DataError:
            return
        quotes = market.step(LATEST - market.now).client
        assert market.exhausted
        assert len(quotes.bid) > 0
        assert all(isinstance(note, str) for note in market.notes)


@pytest.mark.parametrize(
    "rows",
    [
        b"0,1e308,-1e308\n1,1.1,1.2\n",
        b"0,nan,nan\n1,nan,1\n",
        b"0,inf,-inf\n1,1,1\n",
        b"9223372036853,1.1,1.2\n9223372036854,1.1,1.2\n",
        b"5,1,1\n5,1,1\n",
    ],
)
def test_absurd_quotes_are_a_market_all_the_same(tmp_path, rows):
    (tmp_path / NAME).write_bytes(HEADER + rows)
    step = RecordedMarket(tmp_path).step(10**18)
    assert len(step.client.bid) >= 2
    assert len(step.provider.bid) >= 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (NAME, b""),
        (NAME, b"\n\n"),
        (NAME, b"\x00" * 50),
        (NAME, b"ts_ms_utc,bid\n"),
        (NAME, b"ts_ms_utc,bid,ask,bid\n1,2,3,4\n"),
        (NAME, HEADER),
        (NAME, HEADER.decode().encode("utf-16")),
        (NAME, b'"ts_ms_utc,bid,ask\n'),
        (f"{NAME}.gz", b"no gzip"),
        ("__20140508.csv", HEADER + GOOD[0]),
        ("eurusd.csv", HEADER + GOOD[0]),
    ],
)
def test_what_is_no_recording_is_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=r"column|first line|no recorded quotes"):
        RecordedMarket(tmp_path)


@examples(60)
@given(st.data())
def test_damaged_reference_rates_are_rates_or_none(data):
    content = data.draw(damaged(DAYS) | st.binary(max_size=80))
    with TemporaryDirectory() as directory:
        path = Path(directory) / FILE_NAME
        path.write_bytes(gzip.compress(content))
        rates = read_rates(path, date(2014, 5, 8))
    values = [] if rates is None else list(rates.per_euro.values())
    assert all(0.0 < value < np.inf for value in values)


@pytest.mark.parametrize(
    "row",
    [
        b"2014-05-08,%s" % (b"1" * 200_000), b'2014-05-08,"1.5,2', b"2014-05-08,\x00",
        b"2014-05-08,inf,-1,nan", b"", b"\xff\xfe", b"2014-05-08",
    ],
)  # fmt: skip
def test_a_line_that_is_no_day_costs_no_other_day(tmp_path, row):
    path = tmp_path / FILE_NAME
    path.write_bytes(gzip.compress(DAYS.replace(b"2014-05-08,1.3953,141.95,0.8233,", row)))
    rates = read_rates(path, date(2014, 5, 8))
    assert rates is not None
    assert rates.day in {date(2014, 5, 7), date(2014, 5, 8)}
    assert read_rates(path, date(2014, 5, 7)).per_euro["USD"] == 1.3927
