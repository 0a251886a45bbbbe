"""What the platform and its subscribers say to each other besides events.

Messages travel in the same frames as events do. A peer begins with a question and gets events and
news, one status, or a refusal.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from exposure.errors import UNDECODABLE, MalformedMessageError
from feeds.frames import Frame
from feeds.platform_commands import BalanceDeal, CommandAnswer, PlatformCommand

LATE_BELOW: Final = 0.9
"""Share of the wanted speed below which the market clock counts as falling behind."""


class Subscribe(msgspec.Struct, frozen=True, tag=True):
    """To the platform: all events behind a position, please, and the news."""

    after: int


class AskStatus(msgspec.Struct, frozen=True, tag=True):
    """To the platform: how are you?"""


class Instruct(msgspec.Struct, frozen=True, tag=True):
    """To the platform: do this, all at one moment, each key once for ever."""

    commands: list[PlatformCommand]


class AskBalanceDeals(msgspec.Struct, frozen=True, tag=True):
    """To the platform: what was booked for desks in this account, or in all for ""?"""

    login: str


class Refused(msgspec.Struct, frozen=True, tag=True):
    """From the platform: these events do not exist here, in the words of a GapError."""

    expected: int
    was: int
    reason: str


class Answered(msgspec.Struct, frozen=True, tag=True):
    """From the platform: what it does with each command; its disk holds both."""

    answers: list[CommandAnswer]


class BalanceDeals(msgspec.Struct, frozen=True, tag=True):
    """From the platform: the balance operations of desks, oldest first."""

    login: str
    deals: list[BalanceDeal]


class PlatformStatus(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the platform, about once a second: where the market clock is and how fast it goes.

    Units: ``now`` market time in ns UTC, speeds in market seconds per wall second.
    ``effective_speed`` and ``quotes_per_s`` are of the last second; ``position`` is of the last
    event that the platform's disk holds.
    """

    label: str
    now: int
    position: int
    speed: float
    effective_speed: float
    quotes_per_s: float
    exhausted: bool

    @property
    def is_late(self) -> bool:
        """Whether the machine cannot keep up with the wanted speed."""
        return not self.exhausted and self.effective_speed < LATE_BELOW * self.speed

    @property
    def detail(self) -> str:
        """The state in a few words for a screen."""
        if self.exhausted:
            return "recording ended"
        if self.is_late:
            return f"falls behind: speed {self.effective_speed:.3g} of {self.speed:g}"
        return f"speed {self.speed:g}"


Question = Subscribe | AskStatus | Instruct | AskBalanceDeals
News = PlatformStatus | Refused | Answered | BalanceDeals
Message = TypeVar("Message")

_QUESTIONS: Final[msgspec.msgpack.Decoder[Question]] = msgspec.msgpack.Decoder(Question)
_NEWS: Final[msgspec.msgpack.Decoder[News]] = msgspec.msgpack.Decoder(News)


def packed(message: Question | News) -> bytes:
    """Return a message as the bytes of one frame."""
    return Frame.of_message(msgspec.msgpack.encode(message)).data


def question_in(frame: Frame) -> Question:
    """Return what a peer asks; MalformedMessageError if it is no question."""
    return _decoded(_QUESTIONS, frame)


def news_in(frame: Frame) -> News:
    """Return what the platform says; MalformedMessageError if it is nothing known."""
    return _decoded(_NEWS, frame)


def _decoded(decoder: msgspec.msgpack.Decoder[Message], frame: Frame) -> Message:
    try:
        return decoder.decode(frame.payload)
    except UNDECODABLE as e:
        raise MalformedMessageError(f"the platform's socket carries something else: {e}") from e
