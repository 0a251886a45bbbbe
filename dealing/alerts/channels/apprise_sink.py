"""Telegram, Teams, PagerDuty and whatever else apprise knows, by one address each.

Those addresses hold keys. None is ever in an error or a log: apprise's own log is silenced, and its
addresses are called by their place in the list. It says no more than whether it worked, so every
failure is one that may pass. It blocks and works in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Sequence
from typing import Final

import apprise

from dealing.alerts.channels.words import (
    clean,
    entry_lines,
    heading,
    news,
    paragraphs,
    said,
    shortened,
    without_pings,
)
from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.model import CaseState, Severity
from dealing.alerts.ports import CaseMessage
from exposure.errors import ConfigError

LONGEST_BODY: Final = 3_500
"""Telegram takes 4096 characters, escaped."""

MOST_REMEMBERED: Final = 500

_TYPES: Final = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}


class AppriseSink:
    """Tells all of some services; each version of a case is a message of its own."""

    has_buttons = False

    def __init__(self, urls: Sequence[str], *, name: str = "apprise") -> None:
        """Take the services' addresses, which are secrets.

        Raises:
            ConfigError: One is none that apprise understands.
        """
        self.name = name
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        asset = apprise.AppriseAsset(
            app_id="Plimsoll", app_desc="Plimsoll alerts", app_url="", async_mode=False,
            interpret_emojis=False, interpret_escapes=False,
        )  # fmt: skip
        self._services = [apprise.Apprise(asset=asset) for _ in urls]
        self._have: dict[str, set[int]] = {}
        with warnings.catch_warnings():
            # services are loaded now, and some still use what Python is about to drop
            warnings.simplefilter("ignore", DeprecationWarning)
            taken = [one.add(url) for one, url in zip(self._services, urls, strict=True)]
        problems = [
            f"PLIMSOLL_APPRISE_URLS: apprise does not understand address {place}"
            for place, is_taken in enumerate(taken, 1)
            if not is_taken
        ]
        if problems or not urls:
            raise ConfigError(problems or ["PLIMSOLL_APPRISE_URLS holds no address"])

    async def tell(self, message: CaseMessage, ref: str) -> str:
        """Send a case, or what is new about one that was sent."""
        case = message.case
        kind = _TYPES[case.severity]
        if case.state is CaseState.RESOLVED:
            kind = apprise.NotifyType.SUCCESS
        lines = entry_lines(news(message), message.now_us)
        body = "\n".join([*lines, message.link]) if ref and lines else _whole(message)
        await self._send(f"{case.name}-v{case.version}", heading(case), body, kind)
        return f"v{case.version}"

    async def say(self, text: str) -> None:
        """Send something that is no case."""
        shown = said(text)
        await self._send(shown, "Plimsoll", shown, apprise.NotifyType.INFO)

    async def _send(self, key: str, title: str, body: str, kind: apprise.NotifyType) -> None:
        """Send something to the services that do not have it from an earlier try."""
        shown = shortened(without_pings(clean(body)).strip(), LONGEST_BODY) or title
        have = self._have.pop(key, set())
        lacking = [place for place in range(len(self._services)) if place not in have]
        have |= await asyncio.to_thread(self._sent, lacking, without_pings(title), shown, kind)
        failed = [str(place + 1) for place in lacking if place not in have]
        if failed:
            self._remember(key, have)
            raise AlertDeliveryError(
                f"of the {len(self._services)} services behind apprise, {', '.join(failed)} did "
                "not take it: if that lasts, check PLIMSOLL_APPRISE_URLS"
            )

    def _remember(self, key: str, have: set[int]) -> None:
        self._have[key] = have
        if len(self._have) > MOST_REMEMBERED:
            del self._have[next(iter(self._have))]

    def _sent(
        self, places: Sequence[int], title: str, body: str, kind: apprise.NotifyType
    ) -> set[int]:
        """Send to some services and return those that took it."""
        text = apprise.NotifyFormat.TEXT
        return {
            place
            for place in places
            if self._services[place].notify(
                body=body, title=title, notify_type=kind, body_format=text
            )
        }


def _whole(message: CaseMessage) -> str:
    return "\n\n".join(paragraphs(message))
