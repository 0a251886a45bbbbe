"""What a person asks hedging to do: checked, written into the audit log, done by the engine.

The log has the request before the engine hears of it and the outcome after. Whoever gets no answer
asks again with the same key: the engine does it once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, Final

import msgspec

from crm_sync.audit import AuditEntry, canonical
from dealing.commands.errors import BadRequestError
from dealing.commands.model import HOUSE
from dealing.commands.ports import CommandStore
from dealing.commands.rules import problem_of_actor, problem_of_key, problem_of_reason
from dealing.hedging.ports import (
    HedgeRequest,
    HedgeSymbol,
    HedgingQueries,
    ResumeHedging,
    SetHedgeMode,
)
from exposure.errors import DomainError, FeedError, StorageError

ACTIONS: Final[dict[type[HedgeRequest], str]] = {
    SetHedgeMode: "hedge.mode",
    HedgeSymbol: "hedge.order",
    ResumeHedging: "hedge.resume",
}


class HedgeCommands:
    """The use case behind the hedging screen and every program that hedges."""

    def __init__(
        self, store: CommandStore, hedging: HedgingQueries, now_ns: Callable[[], int]
    ) -> None:
        """Take the audit log, who hedges, and the wall clock."""
        self._store = store
        self._hedging = hedging
        self._now_ns = now_ns

    async def ask(self, request: HedgeRequest, via: str) -> dict[str, Any]:
        """Do what is asked and return what was done; the same key again returns the same.

        Raises:
            BadRequestError: It cannot be meant.
            DomainError: It cannot be done now; the log says so too.
            FeedError: The engine is away or does not answer: ask again with the same key.
            StorageError: It cannot be written down; nothing was done.
        """
        problems = problems_of(request)
        if problems:
            raise BadRequestError(problems)
        await self._write(request, "requested", request.actor, via, {})
        try:
            told = await self._hedging.hedging(request)
        except (DomainError, StorageError) as e:
            await self._write(request, "refused", HOUSE, "engine", {"why": str(e)})
            raise
        except FeedError as e:
            await self._write(request, "unanswered", HOUSE, "engine", {"why": str(e)})
            raise
        await self._write(request, "done", HOUSE, "engine", told)
        return told

    async def _write(
        self, request: HedgeRequest, outcome: str, actor: str, via: str, told: dict[str, Any]
    ) -> None:
        entry = AuditEntry(
            at_ns=self._now_ns(),
            actor=actor,
            via=via,
            action=f"{ACTIONS[type(request)]}.{outcome}",
            entity=f"hedging {request.symbol}",
            reason=request.reason,
            detail=canonical({"request": msgspec.to_builtins(request), "told": told}),
        )
        await asyncio.to_thread(self._store.record, entry)


def problems_of(request: HedgeRequest) -> list[str]:
    """Return everything that is wrong with a request whatever the book, a sentence each."""
    found = [
        problem_of_key(request.key),
        problem_of_actor(request.actor),
        problem_of_reason(request.reason),
    ]
    if not 0 < len(request.symbol) <= 64 or not request.symbol.isprintable():  # noqa: PLR2004
        found.append("symbol must be a name of 1 to 64 letters")
    if isinstance(request, HedgeSymbol) and not (math.isfinite(request.lots) and request.lots > 0):
        found.append(f"lots must be a number above 0, was {request.lots:g}")
    return [problem for problem in found if problem]
