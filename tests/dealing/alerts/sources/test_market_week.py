"""The common week: open when everybody knows it is, closed when nobody trades, else unknown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dealing.alerts.sources.market_week import SESSIONS, open_since
from feeds.simulator.calendar import TradingHours

HOUR = 3_600 * 10**9


def ns(*moment):
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("asset_class", "moment", "is_open"),
    [
        ("fx", (2026, 1, 13, 12), True),
        ("fx", (2026, 1, 16, 21, 30), True),  # Friday half past four in New York
        ("fx", (2026, 1, 16, 22, 0), False),
        ("fx", (2026, 1, 17, 12), False),
        ("fx", (2026, 1, 18, 22, 0), False),
        ("fx", (2026, 1, 18, 22, 10), True),
        ("fx", (2026, 7, 17, 21, 0), False),  # in summer it closes an hour earlier in UTC
        ("metal", (2026, 1, 13, 22, 30), False),
        ("metal", (2026, 1, 13, 23, 10), True),
        ("energy", (2026, 1, 14, 0, 30), False),
        ("energy", (2026, 1, 14, 2, 0), True),
        ("crypto", (2026, 1, 17, 12), True),
        ("fx", (2026, 12, 24, 23, 0), False),  # Christmas Eve in New York
        ("fx", (2026, 12, 25, 15), False),
        ("fx", (2026, 12, 28, 15), True),
        ("fx", (2027, 1, 1, 15), False),
        ("fx", (2026, 4, 3, 15), True),  # Good Friday: currencies trade, metals do not
        ("metal", (2026, 4, 3, 15), False),
        ("energy", (2026, 11, 26, 15), False),  # Thanksgiving, and the day after it
        ("energy", (2026, 11, 27, 15), False),
        ("metal", (2026, 5, 25, 15), False),
        ("metal", (2026, 7, 3, 15), False),  # the fourth is a Saturday
        ("metal", (2027, 7, 5, 15), False),  # ... and a Sunday
        ("crypto", (2026, 12, 25, 15), True),
        ("index", (2026, 1, 13, 15), False),
        ("share", (2026, 1, 13, 15), False),
        ("anything else", (2026, 1, 13, 15), False),
    ],
)
def test_hours_of_a_class(asset_class, moment, is_open):
    assert (open_since(asset_class, ns(*moment)) is not None) is is_open


def test_a_session_began_when_it_opened():
    assert open_since("fx", ns(2026, 1, 13, 12)) == ns(2026, 1, 12, 22, 5)


@pytest.mark.parametrize("asset_class", SESSIONS)
def test_the_simulated_market_trades_whenever_we_say_that_it_does(asset_class):
    hours, start = TradingHours(), ns(2026, 3, 2)
    place = hours.names.index(asset_class)
    said = [at for at in range(start, start + 21 * 24 * HOUR, HOUR // 4)
            if open_since(asset_class, at) is not None]  # fmt: skip

    assert len(said) > 4 * 24 * 12
    assert all(hours.open_sessions(at)[place] for at in said)
