"""``plimsoll stress``: the contract's figures, what is ambiguous, and what is wrong."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from dealing import cli
from dealing.stress import words
from dealing.stress.asked import StressAsked
from dealing.stress.command import run_stress
from exposure.errors import ConfigError
from exposure.settings import EngineSettings
from tests.feeds.book_files.day_files import write_book

ROOT = Path(__file__).parents[2]
INSTRUMENTS = """\
symbol,asset_class,base,quote,contract_size,digits,calc_mode
EURCHF,fx,EUR,CHF,100000,5,forex
USDCHF,fx,USD,CHF,100000,5,forex
EURUSD,fx,EUR,USD,100000,5,forex
"""
QUOTES = """\
ts_ms,symbol,bid,ask
1000,EURCHF,1.20080,1.20100
1000,USDCHF,1.02000,1.02000
1000,EURUSD,1.17730,1.17740
"""
# equity = 1.5 x margin = 1.5 x 120,100 / leverage
ACCOUNTS = """\
login,client_id,currency,balance,leverage,book
30,C1,CHF,6005.00,30,B
100,C2,CHF,1801.50,100,A
500,C3,CHF,360.30,500,B
0042,C4,USD,9000,30,B
"""
DEALS = """\
ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price
2000,1,30,P,EURCHF,buy,in,1,1.20100
2000,2,100,P,EURCHF,buy,in,1,1.20100
2000,3,500,P,EURCHF,buy,in,1,1.20100
2000,4,0042,P,EURCHF,sell,in,1,1.20080
9000,5,0042,P,EURCHF,buy,out,1,1.20100
"""
HEDGES = "ts_ms,deal_id,lp,symbol,side,lots,price\n2000,H1,LP1,EURCHF,buy,1,1.20100\n"


@pytest.fixture
def day(tmp_path):
    return write_book(
        tmp_path / "day",
        instruments=INSTRUMENTS,
        accounts=ACCOUNTS,
        quotes=QUOTES,
        deals=DEALS,
        hedges=HEDGES,
    )


def said(directory, capfdbinary, **asked):
    """The JSON object, and what was written for people beside it."""
    asked = StressAsked(directory=directory, json_out="-", **asked)
    assert run_stress(asked, EngineSettings()) == 0
    out, err = capfdbinary.readouterr()
    return orjson.loads(out), err.decode()


def accounts_of(answer):
    return {row["login"]: row for row in answer["accounts"]}


def near(value):
    return pytest.approx(value, abs=1e-6)


def complaints(directory, **asked):
    with pytest.raises(ConfigError) as raised:
        run_stress(StressAsked(directory=directory, **asked), EngineSettings())
    return raised.value.problems


def test_the_command_says_the_worked_figures_of_the_swiss_franc(day):
    done = subprocess.run(
        [sys.executable, ROOT / "app.py", "stress", day, "--scenario", "snb2015", "--json", "-"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    rows = accounts_of(json.loads(done.stdout))
    deficits = [rows[login]["deficit"] for login in ("30", "100", "500")]
    assert deficits == [near(12_095.00), near(16_298.50), near(17_739.70)]
    for login, equity in (("30", 6_005.0), ("100", 1_801.5), ("500", 360.3)):
        assert rows[login]["stopped_out"]
        assert rows[login]["equity_before"] == near(equity - 20.0)  # the bid is 2 pips lower
        assert rows[login]["equity_after"] == near(equity - 18_100.0)
    assert done.stderr == ""


def test_the_house_pays_its_provider_in_full_and_collects_what_clients_have(day, capfdbinary):
    answer, _ = said(day, capfdbinary, scenario="snb2015", until_ms=8000)
    house, rate = answer["house"], 1 / 1.02
    # A: the client had 1,781.50; B: 5,985 and 340.30, and the dollar client's short wins from
    # 1.20080 to 1.0202 what it had lost by the spread, and 18,060 CHF in all
    assert house["a_usd"] == near(1_781.50 * rate)
    assert house["b_usd"] == near((5_985.0 + 340.30 - 18_080.0) * rate)
    assert house["hedge_usd"] == near(-18_080.0 * rate)
    assert house["total_usd"] == near(house["a_usd"] + house["b_usd"] + house["hedge_usd"])
    assert answer["total_usd"] == house["total_usd"]
    assert answer["negative_balance_cost"]["a_usd"] == near(16_298.50 * rate)
    assert answer["negative_balance_cost"]["b_usd"] == near((12_095.0 + 17_739.70) * rate)
    assert answer["deficits_usd"] == near(46_133.20 * rate)
    assert [row["login"] for row in answer["top_accounts"]] == ["0042", "100"]
    (euro,) = [row for row in answer["symbols"] if row["symbol"] == "EURCHF"]
    assert (euro["bid"], euro["ask"]) == (1.02, near(1.0202))
    assert (euro["closed_long_lots"], euro["house_net_lots"]) == (3.0, 2.0)


def test_an_account_in_dollars_loses_what_the_francs_are_worth(day, capfdbinary):
    quotes = QUOTES.replace("1000,USDCHF,1.02000,1.02000", "1000,USDCHF,1.00000,1.00000")
    write_book(
        day,
        accounts=ACCOUNTS.replace("CHF,6005.00", "USD,6005.00"),
        instruments=INSTRUMENTS,
        quotes=quotes,
    )
    row = accounts_of(said(day, capfdbinary, scenario="snb2015")[0])["30"]
    assert (row["currency"], row["deficit"]) == ("USD", near(12_095.0))
    assert row["equity_before"] - row["equity_after"] == near(18_080.0)


def test_a_price_far_from_the_event_s_is_said(day, capfdbinary):
    quotes = QUOTES.replace("EURCHF,1.20080,1.20100", "EURCHF,0.94000,0.94000")
    write_book(day, accounts=ACCOUNTS, instruments=INSTRUMENTS, quotes=quotes, deals=None)
    answer, notes = said(day, capfdbinary, scenario="snb2015")
    assert answer["symbols"][0]["bid"] == 1.02
    expected = (
        "EURCHF stands at 0.94, not near the 1.201 of snb2015, which moves it by +8.51 % to 1.02: "
        "then it was -15.07 %, for which say --shock EURCHF=-15.07"
    )
    assert answer["notes"] == [expected]
    assert notes == f"note: {expected}\n"


def test_a_scenario_without_its_symbol_changes_nothing_and_says_so(day, capfdbinary):
    answer, notes = said(day, capfdbinary, scenario="wti2020")
    assert answer["shocks"] == []
    assert answer["total_usd"] == 0.0
    assert notes == "note: wti2020 moves WTI, which this book does not have\n"


def test_a_given_shock_takes_the_place_of_the_scenario_s(day, capfdbinary):
    answer, _ = said(day, capfdbinary, scenario="snb2015", shocks=("eurchf=-1", "EURUSD = -2.5 %"))
    assert answer["shocks"] == [
        {"target": "eurchf", "kind": "percent", "value": -1.0},
        {"target": "EURUSD", "kind": "percent", "value": -2.5},
    ]
    assert answer["symbols"][0]["move_percent"] == near(-1.0)


def test_a_currency_shock_moves_its_pairs(day, capfdbinary):
    answer, _ = said(day, capfdbinary, shocks=("CHF=+20",))
    moves = {row["symbol"]: row["move_percent"] for row in answer["symbols"]}
    down = 100.0 * (1 / 1.2 - 1.0)
    assert moves == {"EURCHF": near(down), "USDCHF": near(down), "EURUSD": near(0.0)}


def test_without_a_shock_every_scenario_is_one_line(day, capfdbinary):
    answer, _ = said(day, capfdbinary)
    assert all(row["equity_before"] == row["equity_after"] for row in answer["accounts"])
    lines = {row["scenario"]: row for row in answer["scenarios"]}
    assert "wti2020" not in lines
    assert {"snb2015", "spread_x10", "CHF+10", "USD-1"} <= set(lines)
    alone, _ = said(day, capfdbinary, scenario="snb2015")
    assert lines["snb2015"]["house"] == alone["house"]
    assert lines["snb2015"]["stopped_out"] == alone["stopped_out"] == 3


def test_until_is_the_state_after_an_instant(day, capfdbinary):
    before, _ = said(day, capfdbinary, shocks=("EURCHF=-1",), until_ms=2000)
    after, _ = said(day, capfdbinary, shocks=("EURCHF=-1",))
    assert (before["as_of_ms"], after["as_of_ms"]) == (2000, 9000)
    assert accounts_of(before)["0042"]["equity_after"] > 10_000.0
    row = accounts_of(after)["0042"]
    assert row["equity_before"] == row["equity_after"] < 9_000.0


def test_reverse_says_the_smallest_move_and_what_it_does(day, capfdbinary):
    answer, _ = said(day, capfdbinary, reverse=True, capital_usd=5_000.0)
    smallest = answer["reverse"]["smallest"]
    assert smallest["loss_usd"] == pytest.approx(5_000.0, rel=1e-4)
    assert -answer["total_usd"] == near(smallest["loss_usd"])
    one, _ = said(day, capfdbinary, reverse=True, capital_usd=5_000.0, targets=("EURCHF",))
    assert {move["direction"] for move in one["reverse"]["moves"]} == {"down", "up"}
    none, _ = said(day, capfdbinary, reverse=True, capital_usd=1e12)
    assert none["reverse"] == {"capital_usd": 1e12, "smallest": None, "moves": []}
    assert none["shocks"] == []


def test_ladder_margin_and_providers(day, tmp_path, capfdbinary):
    terms = tmp_path / "terms.csv"
    terms.write_text("lp,asset_class,margin_ratio,equity_usd\nLP1,fx,0.01,5000\n")
    answer, _ = said(day, capfdbinary, ladder="EURCHF", margin="EURCHF=20", lp_terms=terms)
    assert answer["scenarios"] == []
    assert [rung["stopped_out"] for rung in answer["ladder"]][:2] == [3, 3]
    assert answer["margin"]["margin_calls"] == 3
    (provider,) = answer["providers"]
    assert provider["margin_usd"] == pytest.approx(0.01 * provider["gross_usd"])
    without, notes = said(day, capfdbinary, shocks=("EUR=1",))
    assert without["providers"][0]["margin_usd"] is None
    assert "no terms with LP1 are known" in without["providers"][0]["note"]
    assert notes == ""


HOW = "name what moves and how far, such as EURUSD=-5 (percent) or EURCHF=@1.02 (to a price)"
NAMES = "(symbols: EURCHF, USDCHF, EURUSD; currencies: CHF, EUR, USD)"


def test_what_is_wrong_is_one_sentence_each_with_its_option_and_the_choices(day):
    low = "nothing falls by 100 % or more; a price of zero or below is written EUR=@PRICE"
    assert complaints(day, shocks=("EURCHF", "EUR=x", "EUR=-100", "=5", "EUR=nan")) == [
        f"--shock EURCHF: {HOW}",
        "--shock EUR=x: 'x' is no number; percent such as -5 is expected",
        f"--shock EUR=-100: {low}",
        f"--shock =5: {HOW}",
        "--shock EUR=nan: 'nan' is no number; percent such as -5 is expected",
    ]
    no_price = "CHF is a currency and has no price of its own; use percent, such as CHF=-5"
    assert complaints(day, shocks=("FOO=1", "CHF=@2"), ladder="BAR") == [
        f"--shock FOO is no symbol and no currency of this book {NAMES}",
        f"--ladder BAR is no symbol and no currency of this book {NAMES}",
        f"--shock CHF=@2: {no_price}",
    ]
    (unknown,) = complaints(day, scenario="snb2016")
    assert unknown.startswith(
        "--scenario snb2016: there is no such scenario, did you mean snb2015? (there are snb2015, "
    )


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"reverse": True}, "--reverse needs --capital USD: how much may be lost"),
        ({"capital_usd": 5.0}, "--capital belongs to --reverse: add it, or leave --capital out"),
        (
            {"targets": ("EUR",)},
            "--target belongs to --reverse: add it, or move something with --shock",
        ),
        ({"reverse": True, "capital_usd": 0.0}, "--capital must be USD above 0, was 0"),
        (
            {"reverse": True, "capital_usd": 1.0, "scenario": "snb2015"},
            "--reverse looks for the move itself: use --target, not --shock or --scenario",
        ),
        ({"shocks": ("EUR=1", "eur=2")}, "--shock EUR is given twice: leave one out"),
        (
            {"shocks": ("class:gold=1",)},
            "--shock class:gold: this book has no such class (it has fx)",
        ),
        ({"margin": "EURCHF=0"}, "--margin EURCHF=0: must be above 0, was 0"),
        ({"impact_bps": -1.0}, "--impact must be basis points of 0 or more, was -1"),
    ],
)
def test_what_does_not_go_together_is_refused(day, asked, problem):
    assert complaints(day, **asked) == [problem]


def test_terms_that_cannot_be_used_are_named_by_file_and_line(day, tmp_path):
    terms = tmp_path / "terms.csv"
    (missing,) = complaints(day, lp_terms=terms)
    assert missing.startswith(f"--lp-terms {terms} cannot be read: ")
    terms.write_text("lp,asset_class,margin_ratio\nLP1,fx,0.01\n")
    assert complaints(day, lp_terms=terms) == [
        f"--lp-terms {terms} needs rows with the columns equity_usd"
    ]
    terms.write_text("lp,asset_class,margin_ratio,equity_usd\nLP1,fx,one,5\n")
    assert complaints(day, lp_terms=terms) == [
        f"--lp-terms {terms} line 2: 'one' is no number; a margin_ratio such as 0.01 is expected"
    ]


def test_no_directory_is_wrong_usage_unless_scenarios_are_listed(capfd):
    assert complaints(None) == [
        "stress needs a directory: plimsoll stress DIR (or --list for the scenarios)"
    ]
    assert run_stress(StressAsked(listing=True), EngineSettings()) == 0
    assert "snb2015_print" in capfd.readouterr().out
    assert run_stress(StressAsked(listing=True, json_out="-"), EngineSettings()) == 0
    listed = orjson.loads(capfd.readouterr().out)["scenarios"]
    assert listed[0]["name"] == "snb2015"


def test_a_person_reads_tables(day, tmp_path, capfd):
    terms = tmp_path / "terms.csv"
    terms.write_text("lp,asset_class,margin_ratio,equity_usd\nLP1,fx,0.01,5000\n")
    for asked, wanted in (
        ({"scenario": "snb2015"}, ("snb2015: EURCHF to 1.02", "Stopped out: 3 of 4", "16,298.50")),
        ({}, ("Every scenario", "CHF+10")),
        ({"reverse": True, "capital_usd": 5e3}, ("Smallest moves",)),
        ({"reverse": True, "capital_usd": 1e12}, ("none up to 99 %",)),
        ({"ladder": "EURCHF", "margin": "EURCHF=x2"}, ("Stop-out ladder", "Margin of EURCHF=x2")),
        ({"shocks": ("EUR=1",), "lp_terms": terms}, ("Providers", "EURCHF", "EUR +1 %")),
    ):
        assert run_stress(StressAsked(directory=day, **asked), EngineSettings()) == 0
        out = capfd.readouterr().out
        assert all(text in out for text in wanted), out


def test_the_examples_of_the_docstrings_hold():
    assert doctest.testmod(words).failed == 0


def test_the_command_line_passes_every_option_on():
    calls = []

    class Noted:
        def stress(self, choices, asked):
            calls.append((choices, asked))
            return 0

    arguments = [
        *("stress", "day", "--config", "c.yaml", "--shock", "EUR=1", "--shock", "USD=-2"),
        *("--scenario", "s", "--reverse", "--capital", "5", "--target", "EUR", "--ladder", "GBP"),
        *("--impact", "3", "--margin", "A=2", "--lp-terms", "t", "--stop-out", "ctrader_smart"),
        *("--until", "7", "--list", "--json", "out"),
    ]
    assert cli.answer(arguments, Noted()) == cli.DONE
    ((choices, asked),) = calls
    assert choices.file == Path("c.yaml")
    assert asked == StressAsked(
        directory=Path("day"),
        shocks=("EUR=1", "USD=-2"),
        scenario="s",
        reverse=True,
        capital_usd=5.0,
        targets=("EUR",),
        ladder="GBP",
        impact_bps=3.0,
        margin="A=2",
        lp_terms=Path("t"),
        stop_out="ctrader_smart",
        until_ms=7.0,
        listing=True,
        json_out="out",
    )
