"""What people mean by today, last week and this month."""

import doctest
from datetime import date

import pytest

from dealing.revenue import periods
from dealing.revenue.periods import Choice, period_of
from dealing.revenue.ports import Period

TODAY = date(2026, 3, 3)


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(periods).failed == 0


@pytest.mark.parametrize(
    ("choice", "first", "last"),
    [
        (Choice.TODAY, TODAY, TODAY),
        (Choice.YESTERDAY, date(2026, 3, 2), date(2026, 3, 2)),
        (Choice.WEEK, date(2026, 2, 25), TODAY),
        (Choice.MONTH, date(2026, 3, 1), TODAY),
    ],
)
def test_a_name_is_a_period_seen_from_today(choice, first, last):
    assert period_of(choice, TODAY) == Period(first, last)


def test_a_custom_period_holds_both_of_its_days():
    seen = period_of(Choice.CUSTOM, TODAY, "2026-01-01", "2026-01-01")
    assert seen == Period(date(2026, 1, 1), date(2026, 1, 1))


@pytest.mark.parametrize(
    ("first", "last"),
    [("", ""), ("2026-01-02", "2026-01-01"), ("1.1.2026", "2026-01-01"), ("2026-01-01", "x"),
     ("0001-01-01", "2026-01-01"), ("2026-02-30", "2026-03-01")],
)  # fmt: skip
def test_what_is_no_period_is_none(first, last):
    assert period_of(Choice.CUSTOM, TODAY, first, last) is None
