"""What live hedging is told to do, and what it remembers from one process to the next."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import msgspec

from bookrouting.flow_rates import FlowRates
from bookrouting.hedge_terms import HedgeMode, HedgeRules
from bookrouting.hedging import HedgerState

MEMORY_VERSION: Final = 1
KEPT_ANSWERS: Final = 5
KEPT_REQUESTS: Final = 512
"""Answers and requests that are remembered; who repeats an older request is taken for new."""


class Hedges(StrEnum):
    """What the desk brings back: what the books mean to pass on, or all that the house holds."""

    UNCOVERED = "uncovered"
    HOUSE_NET = "house_net"


class BandKind(StrEnum):
    """Where a band comes from: a number, or the cube-root rule on the flow as it is."""

    FIXED = "fixed"
    CUBE_ROOT = "cube_root"


class SymbolRules(msgspec.Struct, frozen=True, kw_only=True):
    """How one symbol is hedged live.

    With a band of the cube root ``rules.band_lots`` counts until the flow is known.
    ``stale_after_ns`` None leaves it to the instrument.

    Units: ``risk_aversion_per_usd`` gamma, ``news_pause_ns`` before and after a release.
    """

    rules: HedgeRules
    lp: str
    hedges: Hedges = Hedges.UNCOVERED
    band: BandKind = BandKind.FIXED
    risk_aversion_per_usd: float = 1e-5
    news_pause_ns: int = 0
    stale_after_ns: int | None = None
    most_ticket_lots: float = 100.0


class HedgeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of all symbols: those that are named, and everybody else's."""

    others: SymbolRules
    symbols: dict[str, SymbolRules] = {}
    decide_every_s: float = 0.1

    def of(self, symbol: str) -> SymbolRules:
        """Return a symbol's rules."""
        return self.symbols.get(symbol, self.others)


class LiveMode(msgspec.Struct, frozen=True):
    """A mode that somebody set; it holds until the configuration says something else than then."""

    mode: HedgeMode
    configured: HedgeMode


class Bridge(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the platform's own bridge hedges the symbol, and what it was asked and not answered.

    ``key`` is "" when nothing is asked.
    """

    on: bool = True
    number: int = 0
    key: str = ""
    asked_on: bool = True


class DecidedAt(msgspec.Struct, frozen=True):
    """The mid at which an order was decided; what it costs is measured against that."""

    key: str
    mid: float
    usd_per_price: float


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What was hedged since ``day_ns``, the beginning of a server day (ns UTC).

    ``cost_usd`` is what fills were worse than the mid of their decision, with commissions; negative
    if they were better.
    """

    day_ns: int = 0
    fills: int = 0
    lots: float = 0.0
    cost_usd: float = 0.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's last word on an order. Units: lots, ``ts_ns`` ns UTC of the event."""

    ts_ns: int
    key: str
    side: str
    filled_lots: float
    left_lots: float
    reason: str


class SymbolMemory(msgspec.Struct, kw_only=True):
    """Everything that is remembered of a symbol."""

    hedger: HedgerState
    live_mode: LiveMode | None = None
    bridge: Bridge = Bridge()
    decided: DecidedAt | None = None
    today: Tally = Tally()
    answers: list[Answer] = []
    flow: FlowRates | None = None


class Taken(msgspec.Struct, frozen=True):
    """A request that was done, by what it said, with what was answered."""

    request: dict[str, Any]
    told: dict[str, Any]


class HedgeMemory(msgspec.Struct, kw_only=True):
    """What is on the disk before anything is sent: all symbols after the event at ``position``.

    ``number`` grows with every time that it is kept.
    """

    origin: str
    position: int
    version: int = MEMORY_VERSION
    number: int = 0
    symbols: dict[str, SymbolMemory] = {}
    requests: dict[str, Taken] = {}
