"""``plimsoll whatif``: the identities that make a counterfactual worth anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import orjson
import pytest

from dealing.replay import replay_directory
from dealing.whatif.asked import WhatIfAsked
from dealing.whatif.command import run_whatif
from dealing.whatif.policy import load_policies
from exposure.errors import ConfigError
from exposure.settings import EngineSettings
from tests.feeds.book_files.day_files import write_book

ROOT = Path(__file__).parents[2]
CENT = 0.005
GOLDEN_ACCOUNTS = """\
login,client_id,currency,balance,leverage,book,hedge_ratio
1,C1,USD,10000,100,A,
"""
GOLDEN_QUOTES = """\
ts_ms,symbol,bid,ask
1,EURUSD,1.10000,1.10002
3,EURUSD,1.10100,1.10102
"""
GOLDEN_DEALS = """\
ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price,commission,swap,raw_price
2,D1,1,P,EURUSD,buy,in,1,1.10006,0,0,1.10002
4,D2,1,P,EURUSD,sell,out,1,1.10097,-6.00,-7.20,1.10100
"""
GOLDEN_HEDGES = """\
ts_ms,deal_id,lp,symbol,side,lots,price,commission,swap
2,H1,LP,EURUSD,buy,1,1.10002,0,0
4,H2,LP,EURUSD,sell,1,1.10100,-2.50,-5.00
"""
INSTRUMENTS = """\
symbol,asset_class,base,quote,contract_size,digits,calc_mode,markup_points
EURUSD,fx,EUR,USD,100000,5,forex,2
USDJPY,fx,USD,JPY,100000,3,forex,3
EURJPY,fx,EUR,JPY,100000,3,forex,0
XAUUSD,metal,XAU,USD,100,2,cfd_leverage,0
"""
MIDS = {"EURUSD": 1.1, "USDJPY": 150.0, "EURJPY": 165.0, "XAUUSD": 2400.0}
DIGITS = {"EURUSD": 5, "USDJPY": 3, "EURJPY": 3, "XAUUSD": 2}
HOUR_MS = 3_600_000


def made_day(directory, *, seed=7, hours=12, opened_before=True):
    """A broker's day of random clients: gains and losses in three currencies, hedges, moved books.

    Login 1 knows where the mid goes next, the others do not.
    """
    chance = np.random.default_rng(seed)
    logins = [str(k) for k in range(1, 9)]
    books = ["A", "B", "B", "B", "C", "A", "B", "B"]
    accounts = ["login,client_id,currency,balance,leverage,book,hedge_ratio"]
    for login, book in zip(logins, books, strict=True):
        currency = ("USD", "EUR", "JPY")[int(login) % 3]
        ratio = "0.4" if book == "C" else ""
        accounts.append(f"{login},C{int(login) // 2},{currency},50000,100,{book},{ratio}")
    minutes = hours * 60
    paths = {
        name: mid * np.exp(np.cumsum(chance.normal(0.0, 2e-4, minutes + 30)))
        for name, mid in MIDS.items()
    }
    quotes, deals, hedges, positions, lps = [], [], [], [], []
    open_now: dict[str, tuple] = {}

    def price(name, minute, side):
        half = 1e-4 * MIDS[name]
        mid = paths[name][minute]
        return round(mid + (half if side == "buy" else -half), DIGITS[name])

    if opened_before:
        for login, name in (("2", "EURUSD"), ("6", "USDJPY"), ("5", "XAUUSD")):
            open_now[f"P{login}"] = (login, name, "buy", 0.5)
            positions.append(f"{login},P{login},{name},buy,0.5,{MIDS[name] * 0.99:.5f}")
        lps.append(f"LP1,USDJPY,buy,0.4,{MIDS['USDJPY'] * 0.995:.3f}")
    for minute in range(minutes):
        ts = minute * 60_000 + 1_000
        for name in MIDS:
            bid, ask = price(name, minute, "sell"), price(name, minute, "buy")
            quotes.append(f"{ts},{name},{bid},{ask}")
        for _ in range(chance.poisson(0.5)):
            login, name = str(chance.choice(logins)), str(chance.choice(list(MIDS)))
            ahead = paths[name][minute + 20] > paths[name][minute]
            side = ("buy" if ahead else "sell") if login == "1" else ("buy", "sell")[minute % 2]
            lots = round(float(chance.uniform(0.1, 2.0)), 2)
            position = f"N{len(deals)}"
            open_now[position] = (login, name, side, lots)
            raw = price(name, minute, side) if minute % 3 == 0 else ""
            deals.append(
                f"{ts + 500},D{len(deals)},{login},{position},{name},{side},in,{lots},"
                f"{price(name, minute, side)},-{lots:.2f},0,{raw}"
            )
            if login in {"1", "6"}:
                hedges.append(
                    f"{ts + 900},H{len(hedges)},LP1,{name},{side},{lots},"
                    f"{price(name, minute, side)},-{2 * lots:.2f},0"
                )
        for position in [p for p in open_now if chance.random() < 0.03]:
            login, name, side, lots = open_now.pop(position)
            other = "sell" if side == "buy" else "buy"
            deals.append(
                f"{ts + 700},D{len(deals)},{login},{position},{name},{other},out,{lots},"
                f"{price(name, minute, other)},-{lots:.2f},-{0.3 * lots:.2f},"
            )
    header = (
        "ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price,commission,swap,raw_price"
    )
    return write_book(
        directory,
        instruments=INSTRUMENTS,
        accounts="\n".join(accounts) + "\n",
        quotes="\n".join(["ts_ms,symbol,bid,ask", *quotes]) + "\n",
        deals="\n".join([header, *deals]) + "\n",
        hedges="\n".join(["ts_ms,deal_id,lp,symbol,side,lots,price,commission,swap", *hedges])
        + "\n",
        books=f"ts_ms,login,book\n{3 * HOUR_MS},2,A\n{5 * HOUR_MS},1,B\n",
        positions="\n".join(["login,position_id,symbol,side,lots,open_price", *positions]) + "\n",
        lp_positions="\n".join(["lp,symbol,side,lots,price", *lps]) + "\n",
    )


def policy(directory, text, name="policy"):
    path = directory / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


EDGE = "policy: edge\nedge: {horizon_s: 1200, least_fills: 8, hedge_above: 0.95}"
SCORE = "policy: score\nscore: {least_trades: 8, hedge_above: 0.05, keep_below: 0.01}"
POLICIES = (
    "policy: actual", "policy: modelled", "policy: all_a", "policy: all_b",
    "policy: fixed\nname: mixed\nfixed: {default: B, clients: {C0: A}, symbols: {XAUUSD: 0.3}}",
    "policy: all_b\nname: kept open\nopen_positions: keep", EDGE, SCORE,
)  # fmt: skip


def answers(directory, tmp_path, *texts, **more):
    """The JSON object of a command; its policies by name, what happened as ``booked``."""
    files = tuple(policy(tmp_path, text, f"p{k}") for k, text in enumerate(texts))
    out = tmp_path / "out.json"
    asked = WhatIfAsked(directory=directory, policies=files, json_out=str(out), **more)
    assert run_whatif(asked, EngineSettings()) == 0
    said = orjson.loads(out.read_bytes())
    return {one["name"]: one for one in said["policies"]} | {"booked": said["actual"]}


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return made_day(tmp_path_factory.mktemp("made") / "day", hours=9)


@pytest.fixture(scope="module")
def fresh_day(tmp_path_factory):
    """A day on which nothing was open before."""
    return made_day(tmp_path_factory.mktemp("fresh") / "day", seed=11, opened_before=False)


@pytest.fixture(scope="module")
def said(day, tmp_path_factory):
    return answers(day, tmp_path_factory.mktemp("said"), *POLICIES)


@pytest.fixture(scope="module")
def fresh(fresh_day, tmp_path_factory):
    return answers(fresh_day, tmp_path_factory.mktemp("fresh"), *POLICIES)


@pytest.fixture(params=["said", "fresh"])
def either(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def golden(tmp_path):
    return write_book(
        tmp_path / "golden",
        accounts=GOLDEN_ACCOUNTS,
        quotes=GOLDEN_QUOTES,
        deals=GOLDEN_DEALS,
        hedges=GOLDEN_HEDGES,
    )


def test_the_golden_trade_comes_to_its_published_figures_in_every_book(golden, tmp_path):
    partly = "policy: fixed\nfixed: {default: 0.4}"
    said = answers(golden, tmp_path, "policy: actual", "policy: all_a", "policy: all_b", partly)
    results = [said[name]["pnl_usd"] for name in ("actual", "all_a", "all_b", "fixed")]
    assert results == pytest.approx([12.70, 12.70, -77.80, -41.60], abs=1e-9)
    # a mid of 1.10001 and 1.10101, raw prices a tenth of a pip beyond and short of it
    assert said["all_a"]["cost"] == {
        "spread_usd": pytest.approx(2.0),
        "commission_usd": pytest.approx(2.5),
        "swap_usd": pytest.approx(5.0),
    }
    # twelve hours at least would be needed
    assert said["all_b"]["difference"]["low_usd"] is None
    assert not said["all_b"]["difference"]["is_proven"]


@pytest.mark.parametrize(("of", "files"), [("said", "day"), ("fresh", "fresh_day")])
def test_what_happened_is_reproduced_to_the_cent(of, files, request):
    answer = request.getfixturevalue(of)
    replayed = replay_directory(request.getfixturevalue(files)).snapshot
    booked_usd = sum(row.amount_usd for row in replayed.revenue)
    assert booked_usd == pytest.approx(replayed.house.realised_usd, abs=CENT)
    for figures in (answer["booked"], answer["actual"]):
        assert figures["realised_usd"] == pytest.approx(booked_usd, abs=CENT)
        assert figures["floating_usd"] == replayed.house.floating_usd
        assert figures["pnl_usd"] == replayed.house.realised_usd + replayed.house.floating_usd
        assert figures["var_usd"] == replayed.risk.var_usd
    assert answer["actual"]["difference"]["usd"] == 0.0


def test_the_books_add_up_to_the_house_and_the_clients_are_the_same_in_all(either):
    for one in either.values():
        assert one["a_usd"] + one["b_usd"] == pytest.approx(one["pnl_usd"], abs=1e-6)
        assert one["other_usd"] == pytest.approx(0.0, abs=1e-6)
        assert -one["client_usd"] + one["lp_usd"] == pytest.approx(one["pnl_usd"], abs=1e-6)
        assert one["client_usd"] == pytest.approx(either["booked"]["client_usd"], abs=1e-6)


def test_keeping_everything_earns_what_the_clients_lose(fresh):
    kept = fresh["all_b"]
    assert kept["pnl_usd"] == pytest.approx(-kept["client_usd"], abs=1e-6)
    assert (kept["hedges"], kept["lp_usd"], kept["cost_usd"]) == (0, 0.0, 0.0)
    assert sum(row["house_usd"] for row in kept["clients"]) == pytest.approx(kept["pnl_usd"])


def test_hedging_everything_leaves_no_exposure_and_what_was_open_is_moved(either):
    hedged = either["all_a"]
    for row in hedged["exposure"]:
        assert row["house_net_lots"] == pytest.approx(0.0, abs=1e-7)
    assert hedged["var_usd"] < 1e-3
    assert either["booked"]["var_usd"] > 1.0
    assert hedged["b_usd"] == pytest.approx(0.0, abs=1e-6)
    assert hedged["cost_usd"] > 0.0


def test_keeping_what_was_open_hedges_new_deals_only(said):
    # login 6 was in book A: its position stays hedged until it closes, and is unwound then;
    # moved, the provider's position of before is closed at once
    assert said["kept open"]["hedges"] > 0
    assert said["all_b"]["hedges"] == 1


def test_clients_whose_books_stay_the_same_change_nothing(said):
    changed = {row["client_id"]: row["routing_usd"] for row in said["all_b"]["clients"]}
    # C0 is login 1 (A, then B), C1 was moved to A, C2 has login 5 (C), C3 login 6 (A)
    assert all(changed[client] != 0.0 for client in ("C0", "C1", "C2", "C3"))
    assert changed["C4"] == 0.0
    same = said["modelled"]
    assert all(row["routing_usd"] == 0.0 for row in same["clients"])
    assert same["routing"]["usd"] == 0.0
    assert same["execution_usd"] == same["difference"]["usd"]


def test_the_parts_of_a_difference_add_up(either):
    for name in ("modelled", "all_a", "all_b", "mixed", "kept open", "edge", "score"):
        one = either[name]
        total = one["difference"]["usd"]
        assert total == pytest.approx(one["pnl_usd"] - either["booked"]["pnl_usd"], abs=1e-6)
        assert one["routing"]["usd"] + one["execution_usd"] == pytest.approx(total, abs=1e-6)


def test_clients_add_up_but_for_netting_between_them(fresh):
    # what is open nets at one closing price: less than a spread of what was ever hedged
    one = fresh["all_a"]
    clients_usd = sum(row["house_usd"] for row in one["clients"])
    assert abs(one["pnl_usd"] - clients_usd) < 2e-4 * one["hedged_usd"]
    assert {row["hedge_ratio"] for row in one["clients"]} == {1.0}


def test_a_late_hedge_is_made_at_the_later_price(golden, tmp_path):
    late = "policy: all_a\nprovider: {delay_ms: 1.5, swap_ratio: 0, commission_usd_per_lot: 0}"
    # bought and sold at the quote of 3 ms, a spread of 2 points apart
    assert answers(golden, tmp_path, late)["all_a"]["lp_usd"] == pytest.approx(-2.0, abs=1e-9)


def test_slippage_and_commission_cost_what_they_say(golden, tmp_path):
    terms = "{slippage_pips: 0.1, commission_usd_per_lot: 3, swap_ratio: 0}"
    said = answers(golden, tmp_path, f"policy: all_a\nprovider: {terms}")
    # two fills of one lot, each a tenth of a pip (1 USD) and 3 USD dearer
    assert said["all_a"]["lp_usd"] == pytest.approx(98.0 - 2 * 1.0 - 2 * 3.0, abs=1e-9)


@pytest.mark.parametrize("name", ["edge", "score"])
def test_a_policy_that_learns_hedges_who_knows_and_only_once_it_is_known(name, fresh):
    ratios = {row["client_id"]: row["hedge_ratio"] for row in fresh[name]["clients"]}
    assert 0.05 < ratios["C0"] < 1.0
    assert all(ratio < 0.2 for client, ratio in ratios.items() if client != "C0")


def test_decisions_at_a_time_do_not_know_what_comes(fresh_day, tmp_path):
    noon = 6 * HOUR_MS
    whole = answers(fresh_day, tmp_path, EDGE, SCORE, until_ms=noon)
    cut = tmp_path / "cut"
    cut.mkdir()
    for file in fresh_day.iterdir():
        rows = file.read_text(encoding="utf-8").splitlines()
        if rows[0].startswith("ts_ms"):
            rows = [rows[0], *(row for row in rows[1:] if int(row.split(",")[0]) <= noon)]
        (cut / file.name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert answers(cut, tmp_path, EDGE, SCORE) == whole


def test_several_policies_are_each_held_to_more_and_the_draws_are_seeded(said, day, tmp_path):
    among = said["all_a"]["difference"]
    assert among["band_confidence_ratio"] == pytest.approx(1.0 - 0.05 / 7)
    again = answers(day, tmp_path, "policy: all_a")["all_a"]["difference"]
    assert again["band_confidence_ratio"] == pytest.approx(0.95)
    assert among["low_usd"] < again["low_usd"] < again["usd"] == among["usd"]
    assert again["usd"] < again["high_usd"] < among["high_usd"]


def test_the_screen_says_what_differs_and_what_to_keep_in_mind(golden, tmp_path):
    file = policy(tmp_path, "policy: all_b\nname: keep it all\n")
    command = [sys.executable, "app.py", "whatif", str(golden), "--policy", str(file)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert "keep it all: 90.50 USD less (no error band: 1 hours, 8 are the least)" in done.stdout
    assert "keep it all: of that, other books bring" in done.stdout
    assert "Clients are held to what they did" in done.stdout


WRONG = [
    ("policy: al_a", "p.yaml line 1: policy: must be 'actual'"),
    ("name: x", "policy: is missing (one of actual"),
    ("policy: fixed", "needs a section fixed"),
    ("policy: all_a\nfixed: {default: A}", "section fixed belongs to policy: fixed"),
    ("policy: fixed\nfixed:\n  default: C", "p.yaml line 3: fixed.default"),
    ("policy: fixed\nfixed:\n  clients: {C1: 1.5}", "fixed.clients.C1"),
    ("policy: all_a\nprovidr: {}", "p.yaml line 2: providr: there is no such key"),
    ("policy: all_a\nprovider:\n  delay_ms: -1", "provider.delay_ms"),
    ("policy: edge\nedge:\n  keep_below: 0.9", "keep_below must be less than hedge_above"),
    ("policy: actual\nopen_positions: keep", "leave the other keys out"),
    ("policy: [", "is no YAML"),
]


@pytest.mark.parametrize(("text", "complaint"), WRONG)
def test_a_wrong_policy_is_answered_with_its_place_and_key(tmp_path, text, complaint):
    with pytest.raises(ConfigError) as wrong:
        load_policies((policy(tmp_path, text, "p"),))
    assert complaint in str(wrong.value)


def test_all_problems_of_all_files_come_at_once_with_exit_code_2(tmp_path):
    files = [policy(tmp_path, text, f"p{k}") for k, (text, _) in enumerate(WRONG)]
    options = [word for file in files for word in ("--policy", str(file))]
    command = [sys.executable, "app.py", "whatif", str(tmp_path), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) >= len(WRONG)
    assert "Traceback" not in done.stderr


def test_hostile_rows_and_actions_keep_every_identity(tmp_path):
    # deals before any quote, of nobody, of no symbol, twice, closing too much; a symbol that never
    # finds USD; a split, swaps of both sides, a dividend and a new name while positions are open
    directory = write_book(
        tmp_path / "hostile",
        instruments=INSTRUMENTS + "STOCK,share,STOCK,USD,1,2,cfd,0\n"
        "XXXYYY,fx,XXX,YYY,1000,5,forex,0\n",
        accounts="login,client_id,currency,balance,leverage,book\n"
        "1,C1,USD,1e6,100,B\n2,C2,USD,1e6,100,A\n",
        quotes="ts_ms,symbol,bid,ask\n5000,STOCK,100,101\n5000,XXXYYY,2,2.1\n9000,EURUSD,1.1,1.1002\n"
        "20000,STOCK,51,52\n30000,EURUSD,1.2,1.2002\n30000,EURUSD,nan,1\n",
        deals="ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price\n"
        "1000,D1,1,P1,EURUSD,buy,in,1,1.1001\n1000,D1,1,P1,EURUSD,buy,in,1,1.1001\n"
        "1000,D2,77,P2,EURUSD,buy,in,1,1.1\n1000,D3,1,P3,NOTHING,buy,in,1,1.1\n"
        "6000,D4,1,P4,STOCK,buy,in,10,101\n6000,D5,2,P5,STOCK,sell,in,4,100\n"
        "6000,D6,2,P6,XXXYYY,buy,in,1,2.1\n7000,D7,1,P1,EURUSD,sell,out,9,1.1\n"
        "7500,D8,2,P6,XXXYYY,sell,out,0.5,2\n"
        "25000,D9,1,P4,STOCK,sell,out,5,51\n31000,D10,1,P4,SHARE,sell,out,15,52\n"
        "32000,D11,2,P5,SHARE,buy,out,8,52\n33000,D12,1,P1,EURUSD,sell,out,1,1.2\n",
        actions="ts_ms,kind,symbol,value,long_value,short_value,lp\n10000,split,STOCK,2,,,\n"
        "11000,dividend,STOCK,0.5,,,\n11000,dividend,STOCK,0.5,,,LP\n"
        "12000,swap,EURUSD,1,-5,1,\n12000,swap,EURUSD,1,-4,1,LP\n26000,rename,STOCK,SHARE,,,\n",
    )  # fmt: skip
    said = answers(directory, tmp_path, *POLICIES)
    for one in said.values():
        assert one["a_usd"] + one["b_usd"] == pytest.approx(one["pnl_usd"], abs=1e-6)
        assert -one["client_usd"] + one["lp_usd"] == pytest.approx(one["pnl_usd"], abs=1e-6)
    for row in said["all_a"]["exposure"]:
        if row["symbol"] != "XXXYYY":
            assert row["house_net_lots"] == pytest.approx(0.0, abs=1e-9)
    assert said["all_b"]["lp_usd"] == 0.0
    assert said["all_b"]["pnl_usd"] == -said["all_b"]["client_usd"]


def test_a_day_without_anything_has_an_answer(tmp_path):
    directory = write_book(tmp_path / "empty", quotes="ts_ms,symbol,bid,ask\n")
    said = answers(directory, tmp_path, *POLICIES)
    assert {one["pnl_usd"] for one in said.values()} == {0.0}
    assert said["all_a"]["difference"]["low_usd"] is None
