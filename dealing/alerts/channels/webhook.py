"""A webhook of anybody's: a case as JSON, signed as Standard Webhooks says.

The id of a message is that of the case and its version, the same at every try, so a receiver can
leave out what it has. What is called is an address of the open Internet that was resolved once, or
this machine where that was configured; no redirect is followed.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec

from crm_sync.messages.addresses import Resolve
from crm_sync.messages.errors import DeliveryError, ForbiddenAddressError
from crm_sync.messages.model import OutMessage
from crm_sync.messages.ports import Answer
from crm_sync.messages.sending import HttpSender, Target
from dealing.alerts.channels.words import clean, one_line, paragraphs, plain_heading, said
from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.ports import CaseMessage
from dealing.alerts.told import case_told, entry_told

VERSION: Final = 1
CASE_TYPE: Final = "alert.case"
SAID_TYPE: Final = "alert.said"

_TARGET: Final = "alerts"
_US_PER_MS: Final = 1_000
_WILL_PASS: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY,
     HTTPStatus.TOO_MANY_REQUESTS}
)  # fmt: skip


class WebhookSink:
    """Posts to one address."""

    has_buttons = False

    def __init__(
        self,
        url: str,
        secret: str,
        now_us: Callable[[], int],
        resolve: Resolve,
        trust: ssl.SSLContext,
        *,
        name: str = "webhook",
        loopback: bool = False,
    ) -> None:
        """Take where to post, and what signs it.

        Args:
            url: The address.
            secret: ``whsec_`` and base64, as receivers of Standard Webhooks are given it.
            now_us: The wall clock.
            resolve: Who knows addresses (``system_resolve``).
            trust: Which certificates are believed.
            name: The channel's name.
            loopback: Whether it may be this very machine, over http and at any port.

        Raises:
            ConfigError: The secret is none.
        """
        self.name = name
        self._now_us = now_us
        target = Target(url=url, secret=secret, loopback=loopback)
        self._sender = HttpSender({_TARGET: target}, now_us, resolve, trust)

    async def tell(self, message: CaseMessage, ref: str) -> str:
        """Post a case; the ref is the id of its first message."""
        case = message.case
        key = f"{case.name}-{case.opened_us}-v{case.version}"
        await self._post(key, {"type": CASE_TYPE, **case_json(message)})
        return ref or key

    async def say(self, text: str) -> None:
        """Post something that is no case."""
        shown = said(text)
        key = f"said-{hashlib.sha256(shown.encode()).hexdigest()[:16]}-{self._now_us()}"
        await self._post(key, {"type": SAID_TYPE, "text": shown})

    async def _post(self, key: str, content: dict[str, Any]) -> None:
        told = {"version": VERSION, "id": key, "sent_at_ms": self._now_us() // _US_PER_MS}
        body = msgspec.json.encode({**told, **content})
        message = OutMessage(key=key, aggregate=key, target=_TARGET, body=body)
        try:
            answer = await asyncio.to_thread(self._sender.send, message)
        except ForbiddenAddressError as e:
            raise AlertDeliveryError(f"alerts.webhook_url: {e}", will_pass=False) from None
        except DeliveryError as e:
            raise AlertDeliveryError(f"the webhook's receiver: {e}") from None
        _check(answer)


def case_json(message: CaseMessage) -> dict[str, Any]:
    """Return a case as a receiver gets it; times are epoch milliseconds, ``text`` is for people."""
    text = "\n\n".join([plain_heading(message.case), *paragraphs(message)])
    content = {
        "case": case_told(message.case, with_members=True),
        "news": [entry_told(entry) for entry in message.new_entries],
        "link": message.link,
        "called": [one_line(name, 64) for name in message.mentions],
        "text": text,
    }
    return {name: _clean(value) for name, value in content.items()}


def _clean(value: Any) -> Any:
    """Return JSON data whose texts can be written and shown."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {name: _clean(inner) for name, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list | tuple) else value


def _check(answer: Answer) -> None:
    """Raise what an answer means, nothing if it was taken."""
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _WILL_PASS:
        wait_s = answer.retry_after_s or None
        raise AlertDeliveryError(f"the webhook's receiver answered {status}", retry_after_s=wait_s)
    raise AlertDeliveryError(
        f"the webhook's receiver answered {status}: check alerts.webhook_url and "
        "PLIMSOLL_ALERT_WEBHOOK_SECRET on both sides",
        will_pass=False,
    )
