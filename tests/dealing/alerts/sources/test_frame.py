"""What an engine's frame says to the rules: each fires, and each leaves quiet frames alone."""

from __future__ import annotations

import math
import time

import polars as pl
import pytest
from msgspec.structs import replace

from dealing.alerts.model import Action, Offer
from dealing.alerts.sources.frame import BREAKS, CROSSINGS, DEALS, FrameSettings, FrameSource
from dealing.components import ComponentState
from exposure.model.events import NO_TIME
from tests.dealing.alerts.sources.made_frames import (
    NOON,
    NOW_US,
    NS,
    SATURDAY,
    account,
    broken,
    component,
    crossing,
    delays,
    frame,
    house,
    large_deal,
    limit,
    risk,
    symbol,
)

SETTINGS = FrameSettings(kept_events=5_000, var_limit_usd=1e6, pnl_window_s=60.0)
READ_ALL = {CROSSINGS: "0", BREAKS: "0", DEALS: "0"}


def source(cursors=READ_ALL, **changes):
    return FrameSource(
        FrameSettings(**{"kept_events": 5_000, "var_limit_usd": 1e6, **changes}), cursors
    )


def readings(rule, *frames, now_us=NOW_US, of=None):
    """Return what the last of some frames says to a rule."""
    looking = of or source()
    looks = [looking.look(one, now_us) for one in frames]
    return [one for one in looks[-1].readings if one.rule == rule]


def only(rule, *frames, **more):
    (reading,) = readings(rule, *frames, **more)
    return reading


# Quiet --------------------------------------------------------------------------------------------


def test_a_quiet_frame_says_nothing_and_has_looked_at_every_state():
    look = source().look(frame(symbol(), accounts=[account()], limits=[limit(hard=1e6)]), NOW_US)

    assert look.readings == ()
    assert look.measured == {
        "limit_soft", "limit_hard", "uncovered_exposure", "stale_feed", "pnl_jump", "var_limit",
        "feed_gap", "component_down", "engine_lag",
    }  # fmt: skip


def test_a_frame_without_a_row_says_nothing():
    assert source().look(frame(), NOW_US).readings == ()


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_columns_that_are_no_numbers_break_nothing(nothing):
    strange = symbol(
        uncovered_lots=nothing, meant_lots=nothing, lp_net_lots=nothing, house_net_lots=nothing,
        house_net_usd=nothing, gross_usd=nothing, client_gross_lots=nothing, mid=nothing,
        stale=True, age_ms=nothing if nothing is None else 1e9, positions=3.0,
    )  # fmt: skip
    rows = [account(equity=nothing, margin=nothing, margin_level=nothing)]
    limits = [limit(hard=1e6, value=nothing), limit(soft=nothing, hard=nothing, value=5.0)]
    told = frame(
        strange, accounts=rows, limits=limits, crossings=[crossing(level=nothing)],
        var=risk(var_usd=nothing or math.nan, hour_var_usd=math.nan),
        result=house(floating=math.nan), delays=delays(math.nan),
    )  # fmt: skip

    look = source().look(told, NOW_US)

    assert {one.rule for one in look.readings} == {"stop_out", "stale_feed"}
    assert all(math.isfinite(one.value + one.at_stake_usd) for one in look.readings)


# Accounts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["margin_call", "stop_out", "negative_equity"])
def test_an_account_that_reached_a_level_is_told_with_what_is_at_stake(kind):
    rows = [account("999"), account("1000", equity=-300.0, margin=700.0, currency="EUR")]
    euro = symbol("EURUSD", asset_class="fx", mid=1.25)

    reading = only(kind, frame(euro, accounts=rows, crossings=[crossing(kind)]))

    assert reading.subject == "1000"
    assert reading.value == reading.at_stake_usd == pytest.approx(1_000.0 * 1.25)
    assert reading.key == f"{kind}:10:1000"
    assert "Login 1000 (client C1000)" in reading.headline
    assert ("48 %" in reading.headline) is (kind != "negative_equity")
    assert reading.happened_at_ns == NOON


def test_a_stop_out_that_is_over_when_the_frame_is_made_is_told_with_what_it_closed():
    before = frame(accounts=[account(margin=900.0, equity=430.0)], position=9)
    after = frame(accounts=[account(margin=0.0, equity=430.0)], crossings=[crossing(level=48.0)])

    assert only("stop_out", before, after).value == 900.0
    assert only("stop_out", after).value == pytest.approx(430.0 / 0.48)


