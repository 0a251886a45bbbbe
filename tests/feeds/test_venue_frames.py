"""Raw frames of a venue become quotes; everything else is counted."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from feeds.samples import CRYPTO_SAMPLE, sample_directory
from feeds.venue_frames import NO_TIME, read_venue_frames

FUTURE = b'{"stream":"btcusdt@bookTicker","data":{"s":"BTCUSDT","b":"1.5","a":"1.6","T":7}}'


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(gzip.compress(b"\n".join(lines) + b"\n"))
    return path


def test_every_stream_of_a_recording_is_read_and_only_best_prices_become_quotes():
    folder = sample_directory("venue_frames")
    quotes = read_venue_frames(folder / "binance_usdm_btcusdt_all_streams_first400.txt.gz")
    assert quotes.symbols == ["BTCUSDT"]
    assert quotes.skipped == {"of other streams": 98, "without a stream": 1}
    assert len(quotes.bid) + quotes.skipped.total() == 400
    assert (quotes.bid[0], quotes.ask[0]) == (61800.20, 61800.30)
    assert quotes.ts_recorded[0] == 1_723_161_255_088_169_167
    assert quotes.ts_exchange[0] == 1_723_161_256_313_000_000
    assert quotes.damage is None


def test_spot_frames_have_the_stamp_of_the_recorder_only():
    path = sample_directory(CRYPTO_SAMPLE) / "spot_btcusdt_raw_bookTicker_trade.jsonl.gz"
    quotes = read_venue_frames(path)
    assert (quotes.ts_exchange == NO_TIME).all()
    assert (np.diff(quotes.ts_recorded) >= 0).all()


def test_unreadable_lines_are_counted_and_cost_nothing_else(tmp_path):
    path = write(
        tmp_path / "x.jsonl.gz",
        b"1 " + FUTURE,
        b"not a line",
        b"2 {broken",
        b"x " + FUTURE,
        b'3 {"stream":"btcusdt@bookTicker","data":{"s":"BTCUSDT","b":"1.5"}}',
        b'4 {"stream":"btcusdt@bookTicker","data":{"s":"BTCUSDT","b":"one","a":"2"}}',
        b"\xff\xfe",
        b"",
        b"5 " + FUTURE,
    )
    quotes = read_venue_frames(path)
    assert quotes.ts_recorded.tolist() == [1, 5]
    assert quotes.skipped == {"unreadable": 7}


def test_impossible_prices_are_passed_on_for_the_engine_to_refuse(tmp_path):
    path = write(tmp_path / "x.jsonl.gz", b"1 " + FUTURE.replace(b"1.5", b"NaN"))
    assert np.isnan(read_venue_frames(path).bid).tolist() == [True]


def test_a_file_that_is_cut_off_is_read_up_to_there(tmp_path):
    whole = gzip.compress(b"".join(b"%d " % i + FUTURE + b"\n" for i in range(5000)))
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    quotes = read_venue_frames(path)
    assert 0 < len(quotes.bid) < 5000
    assert quotes.damage == "its compressed data end too early"


def test_a_file_without_quotes_has_no_rows(tmp_path):
    quotes = read_venue_frames(write(tmp_path / "x.jsonl.gz", b"1 {}"))
    assert (quotes.symbols, len(quotes.bid)) == ([], 0)
