"""Files become one day: ordered by effective time, every row with a position and a way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure.model.events import BalanceChanged, EventBatch, InputRefused
from feeds.book_files import QuoteRun, read_book_directory
from tests.feeds.book_files.day_files import ACCOUNTS, INSTRUMENTS, packed, write_book

HEADERS = {
    "quotes": "ts_ms,symbol,bid,ask",
    "balances": "ts_ms,login,kind,amount",
    "books": "ts_ms,login,book",
    "deals": "ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price",
    "hedges": "ts_ms,deal_id,lp,symbol,side,lots,price",
}
ROWS = {
    "quotes": "{},EURUSD,{},2",
    "balances": "{},0042,deposit,{}",
    "books": "{},0042,B{}",
    "deals": "{},{},0042,P,EURUSD,buy,in,1,1",
    "hedges": "{},{},L,EURUSD,buy,1,1",
}
OPENING_ROWS = 4
MS = 1_000_000


def file_of(name, times):
    """Write rows that carry their own line, so that the merged day can be recognised."""
    rows = [ROWS[name].format(ts, line) for line, ts in enumerate(times, 2)]
    return "\n".join([HEADERS[name], *rows, ""])


def merged(directory, until=None):
    """Return (position, kind or file, time or line) of everything, unpacked."""
    book = read_book_directory(directory, [])
    found = []
    for segment in book.segments(until):
        if isinstance(segment, QuoteRun):
            quotes = segment.quotes
            found += [
                (segment.first_position + k, "quotes", int(quotes.ts_event[k]), int(quotes.bid[k]))
                for k in range(len(quotes.symbol))
            ]
        else:
            first = segment.position - len(segment.events) + 1
            found += [
                (first + k, type(event).__name__, event.ts_event, None)
                for k, event in enumerate(segment.events)
            ]
    return book, found


def test_the_opening_is_told_before_anything_happens(tmp_path):
    write_book(
        tmp_path,
        positions="login,position_id,symbol,side,lots,open_price\n0042,P,EURUSD,buy,1,1\n",
        lp_positions="lp,symbol,side,lots,price\nL,EURUSD,buy,1,1\n",
    )
    book = read_book_directory(tmp_path, [])
    (batch,) = book.opening()
    assert [type(event).__name__ for event in batch.events] == [
        *["InstrumentDefined"] * 2,
        *["AccountChanged"] * 2,
        "PositionRestored",
        "LpPositionRestored",
    ]
    assert batch.position == 6
    assert [book.lineage(position) for position in range(1, 8)] == [
        ("instruments.csv", 2),
        ("instruments.csv", 3),
        ("accounts.csv", 2),
        ("accounts.csv", 3),
        ("positions.csv", 2),
        ("lp_positions.csv", 2),
        ("quotes.csv", 2),
    ]


def test_at_one_instant_quotes_come_before_balances_books_deals_and_hedges(tmp_path):
    write_book(tmp_path, **{name: file_of(name, [7, 7]) for name in reversed(HEADERS)})
    book, found = merged(tmp_path)
    assert [what for _, what, _, _ in found] == [
        "quotes",
        "quotes",
        *["BalanceChanged"] * 2,
        *["BookAssigned"] * 2,
        *["DealExecuted"] * 2,
        *["HedgeExecuted"] * 2,
    ]
    assert [book.lineage(position).line for position, *_ in found] == [2, 3] * 5


def test_a_late_row_is_met_at_its_place_with_its_own_time(tmp_path):
    write_book(
        tmp_path, quotes=file_of("quotes", [10, 30, 20, 40]), deals=file_of("deals", [30, 15, 35])
    )
    _, found = merged(tmp_path)
    assert [(what, ts // MS) for _, what, ts, _ in found] == [
        ("quotes", 10),
        ("quotes", 30),
        ("quotes", 20),
        ("DealExecuted", 30),
        ("DealExecuted", 15),
        ("DealExecuted", 35),
        ("quotes", 40),
    ]


def test_quotes_with_nothing_between_them_come_as_one_run(tmp_path):
    write_book(
        tmp_path, quotes=file_of("quotes", range(5_000)), deals=file_of("deals", [999, 999, 3_000])
    )
    segments = list(read_book_directory(tmp_path, []).segments())
    assert [
        len(one.events) if isinstance(one, EventBatch) else len(one.quotes.bid) for one in segments
    ] == [1_000, 2, 2_001, 1, 1_999]


def test_a_refused_quote_is_told_between_its_neighbours(tmp_path):
    quotes = "ts_ms,symbol,bid,ask\n5,EURUSD,1,2\n5,EURUSD,x,2\nsoon,EURUSD,1,2\n5,EURUSD,1,2\n"
    write_book(tmp_path, quotes=quotes, balances=file_of("balances", [5]))
    book, found = merged(tmp_path)
    assert [(what, ts) for _, what, ts, _ in found] == [
        ("quotes", 5 * MS),
        ("InputRefused", 5 * MS),
        ("InputRefused", -1),
        ("quotes", 5 * MS),
        ("BalanceChanged", 5 * MS),
    ]
    assert [book.lineage(position) for position, *_ in found] == [
        *(("quotes.csv", line) for line in range(2, 6)),
        ("balances.csv", 2),
    ]


def test_unreadable_rows_before_the_first_readable_one_come_first(tmp_path):
    write_book(tmp_path, quotes=file_of("quotes", [5]), balances=file_of("balances", ["?", 9]))
    _, found = merged(tmp_path)
    assert [what for _, what, _, _ in found] == ["InputRefused", "quotes", "BalanceChanged"]


def test_damage_is_told_after_the_last_row_of_its_file(tmp_path):
    write_book(tmp_path, quotes=None, balances=file_of("balances", [1, 5_000]))
    whole = packed(file_of("quotes", range(3_000)))
    (tmp_path / "quotes.csv.gz").write_bytes(whole[: len(whole) // 2])
    book = read_book_directory(tmp_path, [])
    *_, run, tail = book.segments()
    assert [type(event) for event in tail.events] == [InputRefused, BalanceChanged]
    last_quote = book.lineage(run.first_position + len(run.quotes.bid) - 1)
    assert book.lineage(tail.position - 1) == ("quotes.csv.gz", last_quote.line + 1)
    assert book.lineage(tail.position) == ("balances.csv", 3)


def test_a_day_of_headers_alone_has_an_opening_and_nothing_else(tmp_path):
    write_book(tmp_path, quotes=HEADERS["quotes"], deals=HEADERS["deals"])
    book, found = merged(tmp_path)
    assert found == []
    assert book.rows_until(None) == OPENING_ROWS


TIMES = st.lists(st.integers(0, 12), max_size=12)


@given(
    times=st.fixed_dictionaries(dict.fromkeys(HEADERS, TIMES)),
    until=st.none() | st.integers(-1, 13),
)
def test_any_day_is_merged_as_a_naive_sort_would(tmp_path_factory, times, until):
    directory = tmp_path_factory.mktemp("day")
    write_book(directory, **{name: file_of(name, times[name]) for name in HEADERS})
    expected = sorted(
        (max(stamps[: k + 1]), list(HEADERS).index(name), k, name, stamp)
        for name, stamps in times.items()
        for k, stamp in enumerate(stamps)
    )
    if until is not None:
        expected = [row for row in expected if row[0] <= until]
    until_ns = None if until is None else until * MS
    book, found = merged(directory, until_ns)
    positions = [position for position, *_ in found]
    assert positions == list(range(OPENING_ROWS + 1, OPENING_ROWS + 1 + len(expected)))
    assert book.rows_until(until_ns) == OPENING_ROWS + len(expected)
    assert [ts // MS for _, _, ts, _ in found] == [stamp for *_, stamp in expected]
    assert [book.lineage(position) for position in positions] == [
        (f"{name}.csv", k + 2) for _, _, k, name, _ in expected
    ]
    assert [line for _, what, _, line in found if what == "quotes"] == [
        k + 2 for _, _, k, name, _ in expected if name == "quotes"
    ]


def test_files_that_are_only_counted_are_counted_up_to_the_instant(tmp_path):
    write_book(
        tmp_path,
        orders="ts_ms,order_id,login,symbol,side,type,lots,state\n"
        + "".join(f"{ts},O{ts},1,S,buy,market,1,filled\n" for ts in (5, 3, 9)),
    )
    book = read_book_directory(tmp_path, [])
    assert book.counted_until(None) == {"orders": 3}
    assert book.counted_until(5 * MS) == {"orders": 2}


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
def test_the_same_day_in_another_form_is_the_same_day(tmp_path, form):
    write_book(tmp_path, instruments=None, accounts=None, quotes=None)
    for name, text in {
        "instruments": INSTRUMENTS,
        "accounts": ACCOUNTS,
        "quotes": file_of("quotes", [1, 2]),
        "deals": file_of("deals", [2]),
    }.items():
        data = packed(text) if form == "csv.gz" else text.encode()
        (tmp_path / f"{name}.{form}").write_bytes(data)
    _, found = merged(tmp_path)
    assert [what for _, what, _, _ in found] == ["quotes", "quotes", "DealExecuted"]
