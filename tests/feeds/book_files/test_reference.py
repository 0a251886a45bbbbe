"""A faster provider's quotes say at each deal what the price really was."""

import pytest

from exposure.model.events import DealExecuted, EventBatch
from feeds.book_files import read_book_directory

INSTRUMENTS = """symbol,asset_class,base,quote,contract_size,digits,calc_mode
EURUSD,fx,EUR,USD,100000,5,forex
GBPUSD,fx,GBP,USD,100000,5,forex
"""
QUOTES = "ts_ms,symbol,bid,ask\n1000,EURUSD,1.1,1.1002\n"
REFERENCE = """ts_ms,symbol,bid,ask
1000,EURUSD,1.2,1.2002
3000,EURUSD,1.3,1.3002
2000,EURUSD,1.4,1.4002
3500,EURUSD,-1,1.5
4000,GBPUSD,1.6,1.6002
4000,GBPUSD,,1.6002
"""
HEADER = "ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price"


def references(directory, deals, header=HEADER):
    """Return the reference mid of each deal, and the notes and counts."""
    files = {"instruments": INSTRUMENTS, "quotes": QUOTES, "reference_quotes": REFERENCE}
    for name, text in (files | {"deals": "\n".join([header, *deals])}).items():
        (directory / f"{name}.csv").write_text(text)
    notes = []
    book = read_book_directory(directory, notes, ("instruments", "quotes", "deals"))
    events = [e for s in book.segments() if isinstance(s, EventBatch) for e in s.events]
    mids = [event.reference_mid for event in events if isinstance(event, DealExecuted)]
    return mids, notes, book.counted_until(None)


def row(ts_ms, symbol="EURUSD", more=""):
    return f"{ts_ms},D{ts_ms}{symbol},1,P,{symbol},buy,in,1,1.1002{more}"


def test_the_latest_reference_at_a_deal_is_its_reference(tmp_path):
    deals = [row(999), row(1000), row(2999), row(3000), row(3600), row(4000, "GBPUSD")]
    mids, notes, counted = references(tmp_path, deals)
    assert mids[0] is None
    # a reference that comes late is met at its place in the file
    assert mids[1:] == pytest.approx([1.2001, 1.2001, 1.4001, 1.4001, 1.6001])
    assert counted["reference_quotes"] == 6
    assert [note for note in notes if "reference_quotes" in note] == [
        note for note in notes if "1 rows cannot be read and are left out" in note
    ]


def test_a_reference_older_than_ten_seconds_says_nothing(tmp_path):
    mids, _, _ = references(tmp_path, [row(13_000), row(13_001)])
    assert mids == [pytest.approx(1.4001), None]


def test_what_a_deal_says_itself_wins(tmp_path):
    mids, _, _ = references(
        tmp_path, [row(3000, more=",1.77"), row(3100, more=",")], f"{HEADER},reference_mid"
    )
    assert mids == pytest.approx([1.77, 1.4001])


def test_a_symbol_without_reference_has_none(tmp_path):
    assert references(tmp_path, [row(3000, "GBPUSD")])[0] == [None]
