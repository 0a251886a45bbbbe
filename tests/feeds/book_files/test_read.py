"""Files become events row by row; a row that cannot be read is refused at its place."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from exposure.errors import DataError
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import (
    NO_TIME,
    AccountChanged,
    DealExecuted,
    DividendPaid,
    InputRefused,
    LeverageTierDefined,
    PositionRestored,
    PriceAdjusted,
    SplitApplied,
    SwapCharged,
    SymbolRenamed,
)
from feeds.book_files.read import read_quotes, read_table, read_times
from feeds.book_files.schema import COUNTED_FILES, EVENT_FILES, STATIC_FILES
from tests.feeds.book_files.day_files import ACCOUNTS, packed

FILES = {file.name: file for file in (*STATIC_FILES, *EVENT_FILES, *COUNTED_FILES)}
DEALS = "ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price"


def events(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    notes = []
    table = read_table(FILES[path.name.split(".")[0]], path, notes)
    return list(zip(table.rows.lines.tolist(), table.events(), strict=True)), notes


def test_a_deal_has_what_its_row_says_and_defaults_elsewhere(tmp_path):
    rows, _ = events(
        tmp_path / "deals.csv",
        f"{DEALS},profit,commission\n5.5,007,0042,P1,EURUSD,buy,in,0.10,1.2,,-3\n",
    )
    assert rows == [
        (
            2,
            DealExecuted(
                5_500_000, "007", "0042", "P1", "EURUSD", "buy", "in", 0.1, 1.2, commission=-3.0
            ),
        )
    ]


def test_odd_words_and_lots_of_a_deal_are_for_the_engine_to_judge(tmp_path):
    rows, _ = events(tmp_path / "deals.csv", f"{DEALS}\n5,1,2,3,XXX,hold,maybe,-1,-2\n")
    deal = rows[0][1]
    assert (deal.side, deal.entry, deal.lots, deal.price) == ("hold", "maybe", -1.0, -2.0)


def test_an_unreadable_deal_is_refused_with_its_time_and_names(tmp_path):
    rows, _ = events(
        tmp_path / "deals.csv",
        f"{DEALS}\n5,D1,0042,P1,EURUSD,buy,in,ten,1.2\n6,D2,0042,P2,EURUSD,buy,in,1,1.2\n",
    )
    assert rows[0] == (
        2,
        InputRefused(
            5_000_000,
            "bad_deal",
            "lots is 'ten', not a finite number",
            source="deals",
            login="0042",
            deal_id="D1",
            symbol="EURUSD",
        ),
    )
    assert rows[1][1].deal_id == "D2"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,D,1,P,S,buy,in,1,1", "ts_ms is 'x', not a time in epoch milliseconds"),
        (",D,1,P,S,buy,in,1,1", "ts_ms is empty"),
        ("5,D,1,P,S,buy,in,1,", "price is empty"),
        ("5,,1,P,S,buy,in,1,1", "deal_id is empty"),
        ("5,D,1,P,S,buy,in,nan,1", "lots is 'nan', not a finite number"),
        ("5,D,1,P,S,buy,in,1", "the line has 8 fields, the header has 9"),
        ("5,D,1,P,S,buy,in,1,1,9", "the line has 10 fields, the header has 9"),
        ('5,D,1,P,"S,buy,in,1,1', "the quotes of this line are not closed"),
    ],
)
def test_every_way_to_be_unreadable_has_its_reason(tmp_path, row, reason):
    rows, _ = events(tmp_path / "deals.csv", f"{DEALS}\n{row}\n7,E,1,P,S,buy,in,1,1\n")
    assert [getattr(event, "reason", "") for _, event in rows] == [reason, ""]
    assert isinstance(rows[1][1], DealExecuted)


def test_a_row_without_readable_time_has_none(tmp_path):
    rows, _ = events(tmp_path / "deals.csv", f"{DEALS}\nx,D,1,P,S,buy,in,1,1\n")
    assert rows[0][1].ts_event == -1


@pytest.mark.parametrize(
    ("name", "header", "row", "kind"),
    [
        ("balances", "ts_ms,login,kind,amount", "5,1,deposit,much", "bad_balance"),
        ("hedges", "ts_ms,deal_id,lp,symbol,side,lots,price", "5,1,L,S,buy,x,1", "bad_deal"),
        ("books", "ts_ms,login,book,hedge_ratio", "5,1,C,half", "bad_book"),
        (
            "positions",
            "login,position_id,symbol,side,lots,open_price",
            "1,P,S,buy,,1",
            "bad_position",
        ),
        ("lp_positions", "lp,symbol,side,lots,price", "L,S,buy,1,inf", "bad_lp_position"),
        ("accounts", ACCOUNTS.split("\n")[0], "1,C,USD,1,100,Z", "bad_account"),
        (
            "instruments",
            "symbol,asset_class,base,quote,contract_size,digits,calc_mode",
            "S,fx,EUR,USD,1,5,magic",
            "bad_instrument",
        ),
    ],
)
def test_each_file_refuses_under_its_own_kind(tmp_path, name, header, row, kind):
    rows, _ = events(tmp_path / f"{name}.csv", f"{header}\n{row}\n")
    assert [(event.kind, event.source) for _, event in rows] == [(kind, name)]


def test_accounts_keep_leading_zeros_and_are_listed_once(tmp_path):
    rows, _ = events(tmp_path / "accounts.csv", f"{ACCOUNTS}0042,C9,USD,1,1,B\n")
    assert rows[0] == (
        2,
        AccountChanged(-1, Account(login="0042", client_id="C1", currency="USD", balance=1000.0,
                                   leverage=100.0, book=Book.A)),
    )  # fmt: skip
    assert rows[2][1].kind == "bad_account"
    assert rows[2][1].reason == "login 0042 is listed twice: its first row counts"


def test_an_unreadable_row_does_not_take_the_place_of_the_next_one(tmp_path):
    header = ACCOUNTS.split("\n")[0]
    rows, _ = events(tmp_path / "accounts.csv", f"{header}\n5,C,USD,?,1,B\n5,C,USD,1,1,B\n")
    assert [type(event) for _, event in rows] == [InputRefused, AccountChanged]


def test_an_unused_column_may_say_anything(tmp_path):
    rows, notes = events(
        tmp_path / "positions.csv",
        "login,position_id,symbol,side,lots,open_price,open_ts_ms\n1,P,S,buy,1,1,yesterday\n",
    )
    assert rows == [(2, PositionRestored(-1, "1", "P", "S", "buy", 1.0, 1.0))]
    assert notes == []


def test_a_truncated_file_is_told_at_its_end_and_its_cut_line_is_not_used(tmp_path):
    text = f"{DEALS}\n" + "".join(f"{k},{k},1,P{k},S,buy,in,1,1\n" for k in range(3_000))
    whole = packed(text)
    rows, notes = events(tmp_path / "deals.csv.gz", whole[: len(whole) * 2 // 3])
    *deals, (line, last) = rows
    assert [event.deal_id for _, event in deals] == [str(k) for k in range(len(deals))]
    assert line == len(deals) + 2
    assert last == InputRefused(-1, "truncated_file", notes[0])
    assert notes[0].startswith(f"deals.csv.gz: its compressed data end too early in line {line};")


def test_parquet_ids_are_digits_and_missing_values_are_empty(tmp_path):
    pl.DataFrame(
        {
            "ts_ms": [5.5, 6.0], "deal_id": [7, 8], "login": [42, 42], "position_id": [1, 2],
            "symbol": ["S", "S"], "side": "buy", "entry": "in", "lots": [1.0, None],
            "price": [1, 1], "profit": [None, 2.5],
        }
    ).write_parquet(tmp_path / "deals.parquet")  # fmt: skip
    table = read_table(FILES["deals"], tmp_path / "deals.parquet", [])
    good, bad = table.events()
    assert good == DealExecuted(5_500_000, "7", "42", "1", "S", "buy", "in", 1.0, 1.0)
    assert (bad.kind, bad.reason, bad.login) == ("bad_deal", "lots is empty", "42")


def test_quotes_stay_columns_with_numbers_for_symbols(tmp_path):
    path = tmp_path / "quotes.csv"
    path.write_text("ts_ms,symbol,bid,ask\n1,B,1,2\n2,A,x,2\n3,C,NaN,-1\n4,B,3,4\n")
    quotes = read_quotes(path, [])
    rows = quotes.table.rows
    assert quotes.symbols == ["B", "C"]
    assert rows.values["symbol"].to_list() == [0, 1, 0]
    assert np.array_equal(rows.values["bid"], [1.0, np.nan, 3.0], equal_nan=True)
    assert rows.usable.tolist() == [True, False, True, True]
    assert (rows.refused[0].symbol, rows.refused[0].reason) == ("A", "bid is 'x', not a number")


def test_files_of_later_versions_are_counted_with_a_note(tmp_path):
    path = tmp_path / "orders.csv"
    header = "ts_ms,order_id,login,symbol,side,type,lots,state\n"
    path.write_text(header + "5,O1,1,S,buy,limit,1,new\n6,O2,1,S,buy,limit,1,new\n")
    notes = []
    assert read_times(FILES["orders"], path, notes).tolist() == [5_000_000, 6_000_000]
    assert notes == ["orders.csv is counted only: this version does not apply it to any figure"]


def test_files_of_later_versions_must_have_their_columns_too(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("ts_ms,order_id,login,symbol,side,type,lots\n")
    with pytest.raises(DataError, match=r"orders\.csv has no column state"):
        read_times(FILES["orders"], path, [])


ACTIONS = "ts_ms,kind,symbol,value,long_value,short_value,lp"


@pytest.mark.parametrize(
    ("row", "event"),
    [
        ("5,swap,S,3,,,", SwapCharged(5_000_000, "S", 3.0)),
        ("5,swap,S,1,-7.2,2.1,LP1", SwapCharged(5_000_000, "S", 1.0, -7.2, 2.1, "LP1")),
        ("5,dividend,S,0.25,0.2125,,", DividendPaid(5_000_000, "S", 0.2125, 0.25)),
        ("5,dividend,S,,0.2125,0.25,", None),
        ("5,adjustment,S,-1.5,,,", PriceAdjusted(5_000_000, "S", -1.5, -1.5)),
        ("5,split,S,0.1,,,", SplitApplied(5_000_000, "S", 0.1)),
        ("5,rename,S,S2,,,", SymbolRenamed(5_000_000, "S", "S2")),
        ("5,split,S,two,,,", None),
        ("5,swap,S,nan,,,", None),
        ("5,merger,S,1,,,", None),
    ],
)
def test_an_action_is_what_its_kind_says_or_refused(tmp_path, row, event):
    rows, _ = events(tmp_path / "actions.csv", f"{ACTIONS}\n{row}\n")
    if event is None:
        refused = rows[0][1]
        assert isinstance(refused, InputRefused)
        assert (refused.kind, refused.source, refused.symbol) == ("bad_action", "actions", "S")
    else:
        assert rows == [(2, event)]


@pytest.mark.parametrize(("text", "upper_lots"), [("5", 5.0), ("", None), ("inf", float("inf"))])
def test_a_leverage_tier_may_have_no_upper_end(tmp_path, text, upper_lots):
    content = f"profile,symbol,upper_lots,leverage\np,EURUSD,{text},500\n"
    rows, _ = events(tmp_path / "leverage_tiers.csv", content)
    assert rows == [(2, LeverageTierDefined(NO_TIME, "p", "EURUSD", upper_lots, 500.0))]
