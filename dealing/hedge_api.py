"""Hedging over HTTP: how each symbol is hedged, a ticket before it is sent, and what is asked for.

Refusals are JSON with a sentence under ``error``, as those of the other commands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from bookrouting.hedge_terms import HedgeMode
from dealing.command_answers import REFUSALS, as_json, plain, refusal_of, refused
from dealing.command_api import Via
from dealing.hedging.commands import HedgeCommands
from dealing.hedging.ports import (
    HedgeRequest,
    HedgeSymbol,
    HedgingQueries,
    ListHedging,
    ResumeHedging,
    SetHedgeMode,
    SuggestTicket,
)
from exposure.model.deals import Side

Body = TypeVar("Body", bound="_Body")
Endpoint = Callable[..., Awaitable[Response]]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: str
    actor: str
    reason: str
    symbol: str
    via: Via = "api"

    def _fields(self) -> dict[str, Any]:
        fields = msgspec.structs.asdict(self)
        del fields["via"]
        return fields


class ModeBody(_Body, frozen=True, kw_only=True):
    """What POST /api/v1/commands/hedge-mode takes."""

    mode: HedgeMode

    def request(self) -> HedgeRequest:
        """Return what is meant."""
        return SetHedgeMode(**self._fields())


class HedgeBody(_Body, frozen=True, kw_only=True):
    """What POST /api/v1/commands/hedge takes."""

    side: Side
    lots: float
    lp: str = ""

    def request(self) -> HedgeRequest:
        """Return what is meant."""
        return HedgeSymbol(**self._fields())


class ResumeBody(_Body, frozen=True, kw_only=True):
    """What POST /api/v1/commands/hedge-resume takes."""

    def request(self) -> HedgeRequest:
        """Return what is meant."""
        return ResumeHedging(**self._fields())


def hedge_routes(commands: HedgeCommands, hedging: HedgingQueries) -> APIRouter:
    """Return the routes of hedging."""
    router = APIRouter()
    for path, method, endpoint in (
        ("/api/v1/hedging", "GET", _listing(hedging)),
        ("/api/v1/hedging/ticket", "GET", _ticket(hedging)),
        ("/api/v1/commands/hedge", "POST", _asking(commands, HedgeBody)),
        ("/api/v1/commands/hedge-mode", "POST", _asking(commands, ModeBody)),
        ("/api/v1/commands/hedge-resume", "POST", _asking(commands, ResumeBody)),
    ):
        router.add_api_route(path, endpoint, methods=[method], include_in_schema=False)
    return router


def _listing(hedging: HedgingQueries) -> Endpoint:
    async def listing() -> Response:
        return await _answer(hedging.hedging(ListHedging()))

    return listing


def _ticket(hedging: HedgingQueries) -> Endpoint:
    async def ticket(
        symbol: Annotated[str, Query(min_length=1, max_length=64)],
        side: Side | None = None,
        lots: Annotated[float | None, Query(gt=0, le=1e9, allow_inf_nan=False)] = None,
        within_usd: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
    ) -> Response:
        asked = SuggestTicket(symbol=symbol, side=side, lots=lots, within_usd=within_usd)
        return await _answer(hedging.hedging(asked))

    return ticket


def _asking(commands: HedgeCommands, kind: type[ModeBody | HedgeBody | ResumeBody]) -> Endpoint:
    async def ask(request: Request) -> Response:
        try:
            body = msgspec.json.decode(await request.body(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
            return refused(HTTPStatus.UNPROCESSABLE_ENTITY, [plain(str(e))])
        return await _answer(commands.ask(body.request(), body.via))

    return ask


async def _answer(told: Awaitable[dict[str, Any]]) -> Response:
    try:
        return as_json(await told)
    except REFUSALS as e:
        return refusal_of(e)
