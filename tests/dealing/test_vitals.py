"""The engine process tells how it is: rates, ages and the platform's own words."""

from __future__ import annotations

import pytest

from dealing.components import ComponentState
from dealing.vitals import CATCHING_UP_EVENTS, Vitals
from feeds.platform_wire import PlatformStatus


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def vitals(clock):
    return Vitals(clock)


def news(position=10, effective_speed=1.0, *, exhausted=False):
    return PlatformStatus(
        label="simulated",
        now=0,
        position=position,
        speed=1.0,
        effective_speed=effective_speed,
        quotes_per_s=300.0,
        exhausted=exhausted,
    )


def part(vitals, name, position=10):
    (found,) = (status for status in vitals.components(position) if status.name == name)
    return found


def test_before_the_first_event_nothing_has_an_age(vitals):
    platform = part(vitals, "platform")
    assert (platform.state, platform.age_ms) == (ComponentState.READY, None)
    assert platform.detail == "not reached yet"
    assert part(vitals, "engine").age_ms is None


def test_delays_are_those_of_the_last_ten_seconds(vitals, clock):
    assert vitals.delays() is None
    vitals.delayed(900.0)
    clock.now_s += 11.0
    for ms in range(1, 102):
        vitals.delayed(float(ms))
    delays = vitals.delays()
    assert (delays.p50_ms, delays.p99_ms, delays.worst_ms) == (51.0, 100.0, 101.0)
    assert part(vitals, "engine").detail.endswith("within 51.0 ms, 99 in 100 within 100.0")


def test_ages_grow_with_the_clock(vitals, clock):
    vitals.applied()
    vitals.synced()
    clock.now_s += 0.25
    assert part(vitals, "platform").age_ms == pytest.approx(250.0)
    assert part(vitals, "engine").age_ms == pytest.approx(250.0)
    assert part(vitals, "journal").age_ms == pytest.approx(250.0)
    assert part(vitals, "saved state").age_ms is None
    vitals.saved()
    assert part(vitals, "saved state").age_ms == 0.0


def test_a_state_that_cannot_be_saved_is_degraded_until_it_can(vitals, clock):
    assert not vitals.saved()
    clock.now_s += 30.0
    assert vitals.not_saved("the disk is full")
    assert not vitals.not_saved("the disk is full")
    unsaved = part(vitals, "saved state")
    assert unsaved.state is ComponentState.DEGRADED
    assert unsaved.detail == "the disk is full"
    assert unsaved.age_ms == pytest.approx(30_000.0)
    assert vitals.saved()
    assert part(vitals, "saved state").state is ComponentState.RUNNING


def test_a_platform_that_goes_away_is_degraded_and_keeps_its_age(vitals, clock):
    assert vitals.applied()
    assert not vitals.applied()
    clock.now_s += 3.0
    assert vitals.lost("nobody answers")
    assert not vitals.lost("nobody answers")
    platform = part(vitals, "platform")
    assert platform.state is ComponentState.DEGRADED
    assert platform.detail == "nobody answers"
    assert platform.age_ms == pytest.approx(3000.0)
    assert vitals.applied()
    assert part(vitals, "platform").state is ComponentState.RUNNING


def test_a_platform_that_cannot_keep_up_says_so(vitals):
    vitals.applied()
    vitals.told(news(effective_speed=0.5))
    platform = part(vitals, "platform")
    assert platform.state is ComponentState.DEGRADED
    assert platform.detail == "falls behind: speed 0.5 of 1"


def test_a_platform_whose_recording_ended_still_says_something(vitals, clock):
    vitals.applied()
    clock.now_s += 5.0
    vitals.told(news(exhausted=True))
    clock.now_s += 0.5
    platform = part(vitals, "platform")
    assert platform.state is ComponentState.RUNNING
    assert platform.detail == "recording ended"
    assert platform.age_ms == pytest.approx(500.0)
    assert part(vitals, "engine").age_ms == pytest.approx(5_500.0)


def test_an_engine_far_behind_is_catching_up(vitals):
    vitals.applied()
    vitals.told(news(position=CATCHING_UP_EVENTS + 11))
    behind = part(vitals, "engine", position=10)
    assert behind.state is ComponentState.READY
    assert behind.detail == "catching up, 10,001 events behind"
    assert part(vitals, "engine", position=11).state is ComponentState.RUNNING


def test_rates_are_those_of_the_last_second(vitals, clock):
    assert vitals.rates({"quotes": 1000, "deals": 10}) == (0.0, 0.0)
    for step in range(1, 11):
        clock.now_s += 0.2
        rates = vitals.rates({"quotes": 1000 + 60 * step, "deals": 10 + step})
    assert rates == pytest.approx((300.0, 5.0))
    for _ in range(6):
        clock.now_s += 0.2
        rates = vitals.rates({"quotes": 1600, "deals": 20})
    assert rates == (0.0, 0.0)


def test_rates_need_no_frame_in_the_last_second(vitals, clock):
    vitals.rates({"quotes": 0, "deals": 0})
    clock.now_s += 4.0
    assert vitals.rates({"quotes": 400, "deals": 2}) == pytest.approx((100.0, 0.5))
    clock.now_s += 4.0
    assert vitals.rates({"quotes": 1200, "deals": 2}) == pytest.approx((200.0, 0.0))