def test_an_account_of_which_nothing_is_known_is_told_all_the_same():
    reading = only("stop_out", frame(crossings=[crossing()]))

    assert (reading.value, reading.at_stake_usd) == (1.0, 0.0)


@pytest.mark.parametrize("kind", ["margin_call", "stop_out", "negative_equity"])
def test_a_crossing_that_was_read_is_not_told_again(kind):
    told = frame(accounts=[account()], crossings=[crossing(kind)])
    looking = source()

    assert readings(kind, told, of=looking)
    assert not readings(kind, told, of=looking)
    assert not readings(kind, told, of=source({CROSSINGS: "10"}))


def test_a_restart_goes_on_behind_the_cursor():
    first, second = crossing(position=10), crossing(login="1001", position=11)
    looking = source()
    cursors = looking.look(frame(crossings=[first]), NOW_US).cursors

    after = only("stop_out", frame(crossings=[first, second]), of=source(cursors))

    assert (cursors[CROSSINGS], after.subject) == ("10", "1001")


def test_crossings_of_one_event_are_told_together():
    both = [crossing(login="1"), crossing("margin_call", login="2")]

    look = source().look(frame(crossings=both), NOW_US)

    assert [(one.rule, one.subject) for one in look.readings] == [
        ("stop_out", "1"),
        ("margin_call", "2"),
    ]


def test_who_looks_for_the_first_time_hears_of_the_last_minute_only():
    old = crossing(position=9, login="old", ts_event=NOON - 61 * NS)
    new = crossing(position=10, login="new", ts_event=NOON - 59 * NS)

    assert only("stop_out", frame(crossings=[old, new]), of=source({})).subject == "new"


def test_crossings_that_a_frame_has_no_room_for_are_said_to_be_missing():
    kept = [crossing(login=str(n), position=100 + n) for n in range(3)]
    rows = [account("0", margin=400.0, margin_level=99.0), account("1", margin_level=250.0)]
    looking = source({CROSSINGS: "50"}, kept_events=3)

    *listed, missing = readings("stop_out", frame(accounts=rows, crossings=kept), of=looking)

    assert [one.subject for one in listed] == ["0", "1", "2"]
    assert missing.subject == "accounts that were not listed"
    assert missing.at_stake_usd == 400.0
    assert "1 are below 100 %" in missing.headline


def test_a_full_frame_of_which_some_were_read_lacks_nothing():
    kept = [crossing(login=str(n), position=100 + n) for n in range(3)]
    looking = source({CROSSINGS: "100"}, kept_events=3)

    assert [one.subject for one in readings("stop_out", frame(crossings=kept), of=looking)] == [
        "1",
        "2",
    ]


def test_an_account_in_a_currency_without_a_rate_says_so():
    rows = [account("1000", margin=5e6, currency="XTS")]

    reading = only("stop_out", frame(accounts=rows, crossings=[crossing()]))

    assert reading.at_stake_usd == 0.0
    assert ("Rate", "no USD rate for XTS") in [(fact.name, fact.text) for fact in reading.facts]


def test_a_rate_is_read_off_what_the_house_holds_where_no_pair_has_it():
    rows = [account("1000", margin=10.0, currency="SEK")]
    told = frame(accounts=rows, crossings=[crossing()], currencies=[("SEK", -200.0, -20.0)])

    assert only("stop_out", told).at_stake_usd == pytest.approx(1.0)


# Limits -------------------------------------------------------------------------------------------

SHORT = {"house_net_lots": -1_240.0, "house_net_usd": -252e6}


def test_a_hard_limit_that_is_passed_says_by_how_much_and_what_brings_it_back():
    told = frame(symbol(**SHORT), limits=[limit(hard=200e6, value=252e6)])

    reading = only("limit_hard", told)

    assert reading.headline == (
        "XAUUSD: house short 1,240 lots (\u2212252 M USD), 126 % of the hard limit 200 M USD"
    )
    assert reading.advice == "Hedge about 255.87 lots XAUUSD (buy) to get back to the limit."
    assert (reading.value, reading.at_stake_usd) == (pytest.approx(1.26), 52e6)
    # the button does what the advice says, not what the hedger's band would
    assert reading.offers == (Offer(action=Action.HEDGE, symbol="XAUUSD", within_usd=200e6),)
    assert reading.symbol == "XAUUSD"


