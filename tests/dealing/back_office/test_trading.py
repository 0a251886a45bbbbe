"""What a client's accounts trade, beside his money: positions, crossings, deals and revenue."""

import asyncio
from datetime import date

import msgspec
import pytest

from crm_sync.clients.roles import Reader, Role
from dealing.back_office.trading import EngineTrading
from dealing.ports import LargeDeal
from dealing.revenue.facts import Booking, Fact
from dealing.server_day import DayHour
from dealing.storage.revenue_store import SqlRevenueStore
from exposure.errors import DisconnectedError
from exposure.model.events import MarginLevelCrossed
from tests.dealing.back_office.offices import SmallOffice
from tests.desk.scripted_book import EngineQueries, ScriptedBook

NS = 1_000_000_000


@pytest.fixture(scope="module")
def broker():
    return ScriptedBook(accounts=4, positions=40)


def crossing(login, second, kind="stop_out", level=49.5):
    return MarginLevelCrossed(second * NS, 7, login, kind, level)


def deal(login, second):
    return LargeDeal(
        position=second, ts_event=second * NS, server="s", deal_id=f"d{second}", login=login,
        client_id="C1", book="B", symbol="EURUSD", side="buy", entry="in", lots=12.5,
        price=1.08421, notional_usd=1.3e6,
    )  # fmt: skip


def trading(broker, frame, logins):
    return asyncio.run(EngineTrading(EngineQueries(broker), lambda: frame).of(logins))


def test_the_accounts_of_a_client_are_told_the_largest_and_newest_first(broker):
    frame = broker.frame()
    crossings = [crossing("10000", 1), crossing("10001", 2, "margin_call", None),
                 crossing("10003", 3)]  # fmt: skip
    frame = msgspec.structs.replace(
        frame,
        snapshot=msgspec.structs.replace(frame.snapshot, crossings=crossings),
        large_deals=[deal("10000", 4), deal("10003", 5), deal("10001", 6)],
    )
    told = trading(broker, frame, ["10000", "10001", "nobody"])
    held = {one["login"] for one in told["positions"]}
    assert held <= {"10000", "10001"}
    assert len(told["positions"]) == 12
    profits = [abs(float(one["profit"].replace(",", ""))) for one in told["positions"]
               if one["currency"] == "USD" and one["profit"] != "no price"]  # fmt: skip
    assert profits == sorted(profits, reverse=True)
    assert [(one["login"], one["what"], one["level"]) for one in told["crossings"]] == [
        ("10001", "margin_call", "no margin"), ("10000", "stop_out", "49.5 %"),
    ]  # fmt: skip
    assert told["crossings"][1]["at"] == "1970-01-01 00:00:01"
    assert [one["login"] for one in told["deals"]] == ["10001", "10000"]
    assert (told["deals"][0]["lots"], told["deals"][0]["price"]) == ("12.50", "1.08421")


def test_before_the_first_frame_and_without_the_engine_nobody_says_anything(broker):
    with pytest.raises(DisconnectedError, match="No figures"):
        trading(broker, None, ["10000"])
    queries = EngineQueries(broker)
    queries.away = True
    with pytest.raises(DisconnectedError):
        asyncio.run(EngineTrading(queries, broker.frame).of(["10000"]))


def fact(position, client_id, component, micro_usd, day):
    return Fact(
        position=position, component=component, login="10000", symbol="EURUSD", book="B", day=day,
        hour=3, ts_event=position, amount_micro_usd=micro_usd, client_id=client_id,
        underlying="EURUSD", asset_class="fx", ib="", desk="", region="", deal_id="",
    )  # fmt: skip


@pytest.fixture
def office(sqlite_database):
    office = SmallOffice(sqlite_database)
    monday, tuesday = date(2026, 1, 12), date(2026, 1, 13)
    facts = [
        fact(1, "C1", "MARKUP", 12_500_000, monday), fact(2, "C1", "MARKUP", 2_500_000, tuesday),
        fact(3, "C1", "BBOOK_PNL", -20_250_000, tuesday), fact(4, "C2", "MARKUP", 7, tuesday),
    ]  # fmt: skip
    SqlRevenueStore(sqlite_database, lambda: 1).add(Booking(DayHour(tuesday, 4), facts=facts))
    return office


def look(office, client_id, role):
    reader = Reader(actor="Anna", role=role, reason="a question")
    return office.do(office.desk.clients.client(client_id, reader))


def test_dealers_see_what_the_house_earned_with_a_client_and_payments_do_not(office):
    assert look(office, "C1", Role.DEALER)["sections"]["revenue"] == [
        {"what": "all", "usd": "-5.25"},
        {"what": "BBOOK_PNL", "usd": "-20.25"},
        {"what": "MARKUP", "usd": "15.00"},
    ]
    assert look(office, "C3", Role.RISK)["sections"]["revenue"] == []
    assert "revenue" not in look(office, "C1", Role.PAYMENTS)["sections"]


def test_while_the_engine_is_away_the_money_is_still_shown_and_it_is_said(office):
    assert [one["login"] for one in look(office, "C1", Role.RISK)["sections"]["positions"]] == [
        "10000", "10001",
    ]  # fmt: skip
    office.live.away = True
    seen = look(office, "C1", Role.RISK)
    assert (seen["engine"], "positions" in seen["sections"]) == (
        "the engine is away: try again when it is back", False,
    )  # fmt: skip
    assert seen["sections"]["balances"]
