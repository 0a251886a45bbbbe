"""What the risk and margin screens say, without a browser: the core's figures, and sentences."""

import asyncio
import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dealing.desk import formats, held_book
from dealing.desk.held_book import AWAY, BookDesk
from dealing.desk.panels import accounts_view, risk_live, risk_view
from dealing.server_day import ServerDay
from dealing.stress.answer import stress_table, top_accounts
from exposure.engine import ExposureEngine
from exposure.risk.cascade import cascade_ladder
from exposure.risk.margin_distance import Band, distances
from exposure.risk.provider_margin import ProviderAccount
from exposure.risk.reverse import smallest_move
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stress import stress
from exposure.risk.stress_book import StressBook
from tests.desk.scripted_book import START, EngineQueries, ScriptedBook

DAY = ServerDay(ZoneInfo("America/New_York"), 17)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
FIELDS = ("scenario", "target", "percent", "capital", "family", "sort", "search")
NEARLY = st.fixed_dictionaries(
    {"asked": st.integers() | JSON},
    optional={name: st.sampled_from(["EUR", "-5", "", "level", "2M"]) | JSON for name in FIELDS},
)


@pytest.fixture(scope="module")
def book(broker):
    return StressBook(broker.engine)


@pytest.fixture
def queries(broker):
    return EngineQueries(broker)


def asked(queries, kind, now=lambda: 10**18, **what):
    books = BookDesk(queries, DAY, now)
    return asyncio.run(risk_view.answer({"asked": 3, **what}, books, kind))


def asked_accounts(queries, **what):
    what = {"asked": 3, "target": "", "percent": 0.0, "sort": "level", "search": "", **what}
    return asyncio.run(accounts_view.answer(what, BookDesk(queries, DAY, lambda: 10**18)))


def test_margin_at_a_provider_rests_on_its_cash_what_it_realised_and_what_floats(book, queries):
    account = ProviderAccount(cash_usd=1_000_000.0, margin_ratio={"*": 0.02}, call_level=120.0)
    books = BookDesk(queries, DAY, lambda: 10**18, {"LP1": account})
    seen = asyncio.run(risk_view.answer({"asked": 3}, books, "providers"))
    row, other = seen["rows"]
    assert (row["lp"], other["lp"], other["equity_usd"]) == ("LP1", "LP2", None)
    own = book.engine.house.lp_own_usd["LP1"]
    floating = sum(
        usd for lp, usd in zip(book.providers.lp, book.now.lp_usd, strict=True) if lp == "LP1"
    )
    assert row["equity_usd"] == pytest.approx(1_000_000.0 + own + floating)
    assert row["margin_usd"] == pytest.approx(0.02 * row["gross_usd"])
    assert row["level"] == pytest.approx(100.0 * row["equity_usd"] / row["margin_usd"])
    room = row["equity_usd"] - 1.2 * row["margin_usd"]
    assert row["move_to_call_percent"] == pytest.approx(100.0 * max(room, 0.0) / row["gross_usd"])


def test_a_provider_without_terms_says_so_and_guesses_nothing(queries):
    row = asked(queries, "providers")["rows"][0]
    assert row["equity_usd"] is row["level"] is None
    assert row["note"].startswith("No terms with LP1 are known")


def shock(target, percent):
    return [Shock(target, ShockKind.PERCENT, percent)]


def test_live_figures_are_the_engines_and_the_parts_add_up(snapshot):
    seen, risk = risk_live.view(snapshot), snapshot.risk
    for name in ("var_usd", "es_usd", "fat_tailed_var_usd", "fat_tailed_es_usd", "hour_var_usd"):
        assert seen["figures"][name] == getattr(risk, name) > 0.0
    assert seen["figures"]["measured_ratio"] + seen["figures"]["prior_ratio"] == 1.0
    assert seen["source"] == risk.source.value
    columns = seen["columns"]
    assert np.nansum(columns["part"]) == pytest.approx(risk.var_usd, abs=1.0)
    assert columns["part"].tolist() == sorted(columns["part"].tolist(), reverse=True)
    told = dict(snapshot.exposure.select("symbol", "var_contribution_usd").iter_rows())
    for name, part in zip(columns["name"], columns["part"].tolist(), strict=True):
        assert part == pytest.approx(told[name], abs=0.01)


