"""The simulated broker is a deterministic, exact and believable outside world."""

import json
from collections import Counter, defaultdict

import msgspec
import numpy as np
import pytest
from polars.testing import assert_frame_equal

from exposure.engine import ExposureEngine
from exposure.errors import InvariantError, StorageError
from exposure.model.events import (
    AccountChanged,
    BreakFound,
    ClockTicked,
    DealExecuted,
    DividendPaid,
    EventBatch,
    InstrumentDefined,
    LeverageCapDefined,
    LeverageTierDefined,
    LpPositionRestored,
    PositionRestored,
    PriceAdjusted,
    QuoteReceived,
    SplitApplied,
    SwapCharged,
    SymbolRenamed,
)
from feeds.command_log import CommandLog
from feeds.durable_platform import DurablePlatform
from feeds.event_log import EventLog
from feeds.ports import ActionKind, MarketAction
from feeds.sealed_files import SealedFiles
from feeds.simulator.market import SimulatedMarket
from feeds.simulator.platform import PlatformSettings, SimulatedPlatform
from tests.feeds.simulator.conftest import of_type, run_of
from tests.feeds.simulator.small_market import SECOND, START, SmallMarket
from tests.thorough import LONG

SMALL = PlatformSettings(clients=150, seed=3)


def small(settings=SMALL, **ways):
    return SimulatedPlatform(SmallMarket(daily_volatility=0.05, **ways), settings)


def steps(platform, count, step_s=1.0):
    return [platform.advance(round(step_s * SECOND)) for _ in range(count)]


# The opening ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened():
    """The opening of the default broker on the simulated market, and an engine that took it."""
    platform = SimulatedPlatform(SimulatedMarket(1), PlatformSettings())
    events = platform.opening_events()
    engine = ExposureEngine()
    found = engine.apply(EventBatch(len(events), 0, events))
    assert found == []
    return platform, events, engine


def test_the_opening_says_everything_in_order(opened):
    _, events, _ = opened
    kinds = list(dict.fromkeys(type(event) for event in events))
    assert kinds == [
        InstrumentDefined, LeverageCapDefined, LeverageTierDefined, AccountChanged, QuoteReceived,
        PositionRestored, LpPositionRestored,
    ]  # fmt: skip
    counts = Counter(type(event) for event in events)
    assert counts[QuoteReceived] == counts[InstrumentDefined] == 62
    assert 2_100 < counts[AccountChanged] < 2_250
    times = [event.ts_event for event in events]
    assert times == sorted(times)


def test_those_who_hold_positions_hold_about_four(opened):
    _, events, _ = opened
    held = Counter(event.login for event in of_type(events, PositionRestored))
    assert np.mean(list(held.values())) == pytest.approx(4.6, abs=0.5)
    assert len(held) > 1_000


def test_popular_symbols_hold_most_of_the_book(opened):
    _, events, _ = opened
    held = Counter(event.symbol for event in of_type(events, PositionRestored))
    assert held.most_common(1)[0][0] == "EURUSD"
    assert held["EURUSD"] > 10 * held["LTCUSD"]
    assert len(held) > 50


def test_some_accounts_hold_both_sides_of_a_symbol(opened):
    _, events, _ = opened
    sides = defaultdict(set)
    for event in of_type(events, PositionRestored):
        sides[event.login, event.symbol].add(event.side)
    both = sum(len(held) == 2 for held in sides.values())
    assert both / len(sides) > 0.04


def test_margin_levels_are_those_of_a_retail_book(opened):
    _, _, engine = opened
    levels = engine.snapshot().accounts["margin_level"].drop_nulls()
    assert 600.0 < levels.median() < 1_000.0
    assert levels.min() > 80.0
    assert 0.03 < (levels < 200.0).mean() < 0.12
    assert (levels < 130.0).sum() >= 5


