"""Alerts over HTTP: what the screen reads, and what people do about cases.

It is served on a private socket; the desk lets its own pages through (``forwarding.py``). Who asks
is said in the request until there is sign-in. Every answer is JSON; a refusal says what is wrong in
a sentence, under ``error``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from fastapi import APIRouter, FastAPI, Query
from starlette.requests import Request
from starlette.responses import Response

from dealing.alerts.asked import ActAsked, HandOverAsked, MuteAsked, UnmuteAsked
from dealing.alerts.errors import ActRefusedError, UnknownCaseError
from dealing.alerts.model import CaseState, Severity
from dealing.alerts.ports import CasesAsked
from dealing.alerts.service import AlertService
from dealing.command_answers import REFUSALS, as_json, plain, refusal_of, refused

PREFIX: Final = "/api/v1/alerts"
MOST_LISTED: Final = 500
MOST_EXPORTED: Final = 20_000
MOST_DAYS: Final = 366

Endpoint = Callable[..., Awaitable[Response]]
Told = dict[str, Any]
Body = TypeVar("Body", bound="ActAsked | HandOverAsked")


class _SetMute(MuteAsked, frozen=True, kw_only=True, tag_field="action", tag="set"):
    """What POST /api/v1/alerts/mutes takes to mute."""


class _EndMute(UnmuteAsked, frozen=True, kw_only=True, tag_field="action", tag="end"):
    """What POST /api/v1/alerts/mutes takes to end a mute."""


def alerts_app(service: AlertService) -> FastAPI:
    """Return the application that the alerts process serves on its private socket."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(case_routes(service))
    return app


def case_routes(service: AlertService) -> APIRouter:
    """Return the routes of cases, mutes, rules, grades and hand-over notes."""
    router = APIRouter(prefix=PREFIX)
    for path, method, endpoint in (
        ("", "GET", _listing(service)),
        ("/open", "GET", _summing_up(service)),
        ("/case", "GET", _looking(service)),
        ("/act", "POST", _asking(ActAsked, service.act)),
        ("/mutes", "GET", _told(service.muted)),
        ("/mutes", "POST", _muting(service)),
        ("/rules", "GET", _told(service.rules)),
        ("/grades", "GET", _grading(service)),
        ("/handover", "GET", _noting(service)),
        ("/handover", "POST", _asking(HandOverAsked, service.hand_over)),
    ):
        router.add_api_route(path, endpoint, methods=[method], include_in_schema=False)
    return router


def _listing(service: AlertService) -> Endpoint:
    async def listing(
        states: Annotated[list[CaseState] | None, Query(max_length=4)] = None,
        rule: Annotated[str, Query(max_length=64)] = "",
        severity: Severity | None = None,
        search: Annotated[str, Query(max_length=200)] = "",
        since_ms: Annotated[int | None, Query(ge=0, le=2**52)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 200,
        form: Literal["json", "csv"] = "json",
    ) -> Response:
        asked = CasesAsked(
            states=tuple(states or ()),
            rule=rule,
            search=search.strip(),
            severity=severity,
            since_us=None if since_ms is None else since_ms * 1_000,
            limit=limit if form == "json" else MOST_EXPORTED,
        )
        return await (_answer(service.listed(asked)) if form == "json" else _file(service, asked))

    return listing


def _summing_up(service: AlertService) -> Endpoint:
    async def summing_up() -> Response:
        return as_json(service.summary())

    return summing_up


def _looking(service: AlertService) -> Endpoint:
    async def look(number: Annotated[int, Query(ge=1, le=2**52)]) -> Response:
        return await _answer(service.case(number))

    return look


def _told(tell: Callable[[], Told]) -> Endpoint:
    async def told() -> Response:
        return as_json(tell())

    return told


def _grading(service: AlertService) -> Endpoint:
    async def grades(days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 30) -> Response:
        return await _answer(service.grades(days))

    return grades


def _noting(service: AlertService) -> Endpoint:
    async def note(since_ms: Annotated[int | None, Query(ge=0, le=2**52)] = None) -> Response:
        return await _answer(service.note(since_ms))

    return note


def _asking(kind: type[Body], act: Callable[[Body], Awaitable[Told]]) -> Endpoint:
    async def ask(request: Request) -> Response:
        try:
            body = msgspec.json.decode(await request.body(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
            return refused(HTTPStatus.UNPROCESSABLE_ENTITY, [plain(str(e))])
        return await _answer(act(body))

    return ask


def _muting(service: AlertService) -> Endpoint:
    async def mute(request: Request) -> Response:
        try:
            body = msgspec.json.decode(await request.body(), type=_SetMute | _EndMute)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
            return refused(HTTPStatus.UNPROCESSABLE_ENTITY, [plain(str(e))])
        if isinstance(body, _EndMute):
            return await _answer(service.unmute(body))
        return await _answer(service.mute(body))

    return mute


async def _file(service: AlertService, asked: CasesAsked) -> Response:
    try:
        text = await service.exported(asked)
    except REFUSALS as e:
        return refusal_of(e)
    held = {"content-disposition": 'attachment; filename="alerts.csv"'}
    return Response(text, media_type="text/csv", headers=held)


async def _answer(told: Awaitable[Told]) -> Response:
    try:
        return as_json(await told)
    except UnknownCaseError as e:
        return refused(HTTPStatus.NOT_FOUND, [str(e)])
    except ActRefusedError as e:
        return refused(HTTPStatus.CONFLICT, [str(e)])
    except REFUSALS as e:
        return refusal_of(e)
