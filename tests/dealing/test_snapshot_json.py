"""One object for files and for the live API."""

from __future__ import annotations

import math

import numpy as np
import orjson
import polars as pl
import pytest

from dealing.snapshot_json import COUNTERS, milliseconds, snapshot_json
from exposure.model.events import BreakFound, MarginLevelCrossed
from exposure.revenue import RevenueRow
from exposure.snapshot import CurrencyRow, HouseRow, Snapshot
from feeds.book_files import Place
from tests.dealing.hub_fakes import RISK

SNAPSHOT = Snapshot(
    as_of=1_399_528_800_026_447_000,
    position=9,
    reporting_currency="USD",
    counters={"quotes": 5, "duplicates": 1},
    accounts=pl.DataFrame({"login": ["0042"], "equity": [1000.0], "margin_level": [None]}),
    exposure=pl.DataFrame({"symbol": ["EURUSD"], "accounts": [2], "mid": [math.nan]}),
    lp_positions=pl.DataFrame(),
    limits=pl.DataFrame(),
    revenue=[RevenueRow("EURUSD", "A", "MARKUP", 7.0), RevenueRow(None, "B", "BONUS", -5.0)],
    booked_usd=2.0,
    currencies=[CurrencyRow("EUR", 1.5, np.float64(1.65)), CurrencyRow("XAU", 0.0, None)],
    house=HouseRow(1.0, 2.0, -1.0, 0.5, math.nan),
    risk=RISK,
    crossings=[MarginLevelCrossed(1_000_000, 7, "0042", "negative_equity", None)],
    breaches=[],
    breaks=[BreakFound(-1, 3, "bad_account", "balance is empty", login="0042")],
)


def said(*arguments):
    return orjson.loads(snapshot_json(SNAPSHOT, *arguments))


def test_numbers_are_numbers_and_what_is_absent_is_null():
    found = said()
    assert found["as_of_ms"] == 1399528800026.447
    assert found["accounts"] == [{"login": "0042", "equity": 1000.0, "margin_level": None}]
    assert found["exposure"] == [{"symbol": "EURUSD", "accounts": 2, "mid": None}]
    assert found["currencies"] == [
        {"currency": "EUR", "house_net": 1.5, "house_net_usd": 1.65},
        {"currency": "XAU", "house_net": 0.0, "house_net_usd": None},
    ]
    assert found["house"]["realised_usd"] is None
    assert found["risk"]["source"] == "prior"
    assert found["risk"]["sampled_at_ms"] is None
    assert found["crossings"] == [
        {"ts_ms": 1, "login": "0042", "kind": "negative_equity", "level": None}
    ]


def test_a_live_break_has_no_file_and_one_of_files_has():
    (live,) = said()["breaks"]
    assert live == {
        "kind": "bad_account",
        "ts_ms": None,
        "login": "0042",
        "deal_id": None,
        "symbol": None,
        "file": None,
        "line": None,
        "reason": "balance is empty",
    }
    (filed,) = said({}, lambda position: Place("accounts.csv", position + 1))["breaks"]
    assert (filed["file"], filed["line"]) == ("accounts.csv", 4)


def test_every_counter_is_there_in_the_order_of_the_contract():
    events = said({"orders": 4})["events"]
    assert tuple(events) == COUNTERS
    assert events == dict.fromkeys(COUNTERS, 0) | {"quotes": 5, "duplicates": 1, "orders": 4}


@pytest.mark.parametrize(
    ("ns", "ms"),
    [
        (0, b"0"),
        (1_399_528_800_026_000_000, b"1399528800026"),
        (1_399_528_800_026_447_000, b"1399528800026.447"),
    ],
)
def test_whole_milliseconds_are_integers_and_decimals_are_kept(ns, ms):
    assert orjson.dumps(milliseconds(ns)) == ms
