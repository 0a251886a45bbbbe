"""How fast a channel is told, and when it is tried again after it failed.

A bucket gives so many messages a second and lets a few more through at once. A part of it is kept
for critical cases, so that a storm of others does not use up what they need.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from dealing.alerts.errors import AlertDeliveryError

US_PER_S: Final = 1_000_000

_Positive = Annotated[float, Meta(gt=0.0)]
_MOST_DOUBLINGS: Final = 30


class DeliveryPace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pace of one channel.

    Units: seconds, but for ``per_s`` (messages a second), ``burst`` and ``reserve`` (messages) and
    ``group_above`` (cases).
    """

    per_s: _Positive = 1.0
    burst: Annotated[int, Meta(ge=1)] = 5
    reserve: Annotated[int, Meta(ge=0)] = 2
    """What of the burst only critical cases may use."""
    update_every_s: float = 5.0
    """One message is changed at most so often, unless its case got worse or another state."""
    group_above: Annotated[int, Meta(ge=1)] = 30
    """More new cases than this, none of them critical, are one message."""
    gather_s: float = 2.0
    """How long the first of them waits for the others."""
    say_every_s: float = 30.0
    """Messages about many cases come at most so often."""
    down_after_s: float = 60.0
    """What came and went while nobody could be told for this long is summarised."""
    first_retry_s: _Positive = 1.0
    longest_retry_s: _Positive = 30.0
    hopeless_retry_s: _Positive = 300.0
    """The longest delay of what does not pass before somebody mends the configuration."""
    longest_rest_s: float = 3_600.0
    """The longest time that a channel may ask to be left alone."""
    buttons_for_s: _Positive = 900.0
    votes_for_s: _Positive = 3_600.0
    """A second vote may take longer: how long a command waits for it is the desk's own rule."""
    look_every_s: _Positive = 0.5
    """How soon a deliverer that nobody wakes looks again."""


class TokenBucket:
    """So many messages a second, and a few at once.

    Counted in whole microseconds of earned time, so that a wait that is over is over.
    """

    def __init__(self, pace: DeliveryPace) -> None:
        """Take the pace; the bucket is full."""
        self._each_us = round(US_PER_S / pace.per_s)
        self._most_us = pace.burst * self._each_us
        self._reserve_us = min(pace.reserve, pace.burst - 1) * self._each_us
        self._earned_us = self._most_us
        self._at_us: int | None = None

    def wait_us(self, now_us: int, *, is_urgent: bool) -> int:
        """Return how long to wait until a message may go out; 0 is now."""
        self._earn(now_us)
        needed_us = self._each_us if is_urgent else self._each_us + self._reserve_us
        return max(0, needed_us - self._earned_us)

    def take(self, now_us: int) -> None:
        """Use up one message, whatever becomes of it."""
        self._earn(now_us)
        self._earned_us -= self._each_us

    def _earn(self, now_us: int) -> None:
        since_us = now_us if self._at_us is None else self._at_us
        self._earned_us = min(self._most_us, self._earned_us + max(0, now_us - since_us))
        self._at_us = now_us


class Trouble:
    """What a channel failed at since it last worked, and until when it is left alone."""

    def __init__(self, pace: DeliveryPace, chance: Callable[[], float]) -> None:
        """Take the pace and a source of numbers in [0, 1): delays are shortened by half of that."""
        self._pace = pace
        self._chance = chance
        self._rest_until_us = 0
        self._recovered_us: int | None = None
        self.failures = 0
        self.since_us: int | None = None
        self.needs_mending = False
        self.last_error = ""

    def rest_us(self, now_us: int) -> int:
        """Return for how long the channel is still left alone."""
        return max(0, self._rest_until_us - now_us)

    def failed(self, error: AlertDeliveryError, now_us: int, tries: int) -> int:
        """Note a failure.

        Returns:
            When the message that was tried so often before is tried again, in us.
        """
        self.failures += 1
        self.since_us = now_us if self.since_us is None else self.since_us
        self.needs_mending = not error.will_pass
        self.last_error = str(error)
        longest_s = self._pace.longest_retry_s if error.will_pass else self._pace.hopeless_retry_s
        asked_us = self._asked_us(error)
        self._rest_until_us = now_us + max(asked_us, self._delay_us(self.failures, longest_s))
        # what no channel takes is not worth trying as often as what one could not take just now
        rank = tries + 1 if error.will_pass else _MOST_DOUBLINGS
        return now_us + max(asked_us, self._delay_us(rank, longest_s))

    def worked(self, now_us: int) -> None:
        """Note that the channel took something."""
        if self.is_down(now_us):
            self._recovered_us = now_us
        self.failures = 0
        self.since_us = None
        self.needs_mending = False

    def is_down(self, now_us: int) -> bool:
        """Return whether it has failed for long enough to call it that."""
        return self.since_us is not None and now_us - self.since_us >= self._down_after_us

    def explains(self, waited_since_us: int, now_us: int) -> bool:
        """Return whether what waited since then waited because the channel was down."""
        if self.is_down(now_us):
            return True
        return self._recovered_us is not None and waited_since_us <= self._recovered_us

    @property
    def _down_after_us(self) -> int:
        return round(self._pace.down_after_s * US_PER_S)

    def _asked_us(self, error: AlertDeliveryError) -> int:
        asked_s = 0.0 if error.retry_after_s is None else error.retry_after_s
        return round(max(0.0, min(asked_s, self._pace.longest_rest_s)) * US_PER_S)

    def _delay_us(self, rank: int, longest_s: float) -> int:
        grown_s = self._pace.first_retry_s * 2.0 ** (min(rank, _MOST_DOUBLINGS) - 1)
        return round(min(grown_s, longest_s) * (1 - self._chance() / 2) * US_PER_S)
