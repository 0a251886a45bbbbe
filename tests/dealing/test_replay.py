"""A day computed by hand, and everything that can be wrong with the files of a day."""

from __future__ import annotations

import orjson
import polars as pl
import pytest

from dealing.replay import replay_directory, to_json
from exposure.snapshot import ACCOUNT_COLUMNS, EXPOSURE_COLUMNS
from feeds.catalogue.regimes import parse_rule
from tests.feeds.book_files.day_files import packed, write_book

INSTRUMENTS = """\
symbol,asset_class,base,quote,contract_size,digits,calc_mode
EURUSD,fx,EUR,USD,100000,5,forex
"""
ACCOUNTS = """\
login,client_id,currency,balance,leverage,book
007,C1,USD,2000,100,A
8,C2,EUR,500,30,B
"""
QUOTES = """\
ts_ms,symbol,bid,ask
1000,EURUSD,1.10000,1.10010
3000.5,EURUSD,1.09000,1.09010
2500,EURUSD,2.00000,2.00010
4000,EURUSD,1.08500,1.08510
"""
DEALS = """\
ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price,commission
2000,D1,007,P1,EURUSD,buy,in,1,1.10010,-6
2100,D1,007,P1,EURUSD,buy,in,1,1.10010,-6
6000,D2,007,P1,EURUSD,sell,out,0.4,1.08500,
6000,D3,007,P1,EURUSD,sell,out,5,1.08500,
6000,D4,9,P9,EURUSD,buy,in,1,1.08510,
"""
BALANCES = "ts_ms,login,kind,amount\n5000,007,deposit,1000\n"
HEDGES = "ts_ms,deal_id,lp,symbol,side,lots,price\n6000,H1,LP1,EURUSD,buy,0.6,1.08510\n"


def write_day(directory, **files):
    days = {"instruments": INSTRUMENTS, "accounts": ACCOUNTS, "quotes": QUOTES, "deals": DEALS}
    return write_book(directory, **(days | {"balances": BALANCES, "hedges": HEDGES} | files))


def replayed(directory, until_ms=None):
    return orjson.loads(to_json(replay_directory(directory, until_ms)))


def near(value):
    return pytest.approx(value, rel=1e-12, abs=1e-9)


# The day by hand. EURUSD, 1 lot is 100,000 EUR, login 007 has 1:100 in USD and book A.
# 2000   buys 1 lot at 1.10010: balance 2000 - 6, margin 100000 / 100 x 1.10010 = 1100.10
# 3000.5 bid 1.09000: floating -1010, equity 984, level 89.4464...: margin call
# 2500   comes late and moves nothing
# 4000   bid 1.08500: floating -1510, equity 484, level 43.9960...: stop out
# 5000   deposits 1000
# 6000   sells 0.4 at 1.08500: -604 realised, 0.6 lots stay: floating -906, margin 660.06;
#        the house buys 0.6 at 1.08510 and is down 6 at the bid


def test_the_accounts_of_a_day_are_those_computed_by_hand(tmp_path):
    first, second = replayed(write_day(tmp_path))["accounts"]
    assert first == {
        "login": "007",
        "client_id": "C1",
        "book": "A",
        "currency": "USD",
        "balance": near(2390.0),
        "credit": 0.0,
        "floating": near(-906.0),
        "equity": near(1484.0),
        "margin": near(660.06),
        "free_margin": near(823.94),
        "margin_level": near(100 * 1484 / 660.06),
    }
    assert (second["login"], second["equity"], second["margin_level"]) == ("8", 500.0, None)
    assert tuple(first) == ACCOUNT_COLUMNS


def test_the_crossings_of_a_day_are_at_the_very_quotes_that_crossed(tmp_path):
    assert replayed(write_day(tmp_path))["crossings"] == [
        {"ts_ms": 3000.5, "login": "007", "kind": "margin_call", "level": near(98400 / 1100.1)},
        {"ts_ms": 4000, "login": "007", "kind": "stop_out", "level": near(48400 / 1100.1)},
    ]


