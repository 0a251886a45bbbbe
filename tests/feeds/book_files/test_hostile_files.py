"""Files of a day that mean harm: every line is an event or a refusal, and costs no other line."""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure.errors import DataError
from exposure.model.events import InputRefused, QuoteReceived
from feeds.book_files import QuoteRun, read_book_directory
from feeds.book_files.csv_rows import CsvRows
from feeds.book_files.rows import RawRows, Wanted
from tests.damage import damaged
from tests.feeds.book_files.day_files import write_book
from tests.thorough import examples

HEADERS = {
    "quotes": b"ts_ms,symbol,bid,ask,source",
    "deals": b"ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price,commission,profit",
    "balances": b"ts_ms,login,kind,amount",
    "hedges": b"ts_ms,deal_id,lp,symbol,side,lots,price",
    "books": b"ts_ms,login,book,hedge_ratio,symbol",
    "positions": b"login,position_id,symbol,side,lots,open_price,swap",
    "actions": b"ts_ms,kind,symbol,value,long_value,short_value,lp",
    "leverage_tiers": b"profile,symbol,upper_lots,leverage",
}
GOOD = {
    "quotes": [b"%d,EURUSD,1.1,1.2,x" % ts for ts in (1_000, 1_500, 2_000)],
    "deals": [b"1500,D%d,0042,P,EURUSD,buy,in,1,1.1,-6," % number for number in (1, 2)],
    "balances": [b"1500,0042,deposit,%d" % amount for amount in (10, 20)],
    "hedges": [b"1500,H%d,LP,EURUSD,sell,1,1.1" % number for number in (1, 2)],
    "books": [b"1500,0042,C,0.5,", b"1600,43,A,,EURUSD"],
    "positions": [b"0042,P%d,EURUSD,buy,1,1.1,0" % number for number in (1, 2)],
    "actions": [
        b"1500,swap,EURUSD,1,-7.2,,",
        b"1500,dividend,EURUSD,0.5,,0,",
        b"1600,split,EURUSD,2,,,",
        b"1600,adjustment,EURUSD,-0.5,,,LP",
        b"1700,rename,USDJPY,JPY,,,",
    ],
    "leverage_tiers": [b"p,EURUSD,1,500", b"p,EURUSD,5,100", b"p,EURUSD,,50"],
}
FIELDS = (
    b"", b" ", b"1500", b"1e308", b"-1e308", b"1e-320", b"1e400", b"nan", b"-inf", b"0x10", b"1_0",
    b"9" * 400, b"\x00", b"a\x00b", b"\xff\xfe", b"\xef\xbb\xbf", "٣".encode(), "\u2028".encode(),
    b'"', b'""', b'"a"', b'"1,5"', b'a"b', b"'", b"\\", b"\t", b"\x1a", b"=1+1", b"buy", b"in",
    b"EURUSD", b"0042", b"C", b"true", b"EURUSD.zzz", b"-1", b"0", b"swap", b"rename",
)  # fmt: skip


def read(name: str, *lines: bytes) -> list[tuple[int, object]]:
    """Return line and event of everything that a file of these lines becomes."""
    content = b"\n".join([HEADERS[name], *lines]) + b"\n"
    with TemporaryDirectory() as directory:
        return events_of(write_book(Path(directory), **{name: content}), name)


def events_of(directory: Path, name: str) -> list[tuple[int, object]]:
    book = read_book_directory(directory, [])
    found, position = [], 0
    for segment in (*book.opening(), *book.segments()):
        if isinstance(segment, QuoteRun):
            events, position = _quotes(book.symbols, segment), segment.first_position - 1
        else:
            events, position = segment.events, segment.position - len(segment.events)
        for number, event in enumerate(events, position + 1):
            place = book.lineage(number)
            if place.file.startswith(f"{name}."):
                found.append((place.line, event))
    return sorted(found, key=lambda one: one[0])


def _quotes(symbols, run):
    columns = (column.tolist() for column in run.quotes)
    return [
        QuoteReceived(ts, symbols[k], bid, ask) for k, bid, ask, ts in zip(*columns, strict=True)
    ]


@st.composite
def lines(draw):
    """Draw the lines of one file: good ones, and others nearly so or not at all."""
    name = draw(st.sampled_from(sorted(HEADERS)))
    width = HEADERS[name].count(b",") + 1
    good = st.sampled_from(GOOD[name])
    fields = st.lists(st.sampled_from(FIELDS), min_size=width, max_size=width).map(b",".join)
    one_odd = st.builds(_with_field, good, st.integers(0, width - 1), st.sampled_from(FIELDS))
    wild = st.binary(max_size=40) | good.flatmap(damaged)
    found = draw(st.lists(good | fields | one_odd | wild, min_size=1, max_size=10))
    # one line is one row by contract, so a line end is none of a line's bytes
    return name, [line.replace(b"\n", b"").replace(b"\r", b"") for line in found]


def _with_field(line: bytes, place: int, field: bytes) -> bytes:
    fields = line.split(b",")
    fields[place] = field
    return b",".join(fields)


@examples(60)
@given(lines())
def test_every_line_is_an_event_or_a_refusal_with_a_reason(drawn):
    name, sent = drawn
    found = read(name, *sent)
    expected = [number for number, line in enumerate(sent, 2) if line.strip()]
    assert [number for number, _ in found] == expected
    refused = [event for _, event in found if isinstance(event, InputRefused)]
    assert all(event.reason and event.source == name for event in refused)


