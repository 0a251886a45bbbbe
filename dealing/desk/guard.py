"""The door: what may reach the desk at all, decided before anything else sees it.

Dash is open by default: it answers anybody who can reach the port, runs callbacks for cross-site
posts and breaks on odd payloads. This pure ASGI layer wraps everything, HTTP and WebSockets, and
lets through only known paths and methods, from pages of this very desk, under a host name that is
ours (a foreign name is DNS rebinding), with small bodies: JSON, and shaped like a callback where
they are one.
Source: OWASP ASVS 5.0 chapters 3 and 4; W3C Fetch Metadata.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_SOCKET_MESSAGE: Final = 4 * 1024
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
CALLBACK_PATH: Final = "/_dash-update-component"
STREAM_PATH: Final = "/stream"
SCREENS: Final = frozenset(
    {"/alerts", "/clients", "/risk", "/margin", "/hedging", "/revenue", "/office", "/system"}
)
"""Addresses of screens: all of them are the one page, whose scripts look at the address."""

READABLE: Final = re.compile(
    r"/|/_dash-(layout|dependencies)|/_dash-component-suites/.+|/assets/.+|/healthz|/readyz"
    r"|/api/v1/(snapshot|revenue|clusters|shadow|commands|approvals|audit|hedging|hedging/ticket)"
    r"|/api/v1/office/(clients|client|payments|breaks|messages|health)"
    r"|/api/v1/alerts(/(open|case|mutes|rules|grades|handover))?"
)
COMMANDS: Final = frozenset(
    {
        "/api/v1/commands/reassign",
        "/api/v1/commands/preview",
        "/api/v1/commands/undo",
        "/api/v1/approvals",
        "/api/v1/commands/hedge",
        "/api/v1/commands/hedge-mode",
        "/api/v1/commands/hedge-resume",
        "/api/v1/office/withdrawals",
        "/api/v1/office/decisions",
        "/api/v1/office/holds",
        "/api/v1/office/orders",
        "/api/v1/office/breaks",
        "/api/v1/office/messages",
        "/api/v1/alerts/act",
        "/api/v1/alerts/mutes",
        "/api/v1/alerts/handover",
    }
)
"""Where something is asked for; what it is, the use case checks."""

STATIC: Final = ("/assets/", "/_dash-component-suites/")
POLICY_VIOLATION: Final = 1008
MESSAGE_TOO_BIG: Final = 1009

PayloadCheck = Callable[[Any], str | None]


class Refusal(NamedTuple):
    """Why a request goes no further."""

    status: HTTPStatus
    reason: str


class Guard:
    """An ASGI application around another one."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Sequence[str],
        script_hashes: Sequence[str],
        is_callback: PayloadCheck,
    ) -> None:
        self.app = app
        self._hosts = LOOPBACK | {host.lower() for host in hosts}
        self._is_callback = is_callback
        self._headers = _security_headers(script_hashes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request, hand on any other one."""
        match scope["type"]:
            case "http":
                await self._http(scope, receive, self._with_headers(scope, send))
            case "websocket":
                await self._websocket(scope, receive, send)
            case _:
                await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        refusal = self._unknown_host(headers) or _unknown_path(scope["method"], scope["path"])
        if refusal is None and scope["method"] == "POST":
            refusal = _cross_site(headers) or _not_json(headers)
            body = b"" if refusal else await _read(receive)
            refusal = refusal or self._malformed(body, scope["path"])
            receive = _replay(body or b"", receive)
        if refusal is None:
            await self.app(_page_of_screen(scope), receive, send)
        else:
            await _refuse(refusal, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        known = scope["path"] == STREAM_PATH and self._unknown_host(headers) is None
        if known and _cross_site(headers) is None:
            await self.app(scope, _bounded(receive, send), send)
        else:
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "refused"})

    def _unknown_host(self, headers: Mapping[str, str]) -> Refusal | None:
        host = re.sub(r":\d+$", "", headers.get("host", "")).lower()
        if host in self._hosts:
            return None
        return Refusal(HTTPStatus.MISDIRECTED_REQUEST, "this desk is not known by that host name")

    def _malformed(self, body: bytes | None, path: str) -> Refusal | None:
        if body is None:
            return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has {MAX_BODY} bytes")
        if _depth(body) > MAX_DEPTH:
            return Refusal(HTTPStatus.BAD_REQUEST, "the JSON is nested too deeply")
        try:
            payload = orjson.loads(body)
        except orjson.JSONDecodeError:
            return Refusal(HTTPStatus.BAD_REQUEST, "the body is no JSON")
        problem = self._is_callback(payload) if path == CALLBACK_PATH else None
        return None if problem is None else Refusal(HTTPStatus.BAD_REQUEST, problem)

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        static = scope["path"].startswith(STATIC)
        fingerprinted = b"m=" in scope["query_string"] or ".v" in scope["path"]
        cache = b"no-store" if not static else b"no-cache"

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(k, v) for k, v in message["headers"] if k.lower() not in _REPLACED]
                if not (static and fingerprinted):
                    kept = [(k, v) for k, v in kept if k.lower() != b"cache-control"]
                    kept.append((b"cache-control", cache))
                message = {**message, "headers": [*kept, *self._headers]}
            await send(message)

        return sending


_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_REPLACED: Final = frozenset({b"server", b"x-powered-by"})


def _security_headers(script_hashes: Sequence[str]) -> list[tuple[bytes, bytes]]:
    policy = (
        "default-src 'self'",
        "script-src 'self' " + " ".join(script_hashes),
        "style-src 'self' 'unsafe-inline'",  # AG Grid and Mantine place elements by style
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    )
    headers = {
        "content-security-policy": "; ".join(policy),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _unknown_path(method: str, path: str) -> Refusal | None:
    readable = path in SCREENS or READABLE.fullmatch(path)
    allowed = ("GET", "HEAD") if readable else ()
    if path == CALLBACK_PATH or path in COMMANDS:
        allowed = (*allowed, "POST")
    if not allowed:
        return Refusal(HTTPStatus.NOT_FOUND, "there is nothing here")
    if method in allowed:
        return None
    return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"use {' or '.join(allowed)}")


def _page_of_screen(scope: Scope) -> Scope:
    # Dash prepares its answers for its own first page only
    return {**scope, "path": "/", "raw_path": b"/"} if scope["path"] in SCREENS else scope


def _cross_site(headers: Mapping[str, str]) -> Refusal | None:
    refusal = Refusal(HTTPStatus.FORBIDDEN, "only pages of this desk may ask for this")
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return refusal
    return None if _is_origin(headers.get("origin", ""), headers.get("host")) else refusal


def _is_origin(origin: str, host: str | None) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:  # brackets that hold no address
        return False
    return parts.scheme in {"http", "https"} and parts.netloc == host


def _not_json(headers: Mapping[str, str]) -> Refusal | None:
    if headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        return None
    return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")


def _depth(body: bytes) -> int:
    """Return how deep brackets nest, those inside strings not counted.

    A string that does not end takes the rest of the body, so that each byte is looked at once.
    """
    depth = deepest = 0
    for bracket in _STRING_OR_BRACKET.findall(body):
        if bracket in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in b"]}":
            depth -= 1
    return deepest


async def _read(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


def _bounded(receive: Receive, send: Send) -> Receive:
    async def bounded() -> Message:
        message = await receive()
        size = len(message.get("bytes") or b"") + len(message.get("text") or "")
        if size <= MAX_SOCKET_MESSAGE:
            return message
        await send({"type": "websocket.close", "code": MESSAGE_TOO_BIG})
        return {"type": "websocket.disconnect", "code": MESSAGE_TOO_BIG}

    return bounded


async def _refuse(refusal: Refusal, send: Send) -> None:
    body = orjson.dumps({"error": refusal.status.phrase, "reason": refusal.reason})
    start = {
        "type": "http.response.start",
        "status": refusal.status.value,
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})
