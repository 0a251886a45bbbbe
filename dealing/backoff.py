"""How long to wait before trying again: longer each time, never in step with others."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """Delays that double up to a limit, each shortened at random by up to half.

    Units: seconds.
    """

    def __init__(
        self, chance: Callable[[], float], first_s: float = 0.05, limit_s: float = 2.0
    ) -> None:
        """Take a source of numbers in [0, 1), the first delay and the longest one."""
        self._chance = chance
        self._first_s = first_s
        self._limit_s = limit_s
        self._delay_s = first_s

    def next_delay_s(self) -> float:
        """Return how long to wait this time."""
        delay_s = self._delay_s
        self._delay_s = min(2 * delay_s, self._limit_s)
        return delay_s * (1 - self._chance() / 2)

    def reset(self) -> None:
        """Start from the first delay: it worked."""
        self._delay_s = self._first_s
