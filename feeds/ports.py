"""What the desk needs from the outside world, by need and not by technology."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from exposure.model.events import EventBatch, InputEvent
from exposure.model.instruments import Instrument
from exposure.model.quotes import QuoteColumns
from feeds.platform_commands import BalanceDeal, PlatformCommand


class EventFeed(Protocol):
    """An ordered, resumable stream of events from one source."""

    def batches(self, after: int) -> AsyncIterator[EventBatch]:
        """Yield batches that follow position ``after`` (0: from the start), then live ones.

        Never skips and never repeats. Raises DisconnectedError when the source goes away and
        GapError when it no longer has the events after ``after``.
        """
        ...


class ActionKind(StrEnum):
    """What can happen to an instrument besides being traded."""

    DIVIDEND = "dividend"
    ADJUSTMENT = "adjustment"
    SPLIT = "split"
    RENAME = "rename"


class MarketAction(NamedTuple):
    """What happened to a symbol while it did not trade; its next quote follows from it.

    Units: ``ts`` ns UTC; amounts per unit in quote currency, which longs receive and shorts pay,
    at the provider's as well (its longs get their own net amount); ``ratio`` new units per old
    one. ``name`` is the new one.
    """

    ts: int
    symbol: int
    kind: ActionKind
    long_per_unit: float = 0.0
    short_per_unit: float = 0.0
    provider_long_per_unit: float = 0.0
    ratio: float = 1.0
    name: str = ""


class MarketStep(NamedTuple):
    """Prices of one step of market time.

    ``client`` are the quotes clients trade on (markup included where the market adds it),
    ``provider`` the liquidity provider's own, both ordered by time within the step; ``symbol`` is
    an index into the market's instruments. ``now`` is the end of the step, ns UTC. ``actions`` are
    in order of time, too.
    """

    now: int
    client: QuoteColumns
    provider: QuoteColumns
    actions: tuple[MarketAction, ...] = ()


class Market(Protocol):
    """A source of prices that the simulated platform trades on: simulated or recorded.

    Deterministic: the same construction and the same steps give the same quotes.
    """

    @property
    def label(self) -> str:
        """What a dealer reads on screen, for example ``simulated`` or ``recorded 2014-05-08``."""
        ...

    @property
    def instruments(self) -> list[Instrument]:
        """The symbols that this market quotes, in index order, by their names at the start."""
        ...

    @property
    def now(self) -> int:
        """The end of the last step, ns UTC."""
        ...

    @property
    def exhausted(self) -> bool:
        """Whether a recording has no quotes left; a simulation never has."""
        ...

    def step(self, duration_ns: int) -> MarketStep:
        """Advance market time and return what was quoted meanwhile."""
        ...

    def save(self) -> bytes:
        """Return the state (random generators included) from which ``load`` goes on."""
        ...

    def load(self, state: bytes) -> None:
        """Go on exactly where ``save`` was called."""
        ...


class SteppedPlatform(Protocol):
    """A broker of our own making: the outside world of a run that has no real one.

    Deterministic: the same construction and the same steps, each with the same commands, give the
    same events.
    """

    @property
    def label(self) -> str:
        """What a dealer reads on screen about where the prices come from."""
        ...

    @property
    def now(self) -> int:
        """Market time: the end of the last step, ns UTC."""
        ...

    @property
    def exhausted(self) -> bool:
        """Whether a recording has no quotes left; a simulation never has."""
        ...

    @property
    def notes(self) -> list[str]:
        """What a person should know about this run, a sentence each; complete once it is open."""
        ...

    def opening_events(self) -> list[InputEvent]:
        """Return the state before the first step; asked once, before ``advance``."""
        ...

    def refusal(self, command: PlatformCommand, pending: Sequence[PlatformCommand] = ()) -> str:
        """Return why a command cannot be obeyed now, "" if it can; nothing happens yet.

        ``pending`` commands were accepted and are obeyed before it.
        """
        ...

    def balance_deals(self, login: str) -> list[BalanceDeal]:
        """Return what was booked for desks in an account, or in all for "", oldest first."""
        ...

    def advance(
        self, duration_ns: int, commands: Sequence[PlatformCommand] = ()
    ) -> list[InputEvent]:
        """Let market time pass and return what happened; the last event is ClockTicked(now).

        ``commands`` take effect at the beginning of the step.
        """
        ...

    def save(self) -> bytes:
        """Return the state (random generators included) from which ``load`` goes on."""
        ...

    def load(self, state: bytes) -> None:
        """Go on exactly where ``save`` was called, instead of opening."""
        ...
