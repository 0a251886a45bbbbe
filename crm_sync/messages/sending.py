"""Sending one message over HTTP: to an address that was checked, once, briefly and without detours.

No redirects, no proxies of the environment, no connection that is kept for the next message, a
short time for everything together, and no more of an answer than we want.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx2

from crm_sync.messages.addresses import Destination, Resolve, destination
from crm_sync.messages.errors import DeliveryError
from crm_sync.messages.model import Method, OutMessage
from crm_sync.messages.ports import Answer
from crm_sync.messages.retries import US_PER_S
from crm_sync.messages.signing import signed_headers, signing_key, webhook_id
from exposure.errors import ConfigError

WITHIN_S: Final = 5.0
LONGEST_ANSWER: Final = 64 << 10


def _no_headers(_: OutMessage) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Target:
    """An address that messages go to; nothing secret is in its text form.

    Attributes:
        url: What every path is added to.
        secret: Signs messages as Standard Webhooks; "" where the target expects none.
        headers: What a request needs besides, such as its authorization.
        loopback: Whether it may be on this very machine, as the simulator is.
    """

    url: str
    secret: str = field(default="", repr=False)
    headers: Callable[[OutMessage], Mapping[str, str]] = field(default=_no_headers, repr=False)
    loopback: bool = False

    def __post_init__(self) -> None:
        if self.secret:
            signing_key(self.secret)


class HttpSender:
    """Sender over HTTP. It blocks, so it works in a thread."""

    def __init__(
        self,
        targets: Mapping[str, Target],
        now_us: Callable[[], int],
        resolve: Resolve,
        trust: ssl.SSLContext,
        within_s: float = WITHIN_S,
    ) -> None:
        """Take who is where.

        Args:
            targets: By their names.
            now_us: The wall clock, for signatures.
            resolve: Who knows addresses (``system_resolve``).
            trust: Which certificates are believed (``ssl.create_default_context()``).
            within_s: How long one message may take.
        """
        self._targets = targets
        self._now_us = now_us
        self._resolve = resolve
        self._trust = trust
        self._within_s = within_s

    def send(self, message: OutMessage) -> Answer:
        """Send a message once; raises as Sender says."""
        target = self._targets.get(message.target)
        if target is None:
            raise ConfigError([f"nobody knows the target {message.target}: configure it"])
        there = destination(target.url + message.path, self._resolve, loopback=target.loopback)
        return asyncio.run(self._request(there, message, self._headers(target, there, message)))

    def _headers(self, target: Target, there: Destination, message: OutMessage) -> dict[str, str]:
        headers = {
            "host": there.authority,
            "connection": "close",
            "accept-encoding": "identity",
            "idempotency-key": message.key,
            **target.headers(message),
        }
        if message.method is Method.POST:
            headers["content-type"] = "application/json"
        if target.secret:
            now_s = self._now_us() // US_PER_S
            key = signing_key(target.secret)
            headers |= signed_headers(key, webhook_id(message.key), now_s, message.body)
        return headers

    async def _request(
        self, there: Destination, message: OutMessage, headers: dict[str, str]
    ) -> Answer:
        try:
            async with (
                asyncio.timeout(self._within_s),
                self._client() as client,
                client.stream(
                    message.method.value,
                    there.url,
                    content=message.body or None,
                    headers=headers,
                    extensions={"sni_hostname": there.host},
                ) as response,
            ):
                return await _answer(response)
        except TimeoutError as e:
            raise DeliveryError("the target took too long") from e
        except httpx2.HTTPError as e:
            raise DeliveryError(f"the target cannot be reached: {type(e).__name__}") from e

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            verify=self._trust, trust_env=False, follow_redirects=False, timeout=self._within_s
        )


async def _answer(response: httpx2.Response) -> Answer:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            raise DeliveryError(f"the target answered with more than {LONGEST_ANSWER} bytes")
    return Answer(response.status_code, body, _retry_after_s(response.headers))


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """Return how long a target wants to be left alone; one that gives a date gets no rest."""
    text = headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0  # noqa: PLR2004 - nobody waits longer