def test_a_soft_limit_is_a_rule_of_its_own():
    told = frame(symbol(**SHORT), limits=[limit(soft=160e6, hard=400e6, value=252e6)])

    assert only("limit_soft", told).value == pytest.approx(252 / 160)
    assert only("limit_hard", told).value == pytest.approx(252 / 400)


@pytest.mark.parametrize("rule", ["limit_soft", "limit_hard"])
def test_a_limit_below_its_half_is_not_worth_a_word(rule):
    assert not readings(rule, frame(limits=[limit(soft=100.0, hard=100.0, value=49.9)]))


def test_a_limit_that_is_nearly_reached_has_nothing_at_stake():
    reading = only("limit_hard", frame(limits=[limit(hard=100.0, value=90.0)]))

    assert (reading.value, reading.at_stake_usd) == (0.9, 0.0)
    assert reading.advice == "Watch it: 10 USD are left."


def test_who_may_hold_nothing_and_holds_something_is_far_beyond():
    (reading,) = readings("limit_hard", frame(limits=[limit(hard=0.0, value=5.0)]))

    assert reading.value >= 100.0
    assert not readings("limit_hard", frame(limits=[limit(hard=0.0, value=0.0)]))


def test_a_client_beyond_a_limit_can_be_moved():
    told = frame(limits=[limit("client", "C5", hard=2e6, value=2.5e6)])

    reading = only("limit_hard", told)

    assert reading.subject == "client C5"
    assert [(one.action, one.client_id) for one in reading.offers] == [(Action.MOVE_TO_A, "C5")]
    assert reading.symbol == ""


def test_a_currency_beyond_a_limit_has_no_button():
    reading = only("limit_hard", frame(limits=[limit("currency", "EUR", hard=2e6, value=3e6)]))

    assert reading.offers == ()
    assert reading.headline == (
        "currency EUR: the house holds 3 M USD, 150 % of the hard limit 2 M USD"
    )


# Coverage -----------------------------------------------------------------------------------------


def test_uncovered_lots_are_told_in_usd():
    row = symbol(
        uncovered_lots=320.0, meant_lots=1_240.0, lp_net_lots=920.0, gross_usd=500e6,
        client_gross_lots=2_000.0,
    )  # fmt: skip

    reading = only("uncovered_exposure", frame(row))

    assert reading.value == reading.at_stake_usd == pytest.approx(80e6)
    assert reading.headline == (
        "XAUUSD: 320 lots (80 M USD) are not covered, the books mean +1,240 lots and providers "
        "hold +920 lots"
    )
    assert reading.advice == "Hedge about 320 lots XAUUSD (buy)."
    assert reading.offers[0].action is Action.HEDGE


def test_hedges_of_what_clients_have_closed_are_uncovered_as_well():
    orphan = symbol(
        uncovered_lots=-10.0, lp_net_lots=10.0, house_net_lots=10.0, house_net_usd=2e6,
        gross_usd=0.0, client_gross_lots=0.0,
    )  # fmt: skip

    reading = only("uncovered_exposure", frame(orphan))

    assert reading.value == pytest.approx(2e6)
    assert "(sell)" in reading.advice


def test_what_is_covered_or_worth_next_to_nothing_is_not_told():
    covered = symbol(uncovered_lots=0.0, gross_usd=500e6, client_gross_lots=2_000.0)
    small = symbol(uncovered_lots=0.01, gross_usd=500e6, client_gross_lots=2_000.0)

    assert not readings("uncovered_exposure", frame(covered, small))


# Prices -------------------------------------------------------------------------------------------


def stale(name="EURUSD", age_s=120.0, **changes):
    known = {"asset_class": "fx", "stale": True, "age_ms": age_s * 1e3, "house_net_usd": -5e6}
    return symbol(name, **{**known, **changes})


def test_a_symbol_whose_price_stands_still_while_its_market_is_open_is_told():
    reading = only("stale_feed", frame(stale(), symbol("GBPUSD", asset_class="fx")))

    assert (reading.subject, reading.value, reading.at_stake_usd) == ("EURUSD", 120.0, 5e6)
    assert reading.happened_at_ns == NOON - 120 * NS
    assert "no new price for 2 min while its market is open" in reading.headline