def test_the_exposure_and_the_house_are_those_computed_by_hand(tmp_path):
    said = replayed(write_day(tmp_path))
    (row,) = said["exposure"]
    assert tuple(row) == EXPOSURE_COLUMNS
    assert {
        name: row[name]
        for name in ("client_net_lots", "client_long_lots_a", "lp_net_lots", "house_net_lots")
    } == {
        "client_net_lots": near(0.6),
        "client_long_lots_a": near(0.6),
        "lp_net_lots": near(0.6),
        "house_net_lots": near(0.0),
    }
    assert (row["coverage_ratio"], row["client_floating_usd"]) == (near(1.0), near(-906.0))
    assert (row["limit_used_ratio"], row["age_ms"]) == (None, 2000.0)
    assert said["house"] == {
        "floating_usd": near(900.0),
        "floating_a_usd": near(900.0),
        "floating_b_usd": near(0.0),
        "lp_floating_usd": near(-6.0),
        "realised_usd": near(610.0),
    }


def test_the_risk_of_a_short_day_is_that_of_the_prior(tmp_path):
    # the house is short 0.5 lots, at a mid of 1.08505 and 0.6 % a day
    deal = "6000,D5,007,P5,EURUSD,buy,in,0.5,1.08510,\n"
    said = replayed(write_day(tmp_path, deals=DEALS + deal))
    (row,) = said["exposure"]
    daily_usd = 50_000 * 1.08505 * 0.006
    assert row["var_contribution_usd"] == pytest.approx(2.32635 * daily_usd)
    assert said["risk"] == {
        "var_usd": pytest.approx(2.32635 * daily_usd),
        "es_usd": pytest.approx(2.33780 * daily_usd),
        "fat_tailed_var_usd": pytest.approx(2.64949 * daily_usd),
        "fat_tailed_es_usd": pytest.approx(2.82387 * daily_usd),
        "hour_var_usd": pytest.approx(2.32635 * daily_usd / 24**0.5),
        "sd_usd": pytest.approx(daily_usd),
        "horizon_hours": 24.0,
        "var_confidence_ratio": 0.99,
        "es_confidence_ratio": 0.975,
        "source": "prior",
        "prior_weight_ratio": 1.0,
        "observations": 0,
        "unpriced_symbols": 0,
        "sampled_at_ms": 1000,
    }


def test_the_factors_of_a_day_of_files_are_sampled_every_five_minutes(tmp_path):
    minutes = [f"{60_000 * k},EURUSD,{1.1 + k % 7 / 1e4:.5f},{1.1001 + k % 7 / 1e4:.5f}\n"
               for k in range(1, 601)]  # fmt: skip
    quotes = QUOTES.splitlines(keepends=True)[0] + "".join(minutes)
    whole = write_day(tmp_path / "whole", quotes=quotes)
    said = replayed(whole)
    # 120 boundaries in ten hours; the first price has no move behind it
    assert said["risk"]["observations"] == 119
    assert said["risk"]["sampled_at_ms"] == 36_000_000
    assert said["risk"]["prior_weight_ratio"] == pytest.approx(288 / 407)
    assert said["events"]["quotes"] == 600
    # a late quote does not turn time back
    late = write_day(tmp_path / "late", quotes=quotes + "300000,EURUSD,9,9\n")
    assert replayed(late)["risk"] == said["risk"]
    half = replayed(whole, until_ms=18_000_000)
    assert half["risk"]["observations"] == 59


