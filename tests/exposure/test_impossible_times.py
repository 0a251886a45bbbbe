"""A time that fits into no column is a break, whatever the event is; the rest goes on."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure.engine import ExposureEngine
from exposure.export import export_state
from exposure.model.events import EARLIEST, LATEST, BreakFound, EventBatch, QuoteReceived
from feeds.frames import decode_batch, encode_batch
from tests.exposure.builders import Desk, account, instrument
from tests.feeds.book_files.day_files import write_book
from tests.feeds.book_files.test_hostile_files import events_of
from tests.feeds.event_samples import FIELDS
from tests.thorough import examples

BEYOND = (2**63, 2**64 - 1)
"""What a message can carry and a column cannot."""


@examples(40)
@given(data=st.data(), kind=st.sampled_from(list(FIELDS)), ts_event=st.sampled_from(BEYOND))
def test_an_event_of_any_kind_beyond_64_bits_is_quarantined(data, kind, ts_event):
    event = data.draw(st.builds(kind, ts_event=st.just(ts_event), **FIELDS[kind]))
    batch = decode_batch(encode_batch(EventBatch(1, 0, [event])))
    engine = ExposureEngine()
    (found,) = engine.apply(batch)
    assert isinstance(found, BreakFound)
    assert (found.kind, found.position, found.ts_event) == ("bad_time", 1, -1)
    assert str(ts_event) in found.reason
    assert (engine.position, engine.as_of, engine.counters["quarantined"]) == (1, 0, 1)
    assert export_state(engine).meta["breaks"] == [msgspec.to_builtins(found)]


@pytest.mark.parametrize("ts_event", [EARLIEST - 1, LATEST + 1, 10**30])
@pytest.mark.parametrize("alone", [True, False])
def test_a_quote_without_a_usable_time_costs_no_other_quote(ts_event, alone):
    tested = Desk([instrument("EURUSD")], [account()])
    quotes = [
        QuoteReceived(1, "EURUSD", 1.1, 1.1),
        QuoteReceived(ts_event, "EURUSD", 9.9, 9.9),
        QuoteReceived(3, "EURUSD", 1.3, 1.3),
    ]
    out = [found for one in quotes for found in tested.feed(one)] if alone else tested.feed(*quotes)
    assert [(one.kind, one.position, one.symbol) for one in out] == [("bad_time", 4, "EURUSD")]
    assert tested.exposure("EURUSD")["bid"] == 1.3
    assert tested.engine.counters["quotes"] == 3
    assert tested.engine.as_of == 3


@pytest.mark.parametrize("ts_event", [EARLIEST, LATEST])
def test_the_first_and_the_last_moment_can_be_used(ts_event):
    tested = Desk([instrument("EURUSD")])
    assert tested.feed(QuoteReceived(ts_event, "EURUSD", 1.1, 1.1)) == []
    assert tested.exposure("EURUSD")["bid"] == 1.1


@pytest.mark.parametrize(
    "ts_ms",
    ["9223372036854.775808", "9223372036855", "18446744073709.551616", "1e20", "9" * 60],
)
@pytest.mark.parametrize(
    ("name", "row", "kind"),
    [
        ("quotes", "ts_ms,symbol,bid,ask\n{},EURUSD,1.1,1.2\n1000,EURUSD,1.1,1.2\n", "bad_quote"),
        ("balances", "ts_ms,login,kind,amount\n{},43,deposit,5\n1000,43,deposit,5\n",
         "bad_balance"),
        ("actions", "ts_ms,kind,symbol,value\n{},swap,EURUSD,1\n1000,swap,EURUSD,1\n",
         "bad_action"),
    ],
)  # fmt: skip
def test_a_row_of_a_file_beyond_64_bits_is_quarantined(name, row, kind, ts_ms):
    with TemporaryDirectory() as directory:
        found = events_of(write_book(Path(directory), **{name: row.format(ts_ms)}), name)
    (_, refused), (_, kept) = found
    assert (refused.kind, refused.ts_event, refused.source) == (kind, -1, name)
    assert refused.reason.startswith("ts_ms is '")
    assert kept.ts_event == 1_000_000_000