def test_nobody_starts_beyond_a_threshold(opened):
    platform, _, engine = opened
    assert engine.account("500001").balance > 0.0
    assert (engine.snapshot().accounts["balance"] > 0.0).all()
    first = platform.advance(SECOND)
    found = engine.apply(EventBatch(engine.position + len(first), 0, first))
    assert len(found) <= 3


def test_retail_clients_have_the_leverage_of_their_regulator(opened):
    _, events, engine = opened
    accounts = {event.account.login: event.account for event in of_type(events, AccountChanged)}
    caps = {
        (cap.region, cap.category, cap.symbol): cap.leverage
        for cap in of_type(events, LeverageCapDefined)
    }
    assert {key[:2] for key in caps} == {
        (region, category) for region in ("EU", "UK", "AU") for category in ("retail", "vip")
    }
    book, checked = engine.book, Counter()
    for event in of_type(events, PositionRestored):
        account = accounts[event.login]
        cap = caps.get((account.region, account.category, event.symbol))
        if cap is None or (account.currency, event.symbol[-3:]) != ("USD", "USD"):
            continue
        slot = book.slot_of[book.account_of[event.login], event.position_id]
        terms = book.instruments[int(book.positions.symbol[slot])]
        leverage = min(cap, account.leverage, terms.max_leverage)
        notional = terms.contract_size * event.open_price
        assert book.positions.margin_per_lot[slot] == pytest.approx(notional / leverage)
        checked[leverage] += 1
    assert min(checked[30.0], checked[20.0], checked[10.0], checked[2.0]) > 0


def test_british_retail_clients_hold_no_crypto_and_professionals_may(opened):
    _, events, _ = opened
    accounts = {event.account.login: event.account for event in of_type(events, AccountChanged)}
    crypto = {"BTCUSD", "ETHUSD", "SOLUSD", "XRPUSD", "LTCUSD"}
    holders = {
        accounts[event.login].group
        for event in of_type(events, PositionRestored)
        if event.symbol in crypto
    }
    assert "uk-retail" not in holders
    assert {"eu-retail", "eu-pro", "global-raw"} <= holders


def test_brackets_of_a_profile_are_reached_by_some_accounts(opened):
    _, events, engine = opened
    book = engine.book
    names = {tier.profile for tier in of_type(events, LeverageTierDefined)}
    assert names == {"raw"}
    most = 0.0
    for slot in range(len(book.position_ids)):
        account, symbol = int(book.positions.account[slot]), int(book.positions.symbol[slot])
        if book.is_tiered(account, symbol):
            assert book.terms[account].leverage_profile == "raw"
            most = max(most, float(book.positions.lots[slot]))
    assert most > 2.0


def test_floating_profit_is_spread_around_zero(opened):
    _, _, engine = opened
    floating = engine.snapshot().accounts["floating"].to_numpy()
    floating = floating[floating != 0.0]
    assert 0.35 < (floating > 0.0).mean() < 0.6
    assert abs(np.median(floating)) < 0.5 * floating.std()


def test_what_is_meant_to_be_hedged_is_hedged(opened):
    _, _, engine = opened
    uncovered = engine.snapshot().exposure["uncovered_lots"]
    assert uncovered.abs().max() <= 0.5


def test_positions_are_open_in_symbols_whose_exchange_is_still_closed(opened):
    platform, events, _ = opened
    assert "NVDA" in {event.symbol for event in of_type(events, PositionRestored)}
    assert platform.now > START


@pytest.mark.slow
def test_a_broker_of_the_seed_size_opens_and_trades():
    clients = 45_000 if LONG else 10_000
    settings = PlatformSettings(clients=clients)
    run = run_of(SimulatedPlatform(SimulatedMarket(1), settings), 2, step_s=0.1)
    assert len(of_type(run.opening, AccountChanged)) > clients
    assert len(of_type(run.opening, PositionRestored)) > 2 * clients
    assert of_type(run.events, DealExecuted) != []
    assert of_type(run.found, BreakFound) == []