def test_what_has_no_price_and_what_is_old_is_said(snapshot):
    held = pl.col("symbol") == "EURUSD"
    lost = snapshot.exposure.with_columns(
        house_net_usd=pl.when(held).then(None).otherwise("house_net_usd"),
        var_contribution_usd=pl.when(held).then(None).otherwise("var_contribution_usd"),
        stale=pl.col("symbol") == "GBPUSD",
    )
    notes = risk_live.view(replace(snapshot, exposure=lost))["notes"]
    assert notes[0] == (
        "1 symbol has positions and no price or rate, and are in no figure: EURUSD."
    )
    assert "GBPUSD" in notes[1]
    assert "no current quote and count at their last one" in notes[1]
    assert risk_live.view(snapshot)["notes"] == []


def test_an_empty_book_has_no_parts():
    seen = risk_live.view(ExposureEngine().snapshot())
    assert (seen["columns"]["name"], seen["figures"]["var_usd"]) == ([], 0.0)


def test_the_stress_table_is_that_of_the_command(queries, book):
    seen = asked(queries, "table")
    both = [*seen["rows"], *asked(queries, "table", family="currencies")["rows"]]
    assert (seen["state"], seen["asked"]) == ("shown", 3)
    expected = stress_table(book)
    assert [row["name"] for row in both] == [line.scenario.name for line in expected]
    for row, line in zip(both, expected, strict=True):
        house = line.line.house
        assert (row["total_usd"], row["a_usd"], row["b_usd"], row["hedge_usd"]) == (
            house.total_usd, house.a_usd, house.b_usd, house.hedge_usd,
        )  # fmt: skip
        assert row["stopped_out"] == line.line.stopped_out
        assert row["deficits_usd"] == line.line.deficits_usd
        assert row["balance_cost_usd"] == house.deficit_a_usd + house.deficit_b_usd


def test_every_event_of_history_has_its_date_its_source_and_its_mark(queries):
    rows = {row["name"]: row for row in asked(queries, "table")["rows"]}
    assert rows["snb2015"]["date"] == "2015-01-15"
    assert "Reuters" in rows["snb2015"]["source"]
    assert rows["snb2015"]["figures"] == "from source"
    assert rows["yen2024"]["figures"] == "from memory"
    assert rows["weekend_gap"]["figures"] == "made up"
    assert rows["snb2015"]["moves"] == "EURCHF to 1.02"


def test_a_shock_is_that_of_the_core(queries, book):
    seen = asked(queries, "shock", target="eurusd", percent="-5 %")
    expected = stress(book, shock("EURUSD", -5.0))
    assert seen["title"] == f"eurusd {formats.MINUS}5 %"
    figures = seen["figures"]
    assert figures["total_usd"] == expected.house.total_usd
    assert figures["stopped_out"] == expected.accounts["stopped_out"].sum()
    assert figures["deficits_usd"] == expected.accounts["deficit_usd"].sum()
    top = top_accounts(expected)
    assert [row["login"] for row in seen["rows"]] == top["login"].to_list()
    assert [row["cost_usd"] for row in seen["rows"]] == top["cost_usd"].to_list()


def test_a_scenario_opens_in_full(queries):
    rows = {row["name"]: row for row in asked(queries, "table")["rows"]}
    seen = asked(queries, "shock", scenario="brexit2016")
    assert seen["title"] == "British vote to leave the EU: at the close"
    assert seen["figures"]["total_usd"] == rows["brexit2016"]["total_usd"]
    assert asked(queries, "shock", scenario="CHF+3")["state"] == "shown"
    unknown = asked(queries, "shock", scenario="nosuch")
    assert (unknown["state"], unknown["note"]) == ("refused", "there is no scenario nosuch.")


@pytest.mark.parametrize(
    ("target", "percent", "field", "says"),
    [
        ("", "-5", "target", "Name a symbol or a currency, such as EURUSD or CHF."),
        ("EURUSD", "much", "percent", "'much' is no percentage: write a number such as -5."),
        ("EURUSX", "-5", "target", "did you mean EURUSD?"),
        ("class:fx", "-5", "target", "class:fx is no symbol and no currency"),
        ("*", "-5", "target", "* is no symbol and no currency"),
    ],
)
def test_a_shock_that_cannot_be_meant_is_one_sentence(queries, target, percent, field, says):
    seen = asked(queries, "shock", target=target, percent=percent)
    assert (seen["state"], seen["field"]) == ("refused", field)
    assert says in seen["note"]
    assert seen["note"].endswith(".")


