"""What lets the desk's pages reach the alerts process: these paths, one by one, and no others.

The alerts process answers on a Unix socket that only this user can open. The desk passes on the
query and the JSON of a request, never its headers, and takes back JSON or CSV of a bounded size.
Each request has a connection of its own, so that none is left over from a process that has gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx2
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from dealing.command_answers import refused

PREFIX: Final = "/api/v1/alerts"
READ: Final = ("", "/open", "/case", "/mutes", "/rules", "/grades", "/handover")
POSTED: Final = ("/act", "/mutes", "/handover")

LONGEST_QUERY: Final = 2_000
LARGEST_BODY: Final = 16 * 1024
LARGEST_ANSWER: Final = 16 * 1024 * 1024
AT_ONCE: Final = 20
WITHIN_S: Final = 10.0

AWAY: Final = "the alerts process is away: no case is lost, it goes on when it is back"
NOT_DONE: Final = "the alerts process is away: nothing was changed"
UNANSWERED: Final = (
    "no answer came from the alerts process: look whether it was done, or send it again"
)

_HERE: Final = "http://alerts"
"""A name for the address of a request; the socket decides who answers."""

_KINDS: Final = frozenset({"application/json", "text/csv"})
_NEVER_ASKED: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

Endpoint = Callable[..., Awaitable[Response]]


class _TooLargeError(Exception):
    """An answer is larger than it may be."""


def alert_routes(socket: Path, within_s: float = WITHIN_S) -> APIRouter:
    """Return the routes of alerts, answered by the process that listens on a Unix socket.

    Args:
        socket: Where it listens; it need not be there yet.
        within_s: How long an answer may take.
    """
    client = httpx2.AsyncClient(
        transport=httpx2.AsyncHTTPTransport(
            uds=str(socket),
            limits=httpx2.Limits(max_connections=AT_ONCE, max_keepalive_connections=0),
            trust_env=False,
        ),
        timeout=within_s,
        trust_env=False,
    )
    router = APIRouter(prefix=PREFIX)
    for method, paths in (("GET", READ), ("POST", POSTED)):
        for path in paths:
            endpoint = _passing_on(client, method, f"{PREFIX}{path}")
            router.add_api_route(path, endpoint, methods=[method], include_in_schema=False)
    return router


def _passing_on(client: httpx2.AsyncClient, method: str, path: str) -> Endpoint:
    async def pass_on(request: Request) -> Response:
        query: bytes = request.scope["query_string"]
        body = await request.body() if method == "POST" else b""
        if len(query) > LONGEST_QUERY or len(body) > LARGEST_BODY:
            problem = f"a request has {LONGEST_QUERY} characters and a body of {LARGEST_BODY} bytes"
            return refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, [f"{problem} at most"])
        if not (query.isascii() and query.decode("ascii").isprintable()):
            return refused(HTTPStatus.BAD_REQUEST, ["the query must be escaped"])
        asked = client.build_request(
            method,
            httpx2.URL(f"{_HERE}{path}", query=query or None),
            content=body or None,
            headers={"content-type": "application/json"} if body else None,
        )
        return await _answered(client, asked, AWAY if method == "GET" else NOT_DONE)

    return pass_on


async def _answered(client: httpx2.AsyncClient, asked: httpx2.Request, away: str) -> Response:
    try:
        return await _taken(await client.send(asked, stream=True))
    except _NEVER_ASKED:
        return refused(HTTPStatus.SERVICE_UNAVAILABLE, [away])
    except httpx2.HTTPError:
        return refused(HTTPStatus.SERVICE_UNAVAILABLE, [UNANSWERED])
    except _TooLargeError:
        problem = "the answer of the alerts process is too large: ask for less"
        return refused(HTTPStatus.BAD_GATEWAY, [problem])


async def _taken(answer: httpx2.Response) -> Response:
    body = bytearray()
    try:
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > LARGEST_ANSWER:
                raise _TooLargeError
    finally:
        await answer.aclose()
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind not in _KINDS:
        return refused(HTTPStatus.BAD_GATEWAY, ["the alerts process answered with something else"])
    headers = {"content-disposition": 'attachment; filename="alerts.csv"'}
    return Response(
        bytes(body),
        answer.status_code,
        media_type=kind,
        headers=headers if kind == "text/csv" else None,
    )
