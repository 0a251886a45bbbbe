"""The golden trade as files: ``plimsoll replay --json`` says what a desk worked out by hand.

Source: semantics.md section 8.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.feeds.book_files.day_files import write_book

REPOSITORY = Path(__file__).parents[2]
ACCOUNTS = """\
login,client_id,currency,balance,leverage,book,hedge_ratio
1,C1,USD,10000,100,{book},{ratio}
"""
QUOTES = """\
ts_ms,symbol,bid,ask
1,EURUSD,1.10000,1.10002
3,EURUSD,1.10100,1.10102
"""
DEALS = """\
ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price,commission,swap,raw_price
2,D1,1,P,EURUSD,buy,in,1,1.10006,0,0,1.10002
4,D2,1,P,EURUSD,sell,out,1,1.10097,-6.00,-7.20,1.10100
"""
HEDGES = """\
ts_ms,deal_id,lp,symbol,side,lots,price,commission,swap
2,H1,LP,EURUSD,buy,{lots},1.10002,0,0
4,H2,LP,EURUSD,sell,{lots},1.10100,{commission},{swap}
"""
CLIENTS = {"MARKUP": 7.0, "COMMISSION": 6.0, "SWAP_CLIENT": 7.2, "BBOOK_PNL": -98.0}


def replayed(directory):
    command = [sys.executable, "app.py", "replay", str(directory), "--json", "-"]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return orjson.loads(done.stdout)


@pytest.mark.parametrize(
    ("book", "hedged", "total"), [("B", 0.0, -77.80), ("A", 1.0, 12.70), ("C", 0.4, -41.60)]
)
def test_the_golden_trade_earns_its_published_revenue(tmp_path, book, hedged, total):
    hedges = HEDGES.format(lots=hedged, commission=-2.5 * hedged, swap=-5.0 * hedged)
    write_book(
        tmp_path,
        accounts=ACCOUNTS.format(book=book, ratio=hedged if book == "C" else ""),
        quotes=QUOTES,
        deals=DEALS,
        hedges=hedges if hedged else None,
    )
    said = replayed(tmp_path)
    rows = {(one["symbol"], one["component"]): one["amount_usd"] for one in said["revenue"]}
    assert {symbol for symbol, _ in rows} == {"EURUSD"}
    assert sum(rows.values()) == pytest.approx(total, abs=1e-9)
    assert sum(rows.values()) == pytest.approx(said["house"]["realised_usd"], abs=1e-9)
    provider = {"LP_PNL": 98.0, "SWAP_LP": -5.0, "LP_COMMISSION": -2.5}
    expected = CLIENTS | {name: hedged * amount for name, amount in provider.items() if hedged}
    assert {name: amount for (_, name), amount in rows.items()} == pytest.approx(expected)
    books = {one["component"]: one["book"] for one in said["revenue"]}
    assert books == dict.fromkeys(CLIENTS, book) | dict.fromkeys(provider if hedged else {}, "A")
