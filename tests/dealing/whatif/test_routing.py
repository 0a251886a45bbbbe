"""A routing policy through a day: asked step by step, obeyed, and knowing only what was before."""

import numpy as np
import pytest

from dealing.whatif.policy import load_policies
from exposure.errors import ConfigError
from tests.dealing.test_whatif import HOUR_MS, answers, made_day, policy
from tests.feeds.book_files.day_files import write_book

STEP_MS = 900_000
FREE = "caps: {daily_ratio: 1.0, client_ratio: 1.0, new_client_usd: 1000000000}\n"
EAGER = f"""\
name: eager
version: 2
{FREE}"""
NEVER = f"name: never\nversion: 1\nevidence: {{least_n: 1000000, urgent_n: 1000000}}\n{FREE}"
HELD = "name: held\nversion: 1\ncaps: {daily_ratio: 0, daily_least: 0, client_ratio: 1.0}\n"
SIZED = NEVER.replace("never", "sized").replace("client_ratio: 1.0, ", "")
BEGINNING = "policy: fixed\nfixed: {default: B, logins: {'3': A}}\nname: beginning"


def picked_day(directory, hours=5, seed=3):
    """A day of three clients: one buys what rises a second later, two trade by coins.

    The picker and a coin are in book B, the other coin is in A. Positions are open for 90 seconds.
    """
    chance, mid, held = np.random.default_rng(seed), 1.1, {}
    quotes, deals = ["ts_ms,symbol,bid,ask"], [DEALS_HEADER]
    for minute in range(60 * hours):
        ts, up = 60_000 * minute + 1_000, bool(chance.random() < 0.5)
        for passed, moved in ((0, 0.0), (400, 4e-4), (30_000, 1e-5)):
            mid += moved if up else -moved
            quotes.append(f"{ts + passed},EURUSD,{mid - 5e-5:.5f},{mid + 5e-5:.5f}")
        start = mid - (4.1e-4 if up else -4.1e-4)
        for login in ("1", "2", "3"):
            side = ("sell", "buy")[int(up if login == "1" else chance.random() < 0.5)]
            if minute % 2 == 0:
                held[login] = side
                deals.append(deal(ts + 100, f"{login}/{minute}", login, side, "in", start))
            else:
                closing = deal(ts + 31_000, f"{login}/{minute - 1}", login, held[login], "out", mid)
                deals.append(closing)
    deals[1:] = sorted(deals[1:], key=lambda row: int(row.split(",")[0]))
    return write_book(
        directory,
        accounts="login,client_id,currency,balance,leverage,book\n"
        "1,picker,USD,1e6,100,B\n2,coin,USD,1e6,100,B\n3,hedged,USD,1e6,100,A\n",
        quotes="\n".join(quotes) + "\n",
        deals="\n".join(deals) + "\n",
    )


DEALS_HEADER = "ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price,commission"


def deal(ts, position, login, side, entry, mid):
    if entry == "out":
        side = "sell" if side == "buy" else "buy"
    price = mid + (5e-5 if side == "buy" else -5e-5)
    return f"{ts},{position}{entry},{login},{position},EURUSD,{side},{entry},1,{price:.5f},-1"


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return picked_day(tmp_path_factory.mktemp("day") / "day")


@pytest.fixture(scope="module")
def said(day, tmp_path_factory):
    return answers(day, tmp_path_factory.mktemp("said"), EAGER, NEVER, HELD, SIZED, BEGINNING)


def test_who_knows_is_hedged_who_does_not_is_kept_and_it_says_when_and_why(said):
    moves = said["eager v2"]["moves"]
    assert {(move["entity"], move["from_book"], move["to_book"]) for move in moves} == {
        ("picker", "B", "A"), ("hedged", "A", "B"),
    }  # fmt: skip
    ratios = {row["client_id"]: row["hedge_ratio"] for row in said["eager v2"]["clients"]}
    assert 0.5 < ratios["picker"] < 1.0
    assert 0.0 < ratios["hedged"] < 0.5
    assert ratios["coin"] == 0.0
    for move in moves:
        assert move["ts_ms"] % STEP_MS == 0
        assert (move["action"], move["policy"], move["segment"]) == ("move", "eager v2", "")
        assert "hedging more is better with probability" in move["reasons"][1]
        assert (move["probability"] > 0.8) == (move["to_book"] == "A")
        low, high = move["low_usd_per_month"], move["high_usd_per_month"]
        assert low <= move["expected_usd_per_month"] <= high
    assert said["eager v2"]["routing"]["usd"] > 0.0


