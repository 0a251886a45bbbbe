"""One half hour of a small broker, run once and looked at by many tests."""

from typing import NamedTuple

import pytest

from exposure.engine import ExposureEngine
from exposure.model.events import EventBatch
from feeds.simulator.platform import PlatformSettings, SimulatedPlatform
from tests.feeds.simulator.small_market import SECOND, SmallMarket


class Run(NamedTuple):
    platform: object
    opening: list
    events: list
    engine: object
    found: list


def of_type(events, kind):
    """The events of one type, in order."""
    return [event for event in events if isinstance(event, kind)]


def run_of(platform, seconds, step_s=1.0):
    """Open a platform, let it run and let an engine of its own follow."""
    opening = platform.opening_events()
    engine = ExposureEngine()
    found = list(engine.apply(EventBatch(len(opening), 0, opening)))
    events = []
    for _ in range(round(seconds / step_s)):
        step = platform.advance(round(step_s * SECOND))
        found += engine.apply(EventBatch(engine.position + len(step), 0, step))
        events += step
    return Run(platform, opening, events, engine, found)


@pytest.fixture(scope="session")
def half_hour():
    """Thirty minutes, volatile enough that accounts are stopped out, with a jump every minute."""
    market = SmallMarket(daily_volatility=0.05, jump_every_s=60)
    return run_of(SimulatedPlatform(market, PlatformSettings(clients=800, seed=7)), 1_800)