def test_the_object_has_the_fields_of_the_contract_in_its_order(tmp_path):
    said = replayed(write_day(tmp_path))
    assert list(said) == [
        "as_of_ms", "reporting_currency", "events", "accounts", "exposure", "currencies",
        "crossings", "house", "risk", "revenue", "clients", "breaks",
    ]  # fmt: skip
    assert (said["as_of_ms"], said["reporting_currency"]) == (6000, "USD")
    assert [sorted(row) for row in said["clients"]] == [
        sorted((
            "client_id", "deals", "score", "p_toxic", "client_edge_usd_per_million",
            "client_edge_low", "client_edge_high", "e_value", "book", "suggested_book", "reasons",
        ))
    ] * len(said["clients"])  # fmt: skip
    assert said["clients"]
    assert said["revenue"] == [
        {"symbol": "EURUSD", "book": "A", "component": "BBOOK_PNL", "amount_usd": 604.0},
        {"symbol": "EURUSD", "book": "A", "component": "COMMISSION", "amount_usd": 6.0},
    ]
    assert said["events"] == {
        "instruments": 1, "accounts": 2, "quotes": 4, "deals": 5, "balances": 1, "hedges": 1,
        "books": 0, "positions": 0, "lp_positions": 0, "leverage_tiers": 0, "actions": 0,
        "orders": 0, "reference_quotes": 0, "duplicates": 1, "out_of_order": 1, "quarantined": 2,
    }  # fmt: skip


def test_breaks_name_their_file_and_line(tmp_path):
    first, second = replayed(write_day(tmp_path))["breaks"]
    reason = first.pop("reason")
    assert first == {
        "kind": "overclose",
        "ts_ms": 6000,
        "login": "007",
        "deal_id": "D3",
        "symbol": "EURUSD",
        "file": "deals.csv",
        "line": 5,
    }
    assert reason
    assert (second["kind"], second["login"], second["line"]) == ("unknown_login", "9", 6)


def test_a_replay_stops_after_the_events_of_an_instant(tmp_path):
    said = replayed(write_day(tmp_path), until_ms=3000.5)
    assert (said["as_of_ms"], said["events"]["quotes"], said["events"]["deals"]) == (3000.5, 3, 2)
    assert said["accounts"][0]["equity"] == near(984.0)
    assert [one["kind"] for one in said["crossings"]] == ["margin_call"]


def test_before_the_first_event_there_is_the_opening_and_no_time(tmp_path):
    said = replayed(write_day(tmp_path), until_ms=999)
    assert said["as_of_ms"] is None
    assert said["accounts"][0]["equity"] == 2000.0
    assert said["events"]["accounts"] == 2
    assert said["events"]["quotes"] == 0


def test_two_runs_give_the_same_bytes(tmp_path):
    write_day(tmp_path)
    assert to_json(replay_directory(tmp_path)) == to_json(replay_directory(tmp_path))


def test_the_form_of_the_files_changes_nothing_but_names_and_lines(tmp_path):
    plain, mixed = write_day(tmp_path / "plain"), write_day(tmp_path / "mixed", quotes=None)
    (mixed / "quotes.csv.gz").write_bytes(packed(QUOTES))
    (mixed / "deals.csv").unlink()
    text = dict.fromkeys(("deal_id", "login"), pl.String)
    pl.read_csv(DEALS.encode(), schema_overrides=text).write_parquet(mixed / "deals.parquet")
    ours, theirs = replayed(plain), replayed(mixed)
    places = [(row.pop("file"), row.pop("line")) for row in theirs["breaks"]]
    assert places == [("deals.parquet", 4), ("deals.parquet", 5)]
    for row in ours["breaks"]:
        del row["file"], row["line"]
    assert theirs == ours


def test_the_number_of_progress_reports_does_not_grow_with_the_day(tmp_path):
    deals = "".join(f"{k},E{k},8,P{k},EURUSD,buy,in,0.01,1.1\n" for k in range(1_000, 4_000))
    quotes = "".join(f"{k},EURUSD,1.1,1.2\n" for k in range(1_000, 4_000))
    write_day(
        tmp_path,
        deals=DEALS.partition("\n")[0].removesuffix(",commission") + "\n" + deals,
        quotes=f"ts_ms,symbol,bid,ask\n{quotes}",
    )
    reports = []
    replay_directory(tmp_path, progress=reports.append)
    assert reports == sorted(reports)
    assert reports[-1] == 1.0
    assert len(reports) <= 203


