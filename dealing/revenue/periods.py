"""The periods that people ask for, as server days."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from dealing.revenue.ports import Period
from dealing.server_day import DAY

LONGEST: Final = timedelta(days=3_700)


class Choice(StrEnum):
    """Periods by name, seen from today."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    WEEK = "week"
    MONTH = "month"
    CUSTOM = "custom"


def period_of(choice: Choice, today: date, first: str = "", last: str = "") -> Period | None:
    """Return the server days of a choice, None where somebody has to choose better.

    Args:
        choice: What is asked for.
        today: The server day now.
        first: The first day of a custom period, as an ISO date.
        last: Its last day.

    >>> period_of(Choice.WEEK, date(2026, 1, 14))
    Period(first=datetime.date(2026, 1, 8), last=datetime.date(2026, 1, 14))
    """
    match choice:
        case Choice.TODAY:
            return Period(today, today)
        case Choice.YESTERDAY:
            return Period(today - DAY, today - DAY)
        case Choice.WEEK:
            return Period(today - 6 * DAY, today)
        case Choice.MONTH:
            return Period(today.replace(day=1), today)
        case Choice.CUSTOM:
            return custom(first, last)


def custom(first: str, last: str) -> Period | None:
    """Return the period between two ISO dates, None if they are none or the wrong way round."""
    try:
        period = Period(date.fromisoformat(first), date.fromisoformat(last))
    except ValueError:
        return None
    return period if timedelta(0) <= period.last - period.first <= LONGEST else None