def test_a_policy_that_moves_nobody_is_the_beginning_of_the_day(said):
    never, beginning = said["never v1"], said["beginning"]
    assert never["moves"] == []
    assert never["pnl_usd"] == beginning["pnl_usd"]
    assert never["exposure"] == beginning["exposure"]


def test_a_cap_of_nobody_moves_nobody(said):
    assert said["held v1"]["moves"] == []
    assert said["held v1"]["pnl_usd"] == said["never v1"]["pnl_usd"]


def test_who_is_too_much_of_what_is_kept_is_hedged_in_part(said):
    assert any("of everything the house keeps" in move["reasons"][0]
               for move in said["sized v1"]["moves"])  # fmt: skip


def test_the_identities_hold(said):
    for name in ("eager v2", "never v1", "sized v1"):
        one = said[name]
        assert one["a_usd"] + one["b_usd"] == pytest.approx(one["pnl_usd"], abs=1e-6)
        assert -one["client_usd"] + one["lp_usd"] == pytest.approx(one["pnl_usd"], abs=1e-6)


def test_decisions_at_a_time_do_not_know_what_comes(day, said, tmp_path):
    # within a step, and after deals of that very moment
    noon = 2 * HOUR_MS + 7 * 60_000
    cut = tmp_path / "cut"
    cut.mkdir()
    for file in day.iterdir():
        rows = file.read_text(encoding="utf-8").splitlines()
        if rows[0].startswith("ts_ms"):
            rows = [rows[0], *(row for row in rows[1:] if int(row.split(",")[0]) <= noon)]
        (cut / file.name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    until_noon = answers(cut, tmp_path, EAGER, SIZED)
    for name in ("eager v2", "sized v1"):
        before = [move for move in said[name]["moves"] if move["ts_ms"] < noon]
        assert until_noon[name]["moves"] == before
    assert said["eager v2"]["moves"]


def test_open_positions_keep_their_ratio_under_a_routing_policy(tmp_path):
    opened = made_day(tmp_path / "opened", seed=5, hours=1)
    found = answers(opened, tmp_path, NEVER, "policy: modelled")
    # within the first hour nobody was moved by hand either
    assert found["never v1"]["pnl_usd"] == found["modelled"]["pnl_usd"]
    assert found["never v1"]["routing"]["usd"] == 0.0


def test_a_file_around_a_routing_policy_says_how_often_and_by_whom_it_is_hedged(day, tmp_path):
    (tmp_path / "mine.yaml").write_text(EAGER, encoding="utf-8")
    around = (
        "policy: routing\nname: around\nrouting: {file: mine.yaml, every_min: 60}\n"
        "provider: {commission_usd_per_lot: 50}"
    )
    found = answers(day, tmp_path, around)["around"]
    assert found["moves"]
    assert all(move["ts_ms"] % HOUR_MS == 0 for move in found["moves"])
    assert found["cost"]["commission_usd"] > 0.0


WRONG = [
    ("policy: routing", "needs a section routing with a file"),
    ("policy: all_a\nrouting: {file: x.yaml}", "section routing belongs to policy: routing"),
    ("policy: routing\nrouting: {file: nowhere.yaml}", "nowhere.yaml: cannot be read"),
    ("policy: routing\nrouting: {file: x.yaml, every_min: 0}", "routing.every_min"),
    ("name: x\nversion: 1\ncaps:\n  daily_rato: 1", "p.yaml line 4: caps.daily_rato: there is no"),
    ("evidence: {least_n: 3}", "version: is missing"),
]


@pytest.mark.parametrize(("text", "complaint"), WRONG)
def test_a_wrong_file_is_answered_with_its_place_and_key(tmp_path, text, complaint):
    with pytest.raises(ConfigError) as wrong:
        load_policies((policy(tmp_path, text, "p"),))
    assert complaint in str(wrong.value)