def test_the_smallest_move_is_that_of_the_core(queries, book):
    seen = asked(queries, "reverse", target="EUR", capital="20k")
    both = [smallest_move(book, "EUR", sign, 20_000.0) for sign in (1.0, -1.0)]
    expected = sorted(abs(one.move_percent) for one in both)
    assert [abs(move["move_percent"]) for move in seen["moves"]] == expected
    assert all(move["loss_usd"] > 20_000.0 for move in seen["moves"])
    huge = asked(queries, "reverse", target="EUR", capital="900B")
    assert [move["move_percent"] for move in huge["moves"]] == [None, None]
    assert asked(queries, "reverse", target="EUR", capital="all")["field"] == "capital"


def test_the_ladder_is_that_of_the_core(queries, book):
    seen = asked(queries, "ladder", target="EURUSD")
    for row, rung in zip(seen["rows"], cascade_ladder(book, "EURUSD"), strict=True):
        assert row["move_percent"] == rung.move_percent
        assert row["stopped_out"] == len(rung.logins)
        assert row["closed_lots"] == rung.closed_long_lots + rung.closed_short_lots
        assert (row["house_net_lots"], row["house_net_usd"]) == (
            rung.house_net_lots, rung.house_net_usd,
        )  # fmt: skip
    assert seen["has_lots"]
    assert not asked(queries, "ladder", target="CHF")["has_lots"]


def test_an_answer_says_of_which_moment_it_is_and_what_it_took(queries):
    seen = asked(queries, "table", now=lambda: 4 * 10**18)
    assert seen["made"]["as_of"] == formats.clock(DAY.local(START))
    assert seen["made"]["copied_ms"] == 1.25
    assert seen["made"]["computed_ms"] > 0.0
    assert seen["made"]["age_ms"] > 10**9


def test_without_its_engine_the_screen_says_so(queries):
    queries.away = True
    assert asked(queries, "table")["note"] == AWAY
    assert asked_accounts(queries) == {"asked": 3, "state": "failed", "note": AWAY}


def test_an_engine_without_events_has_no_figures():
    silent = EngineQueries(SimpleNamespace(engine=ExposureEngine()))
    assert asked(silent, "table")["state"] == "failed"


def test_the_book_is_fetched_once_in_a_while_and_computed_with_in_a_thread(queries, monkeypatch):
    fetched, threads = [], []
    copy = queries.book_copy

    async def counted():
        fetched.append(1)
        return replace(await copy(), taken_at=clock[0])

    queries.book_copy = counted
    clock = [10**18]
    books = BookDesk(queries, DAY, lambda: clock[0])

    def work(_):
        threads.append(threading.current_thread())

    async def story():
        for _ in range(3):
            await books.computed(work)
        clock[0] += held_book.KEPT_NS
        await books.computed(work)

    asyncio.run(story())
    assert len(fetched) == 2
    assert threading.main_thread() not in threads


@settings(max_examples=60, deadline=None)
@given(what=JSON | NEARLY, kind=st.sampled_from(sorted(risk_view.QUESTIONS)))
def test_nothing_that_a_browser_sends_breaks_it(what, kind):
    away = SimpleNamespace(engine=None)
    queries = EngineQueries(away)
    queries.away = True
    books = BookDesk(queries, DAY, lambda: 0)
    for seen in (
        asyncio.run(risk_view.answer(what, books, kind)),
        asyncio.run(accounts_view.answer(what, books)),
    ):
        assert seen is None or seen["state"] in {"refused", "failed"}


def test_bands_hold_every_account_and_levels_are_the_engines(queries, snapshot):
    seen = asked_accounts(queries)
    assert sum(seen["bands"]) == snapshot.accounts.height
    assert seen["bands"] == seen["bands_now"]
    levels = dict(snapshot.accounts.select("login", "margin_level").iter_rows())
    equity = dict(snapshot.accounts.select("login", "equity").iter_rows())
    for row in seen["rows"]:
        assert row["level"] == pytest.approx(levels[row["login"]])
        assert row["equity"] == pytest.approx(equity[row["login"]])
        assert row["free"] == pytest.approx(row["equity"] - row["margin"])
    shown = [row["level"] for row in seen["rows"]]
    assert shown == sorted(shown)
    assert seen["count"] == len(shown) == snapshot.accounts["margin_level"].is_not_null().sum()
    assert seen["figures"]["house_usd"] == 0.0


