"""A small deterministic platform, and a process that runs it: ``python -m`` this module.

Every event depends on all earlier ones, so a step that is lost, doubled or of another length
changes everything after it.
"""

import asyncio
import random
import signal
import sys
from pathlib import Path

import msgspec

from exposure.model.events import (
    BalanceChanged,
    BookAssigned,
    ClockTicked,
    DealExecuted,
    QuoteReceived,
)
from feeds.pacing import Pace
from feeds.platform_process import Upkeep, run_platform

AS_FAST_AS_IT_GOES = Pace(speed=1e9)
SECOND = 1_000_000_000


class SteppingPlatform:
    """Random quotes and deals until its recording ends."""

    label = "stepping"
    notes = ("it goes by steps",)

    def __init__(self, steps=20, opening=7, seed=1):
        self._random = random.Random(seed)  # noqa: S311 (repeatable, not secret)
        self._end = steps * SECOND
        self._opening = opening
        self._price = 1.0
        self.now = 0

    @property
    def exhausted(self):
        return self.now >= self._end

    def opening_events(self):
        return [BalanceChanged(0, str(i), "deposit", self._next()) for i in range(self._opening)]

    def balance_deals(self, login):
        return []

    def refusal(self, command, pending=()):
        return "" if command.login.isdigit() else f"login {command.login} is not known here"

    def advance(self, duration_ns, commands=()):
        self.now += duration_ns
        return [
            *[self._moved(command) for command in commands],
            *[self._quote() for _ in range(self._random.randrange(4))],
            *[self._deal(number) for number in range(self._random.randrange(3))],
            ClockTicked(self.now),
        ]

    def save(self):
        return msgspec.json.encode((self._random.getstate(), self._price, self.now))

    def load(self, state):
        (version, words, gauss), self._price, self.now = msgspec.json.decode(state)
        self._random.setstate((version, tuple(words), gauss))

    def _moved(self, command):
        self._next()  # everything after a command is different
        return BookAssigned(self.now, command.login, command.book, command.hedge_ratio)

    def _quote(self):
        return QuoteReceived(self.now, "EURUSD", self._next(), self._next())

    def _deal(self, number):
        return DealExecuted(
            self.now,
            f"{self.now}-{number}",
            "1",
            "p",
            "EURUSD",
            "buy",
            "in",
            self._random.random(),
            self._next(),
        )

    def _next(self):
        self._price *= 1 + self._random.gauss(0, 0.01)
        return self._price


async def _main(directory, socket, steps, speed):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    upkeep = Upkeep(repeat_ns=2_000_000)
    await run_platform(
        SteppingPlatform(int(steps)),
        Path(directory),
        Path(socket),
        Pace(float(speed)),
        stop,
        upkeep,
    )


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