def test_a_fresh_symbol_is_not_stale():
    assert not readings("stale_feed", frame(symbol("EURUSD", asset_class="fx")))


def test_a_symbol_that_nobody_holds_is_nobodys_trouble():
    assert not readings("stale_feed", frame(stale(positions=0.0), symbol("GBPUSD")))


def test_all_of_them_silent_in_the_middle_of_the_week_is_told():
    assert readings("stale_feed", frame(stale(), stale("GBPUSD")))


def test_all_of_them_silent_at_the_week_end_is_a_closed_market():
    assert not readings("stale_feed", frame(stale(), stale("GBPUSD"), as_of=SATURDAY))


def test_a_share_is_told_only_while_another_one_of_its_currency_trades():
    silent = stale("AAPL", asset_class="share", quote="USD")
    other = symbol("MSFT", asset_class="share", quote="USD")

    assert not readings("stale_feed", frame(silent))
    assert not readings("stale_feed", frame(silent, symbol("SAP", asset_class="share")))
    assert readings("stale_feed", frame(silent, other))


def test_after_a_closed_market_nobody_is_late_at_once():
    looking = source()
    closed = frame(stale("AAPL", 60_000, asset_class="share"), stale("MSFT", asset_class="share"))
    opened = frame(
        stale("AAPL", 60_001, asset_class="share", quote="USD"),
        symbol("MSFT", asset_class="share", quote="USD"), position=11, as_of=NOON + NS,
    )  # fmt: skip
    later = frame(
        stale("AAPL", 60_021, asset_class="share", quote="USD"),
        symbol("MSFT", asset_class="share", quote="USD"), position=12, as_of=NOON + 21 * NS,
    )  # fmt: skip
    closed.snapshot.exposure.replace_column(4, pl.Series("quote", ["USD", "USD"]))

    assert not readings("stale_feed", closed, of=looking)
    assert only("stale_feed", opened, of=looking).value == 0.0
    assert only("stale_feed", later, of=looking).value == 20.0


def test_a_symbol_without_any_price_is_late_since_somebody_looks():
    never = {"age_ms": None, "house_net_usd": None}
    fresh = symbol("GBPUSD", asset_class="fx")
    looking = source()

    first = frame(stale(**never), fresh)
    later = frame(stale(**never), fresh, position=11, as_of=NOON + 30 * NS)

    assert only("stale_feed", first, of=looking).value == 0.0
    reading = only("stale_feed", later, of=looking)
    assert (reading.value, reading.at_stake_usd) == (30.0, 0.0)
    assert "no price yet" in reading.headline


# The process --------------------------------------------------------------------------------------


def test_a_platform_that_is_away_is_a_gap_that_grows():
    away = component("platform", ComponentState.DEGRADED, "connection refused", 5_000.0)
    looking = source()

    first = only("feed_gap", frame(components=[away]), of=looking)
    later = only("feed_gap", frame(components=[away]), of=looking, now_us=NOW_US + 2_000_000)

    assert (first.value, later.value) == (5.0, 7.0)
    assert first.at_stake_usd == 250_000.0
    assert "connection refused" in first.headline
    assert not readings("component_down", frame(components=[away]))


def test_a_platform_that_was_never_heard_is_away_since_somebody_looks():
    unknown = component("platform", ComponentState.READY, "not reached yet", None)
    looking = source()

    assert only("feed_gap", frame(components=[unknown]), of=looking).value == 0.0
    later = only("feed_gap", frame(components=[unknown]), of=looking, now_us=NOW_US + 3_000_000)
    assert later.value == 3.0


def test_a_platform_that_is_heard_has_no_gap():
    here = component("platform", ComponentState.RUNNING, "speed 1", 300.0)

    assert not readings("feed_gap", frame(components=[here]))


def test_a_platform_that_falls_behind_is_degraded_and_not_away():
    late = component("platform", ComponentState.DEGRADED, "falls behind", 300.0)

    assert not readings("feed_gap", frame(components=[late]))
    assert only("component_down", frame(components=[late])).value == 1.0


@pytest.mark.parametrize(
    ("state", "value"),
    [
        (ComponentState.DEGRADED, 1.0),
        (ComponentState.FAULTED, 2.0),
        (ComponentState.STOPPED, 2.0),
    ],
)
def test_a_component_that_does_not_run_is_told(state, value):
    reading = only("component_down", frame(components=[component("saved state", state, "full")]))

    assert (reading.subject, reading.value) == ("saved state", value)
    assert reading.headline.startswith("Saved state ")


