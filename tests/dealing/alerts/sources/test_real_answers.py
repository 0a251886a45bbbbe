"""What real engines, flow books and hedging desks say is understood, and means the same there."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from dealing.alerts.sources.flow import flow_look
from dealing.alerts.sources.frame import FrameSettings, FrameSource
from dealing.alerts.sources.hedging import hedging_look
from dealing.alerts.sources.polling import ask_flow
from dealing.alerts.sources.rates import equity_by_client, usd_rates
from dealing.flow.ports import ClientsAsked
from dealing.hedging.ports import ListHedging
from exposure.model.events import LimitSet
from tests.dealing.hedging.given import HedgeHouse
from tests.desk.flow_market import PICKER, FlowMarket
from tests.desk.scripted_book import ScriptedBook

NOW_US = 1_768_305_600_000_000
SETTINGS = FrameSettings(kept_events=5_000, var_limit_usd=1e6)


@pytest.fixture(scope="module")
def book():
    return ScriptedBook(accounts=200, positions=600)


def by_rule(look, rule):
    return {one.subject: one for one in look.readings if one.rule == rule}


def test_limits_are_told_as_the_engine_judges_them(book):
    usd = dict(book.engine.snapshot().exposure.select("symbol", "house_net_usd").iter_rows())
    for symbol, share in (("EURUSD", 0.9), ("XAUUSD", 1.1), ("GBPUSD", 1.7)):
        worth = abs(usd[symbol])
        book.apply(LimitSet(book.now, "symbol", symbol, worth / share, 1.5 * worth / share))
    frame = book.frame()

    look = FrameSource(SETTINGS, {}).look(frame, NOW_US)

    severities = {name: severity for scope, name, severity in
                  frame.snapshot.limits.select("scope", "name", "severity").iter_rows()
                  if scope == "symbol"}  # fmt: skip
    for word, judged in (("soft", {"soft", "hard"}), ("hard", {"hard"})):
        told = by_rule(look, f"limit_{word}")
        beyond = {name for name, one in told.items() if one.value >= 1.0 and one.symbol}
        expected = {name for name, severity in severities.items() if severity in judged}
        assert beyond == expected if word == "hard" else expected <= beyond
    assert {"XAUUSD", "GBPUSD"} <= by_rule(look, "limit_soft").keys()
    assert by_rule(look, "limit_hard")["GBPUSD"].value == pytest.approx(1.7 / 1.5)


def test_uncovered_lots_are_worth_what_the_engine_says_of_the_symbol(book):
    frame = book.frame()
    told = by_rule(FrameSource(SETTINGS, {}).look(frame, NOW_US), "uncovered_exposure")
    rows = frame.snapshot.exposure.to_dicts()
    for row in rows:
        lots = row["uncovered_lots"]
        if row["house_net_lots"] and row["house_net_usd"]:
            worth = abs(lots * row["house_net_usd"] / row["house_net_lots"])
            assert (row["symbol"] in told) == (worth >= 10_000.0)
            if row["symbol"] in told:
                assert told[row["symbol"]].value == pytest.approx(worth)
    assert len(told) > 3


def test_a_shock_makes_crossings_with_money_behind_them():
    book = ScriptedBook(accounts=200, positions=600)
    source = FrameSource(SETTINGS, {})
    source.look(book.frame(), NOW_US)
    book.shock("EURUSD", 0.2)

    frame = book.frame()
    look = source.look(frame, NOW_US)

    found = [one for one in look.readings if one.rule in {"margin_call", "stop_out"}]
    assert len(found) > 10
    assert np.median([one.at_stake_usd for one in found]) > 1.0
    assert len({one.key for one in found}) == len(found)
    assert not [one for one in source.look(book.frame(), NOW_US).readings if one.key]


def test_rates_and_equities_are_those_of_the_engine(book):
    snapshot = book.engine.snapshot()
    rates = usd_rates(snapshot)
    for currency in ("EUR", "GBP", "JPY", "SEK"):
        assert rates[currency] == pytest.approx(book.engine.trades.rate_usd(currency), rel=1e-9)
    equity = equity_by_client(snapshot)
    client = "C5000"
    mine = [row for row in snapshot.accounts.to_dicts() if row["client_id"] == client]
    assert equity[client] == pytest.approx(
        sum(max(0.0, row["equity"]) * rates[row["currency"]] for row in mine)
    )


def test_a_real_flow_book_is_understood():
    market = FlowMarket()

    look = asyncio.run(ask_flow(market.queries, lambda: NOW_US))

    told = by_rule(look, "toxic_client")[PICKER]
    assert told.value > 80.0
    assert told.at_stake_usd > 0.0
    assert "toxic_client" in look.measured
    everybody = asyncio.run(market.queries.clients(ClientsAsked()))
    assert by_rule(flow_look([everybody], [], NOW_US), "toxic_client").keys() == {PICKER}


def test_a_real_hedging_desk_is_understood(tmp_path):
    async def story():
        house = await HedgeHouse(tmp_path).ready()
        quiet = hedging_look(await house.desk.asked(ListHedging()), NOW_US)
        house.trade(+20.0)
        for _ in range(5):
            await house.look()
            house.fill(0.0)
            house.pass_time(40.0)
        await house.look()
        return quiet, hedging_look(await house.desk.asked(ListHedging()), NOW_US)

    quiet, paused = asyncio.run(story())

    assert quiet.readings == ()
    rejects, pause = paused.readings
    assert (rejects.rule, rejects.subject, rejects.value) == ("provider_rejects", "LP1", 5.0)
    assert rejects.at_stake_usd > 1e6
    assert (pause.rule, pause.subject) == ("component_down", "hedging of EURUSD")
