"""Receiving webhooks: raw bytes are checked, kept on the disk and acknowledged, nothing more.

What a message means is found out later, so that a sender gets its answer at once and sends nothing
twice because we think. Every failure of authentication has the same answer. A database that is
away is said so: the sender tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from crm_sync.messages.inbox import Inbox
from crm_sync.messages.ports import Provider
from crm_sync.messages.raw_requests import raw_body, single_headers
from crm_sync.messages.retries import US_PER_S
from crm_sync.messages.verify import Scheme, SignedRequest, is_authentic, problem_of_secret
from exposure.errors import ConfigError, MalformedMessageError, StorageError

LONGEST_BODY: Final = 256 << 10
BODY_WITHIN_S: Final = 10.0
WRITERS: Final = 4
MOST_WAITING: Final = 256
RETRY_AFTER_S: Final = 30

_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, kw_only=True)
class WebhookSource:
    """A provider that may send; nothing secret is in its text form.

    Attributes:
        provider: Reads what it sends.
        scheme: How it signs.
        secrets: Those that are valid now.
        url: What the provider calls, where that is signed too.
        delivery_header: Where it says which delivery it is, in lower case; "" if nowhere.
    """

    provider: Provider
    scheme: Scheme
    secrets: Sequence[bytes] = field(repr=False)
    url: str = ""
    delivery_header: str = ""


def webhooks_app(
    sources: Mapping[str, WebhookSource], inbox: Inbox, now_us: Callable[[], int]
) -> Starlette:
    """Return an application that answers ``POST /webhooks/{provider}``.

    A provider without a secret is not there at all.

    Args:
        sources: By the names in their addresses, which are those in the inbox.
        inbox: Keeps what comes.
        now_us: The wall clock.

    Raises:
        ConfigError: A secret could never verify anything.
    """
    problems = [
        f"the secret of webhook {name} cannot be used: {problem}"
        for name, source in sources.items()
        for secret in source.secrets
        if (problem := problem_of_secret(source.scheme, secret))
    ]
    if problems:
        raise ConfigError(problems)
    receiver = _Receiver({n: s for n, s in sources.items() if s.secrets}, inbox, now_us)
    return Starlette(
        routes=[Route("/webhooks/{provider}", receiver.receive, methods=["POST"])],
    )


class _Receiver:
    def __init__(
        self, sources: Mapping[str, WebhookSource], inbox: Inbox, now_us: Callable[[], int]
    ) -> None:
        self._sources = sources
        self._inbox = inbox
        self._now_us = now_us
        self._writers = asyncio.Semaphore(WRITERS)
        self._waiting = 0

    async def receive(self, request: Request) -> Response:
        name = request.path_params["provider"]
        source = self._sources.get(name)
        if source is None:
            return _said(404, "there is no such webhook")
        try:
            body = await raw_body(request, LONGEST_BODY, BODY_WITHIN_S)
        except (TimeoutError, ClientDisconnect):
            return _said(408, "the body did not come")
        if body is None:
            return _said(413, f"the body is longer than {LONGEST_BODY} bytes")
        signed = _signed(request, source, body)
        if not is_authentic(source.scheme, signed, source.secrets, self._now_us() // US_PER_S):
            return _said(401, "the request is not authentic")
        return await self._keep(name, source, signed)

    async def _keep(self, name: str, source: WebhookSource, signed: SignedRequest) -> Response:
        delivery = signed.header(source.delivery_header.encode()).decode("latin-1")
        try:
            items = source.provider.items(signed.body, delivery)
        except MalformedMessageError:
            return _said(400, "the body is not the JSON that was expected")
        if self._waiting >= MOST_WAITING:
            return _later()
        self._waiting += 1
        try:
            async with self._writers:
                await run_in_threadpool(self._inbox.receive, name, items)
        except StorageError:
            return _later()
        finally:
            self._waiting -= 1
        return _said(200, "")


def _signed(request: Request, source: WebhookSource, body: bytes) -> SignedRequest:
    query = request.scope["query_string"]
    url = source.url.encode() + (b"?" + query if query else b"")
    return SignedRequest(
        headers=single_headers(request.headers.raw),
        body=body,
        method=request.method.encode(),
        url=url,
    )


def _later() -> Response:
    response = _said(503, "what came cannot be kept now: send it again")
    response.headers["retry-after"] = str(RETRY_AFTER_S)
    return response


def _said(status: int, words: str) -> Response:
    return Response(words, status, _HEADERS, media_type="text/plain")
