"""Half an hour of the simulated broker, seen from outside: exact to the cent, and believable."""

from collections import Counter, defaultdict
from decimal import Decimal

import msgspec
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    BreakFound,
    DealExecuted,
    HedgeExecuted,
    InstrumentDefined,
    PositionRestored,
    QuoteReceived,
)
from feeds.simulator.kinds import ClientKind
from tests.feeds.simulator.conftest import of_type

pytestmark = pytest.mark.slow


def test_the_truth_names_every_login_and_no_event_tells_it(half_hour):
    truth = half_hour.platform.truth()
    logins = {event.account.login for event in of_type(half_hour.opening, AccountChanged)}
    assert set(truth["login"]) == logins
    assert set(truth["kind"]) == {kind.value for kind in ClientKind}
    sent = msgspec.json.encode([half_hour.opening, half_hour.events]).decode()
    for word in ("martingale", "scalper", "latency", "informed", "evader", "abuse", "hunter"):
        assert word not in sent


def test_rings_trade_together_and_only_the_truth_says_so(half_hour):
    truth = half_hour.platform.truth()
    rings = truth.filter(pl.col("ring") > 0)
    assert set(rings["follows"].drop_nulls()) <= set(rings["login"])
    leaders = dict(rings.select("login", "follows").drop_nulls().iter_rows())
    kind_of = dict(truth.select("login", "kind").iter_rows())
    opened = defaultdict(list)
    for deal in of_type(half_hour.events, DealExecuted):
        if deal.entry == "in":
            opened[deal.login].append((deal.symbol, deal.side, deal.ts_event))
    answered = Counter()
    for follower, leader in leaders.items():
        hedges = kind_of[follower] == "hedged_pair"
        for symbol, side, ts in opened[leader]:
            found = any(
                theirs == symbol and (other != side) == hedges and 0 < at - ts < 30 * 10**9
                for theirs, other, at in opened[follower]
            )
            answered[hedges, found] += 1
    assert answered[False, True] > 10
    assert answered[True, True] > 2 * answered[True, False]


def test_an_engine_that_follows_finds_nothing_wrong(half_hour):
    assert of_type(half_hour.found, BreakFound) == []
    counters = half_hour.engine.counters
    assert counters["quarantined"] == counters["duplicates"] == counters["out_of_order"] == 0
    assert counters["deals"] > 2_000


def test_the_platforms_accounts_are_those_of_an_engine_that_follows(half_hour):
    own = half_hour.platform._server.engine.snapshot()
    other = half_hour.engine.snapshot()
    assert_frame_equal(own.accounts, other.accounts, check_exact=True)
    assert own.position == other.position
    assert own.house == other.house


def test_balances_are_the_sum_of_their_cash_flows_to_the_cent(half_hour):
    money = {
        event.account.login: Decimal(str(event.account.balance))
        for event in of_type(half_hour.opening, AccountChanged)
    }
    for deal in of_type(half_hour.events, DealExecuted):
        parts = (deal.profit or 0.0, deal.commission, deal.swap)
        money[deal.login] += sum(Decimal(str(part)) for part in parts)
    for operation in of_type(half_hour.events, BalanceChanged):
        if operation.kind not in {"credit", "bonus"}:
            money[operation.login] += Decimal(str(operation.amount))
    accounts = half_hour.engine.snapshot().accounts
    for login, balance in accounts.select("login", "balance").iter_rows():
        assert balance == pytest.approx(float(money[login]), abs=1e-6)
        assert money[login] == round(money[login], 2)


def test_deals_are_executed_at_the_quote_of_their_moment(half_hour):
    bid, ask = {}, {}
    for event in [*half_hour.opening, *half_hour.events]:
        if isinstance(event, QuoteReceived):
            bid[event.symbol], ask[event.symbol] = event.bid, event.ask
        elif isinstance(event, DealExecuted):
            side = ask if event.side == "buy" else bid
            assert event.price == side[event.symbol]


def test_those_who_see_nothing_pay_the_markup_on_average(half_hour):
    instruments = of_type(half_hour.opening, InstrumentDefined)
    terms = {event.instrument.symbol: event.instrument for event in instruments}
    blind = half_hour.platform.truth().filter(pl.col("kind").is_in(["noise", "scalper"]))
    logins = set(blind["login"])
    paid = defaultdict(list)
    for deal in of_type(half_hour.events, DealExecuted):
        if deal.entry == "in" and deal.login in logins:
            sign = 1 if deal.side == "buy" else -1
            paid[deal.symbol].append(
                sign * (deal.price - deal.raw_price) / terms[deal.symbol].point
            )
    for symbol in ("EURUSD", "GBPUSD", "XAUUSD", "XAUUSD.pro"):
        error = np.std(paid[symbol]) / np.sqrt(len(paid[symbol]))
        expected = terms[symbol].markup_points / 2
        assert np.mean(paid[symbol]) == pytest.approx(expected, abs=3 * error)


def test_only_accounts_on_commission_pay_it_and_only_when_they_close(half_hour):
    groups = {
        event.account.login: event.account.group
        for event in of_type(half_hour.opening, AccountChanged)
    }
    charged = [deal for deal in of_type(half_hour.events, DealExecuted) if deal.commission]
    assert charged != []
    assert {groups[deal.login] for deal in charged} == {"global-raw", "eu-pro"}
    assert {deal.entry for deal in charged} == {"out"}
    assert all(deal.commission == round(-6.0 * deal.lots, 2) for deal in charged)


def test_ids_are_never_used_twice(half_hour):
    for kind in (DealExecuted, HedgeExecuted):
        ids = [event.deal_id for event in of_type(half_hour.events, kind)]
        assert len(set(ids)) == len(ids) > 300
    opened = [deal for deal in of_type(half_hour.events, DealExecuted) if deal.entry == "in"]
    restored = of_type(half_hour.opening, PositionRestored)
    ids = [event.position_id for event in [*restored, *opened]]
    assert len(set(ids)) == len(ids)


def test_what_is_meant_to_be_hedged_stays_hedged(half_hour):
    # What the last step brought may still be on its way to the provider.
    uncovered = half_hour.engine.snapshot().exposure["uncovered_lots"].abs()
    assert uncovered.max() < 2.0
    assert (uncovered <= 0.03).sum() >= len(uncovered) - 2
    assert len(of_type(half_hour.events, HedgeExecuted)) > 300


def test_stop_outs_close_losses(half_hour):
    closed = [deal for deal in of_type(half_hour.events, DealExecuted) if deal.reason == "stop_out"]
    assert len(closed) > 20
    assert np.mean([deal.profit < 0.0 for deal in closed]) > 0.6


def test_debts_are_compensated_and_leave_nobody_below_zero(half_hour):
    compensated = [
        operation
        for operation in of_type(half_hour.events, BalanceChanged)
        if operation.kind == "stop_out_compensation"
    ]
    assert compensated != []
    assert all(operation.amount > 0.0 for operation in compensated)
    accounts = half_hour.engine.snapshot().accounts
    assert (accounts.filter(accounts["margin"] == 0.0)["balance"] > -0.005).all()