def test_a_move_redraws_levels_counts_and_negative_balances(queries, book):
    seen = asked_accounts(queries, target="EURUSD", percent=-8.0)
    expected = stress(book, shock("EURUSD", -8.0))
    told = {row["login"]: row for row in expected.accounts.to_dicts()}
    assert seen["title"] == f"EURUSD {formats.MINUS}8 %"
    for row in seen["rows"]:
        assert row["level"] == told[row["login"]]["level_after"]
        assert row["level_now"] == told[row["login"]]["level_before"]
    figures = seen["figures"]
    assert figures["stopped_out"] == expected.accounts["stopped_out"].sum()
    assert figures["stopped_out"] == seen["bands"][Band.BELOW_STOP_OUT]
    assert figures["negative"] == (expected.accounts["deficit"] > 0.0).sum()
    assert figures["deficits_usd"] == pytest.approx(expected.accounts["deficit_usd"].sum())
    assert figures["house_usd"] == expected.house.total_usd
    assert seen["bands"] != seen["bands_now"]


def test_by_distance_the_closest_price_comes_first(queries, book):
    seen = asked_accounts(queries, sort="distance")
    away = [row["to_all"] for row in seen["rows"] if row["to_all"] is not None]
    assert away == sorted(away)
    far = distances(book, book.now)
    by_login = dict(zip(book.names["login"].to_list(), far.largest_percent / 100.0, strict=True))
    for row in seen["rows"]:
        if row["to_largest"] is not None:
            assert row["to_largest"] == by_login[row["login"]]


def test_the_search_finds_logins_and_clients_even_without_margin(queries, snapshot):
    one = asked_accounts(queries, search="10007")
    assert [row["login"] for row in one["rows"]] == ["10007"]
    both = asked_accounts(queries, search="c5003")
    assert {row["client_id"] for row in both["rows"]} == {"C5003"}
    assert asked_accounts(queries, search="nobody")["rows"] == []
    assert asked_accounts(queries, search="(")["rows"] == []
    every = asked_accounts(queries, search="1")
    assert every["count"] == snapshot.accounts.height


def test_no_more_accounts_are_sent_than_a_browser_likes(queries, monkeypatch):
    monkeypatch.setattr(accounts_view, "LISTED", 7)
    seen = asked_accounts(queries)
    assert len(seen["rows"]) == 7 < seen["count"]


@pytest.mark.parametrize(
    ("target", "says"),
    [("", "Name a symbol or a currency"), ("EURUSX", "did you mean EURUSD?")],
)
def test_a_move_of_nothing_is_refused(queries, target, says):
    seen = asked_accounts(queries, target=target, percent=1.0)
    assert seen["state"] == "refused"
    assert says in seen["note"]


@pytest.mark.parametrize("percent", [10.5, -11, float("nan"), "5", None])
def test_a_move_beyond_the_slider_is_nonsense(queries, percent):
    assert asked_accounts(queries, target="EURUSD", percent=percent) is None


def test_positions_without_a_price_are_said():
    broker = ScriptedBook(accounts=10, positions=30)
    quoted = broker.engine.book.prices.quoted
    held = broker.engine.book.positions.symbol[: len(broker.engine.book.position_ids)]
    quoted[int(held[0])] = False
    seen = asked_accounts(EngineQueries(broker))
    assert "no price or rate and count as worth nothing." in seen["notes"][0]
    shown = asked(EngineQueries(broker), "shock", target="USD", percent="1")
    assert any("without a price or rate are left out" in note for note in shown["notes"])


def test_times_are_those_of_the_server_clock():
    books = BookDesk(EngineQueries(None), DAY, lambda: 0)
    noon = int(datetime(2026, 1, 13, 12, tzinfo=UTC).timestamp() * 1e9)
    assert formats.clock(books.local(noon)) == "14:00:00"