@examples(40, times=4)
@given(lines())
def test_a_line_means_the_same_alone_and_among_others(drawn):
    name, sent = drawn
    together = [repr(event) for _, event in read(name, *sent)]
    alone = [repr(event) for line in sent for _, event in read(name, line)]
    assert together == alone


@examples(30)
@given(lines(), st.integers(0, 3))
def test_good_lines_count_wherever_a_bad_one_stands(drawn, place):
    name, sent = drawn
    good = GOOD[name]
    found = dict(read(name, *sent[:place], *good, *sent[place:]))
    before = len(sent[:place])
    events = [found[number + before] for number in range(2, 2 + len(good))]
    assert events == [event for _, event in read(name, *good)]


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_a_line_of_a_megabyte_costs_no_other_line(name):
    long = GOOD[name][0][:5] + b"x" * 1_000_000
    first, middle, last = (event for _, event in read(name, GOOD[name][0], long, GOOD[name][1]))
    assert isinstance(middle, InputRefused)
    assert len(middle.reason) < 300
    assert len(middle.login) + len(middle.deal_id) + len(middle.symbol) < 1_000
    assert [first, last] == [event for _, event in read(name, *GOOD[name][:2])]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "is empty"),
        (b"\n\n \n", "is empty"),
        (b",,,\n1,2,3,4\n", "no column"),
        (b"ts_ms;symbol;bid;ask\n", "no column"),
        (b"ts_ms,symbol,bid,ask,Bid\n", "names the column bid twice"),
        (b"ts_ms,symbol,bid,ask, ASK\n", "names the column ask twice"),
        (b'ts_ms,symbol,bid,"ask\n', "quotes of its first line"),
        ("ts_ms,symbol,bid,ask\n".encode("utf-16"), "no column"),
        ("ts_ms,symbol,bid,ask\n".encode("utf-32"), "no column"),
        (b"\x00" * 100, "no column"),
        (b"ts_ms\x00,symbol,bid,ask\n", "no column"),
        (b"x" * 100_000, "no column"),
        (b",".join(b"c%d" % k for k in range(100_000)), "no column"),
    ],
    ids=range(13),
)
@pytest.mark.parametrize("form", ["csv", "csv.gz"])
def test_a_file_without_its_columns_is_one_short_sentence(tmp_path, content, word, form):
    write_book(tmp_path, quotes=None)
    data = content if form == "csv" else gzip.compress(content, mtime=0)
    (tmp_path / f"quotes.{form}").write_bytes(data)
    with pytest.raises(DataError, match=word) as e:
        read_book_directory(tmp_path, [])
    assert len(str(e.value)) < 600
    assert f"quotes.{form}" in str(e.value)


@pytest.mark.parametrize("name", ["actions", "leverage_tiers"])
@pytest.mark.parametrize("column", ["symbol", " SYMBOL "])
def test_a_column_that_is_named_twice_is_one_sentence(tmp_path, name, column):
    write_book(tmp_path, **{name: HEADERS[name] + b"," + column.encode() + b"\n"})
    with pytest.raises(DataError, match=rf"^{name}\.csv names the column symbol twice: keep one"):
        read_book_directory(tmp_path, [])


@pytest.mark.parametrize("spelling", [
    b"\xef\xbb\xbfts_ms,symbol,bid,ask", b" TS_MS , Symbol,BID,\tAsk ",
    b'"ts_ms","symbol","bid","ask"', b"ask,bid,symbol,ts_ms",
    b"\r\nts_ms,symbol,bid,ask\r", b"ts_ms,symbol,bid,ask,,",
    b"ts_ms,symbol,bid,ask,\xff,\x00",
])  # fmt: skip
def test_a_header_may_be_spelt_in_many_ways(tmp_path, spelling):
    names = spelling.decode("latin-1").lower()
    swapped = names.startswith("ask")
    row = b"1.2,1.1,EURUSD,1000" if swapped else b"1000,EURUSD,1.1,1.2"
    row += b"," * (spelling.count(b",") - 3)
    write_book(tmp_path, quotes=spelling + b"\n" + row + b"\n")
    ((_, event),) = events_of(tmp_path, "quotes")
    assert event == QuoteReceived(1_000_000_000, "EURUSD", 1.1, 1.2)


def texts_of(rows: RawRows) -> list[tuple[str, ...]]:
    # an empty field is null or empty text, which mean the same further on
    return rows.frame.fill_null("").rows()


@examples(40)
@given(lines(), st.integers(1, 200))
def test_the_same_bytes_mean_the_same_in_blocks_of_any_size(drawn, block_bytes):
    name, sent = drawn
    wanted = Wanted(HEADERS[name].decode().split(","))
    with TemporaryDirectory() as directory:
        path = Path(directory) / f"{name}.csv"
        path.write_bytes(b"\n".join([HEADERS[name], *sent]))
        chunks = list(CsvRows(path, wanted, [], block_bytes).chunks())
        (whole,) = CsvRows(path, wanted, []).chunks()
    assert [row for chunk in chunks for row in texts_of(chunk)] == texts_of(whole)
    assert [line for chunk in chunks for line in chunk.lines.tolist()] == whole.lines.tolist()
    broken = [chunk.lines[row] for chunk in chunks for row in chunk.broken]
    assert sorted(broken) == sorted(whole.lines[row] for row in whole.broken)
