"""What a channel is told next: who waits, sorted by what people need first.

Critical cases that nobody saw go first, each by itself. What came and went while nobody could be
told is said together, and so are new cases when they are too many to read. Of the rest the one that
waits longest goes first; each step of severity counts as a minute of waiting, so that nothing
waits for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from dealing.alerts.delivery_pace import US_PER_S, DeliveryPace
from dealing.alerts.model import CaseState, Severity
from dealing.alerts.ports import Delivery

HEAD_START_US: Final = 60 * US_PER_S

MOST_NAMED: Final = 50
"""How many critical cases one summary names; more are in the next one."""


class Queue(NamedTuple):
    """Who waits.

    ``criticals`` and ``newcomers`` have no message of their own yet, ``updates`` have one, ``gone``
    are over and have none.
    """

    criticals: list[Delivery]
    newcomers: list[Delivery]
    updates: list[Delivery]
    gone: list[Delivery]


def sorted_out(waiting: Sequence[Delivery], now_us: int, pace: DeliveryPace) -> Queue:
    """Sort who waits; what was said in a group and has just ended waits for others of its kind."""
    queue = Queue([], [], [], [])
    long_ago_us = now_us - round(pace.down_after_s * US_PER_S)
    for one in waiting:
        is_over = one.case.state is CaseState.RESOLVED
        if one.ref:
            queue.updates.append(one)
        elif is_over and one.first_wanted_us <= long_ago_us:
            queue.gone.append(one)
        elif one.case.severity is Severity.CRITICAL:
            queue.criticals.append(one)
        elif not is_over or one.sent_version == 0:
            queue.newcomers.append(one)
    return queue


def next_of(waiting: Sequence[Delivery], *, is_failing: bool) -> Delivery | None:
    """Return whose turn it is; while the channel fails, whoever was tried least often."""
    return min(
        waiting,
        key=lambda one: (one.tries if is_failing else 0, _waits_since_us(one), one.case.number),
        default=None,
    )


def summarised(gone: Sequence[Delivery]) -> list[Delivery]:
    """Return what one summary can say: all but the critical cases beyond those that it names."""
    criticals = [one for one in gone if one.case.severity is Severity.CRITICAL]
    others = [one for one in gone if one.case.severity is not Severity.CRITICAL]
    return others + criticals[:MOST_NAMED]


def _waits_since_us(one: Delivery) -> int:
    return one.first_wanted_us - one.case.severity.rank * HEAD_START_US