@pytest.mark.parametrize("state", [ComponentState.RUNNING, ComponentState.READY])
def test_a_component_that_runs_or_gets_ready_is_not_told(state):
    assert not readings("component_down", frame(components=[component(state=state)]))


def test_hedging_is_told_by_whoever_asks_hedging():
    paused = component("hedging", ComponentState.DEGRADED, "paused: XAUUSD")

    assert not readings("component_down", frame(components=[paused]))


def test_events_that_wait_are_lag():
    reading = only("engine_lag", frame(delays=delays(2_500.0)))

    assert (reading.value, reading.at_stake_usd) == (2_500.0, 250_000.0)
    assert "waits 2.5 s" in reading.headline


def test_a_frame_that_is_old_is_lag():
    reading = only("engine_lag", frame(delays=delays(5.0)), now_us=NOW_US + 4_000_000)

    assert reading.value == pytest.approx(4_000.0)
    assert "said nothing for 4 s" in reading.headline


def test_an_engine_that_keeps_up_has_no_lag():
    assert not readings("engine_lag", frame(delays=delays(20.0)), now_us=NOW_US + 50_000)


def test_a_clock_that_was_set_back_makes_no_negative_age():
    assert not readings("engine_lag", frame(), now_us=NOW_US - 10_000_000)


def test_without_a_new_frame_the_age_of_the_last_one_is_told():
    looking = source()
    looking.look(frame(), NOW_US)

    look = looking.alone(NOW_US + 9_000_000)

    assert [(one.rule, one.value) for one in look.readings] == [("engine_lag", 9_000.0)]
    assert look.measured == {"engine_lag"}
    assert source().alone(NOW_US).readings == ()


# Breaks and deals ---------------------------------------------------------------------------------


def test_breaks_are_told_once_for_each_kind():
    found = [broken(position=1), broken(position=2), broken("unknown_login", 3)]

    overclose, unknown = readings("engine_break", frame(breaks=found))

    assert (overclose.subject, overclose.value, overclose.key) == (
        "overclose",
        2.0,
        "overclose:2",
    )
    assert "2 events apart as overclose" in overclose.headline
    assert (unknown.subject, unknown.value) == ("unknown_login", 1.0)


def test_breaks_that_were_read_and_frames_without_any_are_quiet():
    looking = source({BREAKS: "3"})

    assert not readings("engine_break", frame(breaks=[broken(position=3)]), of=looking)
    assert not readings("engine_break", frame())


def test_a_break_without_a_time_happened_now():
    reading = only("engine_break", frame(breaks=[broken(ts_event=NO_TIME)]))

    assert reading.happened_at_ns == NOON


def test_a_large_deal_is_told_once():
    looking = source()

    reading = only("large_deal", frame(large_deals=[large_deal()]), of=looking)

    assert reading.headline == "Client C7 bought 120 lots XAUUSD (24 M USD) in book B"
    assert (reading.value, reading.key, reading.subject) == (24e6, "mt/D1", "C7")
    assert {one.action for one in reading.offers} == {Action.HEDGE, Action.MOVE_TO_A}
    assert not readings("large_deal", frame(large_deals=[large_deal()]), of=looking)


def test_a_large_deal_in_book_a_is_no_reason_to_move_anybody():
    reading = only("large_deal", frame(large_deals=[large_deal(book="A", entry="out")]))

    assert [one.action for one in reading.offers] == [Action.HEDGE]
    assert "XAUUSD to close" in reading.headline


def test_no_large_deal_is_nothing():
    assert not readings("large_deal", frame())


def test_more_large_deals_than_a_frame_holds_are_said_to_be_missing():
    many = [large_deal(f"D{n}", 100 + n) for n in range(200)]

    *told, missing = readings("large_deal", frame(large_deals=many), of=source({DEALS: "5"}))

    assert len(told) == 200
    assert missing.subject == "deals that were not listed"
    assert not [one for one in told if one.subject == missing.subject]


# The house ----------------------------------------------------------------------------------------


