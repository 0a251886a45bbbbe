"""The drawer: what it asks, what it shows, and what it does not believe."""

import asyncio

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as replaced

from dealing.desk.panels import drilldown
from dealing.desk.panels.drilldown import Selection, answer, biggest_clients, parse_selection
from exposure.engine import ExposureEngine
from exposure.model.events import AccountChanged, DealExecuted, InstrumentDefined
from tests.desk.scripted_book import START, EngineQueries, FakeSource, ScriptedBook

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries(
    {"kind": st.sampled_from(["symbol", "client", "login", "x"])},
    optional={"name": JSON, "symbols": JSON, "client": JSON, "login": JSON},
)


@pytest.fixture
def desk(broker, frame):
    source = FakeSource()
    source.publish(frame)
    return source, EngineQueries(broker)


def ask(desk, selection):
    return asyncio.run(answer(selection, *desk))


def test_a_symbol_shows_its_positions_and_biggest_clients(desk, broker):
    seen = ask(desk, Selection("EURUSD", symbols=("EURUSD",)))
    expected = broker.engine.positions_of_symbol("EURUSD", 10_000)
    assert len(seen.positions) == expected.height
    assert {row["symbol"] for row in seen.positions} == {"EURUSD"}
    assert seen.positions[0]["digits"] == 5
    assert sum(row["gross_lots"] for row in seen.clients) == pytest.approx(expected["lots"].sum())
    assert "lots gross" in seen.summary


def test_biggest_clients_come_first_and_their_shares_add_up(broker):
    clients = biggest_clients(broker.engine.positions_of_symbol("EURUSD", 10_000))
    sizes = [client["gross_lots"] for client in clients]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(client["share"] for client in clients) == pytest.approx(1.0)


def test_an_account_shows_its_money_and_its_positions(desk, broker):
    login = broker.engine.positions_of_symbol("EURUSD", 1)["login"][0]
    seen = ask(desk, Selection(f"Account {login}", login=login))
    assert seen.summary.startswith("level ")
    assert "equity" in seen.summary
    assert seen.terms.startswith("leverage 1:")
    assert seen.providers == []
    assert {row["login"] for row in seen.positions} == {login}
    assert len({row["id"] for row in seen.positions}) == len(seen.positions)


def test_a_symbol_shows_what_each_provider_holds_of_it(desk, snapshot):
    seen = ask(desk, Selection("EURUSD", symbols=("EURUSD",)))
    held = {row["lp"]: row for row in seen.providers}
    assert [row["lp"] for row in seen.providers] == ["LP1", "LP2"]
    (of_symbol,) = snapshot.exposure.filter(pl.col("symbol") == "EURUSD").to_dicts()
    signed = {"buy": 1.0, "sell": -1.0}
    lots = sum(signed[row["side"]] * row["lots"] for row in seen.providers)
    assert lots == pytest.approx(of_symbol["lp_net_lots"])
    floating = sum(row["floating_usd"] for row in seen.providers)
    assert floating == pytest.approx(of_symbol["lp_floating_usd"])
    assert held["LP1"]["share"] == pytest.approx(0.75, abs=0.05)
    assert held["LP1"]["price"] in {of_symbol["bid"], of_symbol["ask"]}


def test_a_position_of_a_silent_symbol_is_stale_with_its_age(broker, frame):
    quiet = pl.col("symbol") == "EURUSD"
    exposure = frame.snapshot.exposure.with_columns(
        pl.when(quiet).then(statement=True).otherwise(pl.col("stale")).alias("stale"),
        pl.when(quiet).then(95_000.0).otherwise(pl.col("age_ms")).alias("age_ms"),
    )
    source = FakeSource()
    source.publish(replaced(frame, snapshot=replaced(frame.snapshot, exposure=exposure)))
    seen = ask((source, EngineQueries(broker)), Selection("EURUSD", symbols=("EURUSD",)))
    for row in (*seen.positions, *seen.providers):
        assert (row["stale"], row["age_ms"]) == (True, 95_000.0)


