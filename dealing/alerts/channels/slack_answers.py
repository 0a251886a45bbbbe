"""Answers to whoever pressed or asked in Slack: seen by that person alone.

Slack says with each request where its answer goes. That address comes from outside, so it is called
only if it is one of Slack's own, or of the stand-in that was configured; no redirect is followed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

import msgspec
import structlog

from crm_sync.messages.addresses import Resolve
from crm_sync.messages.errors import DeliveryError
from crm_sync.messages.model import OutMessage
from crm_sync.messages.sending import HttpSender, Target
from dealing.alerts.channels.block_kit import SlackMessage

SLACK_ANSWERS: Final = "https://hooks.slack.com/"
SLACK_HOST: Final = "slack.com"

_TARGET: Final = "slack"
_OK: Final = 200
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS: Final = {"http": 80, "https": 443}


class Base(NamedTuple):
    """What addresses of answers begin with, and whether they may be on this very machine."""

    url: str
    loopback: bool


def answers_base(api_url: str) -> Base:
    """Return where answers go to, from the address of the API that was configured.

    Args:
        api_url: Slack's own, or that of a stand-in, which takes answers itself.
    """
    api = urlsplit(api_url)
    if api.hostname == SLACK_HOST:
        return Base(SLACK_ANSWERS, loopback=False)
    return Base(f"{api.scheme}://{api.netloc}/", loopback=api.hostname in _LOOPBACK)


class SlackAnswers:
    """Sends answers to the addresses that Slack names."""

    def __init__(
        self,
        now_us: Callable[[], int],
        resolve: Resolve,
        trust: ssl.SSLContext,
        base_url: str = SLACK_ANSWERS,
        *,
        loopback: bool = False,
    ) -> None:
        """Take how addresses are found and believed.

        Args:
            now_us: The wall clock.
            resolve: Who knows addresses (``system_resolve``).
            trust: Which certificates are believed.
            base_url: What the address of every answer begins with.
            loopback: Whether that may be this very machine, as a stand-in is.
        """
        self._now_us = now_us
        self._resolve = resolve
        self._trust = trust
        self._base = urlsplit(base_url)
        self._loopback = loopback

    def is_slacks(self, url: str) -> bool:
        """Return whether an address is one that answers may go to."""
        try:
            asked = urlsplit(url)
            return (
                _origin(asked) == _origin(self._base)
                and asked.path.startswith(self._base.path or "/")
                and asked.username is None
                and asked.password is None
            )
        except ValueError:
            return False

    async def answer(self, url: str, message: SlackMessage) -> bool:
        """Show a person something, and return whether Slack took it; nothing else depends on it."""
        if not self.is_slacks(url):
            structlog.get_logger().warning("an answer would go to an address that is not Slack's")
            return False
        body = {
            "response_type": "ephemeral",
            "replace_original": False,
            "text": message.text,
            "blocks": message.blocks,
        }
        try:
            return await asyncio.to_thread(self._send, url, msgspec.json.encode(body))
        except DeliveryError as e:
            structlog.get_logger().warning("Slack did not take an answer", reason=str(e))
            return False

    def _send(self, url: str, body: bytes) -> bool:
        target = Target(url=url, loopback=self._loopback)
        sender = HttpSender({_TARGET: target}, self._now_us, self._resolve, self._trust)
        answer = sender.send(OutMessage(key="answer", aggregate="", target=_TARGET, body=body))
        return answer.status == _OK


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)
