"""``plimsoll replay``: what is written where, and what a person is told."""

from __future__ import annotations

import io
import os
import stat
import threading

import orjson
import pytest
from rich.console import Console

from dealing.answers import progress_on
from dealing.replay import run_replay
from exposure.errors import DataError
from exposure.settings import EngineSettings
from tests.feeds.book_files.day_files import QUOTES, write_book

DEALS = """\
ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price,comment
1500,D1,0042,P1,EURUSD,buy,in,0.5,1.10010,by phone
1600,D2,77,P2,EURUSD,buy,in,0.5,1.10010,
"""


@pytest.fixture
def day(tmp_path):
    quotes = f"{QUOTES}2000,EURUSD,1.08600,1.08610\n"
    return write_book(tmp_path / "day", deals=DEALS, quotes=quotes)


def run(directory, json_out=None, until_ms=None):
    settings = EngineSettings(kept_events=0)
    return run_replay(directory, until_ms=until_ms, json_out=json_out, settings=settings)


def test_json_on_standard_output_has_nothing_beside_it(day, capfdbinary):
    assert run(day, "-") == 0
    out, err = capfdbinary.readouterr()
    assert orjson.loads(out)["as_of_ms"] == 2000
    assert out.endswith(b"}\n")
    assert err == (b"note: deals.csv: columns that are not in the table are ignored: comment\n")


def test_json_in_a_file_leaves_standard_output_empty(day, tmp_path, capfd):
    out = tmp_path / "out.json"
    out.write_text("what was there before")
    assert run(day, str(out), until_ms=1500) == 0
    assert orjson.loads(out.read_bytes())["as_of_ms"] == 1500
    assert capfd.readouterr().out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day", "out.json"]


def test_a_replay_keeps_every_crossing_and_break_whatever_the_settings(day, tmp_path):
    out = tmp_path / "out.json"
    run(day, str(out))
    said = orjson.loads(out.read_bytes())
    assert [one["kind"] for one in said["crossings"]] == ["margin_call"]
    assert [one["kind"] for one in said["breaks"]] == ["unknown_login"]


def test_a_pipe_is_written_to_and_not_replaced(day, tmp_path):
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    run(day, str(pipe))
    reader.join()
    assert orjson.loads(received[0])["as_of_ms"] == 2000
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_json_file_that_cannot_be_written_is_named(day, tmp_path):
    with pytest.raises(DataError, match=r"nowhere/out\.json cannot be written: No such file"):
        run(day, str(tmp_path / "nowhere" / "out.json"))


def test_without_json_a_person_reads_a_summary(day, capfd):
    assert run(day) == 0
    out = capfd.readouterr().out
    for words in (
        "Until 1970-01-01 00:00:02 UTC: 2 quotes, 2 deals, 0 out of order, 0 duplicates, 1 quar",
        "0042",
        "EURUSD",
        "Crossings: 1 margin_call",
        "Breaks: 1 unknown_login",
    ):
        assert words in out


def test_a_summary_of_a_day_without_events_says_so(tmp_path, capfd):
    write_book(tmp_path, quotes="ts_ms,symbol,bid,ask\n")
    assert run(tmp_path) == 0
    out = capfd.readouterr().out
    assert "Nothing happened: 0 quotes" in out
    assert "Breaks: none" in out


def test_a_terminal_shows_a_bar_and_a_file_does_not():
    terminal, file = io.StringIO(), io.StringIO()
    for stream, is_terminal in ((terminal, True), (file, False)):
        console = Console(file=stream, force_terminal=is_terminal)
        with progress_on(console, "replaying") as progress:
            progress(0.5)
            progress(1.0)
    assert "replaying" in terminal.getvalue()
    assert file.getvalue() == ""


def test_a_directory_that_cannot_be_used_is_told_in_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"is empty: add instruments\.csv, .*quotes$"):
        run(tmp_path)