def test_a_value_at_risk_beyond_its_limit_is_told():
    reading = only("var_limit", frame(var=risk(var_usd=1.25e6)))

    assert (reading.value, reading.at_stake_usd) == (1.25, 1.25e6)
    assert "125 % of the limit 1 M USD" in reading.headline


def test_a_small_value_at_risk_is_not():
    assert not readings("var_limit", frame(var=risk(var_usd=4e5)))


def test_without_a_limit_nobody_looks_at_the_value_at_risk():
    look = source(var_limit_usd=None).look(frame(var=risk(var_usd=9e9)), NOW_US)

    assert "var_limit" not in look.measured
    assert not look.readings


def moved(*results, seconds=10, unpriced=0.0):
    """Return frames some seconds apart in which the house's result is as given."""
    return [
        frame(
            symbol(unpriced_positions=unpriced), result=house(*result), position=10 + n,
            as_of=NOON + n * seconds * NS, sent_at=NOON,
        )
        for n, result in enumerate(results)
    ]  # fmt: skip


def test_a_result_that_moves_within_the_window_is_a_jump():
    reading = only("pnl_jump", *moved((0.0,), (-100.0,), (-80_000.0, 5_000.0)))

    assert reading.value == reading.at_stake_usd == 75_000.0
    assert reading.headline.startswith("The house lost 75 k USD within 20 s, its result is ")


def test_a_gain_is_a_jump_too():
    assert "gained" in only("pnl_jump", *moved((0.0,), (50_000.0,))).headline


def test_the_same_move_over_a_long_time_is_none():
    slowly = moved(*((-1_000.0 * n,) for n in range(80)))

    assert not readings("pnl_jump", *slowly)


def test_a_jump_is_over_when_the_window_has_passed():
    looking = source()
    frames = moved((0.0,), (50_000.0,), (50_000.0,), *[(50_000.0,)] * 6)

    assert readings("pnl_jump", *frames[:3], of=looking)
    assert not readings("pnl_jump", *frames[3:], of=looking)


def test_a_quiet_result_is_no_jump():
    assert not readings("pnl_jump", *moved((5e6,), (5e6 + 9_000.0,)))


def test_a_position_that_finds_its_first_price_is_no_jump():
    before = moved((0.0,), unpriced=3.0)
    after = moved((0.0,), (90_000.0,))[1:]

    assert not readings("pnl_jump", *before, *after)


def test_a_jump_over_a_silent_week_end_is_seen():
    friday, monday = moved((0.0,), (-400_000.0,), seconds=200_000)

    assert only("pnl_jump", friday, monday).value == 400_000.0


def test_a_market_that_begins_anew_is_compared_with_nothing_of_before():
    later, earlier = moved((0.0,), (-400_000.0,))[::-1]

    assert not readings("pnl_jump", later, earlier)


# Cost ---------------------------------------------------------------------------------------------


def big_frame(uncovered_lots):
    """Return a frame of 45,000 accounts and 300 symbols with as many limits."""
    symbols = [
        symbol(
            f"S{n}USD", uncovered_lots=uncovered_lots, gross_usd=1e6, client_gross_lots=10.0,
            house_net_lots=5.0, house_net_usd=1e6, stale=uncovered_lots > 0.0 and n % 50 == 0,
        )
        for n in range(300)
    ]  # fmt: skip
    used = 1.5e6 if uncovered_lots else 1e5
    limits = [limit(name=f"S{n}USD", hard=2e6, value=used) for n in range(300)]
    accounts = [account(str(n), equity=9.0, margin=1.0, margin_level=900.0) for n in range(45_000)]
    return frame(*symbols, accounts=accounts, limits=limits)


def seconds_of_a_look(told):
    """Return what one look takes of the processor, in the middle of some."""
    looking, took = source(), []
    for position in range(11):
        moved_on = replace(told, snapshot=replace(told.snapshot, position=position))
        began = time.thread_time()
        looking.look(moved_on, NOW_US)
        took.append(time.thread_time() - began)
    return sorted(took)[len(took) // 2]


def test_a_look_at_45_000_quiet_accounts_takes_next_to_nothing():
    # two milliseconds were measured; ten times that is another algorithm
    assert seconds_of_a_look(big_frame(0.0)) < 0.02


def test_a_look_at_300_symbols_that_are_all_of_interest_is_quick_too():
    # 600 readings took 11 ms
    assert seconds_of_a_look(big_frame(1.0)) < 0.1