# Input that is wrong: it costs itself and nothing else


def breaks(directory):
    return [
        (one["kind"], one["file"], one["line"], one["reason"])
        for one in replayed(directory)["breaks"]
    ]


@pytest.mark.parametrize(
    ("row", "kind", "word"),
    [
        ("5000,EURUSD,abc,1.1", "bad_quote", "bid is 'abc', not a number"),
        ("5000,EURUSD,,1.1", "bad_quote", "bid is empty"),
        ("5000,EURUSD,NaN,1.1", "bad_quote", "nan"),
        ("5000,EURUSD,-1.1,1.1", "bad_quote", "-1.1"),
        ("5000,EURUSD,1.1,inf", "bad_quote", "inf"),
        ("5000,EURUSD,0,1.1", "bad_quote", "0.0"),
        ("5000,EURSUD,1.1,1.1", "unknown_symbol", "'EURSUD'"),
        ("later,EURUSD,1.1,1.1", "bad_quote", "ts_ms is 'later'"),
        ("5000,EURUSD,1.1", "bad_quote", "3 fields"),
    ],
)
def test_a_wrong_quote_is_one_break_and_the_day_is_the_same(tmp_path, row, kind, word):
    right = replayed(write_day(tmp_path / "right"))
    wrong_day = write_day(tmp_path / "wrong", quotes=f"{QUOTES}{row}\n")
    wrong = replayed(wrong_day)
    assert {name: wrong[name] for name in ("accounts", "exposure", "house", "crossings")} == {
        name: right[name] for name in ("accounts", "exposure", "house", "crossings")
    }
    (found,) = [one for one in wrong["breaks"] if one["file"] == "quotes.csv"]
    assert (found["kind"], found["line"]) == (kind, 6)
    assert word in found["reason"]
    assert wrong["events"]["quotes"] == 5
    assert wrong["events"]["quarantined"] == right["events"]["quarantined"] + 1


def test_an_unknown_symbol_is_named(tmp_path):
    write_day(tmp_path, quotes=f"{QUOTES}5000,EURSUD,1.1,1.2\n")
    assert replayed(tmp_path)["breaks"][0]["symbol"] == "EURSUD"


def test_wrong_rows_of_every_file_are_breaks_at_their_lines(tmp_path):
    write_day(
        tmp_path,
        instruments=f"{INSTRUMENTS}GBPUSD,fx,GBP,USD,many,5,forex\nEURUSD,fx,EUR,USD,1,5,forex\n",
        accounts=f"{ACCOUNTS}9,C,USD,1,0,B\n10,C,USD,1,100,D\n",
        positions="login,position_id,symbol,side,lots,open_price\n11,P,EURUSD,buy,1,1.1\n",
        lp_positions="lp,symbol,side,lots,price\nL,EURUSD,hold,1,1.1\n",
        leverage_tiers="profile,symbol,upper_lots,leverage\nP,EURUSD,1,50\nP,EURUSD,1,50\n"
        "P,EURUSD,1,20\nP,EURUSD,0.5,90\n",
        deals=f"{DEALS}7000,D5,007,P2,EURUSD,buy,in,1,1.1,free\n",
        balances=f"{BALANCES}7000,007,gift,1\n7000,007,deposit,\n",
        books="ts_ms,login,book\n7000,007,Z\n",
        hedges=f"{HEDGES}7000,H2,LP1,EURUSD,buy,x,1\n",
        actions="ts_ms,kind,symbol,value,long_value\n" + "".join(
            f"8000,{row}\n"
            for row in ("swap,EURUSD,NaN,", "swap,EURUSD,-1,", "swap,EURUSD,1,inf",
                        "dividend,EURUSD,,", "adjustment,EURUSD,1e400,", "split,EURUSD,0,",
                        "split,EURUSD,-inf,", "merge,EURUSD,1,", "swap,EURSUD,1,",
                        "rename,EURUSD, ,", "swap,EURUSD,1e308,")
        ),
    )  # fmt: skip
    found = [(kind, file, line) for kind, file, line, _ in breaks(tmp_path)]
    assert found == [
        ("bad_instrument", "instruments.csv", 3),
        ("bad_instrument", "instruments.csv", 4),
        ("bad_account", "accounts.csv", 4),
        ("bad_account", "accounts.csv", 5),
        ("bad_tier", "leverage_tiers.csv", 4),
        ("bad_tier", "leverage_tiers.csv", 5),
        ("unknown_login", "positions.csv", 2),
        ("bad_lp_position", "lp_positions.csv", 2),
        ("overclose", "deals.csv", 5),
        ("unknown_login", "deals.csv", 6),
        ("bad_balance", "balances.csv", 3),
        ("bad_balance", "balances.csv", 4),
        ("bad_book", "books.csv", 2),
        ("bad_deal", "deals.csv", 7),
        ("bad_deal", "hedges.csv", 3),
        *[("bad_action", "actions.csv", line) for line in range(2, 10)],
        ("unknown_symbol", "actions.csv", 10),
        ("bad_action", "actions.csv", 11),
    ]


