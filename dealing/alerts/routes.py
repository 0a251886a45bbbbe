"""Who hears of a case: channels by severity, team and hours, quiet hours, and the on-call order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from dealing.alerts.model import Case, Severity
from dealing.alerts.policy import US_PER_S, AlertPolicy, DayHours, Route

_MINUTES_PER_H: Final = 60
_DAYS_PER_WEEK: Final = 7


def channels_of(policy: AlertPolicy, case: Case, now_us: int) -> tuple[str, ...]:
    """Return the channels that hear of a case at a moment, each once, in the order of the routes.

    Mutes, inhibition and quiet hours are not looked at.
    """
    local = _local(policy.zone, now_us)
    fitting = (route for route in policy.routes if _fits(route, case, local))
    return tuple(dict.fromkeys(name for route in fitting for name in route.channels))


def is_quiet(policy: AlertPolicy, severity: Severity, now_us: int) -> bool:
    """Whether the hour keeps a case of a severity from being told; critical ones always are."""
    if policy.quiet_hours is None or severity is Severity.CRITICAL:
        return False
    return _holds(policy.quiet_hours, _local(policy.zone, now_us))


def next_turn_us(policy: AlertPolicy, now_us: int) -> int | None:
    """Return when quiet hours, or the hours of a route, begin or end next; None if there are none.

    A time of day that a change of clocks leaves out is an hour late that day.
    """
    return min((turn for turn in _turns(policy, now_us) if turn > now_us), default=None)


def called(policy: AlertPolicy, case: Case) -> tuple[str, ...]:
    """Return the desk users who are called to a case: one more with each level."""
    return policy.on_call[: case.level]


def with_channels(policy: AlertPolicy, names: Collection[str]) -> AlertPolicy:
    """Return a policy that knows no other channels than those that there are."""
    routes = (
        msgspec.structs.replace(
            route, channels=tuple(name for name in route.channels if name in names)
        )
        for route in policy.routes
    )
    return msgspec.structs.replace(policy, routes=tuple(one for one in routes if one.channels))


def _fits(route: Route, case: Case, local: datetime) -> bool:
    return (
        (not route.severities or case.severity in route.severities)
        and (not route.teams or case.team in route.teams)
        and case.level >= route.level
        and (route.hours is None or _holds(route.hours, local))
    )


def _holds(hours: DayHours, local: datetime) -> bool:
    minute, day = local.hour * _MINUTES_PER_H + local.minute, local.weekday()
    if hours.from_minute < hours.to_minute:
        return day in hours.days and hours.from_minute <= minute < hours.to_minute
    before = (day - 1) % _DAYS_PER_WEEK
    began_today = day in hours.days and minute >= hours.from_minute
    return began_today or (before in hours.days and minute < hours.to_minute)


def _turns(policy: AlertPolicy, now_us: int) -> Iterator[int]:
    local = _local(policy.zone, now_us)
    midnight = datetime.combine(local.date(), time())
    hours = [policy.quiet_hours, *(route.hours for route in policy.routes)]
    for one in hours:
        for minute in () if one is None else (one.from_minute, one.to_minute):
            for day in (0, 1):
                moment = midnight + timedelta(days=day, minutes=minute)
                told = moment.replace(tzinfo=ZoneInfo(policy.zone))
                yield round(told.timestamp() * US_PER_S)


def _local(zone: str, now_us: int) -> datetime:
    return datetime.fromtimestamp(now_us // US_PER_S, UTC).astimezone(ZoneInfo(zone))
