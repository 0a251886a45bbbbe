"""What the desk asks about hedging, and what it asks for. Answers are plain values, as JSON is."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from bookrouting.hedge_terms import HedgeMode
from exposure.model.deals import Side


class ListHedging(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How is every symbol hedged now?"""


class SuggestTicket(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What should be hedged in a symbol, what does it cost, what does it save?

    Without side and lots what brings the house back: into the symbol's band, or, given
    ``within_usd``, what the house holds net to that many USD.
    """

    symbol: str
    side: Side | None = None
    lots: float | None = None
    within_usd: float | None = None


class SetHedgeMode(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let a symbol be hedged by nobody, by a dealer, or automatically."""

    key: str
    actor: str
    reason: str
    symbol: str
    mode: HedgeMode


class HedgeSymbol(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Send a market order to a provider; "" is the one of the symbol's rules."""

    key: str
    actor: str
    reason: str
    symbol: str
    side: Side
    lots: float
    lp: str = ""


class ResumeHedging(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let a paused symbol go on: somebody looked into it."""

    key: str
    actor: str
    reason: str
    symbol: str


HedgeRequest = SetHedgeMode | HedgeSymbol | ResumeHedging
HedgeAsked = ListHedging | SuggestTicket | HedgeRequest


class HedgingQueries(Protocol):
    """Who hedges."""

    async def hedging(self, asked: HedgeAsked) -> dict[str, Any]:
        """Answer, or do what is asked once for each key.

        Raises DisconnectedError while the engine is away (it may have been done: ask again with the
        same key), DomainError for what cannot be done, StorageError where it cannot be kept.
        """
        ...