def test_a_break_of_the_opening_has_no_time(tmp_path):
    write_day(tmp_path, accounts=f"{ACCOUNTS}9,C,USD,1,0,B\n")
    (found, *_) = replayed(tmp_path)["breaks"]
    assert (found["kind"], found["ts_ms"], found["file"]) == ("bad_account", None, "accounts.csv")


def test_an_unreadable_row_still_moves_time(tmp_path):
    write_day(tmp_path, balances=f"{BALANCES}9000,007,deposit,?\n")
    assert replayed(tmp_path)["as_of_ms"] == 9000


def test_a_truncated_gzip_gives_the_day_up_to_the_damage(tmp_path):
    write_day(tmp_path, quotes=None)
    more = "".join(f"{ts},EURUSD,1.08500,1.0851{ts % 10}\n" for ts in range(7_000, 9_000))
    whole = packed(QUOTES + more)
    (tmp_path / "quotes.csv.gz").write_bytes(whole[: len(whole) // 2])
    said = replayed(tmp_path)
    assert said["events"]["quotes"] > 100
    assert said["as_of_ms"] == 7_000 + said["events"]["quotes"] - 5
    assert said["accounts"][0]["equity"] == near(1484.0)
    last = said["breaks"][-1]
    assert (last["kind"], last["ts_ms"], last["file"]) == ("truncated_file", None, "quotes.csv.gz")
    assert last["line"] == said["events"]["quotes"] + 2


def test_a_regime_caps_the_leverage_of_the_accounts_that_it_protects(tmp_path):
    write_day(tmp_path)
    free = replayed(tmp_path)
    (tmp_path / "accounts.csv").write_text(
        "login,client_id,currency,balance,leverage,book,region,category\n"
        "1,1,USD,10000,500,B,EU,retail\n2,2,USD,10000,500,B,EU,professional\n"
    )
    (tmp_path / "deals.csv").write_text(
        "ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price\n"
        "3000,1,1,1,EURUSD,buy,in,1,1.1\n3000,2,2,2,EURUSD,buy,in,1,1.1\n"
    )
    assert free["breaks"]
    regimes = [parse_rule("EU/retail=esma")]
    capped = orjson.loads(to_json(replay_directory(tmp_path, regimes=regimes)))
    assert [row["margin"] for row in capped["accounts"]] == [
        near(110_000 / 30),
        near(110_000 / 500),
    ]
    uncapped = replayed(tmp_path)
    assert [row["margin"] for row in uncapped["accounts"]] == [near(220.0), near(220.0)]