# Truth and determinism --------------------------------------------------------------------------


def test_the_same_seed_and_steps_give_the_same_events():
    first, second = small(), small()
    assert first.opening_events() == second.opening_events()
    assert steps(first, 60) == steps(second, 60)
    assert first.save() == second.save()


def test_another_seed_gives_another_day():
    other = small(msgspec.structs.replace(SMALL, seed=4))
    assert small().opening_events() != other.opening_events()


@pytest.mark.parametrize("step_s", [0.1, 1.0, 7.0])
def test_a_loaded_platform_goes_on_as_if_it_had_never_stopped(step_s):
    first = small(jump_every_s=10)
    first.opening_events()
    steps(first, 20, step_s)
    second = small(seed=77, jump_every_s=10)
    second.load(first.save())
    assert second.now == first.now
    assert steps(second, 30, step_s) == steps(first, 30, step_s)
    assert second.save() == first.save()


@pytest.mark.parametrize(("actions", "lived_s"), [(False, 20), (True, 120)])
def test_a_platform_that_crashed_repeats_its_log_byte_for_byte(tmp_path, actions, lived_s):
    def live(seconds):
        platform = SimulatedPlatform(eventful(), SMALL) if actions else small(jump_every_s=10)
        with EventLog(tmp_path / "log") as log:
            checkpoints = SealedFiles(tmp_path / "checkpoints", ".checkpoint", keep=2)
            commands = CommandLog(tmp_path / "commands" / "taken.frames")
            durable = DurablePlatform(platform, log, checkpoints, commands)
            durable.resume()
            for second in range(seconds):
                if second == seconds // 2:
                    durable.checkpoint(durable.position, durable.platform.save())
                durable.step(SECOND)
            return durable.position, durable.platform.now

    position, now = live(lived_s)
    assert live(0) == (position, now)
    assert live(10)[1] == now + 10 * SECOND


def test_loading_into_a_platform_with_other_settings_is_refused():
    platform = small()
    platform.opening_events()
    other = small(msgspec.structs.replace(SMALL, clients=151))
    with pytest.raises(StorageError, match="other settings"):
        other.load(platform.save())


def test_time_passes_only_after_the_opening_which_comes_once():
    platform = small()
    with pytest.raises(InvariantError, match="not open"):
        platform.advance(SECOND)
    platform.opening_events()
    with pytest.raises(InvariantError, match="open already"):
        platform.opening_events()


