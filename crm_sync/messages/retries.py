"""When something is tried again: later each time, never in step with others, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Self

import msgspec

US_PER_S: Final = 1_000_000


class RetrySchedule(msgspec.Struct, frozen=True):
    """How long to wait after the first, second, ... failure; after the last there is no more.

    Units: seconds.
    """

    delays_s: tuple[float, ...]

    @classmethod
    def growing(cls, first_s: float, last_s: float, tries: int) -> Self:
        """Return delays that grow by the same factor from the first to the last."""
        steps = tries - 2
        factor = (last_s / first_s) ** (1 / steps)
        return cls(tuple(first_s * factor**step for step in range(steps + 1)))

    def wait_us(self, attempts: int, chance: float, at_least_s: float = 0.0) -> int | None:
        """Return how long to wait after so many attempts, None if they were enough.

        Units: microseconds.

        Args:
            attempts: How often it was tried.
            chance: A number in [0, 1): delays are shortened by half of that part.
            at_least_s: What the other side asks for.
        """
        if attempts > len(self.delays_s):
            return None
        delay_s = self.delays_s[attempts - 1] * (1 - chance / 2)
        return round(max(delay_s, at_least_s) * US_PER_S)


INBOX_RETRIES: Final = RetrySchedule.growing(1.0, 3_600.0, 10)
"""Ten tries within about an hour and a half."""

OUTBOX_RETRIES: Final = RetrySchedule(
    (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
)
"""Ten tries within about three days. Source: Standard Webhooks 1.0.0, its example schedule."""


class Pace(NamedTuple):
    """When a worker tries: the wall clock, numbers in [0, 1) and the schedule."""

    now_us: Callable[[], int]
    chance: Callable[[], float]
    retries: RetrySchedule

    def wait_us(self, attempts: int, at_least_s: float = 0.0) -> int | None:
        """Return how long to wait after so many attempts, None if they were enough.

        Units: microseconds.
        """
        return self.retries.wait_us(attempts, self.chance(), at_least_s)
