"""A channel, a clock and a store that a test has in its hand."""

import math
from collections import deque
from typing import NamedTuple

from dealing.alerts.delivering import Deliverer, Surroundings
from dealing.alerts.delivery_pace import DeliveryPace
from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.memory_store import MemoryAlertStore
from tests.dealing.alerts.kept_cases import START, S, keep


class Clock:
    """Wall-clock microseconds that pass when a test says so."""

    def __init__(self):
        self.now_us = START

    def __call__(self):
        return self.now_us

    def pass_s(self, seconds):
        self.now_us += math.ceil(seconds * S)

    @property
    def elapsed_s(self):
        return (self.now_us - START) / S


class Request(NamedTuple):
    """What the channel was asked, and when; ``message`` is None for what was said."""

    at_s: float
    message: object
    ref: str
    text: str
    accepted: bool


class FakeChannel:
    """Takes messages, unless it is down, or the next answers in ``failures`` are something else.

    A failure in ``failures_after`` comes after the message was taken: the answer is lost.
    """

    def __init__(self, clock, *, has_buttons=True, name="slack"):
        self.name = name
        self.has_buttons = has_buttons
        self.requests = []
        self.failures = deque()
        self.failures_after = deque()
        self.down = None
        self.refuses = lambda _: None
        self._clock = clock

    async def tell(self, message, ref):
        self._take(message, ref, "")
        return ref or f"ts-{len(self.requests)}"

    async def say(self, text):
        self._take(None, "", text)

    @property
    def told(self):
        """The messages that were taken, in their order."""
        return [one.message for one in self.requests if one.accepted and one.message is not None]

    @property
    def said(self):
        return [one.text for one in self.requests if one.accepted and one.message is None]

    @property
    def told_numbers(self):
        return [one.case.number for one in self.told]

    def first_told_s(self, number):
        """When a case was shown first, in seconds after the start."""
        shown = (one for one in self.requests if one.accepted and one.message is not None)
        return next(one.at_s for one in shown if one.message.case.number == number)

    def _take(self, message, ref, text):
        failure = self._failure(message)
        request = Request(self._clock.elapsed_s, message, ref, text, failure is None)
        self.requests.append(request)
        if failure is not None:
            raise failure
        if self.failures_after:
            raise self.failures_after.popleft()

    def _failure(self, message):
        if self.failures:
            return self.failures.popleft()
        return self.down if self.down is not None else self.refuses(message)


class House:
    """A store, a channel and who tells it, in virtual time."""

    def __init__(self, store=None, pace=None, **channel):
        self.clock = Clock()
        self.store = MemoryAlertStore() if store is None else store
        self.channel = FakeChannel(self.clock, **channel)
        self.pace = DeliveryPace() if pace is None else pace
        self.tokens = []
        self.deliverer = self.started()

    def started(self):
        """Who tells, in a process that starts now."""
        surroundings = Surroundings(
            link_of=lambda case: f"http://desk/alerts/{case.number}",
            mentions_of=lambda case: (f"on-call-{case.team}",),
            new_token=self._new_token,
            chance=lambda: 0.0,
            screen="http://desk/alerts",
        )
        return Deliverer(self.store, self.channel, self.pace, self.clock, surroundings)

    def keep(self, *cases, **more):
        keep(self.store, *cases, channels=(self.channel.name,), **more)

    async def run(self, seconds):
        """Let time pass, with somebody who calls when he is to be called."""
        end_us = self.clock.now_us + math.ceil(seconds * S)
        while True:
            wait_s = await self.deliverer.step()
            if self.clock.now_us + wait_s * S > end_us:
                self.clock.now_us = end_us
                return
            self.clock.pass_s(wait_s)

    def _new_token(self):
        self.tokens.append(f"token-{len(self.tokens)}")
        return self.tokens[-1]


def away(reason="nobody answers", **more):
    return AlertDeliveryError(reason, **more)