def test_positions_without_a_price_are_counted_as_unpriced():
    blind = ScriptedBook(accounts=4, positions=0)
    blind.engine = ExposureEngine()
    blind.apply(
        InstrumentDefined(START, next(i for i in blind.instruments if i.symbol == "EURUSD")),
        AccountChanged(START, blind.account_of(1)),
        DealExecuted(START, "1", "10001", "1", "EURUSD", "buy", "in", 1.0, 1.1),
    )
    source = FakeSource()
    source.publish(blind.frame(sent_at=START))
    seen = ask((source, EngineQueries(blind)), Selection("EURUSD", symbols=("EURUSD",)))
    assert seen.summary.endswith("· 1 unpriced")
    assert seen.positions[0]["profit"] is None


def test_a_client_shows_the_positions_of_all_its_accounts(desk, broker, snapshot):
    (logins,) = (
        snapshot.accounts.filter(pl.col("client_id") == "C5000").select("login").iter_columns()
    )
    seen = ask(desk, Selection("Client C5000", client="C5000"))
    expected = [broker.engine.positions_of_account(login).height for login in logins]
    assert len(logins) == 2
    assert all(expected)
    assert len(seen.positions) == sum(expected)
    assert [client["client_id"] for client in seen.clients] == ["C5000"]
    assert (seen.providers, seen.terms) == ([], "")


def test_an_unknown_client_is_answered_with_a_sentence(desk):
    seen = ask(desk, Selection("Client X", client="X"))
    assert seen.note == "client X has no account here."


def test_a_client_before_the_first_figures_waits_for_the_engine(broker):
    seen = ask((FakeSource(), EngineQueries(broker)), Selection("Client X", client="X"))
    assert "not answering" in seen.note


def test_an_unknown_login_is_answered_with_a_sentence(desk):
    seen = ask(desk, Selection("Account 1", login="no such login"))
    assert "no such login" in seen.note
    assert list(seen.positions) == []


def test_a_silent_engine_is_said_and_shows_no_old_list(desk):
    desk[1].away = True
    seen = ask(desk, Selection("EURUSD", symbols=("EURUSD",)))
    desk[1].away = False
    assert "not answering" in seen.note
    assert list(seen.positions) == []


def test_a_symbol_nobody_holds_says_so():
    quiet = ScriptedBook(accounts=2, positions=0)
    source = FakeSource()
    seen = ask((source, EngineQueries(quiet)), Selection("EURUSD", symbols=("EURUSD",)))
    assert (seen.summary, seen.positions, seen.clients) == ("No open position", [], [])
    assert seen.providers == []


def test_a_cut_list_says_that_it_is_cut(desk, monkeypatch):
    monkeypatch.setattr(drilldown, "LISTED", 3)
    seen = ask(desk, Selection("EURUSD", symbols=("EURUSD",)))
    assert len(seen.positions) == 3
    assert seen.note == "The 3 largest positions of each symbol are listed."


@pytest.mark.parametrize(
    ("data", "selection"),
    [
        ({"kind": "login", "login": "10001"}, Selection("Account 10001", login="10001")),
        (
            {"kind": "symbol", "name": "GER40", "symbols": ["GER40", "DE40"]},
            Selection("GER40", symbols=("GER40", "DE40")),
        ),
        ({"kind": "symbol", "name": "X", "symbols": ["A"] * 21}, None),
        ({"kind": "symbol", "name": "X", "symbols": []}, None),
        ({"kind": "client", "client": "C1"}, Selection("Client C1", client="C1")),
        ({"kind": "client", "client": ""}, None),
        ({"kind": "login", "login": 10_001}, None),
        ({"kind": "login", "login": "1" * 65}, None),
        ([], None),
        (None, None),
    ],
)
def test_a_selection_is_parsed_and_never_trusted(data, selection):
    assert parse_selection(data) == selection


@given(JSON | NEARLY)
def test_no_selection_of_a_browser_breaks_the_drawer(data):
    parsed = parse_selection(data)
    assert parsed is None or parsed.symbols or parsed.client or parsed.login
