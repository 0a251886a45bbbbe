"""Whatever bytes the files hold, a replay ends with an answer or with one sentence."""

from __future__ import annotations

import tempfile
from pathlib import Path

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dealing.replay import replay_directory, to_json
from exposure.errors import DataError
from feeds.book_files.schema import EVENT_FILES, QUOTES, STATIC_FILES
from tests.feeds.book_files.day_files import packed, write_book

FILES = {file.name: file for file in (*STATIC_FILES, QUOTES, *EVENT_FILES)}
FORMS = ("csv", "csv.gz", "parquet")

NUMBERS = ("0", "-0", "1", "-1", "1.5", "0.01", "1e9", "1e308", "-1e308", "1e-300", "nan", "-inf")
NAMES = {
    "login": ("0042", "43", "44"),
    "symbol": ("EURUSD", "USDJPY", "GBPUSD"),
    "position_id": ("P1", "P2"),
    "deal_id": ("D1", "D2", "D3"),
    "side": ("buy", "sell"),
    "entry": ("in", "out", "inout", "out_by"),
    "book": ("A", "B", "C"),
    "kind": ("deposit", "withdrawal", "credit"),
    "ts_ms": ("1000", "1000.5", "1500", "2000", "900"),
    "base": ("EUR", "USD", "XAU"),
    "quote": ("USD", "JPY", "EUR"),
    "currency": ("USD", "EUR", "JPY"),
    "digits": ("5", "3", "400", "-400"),
    "swap_mode": ("points", "base_currency", "interest_current", "reopen_bid", "disabled", ""),
    "profile": ("p", "q"),
    "leverage_profile": ("p", ""),
    "lp": ("", "LP"),
}
ODD = ("", " ", "\ufeff", '"', "'", "9e18", "1e40", "true", "\u0663", "\x1a")


def fields(column):
    usual = column.choices or NAMES.get(column.name) or NUMBERS
    odd = st.sampled_from(ODD) | st.text(max_size=3)
    return st.integers(0, 15).flatmap(lambda k: odd if k == 0 else st.sampled_from(usual))


@st.composite
def texts(draw):
    """Draw one file of the table as text that is nearly right."""
    file = FILES[draw(st.sampled_from(sorted(FILES)))]
    columns = [column for column in file.columns if column.required or draw(st.booleans())]
    rows = draw(st.lists(st.tuples(*map(fields, columns)), max_size=6))
    lines = [",".join(column.name for column in columns), *map(",".join, rows)]
    return file.name, draw(st.sampled_from(["\n", "\r\n"])).join(lines)


def answer(files):
    """Replay a small good day with some of its files replaced."""
    with tempfile.TemporaryDirectory() as name:
        directory = write_book(Path(name), **{Path(file).stem: None for file in files})
        for file, content in files.items():
            for path in directory.glob(f"{file.partition('.')[0]}.*"):
                path.unlink()
            (directory / file).write_bytes(content)
        try:
            return orjson.loads(to_json(replay_directory(directory)))
        except DataError as e:
            return str(e)


@settings(deadline=None)
@given(st.sampled_from(sorted(FILES)), st.sampled_from(FORMS), st.binary(max_size=300))
def test_random_bytes_in_any_file_are_survived(name, form, content):
    assert answer({f"{name}.{form}": content})


@settings(deadline=None, max_examples=40)
@given(st.lists(texts(), min_size=1, max_size=5))
def test_nearly_right_text_in_any_files_is_survived(files):
    said = answer({f"{name}.csv": text.encode("utf-8", "replace") for name, text in files})
    assert said["reporting_currency"] == "USD"


@settings(deadline=None)
@given(st.data())
def test_a_damaged_gzip_is_survived(data):
    rows = "".join(f"{ts},EURUSD,1.1,1.{ts}\n" for ts in range(1_000, 1_400))
    content = bytearray(packed(f"ts_ms,symbol,bid,ask\n{rows}"))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert answer({"quotes.csv.gz": bytes(content[: data.draw(st.integers(0, len(content)))])})


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    path = tmp_path_factory.mktemp("parquet") / "quotes.parquet"
    times = list(range(1_000, 1_200))
    prices = [1.1 + ts / 1e6 for ts in times]
    frame = pl.DataFrame({"ts_ms": times, "symbol": "EURUSD", "bid": prices, "ask": prices})
    frame.write_parquet(path)
    return path.read_bytes()


@settings(deadline=None)
@given(st.data())
def test_a_damaged_parquet_file_is_survived(parquet, data):
    content = bytearray(parquet)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert answer({"quotes.parquet": bytes(content)})
