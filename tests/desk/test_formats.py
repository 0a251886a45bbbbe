"""Numbers, clocks and the server day as text."""

import doctest
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dealing.desk import formats

NEW_YORK_DAY = formats.ServerDay(ZoneInfo("America/New_York"), 17)
HOUR = 3_600_000_000_000


def ns(*moment):
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000_000


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(formats).failed == 0


@pytest.mark.parametrize(
    ("value", "decimals", "sign", "text"),
    [
        (0.0, 2, True, "0.00"),
        (-0.004, 2, False, "0.00"),
        (1234.5, 2, True, "+1,234.50"),
        (-1234.5, 0, False, "\u22121,234"),
        (None, 0, False, "\u2013"),
    ],
)
def test_a_grid_number_has_a_true_minus_and_no_negative_zero(value, decimals, sign, text):
    assert formats.number(value, decimals, sign=sign) == text


def test_a_tile_number_is_compact_from_a_thousand_on():
    texts = [formats.compact(value) for value in (999.0, 1_000.0, -12_340_000.0, 5.5e11)]
    assert texts == ["999", "1.00k", "\u221212.34M", "550.0B"]


def test_the_server_clock_is_midnight_when_the_day_begins_in_new_york():
    closing_bell = ns(2026, 1, 13, 22)
    assert formats.clock(NEW_YORK_DAY.local(closing_bell)) == "00:00:00"
    assert formats.day(NEW_YORK_DAY.local(closing_bell)) == "Wed 14 Jan 2026"


@pytest.mark.parametrize("month", [1, 7])
def test_a_server_day_begins_at_its_own_start_and_lasts_until_the_next(month):
    start = NEW_YORK_DAY.start(ns(2026, month, 14, 12))
    assert NEW_YORK_DAY.start(start) == start
    assert NEW_YORK_DAY.start(start + 24 * HOUR - 1) == start
    assert NEW_YORK_DAY.start(start + 24 * HOUR) == start + 24 * HOUR