def test_every_step_ends_with_its_time_and_is_ordered():
    platform = small()
    opening = platform.opening_events()
    last = opening[-1].ts_event
    for _ in range(100):
        events = platform.advance(SECOND // 3)
        times = [last, *(event.ts_event for event in events)]
        assert times == sorted(times)
        last = times[-1]
        assert events[-1] == ClockTicked(platform.now)


def test_a_recording_comes_to_its_end():
    platform = small(length_s=30)
    platform.opening_events()
    assert not platform.exhausted
    steps(platform, 40)
    assert platform.exhausted
    assert of_type(platform.advance(SECOND), QuoteReceived) == []


# Believability ----------------------------------------------------------------------------------


def test_no_account_is_left_at_its_stop_out_after_a_step():
    platform = small(jump_every_s=5)
    platform.opening_events()
    for _ in range(120):
        platform.advance(SECOND)
        platform._server.engine.refresh()
        book = platform._server.engine.book
        n = len(book.terms)
        accounts = book.accounts
        equity = accounts.balance[:n] + accounts.credit[:n] + accounts.floating[:n]
        margin = accounts.margin[:n]
        level = np.full(n, np.inf)
        np.divide(100.0 * equity, margin, out=level, where=margin > 1e-6)
        assert (level > accounts.stop_out_level[:n]).all()


def test_nobody_deals_while_a_market_is_closed():
    platform = small(closed={"EURUSD": (60, 150)})
    platform.opening_events()
    events = [event for step in steps(platform, 240) for event in step]
    deals = [deal for deal in of_type(events, DealExecuted) if deal.symbol == "EURUSD"]
    closed_from, closed_until = START + 65.3 * SECOND, START + 150 * SECOND
    assert [deal for deal in deals if closed_from < deal.ts_event < closed_until] == []
    assert [deal for deal in deals if deal.ts_event >= closed_until] != []


def rollover_run(**ways):
    """A minute around the rollover of a Tuesday, 17:00 in New York."""
    rollover = START + 9 * 3_600 * SECOND
    market = SmallMarket(start=rollover - 30 * SECOND, **ways)
    return run_of(SimulatedPlatform(market, SMALL), 60), rollover


def test_swap_is_charged_once_per_symbol_to_clients_and_once_by_the_provider():
    run, rollover = rollover_run()
    swaps = of_type(run.events, SwapCharged)
    assert {swap.ts_event for swap in swaps} == {rollover}
    assert {swap.nights for swap in swaps} == {1}
    clients = [swap for swap in swaps if not swap.lp]
    assert {swap.long_rate for swap in clients} == {None}
    held = {event.symbol for event in of_type(run.opening, PositionRestored)}
    assert {swap.symbol for swap in clients} == held
    terms = {one.symbol: one for one in SmallMarket().instruments}
    providers = [swap for swap in swaps if swap.lp]
    assert {swap.lp for swap in providers} == {"LP1"}
    assert len(providers) > 5
    assert all(swap.long_rate > terms[swap.symbol].swap_long for swap in providers)
    assert of_type(run.found, BreakFound) == []


@pytest.mark.parametrize("step_s", [0.3, 5.0] if LONG else [5.0])
def test_a_broker_lives_through_actions_and_a_restart_between_any_two_of_them(step_s):
    first = SimulatedPlatform(eventful(), SMALL)
    opening = first.opening_events()
    engine = ExposureEngine()
    found = engine.apply(EventBatch(len(opening), 0, opening))
    for _ in range(round(200 / step_s)):
        second = SimulatedPlatform(eventful(seed=5), SMALL)
        second.load(first.save())
        events = first.advance(round(step_s * SECOND))
        assert second.advance(round(step_s * SECOND)) == events
        assert second.save() == first.save()
        found += engine.apply(EventBatch(engine.position + len(events), 0, events))
    assert of_type(found, BreakFound) == []
    assert_frame_equal(engine.snapshot().accounts, first._server.engine.snapshot().accounts)
    assert engine.snapshot().exposure["symbol"].to_list()[7] == "SPX"


def eventful(**ways):
    """US500 is closed for a while and meanwhile pays a dividend, is split and renamed."""
    index, at = 7, START + 100 * SECOND
    actions = [
        MarketAction(at, index, ActionKind.DIVIDEND, 1.7, 2.0, 1.8),
        MarketAction(at + SECOND, index, ActionKind.SPLIT, ratio=3.0),
        MarketAction(at + 2 * SECOND, index, ActionKind.RENAME, name="SPX"),
        MarketAction(at + 3 * SECOND, index, ActionKind.ADJUSTMENT, -0.4, -0.4, -0.4),
    ]
    return SmallMarket(closed={"US500": (90, 110)}, actions=actions, **ways)


def test_actions_reach_clients_and_provider_in_order_and_under_the_name_of_their_moment():
    run = run_of(SimulatedPlatform(eventful(), SMALL), 200)
    kinds = (DividendPaid, PriceAdjusted, SplitApplied, SymbolRenamed)
    seen = [event for event in run.events if isinstance(event, kinds)]
    at = START + 100 * SECOND
    assert seen == [
        DividendPaid(at, "US500", 1.7, 2.0),
        DividendPaid(at, "US500", 1.8, 2.0, lp="LP1"),
        SplitApplied(at + SECOND, "US500", 3.0),
        SymbolRenamed(at + 2 * SECOND, "US500", "SPX"),
        PriceAdjusted(at + 3 * SECOND, "SPX", -0.4, -0.4),
        PriceAdjusted(at + 3 * SECOND, "SPX", -0.4, -0.4, lp="LP1"),
    ]
    renamed = run.events.index(seen[3])
    traded = (QuoteReceived, DealExecuted)
    before = {event.symbol for event in run.events[:renamed] if isinstance(event, traded)}
    after = {event.symbol for event in run.events[renamed:] if isinstance(event, traded)}
    assert after == before - {"US500"} | {"SPX"}
    opened = [deal for deal in of_type(run.events, DealExecuted) if deal.symbol == "SPX"]
    assert {deal.entry for deal in opened} == {"in", "out"}


def test_nobody_is_ruined_or_exits_because_a_price_was_split():
    run = run_of(SimulatedPlatform(eventful(daily_volatility=0.0001), SMALL), 200)
    split = next(k for k, event in enumerate(run.events) if isinstance(event, SplitApplied))
    later = of_type(run.events[split:], DealExecuted)
    assert {deal.symbol for deal in later} >= {"SPX"}
    assert [deal for deal in later if deal.reason == "stop_out"] == []
    assert [deal for deal in later if deal.symbol == "SPX" and deal.reason != "client"] == []
    plans, book = run.platform._floor.plans, run.platform._server.book
    slots = book.of_symbol.row(book.symbol_of["SPX"])
    assert np.isfinite(plans.stop_loss[slots]).sum() > 5


def test_accounts_without_a_rate_do_not_trade_and_the_notes_say_so():
    market = SmallMarket(("EURUSD", "XAUUSD"), daily_volatility=0.05)
    platform = SimulatedPlatform(market, PlatformSettings(clients=400, seed=3))
    run = run_of(platform, 60)
    currency = {
        event.account.login: event.account.currency
        for event in of_type(run.opening, AccountChanged)
    }
    traded = [*of_type(run.opening, PositionRestored), *of_type(run.events, DealExecuted)]
    assert {currency[event.login] for event in traded} == {"USD", "EUR"}
    assert platform.notes == [
        f"accounts in {code} do not trade: this market has no conversion rate for them"
        for code in ("AUD", "CHF", "GBP")
    ]
    assert of_type(run.found, BreakFound) == []


def test_a_symbol_that_is_only_a_rate_is_never_held():
    class MarketWithRate(SmallMarket):
        def step(self, duration_ns):
            step = super().step(duration_ns)
            rate = step.client.symbol == 2
            step.client.bid[rate] = step.client.ask[rate] = 0.78
            keep = ~rate if self.now > START + 2 * SECOND else slice(None)
            client = type(step.client)(*(column[keep] for column in step.client))
            return step._replace(client=client)

    platform = SimulatedPlatform(MarketWithRate(("EURUSD", "XAUUSD", "USDCHF")), SMALL)
    run = run_of(platform, 60)
    traded = [*of_type(run.opening, PositionRestored), *of_type(run.events, DealExecuted)]
    assert {event.symbol for event in traded} == {"EURUSD", "XAUUSD"}


@pytest.mark.slow
def test_two_thousand_clients_keep_a_dealer_busy():
    run = run_of(SimulatedPlatform(SimulatedMarket(1), PlatformSettings()), 120)
    assert 3.0 < len(of_type(run.events, DealExecuted)) / 120 < 9.0
    reasons = Counter(deal.reason for deal in of_type(run.events, DealExecuted))
    assert set(reasons) >= {"client", "tp", "sl"}
    assert of_type(run.found, BreakFound) == []


def test_settings_are_plain_values_that_survive_a_file():
    text = json.dumps(msgspec.to_builtins(SMALL))
    assert msgspec.convert(json.loads(text), PlatformSettings) == SMALL
