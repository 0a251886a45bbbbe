"""``plimsoll score``: from files to rows, cards and clear states."""

import json
import math
import re
from io import StringIO

import numpy as np
import orjson
import pytest
from rich.console import Console

from dealing.replay import replay_directory, to_json
from dealing.score.answer import answer_json, client_rows, score_answer
from dealing.score.command import run_score
from dealing.score.reader import FlowReader, read_flow
from dealing.score.summary import show_answer
from exposure.errors import DataError
from tests.bookrouting.flow_days import made_day

INSTRUMENTS = """symbol,asset_class,base,quote,contract_size,digits,calc_mode
EURUSD,fx,EUR,USD,100000,5,forex
"""
CONTRACT = {
    "client_id", "deals", "score", "p_toxic", "client_edge_usd_per_million", "client_edge_low",
    "client_edge_high", "e_value", "book", "suggested_book", "reasons", "n", "channels",
}  # fmt: skip

OTHERS = ["closed trades", "closed trades by size"]
OTHERS += [f"{horizon} s after entries by size" for horizon in (1, 10, 60, 300, 1800)]


def write(directory, seed=4, *, accounts=True, trades=30, clients=4):
    """Write a day whose first client knows what comes."""
    quotes, deals = made_day(seed, clients=clients, trades=trades, seconds=5_000)
    (directory / "instruments.csv").write_text(INSTRUMENTS)
    rows = zip(quotes.ts_event // 1_000_000, quotes.bid, quotes.ask, strict=True)
    lines = [f"{ts},EURUSD,{bid:.6f},{ask:.6f}" for ts, bid, ask in rows]
    (directory / "quotes.csv").write_text("\n".join(["ts_ms,symbol,bid,ask", *lines]))
    header = "ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price,commission,swap"
    lines = [
        f"{d.ts_event // 1_000_000},{d.deal_id},{d.login},{d.position_id},{d.symbol},{d.side},"
        f"{d.entry},{d.lots},{d.price:.6f},{d.commission},{d.swap}"
        for d in deals
    ]
    (directory / "deals.csv").write_text("\n".join([header, *lines]))
    if accounts:
        lines = [f"L{k},C{k},USD,1000000,100,{'AB'[k % 2]}" for k in range(clients)]
        text = "\n".join(["login,client_id,currency,balance,leverage,book", *lines, ""])
        (directory / "accounts.csv").write_text(text)
    return directory


def answered(directory, *clients):
    reader, notes = FlowReader(), []
    read_flow(directory, reader, notes)
    return score_answer(reader, clients, notes)


def numbers_of(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from numbers_of(one)
    elif isinstance(value, float):
        yield value


def test_the_json_is_that_of_the_contract_and_every_number_is_finite(tmp_path, capsys):
    write(tmp_path)
    assert run_score(tmp_path, clients=["C0"], until_ms=None, json_out="-", pivots=("USD",)) == 0
    said = orjson.loads(capsys.readouterr().out)
    assert said["clients"][0]["client_id"] == "C0"
    for row in said["clients"]:
        assert row.keys() >= CONTRACT
        assert [one["horizon_s"] for one in row["channels"]] == [1.0, 10.0, 60.0, 300.0, 1_800.0]
        assert [one["name"] for one in row["other_channels"]] == OTHERS
        p = [
            one["p"]
            for kind in ("channels", "exit_channels", "other_channels")
            for one in row[kind]
        ]
        assert 0.0 < sum(p) + row["swap_channel"]["p"] <= 1.0
        assert row["client_edge_low"] <= row["client_edge_usd_per_million"]
        assert row["book"] in "AB"
    assert [set(one) for one in said["alarms"]][:1] == [{"client_id", "ts_ms", "n", "e_value"}]
    assert said["alarms"][0]["client_id"] == "C0"
    assert all(map(math.isfinite, numbers_of(said)))
    json.dumps(said, allow_nan=False)


def test_the_one_who_knows_is_found_and_the_others_are_not(tmp_path):
    rows = {row.client_id: row for row in answered(write(tmp_path)).clients}
    assert rows["C0"].p_toxic > 0.9
    assert rows["C0"].suggested_book == "A"
    assert rows["C0"].edge > 0.0 > max(rows[f"C{k}"].edge for k in (1, 2, 3))
    assert [rows[f"C{k}"].suggested_book for k in (1, 2, 3)] == ["B"] * 3


def test_without_accounts_a_login_is_a_client_without_a_book(tmp_path):
    rows = {row.client_id: row for row in answered(write(tmp_path, accounts=False)).clients}
    assert set(rows) == {"L0", "L1", "L2", "L3"}
    assert rows["L0"].book is None
    assert rows["L0"].p_toxic > 0.9


def test_a_card_says_why_and_what_would_change_it(tmp_path):
    console = Console(record=True, width=140, file=StringIO())
    found = answered(write(tmp_path), "C0", "C1", "nobody")
    show_answer(found, console)
    text = console.export_text()
    for words in (
        "Client C0: score", "Markouts after entries", "s after entries", "no edge",
        "would change the suggestion", "money so far", "the house loses on his next 50 trades",
        "no reference feed", "beyond reasonable doubt after", "Trades that say most",
    ):  # fmt: skip
        assert words in text
    assert any("no client nobody" in note for note in found.notes)
    assert "nan" not in text.lower().replace("financ", "")


def test_every_number_of_a_reason_is_one_of_the_answer(tmp_path):
    for row in answered(write(tmp_path)).clients:
        channels = [channel for channel in row.channels if channel.markout_pips is not None]
        known = {f"{abs(c.markout_pips):.2f}" for c in channels}
        known |= {f"{c.se_pips:.2f}" for c in channels} | {str(row.n), f"{row.edge:+,.0f}"}
        known |= {f"{abs(c.markout_costs):.2f}" for c in channels}
        known |= {f"{c.se_costs:.2f}" for c in channels}
        known |= {f"{c.p:.0%}" for c in row.channels} | {f"{c.horizon_s:g}" for c in row.channels}
        known |= {f"{c.decibans:+.1f}" for c in row.channels}
        if row.facts.alarm is not None:
            known |= {str(row.facts.alarm.n), f"{row.facts.alarm.e_value:,.0f}"}
        for reason in row.reasons:
            found = re.findall(r"(?<![\w.])[+-]?\d[\d,.]*%?", reason.replace("+-", " "))
            strays = {one.rstrip(".,") for one in found} - known - {"1"}
            assert strays <= {f"{row.edge:,.0f}"}, reason


def test_a_replay_says_the_same_of_its_clients(tmp_path):
    said = orjson.loads(to_json(replay_directory(write(tmp_path))))
    scored = orjson.loads(answer_json(answered(tmp_path)))["clients"]
    kept = said["clients"][0].keys()
    assert said["clients"] == [{name: row[name] for name in kept} for row in scored]


def test_deals_of_a_login_that_is_not_listed_are_noted(tmp_path):
    write(tmp_path)
    with (tmp_path / "deals.csv").open("a") as deals:
        deals.write("\n1700004000000,X1,stranger,P,EURUSD,buy,in,1,1.1,0,0")
        deals.write("\n1700004000000,X2,L1,P,GBPUSD,buy,in,1,1.1,0,0")
    found = answered(tmp_path)
    assert "stranger" not in {row.client_id for row in found.clients}
    assert any("stranger" in note for note in found.notes)
    assert found.ignored == {"unknown_symbol": 1}


@pytest.mark.parametrize(
    "deals", ["", "1700000100500,1,L0,P,EURUSD,buy,in,1,1.1,0,0"], ids=["none", "one trade"]
)
def test_few_trades_are_a_clear_state(tmp_path, deals):
    write(tmp_path)
    header = (tmp_path / "deals.csv").read_text().splitlines()[0]
    (tmp_path / "deals.csv").write_text(f"{header}\n{deals}\n")
    found = answered(tmp_path, "C0")
    for row in found.clients:
        assert row.p_toxic == 0.12
        assert row.reasons[0].startswith("insufficient: ")
    assert all(map(math.isfinite, numbers_of(orjson.loads(answer_json(found)))))
    show_answer(found, Console(file=StringIO()))


def test_a_day_without_quotes_has_no_scores_but_says_why(tmp_path):
    write(tmp_path)
    (tmp_path / "quotes.csv").write_text("ts_ms,symbol,bid,ask\n")
    found = answered(tmp_path)
    assert found.ignored == {"no_quote_yet": 240}
    assert any("had no quote yet" in note for note in found.notes)
    assert {row.edge for row in found.clients} == {None}


def test_a_day_stops_where_it_is_told(tmp_path):
    write(tmp_path)
    reader = FlowReader()
    read_flow(tmp_path, reader, [], until=1_700_000_500_000_000_000)
    whole = FlowReader()
    read_flow(tmp_path, whole, [])
    assert reader.flow.now <= 1_700_000_500_000_000_000 < whole.flow.now
    assert sum(row.deals for row in client_rows(reader)) < sum(
        row.deals for row in client_rows(whole)
    )


def test_a_missing_file_is_one_clear_sentence(tmp_path):
    write(tmp_path)
    (tmp_path / "deals.csv").unlink()
    with pytest.raises(DataError, match="has no deals file: add"):
        read_flow(tmp_path, FlowReader(), [])


def test_a_book_is_that_of_the_last_assignment(tmp_path):
    write(tmp_path)
    (tmp_path / "books.csv").write_text("ts_ms,login,book\n1700000100000,L1,A\n")
    assert {row.client_id: row.book for row in answered(tmp_path).clients}["C1"] == "A"
    assert np.isfinite([row.n_eff for row in answered(tmp_path).clients]).all()
