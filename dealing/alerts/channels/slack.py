"""Slack as a channel: a bot that changes its messages, or an incoming webhook that cannot.

Whoever calls decides when to try again, so nothing waits in here: the library's own retries are
off. It also logs nothing, because addresses of webhooks are secrets. Its client blocks and works in
a thread.

A case is one message, changed as the case changes; what is new goes into its thread. The message is
changed first and the thread told after it, so that a second try after a failure says nothing twice.

Source: Slack's documentation of chat.postMessage, chat.update, rate limits and incoming webhooks.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from slack_sdk.errors import SlackApiError
from slack_sdk.web import WebClient
from slack_sdk.webhook import WebhookClient

from dealing.alerts.channels.block_kit import (
    SlackMessage,
    case_message,
    follow_up,
    news_message,
    said_message,
)
from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.model import EntryKind
from dealing.alerts.ports import CaseMessage

SLACK_API: Final = "https://slack.com/api/"
WITHIN_S: Final = 10
LONGEST_WAIT_S: Final = 3_600.0

_RENEW: Final = "put the bot token of the installed app into PLIMSOLL_SLACK_BOT_TOKEN"
_WEBHOOK: Final = "make a new webhook in the app and put it into PLIMSOLL_SLACK_WEBHOOK_URL"
_INVITE: Final = "invite it there with /invite @Plimsoll"
_CHANNEL: Final = "write the channel's id into slack.channel"
_SCOPE: Final = "give the app the scope chat:write, and install it again"

_TO_MEND: Final[Mapping[str, str]] = {
    "invalid_auth": f"Slack does not know the bot token: {_RENEW}",
    "not_authed": f"Slack was sent no bot token: {_RENEW}",
    "token_revoked": f"Slack's bot token was revoked: {_RENEW}",
    "token_expired": f"Slack's bot token has expired: {_RENEW}",
    "account_inactive": f"Slack's app was removed: install it again, {_RENEW}",
    "missing_scope": f"Slack's app may not write: {_SCOPE}",
    "no_permission": f"Slack's app may not write: {_SCOPE}",
    "channel_not_found": (f"Slack knows no such channel: {_CHANNEL}; if it is private, {_INVITE}"),
    "not_in_channel": f"Slack's app is not in the channel: {_INVITE}",
    "is_archived": f"Slack's channel was archived: choose another one, {_CHANNEL}",
    "channel_is_archived": f"Slack's channel was archived: {_WEBHOOK}",
    "restricted_action": "Slack's channel does not let apps write: change that in its settings",
    "no_service": f"Slack's webhook is gone: {_WEBHOOK}",
    "no_active_hooks": f"Slack's webhook is switched off: {_WEBHOOK}",
    "no_team": f"Slack's webhook is of no workspace: {_WEBHOOK}",
    "invalid_token": f"Slack's webhook is not valid: {_WEBHOOK}",
    "action_prohibited": "Slack's workspace forbids webhooks: ask who looks after it",
}
"""What stays wrong until somebody mends it."""

_GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""A message that cannot be changed any more: it is written anew."""

_BAD_BLOCKS: Final = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_payload", "msg_blocks_too_long"}
)
"""Slack does not like how it looks; the words alone are better than nothing."""

_LOUD: Final = frozenset({EntryKind.REPEATED, EntryKind.ESCALATED})
"""What has to be seen in the channel too, and not in a thread that nobody follows."""

_QUIET: Final = frozenset(
    {EntryKind.OPENED, EntryKind.JOINED, EntryKind.OWNED, EntryKind.NOTED, EntryKind.GRADED,
     EntryKind.REFUSED}
)  # fmt: skip
"""What is no message of its own where a message cannot be changed."""

_BROKEN: Final = (OSError, http.client.HTTPException, ValueError, LookupError, AttributeError)
"""What the client raises where no whole answer came; the last one where an answer is no object."""

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,60}")
_REF: Final = re.compile(r"([A-Z0-9]{2,32}):([0-9]{1,20}\.[0-9]{1,20})")


class _Place(NamedTuple):
    """Where a message is in Slack."""

    channel: str
    ts: str

    @property
    def ref(self) -> str:
        return f"{self.channel}:{self.ts}"


class _SlackError(Exception):
    """Slack answered that it will not; ``code`` is its own word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SlackBotSink:
    """A bot that writes into one channel and changes what it wrote."""

    has_buttons = True

    def __init__(
        self,
        token: str,
        channel: str,
        *,
        name: str = "slack",
        slack_ids: Mapping[str, str] | None = None,
        base_url: str = SLACK_API,
        within_s: int = WITHIN_S,
    ) -> None:
        """Take what opens Slack, and where to write.

        Args:
            token: The bot's token.
            channel: The channel's id (its name works while nobody renames it).
            name: The channel's name on the desk.
            slack_ids: What Slack calls people of the desk, by their names there.
            base_url: Slack's API.
            within_s: How long one request may take.
        """
        self.name = name
        self._channel = channel
        self._slack_ids = dict(slack_ids or {})
        self._client = WebClient(
            token, base_url, timeout=within_s, logger=_silent(), retry_handlers=[]
        )
        # the library would use it for this machine too; without one, the system's rules apply
        self._client.proxy = None

    async def tell(self, message: CaseMessage, ref: str) -> str:
        """Show a case; the ref is "CHANNEL:TS"."""
        found = _REF.fullmatch(ref)
        place = None if found is None else _Place(*found.groups())
        if place is None or not await self._changed(message, place):
            return (await self._post(case_message(message, self._slack_ids, is_first=True))).ref
        news = news_message(message, self._slack_ids)
        if news is not None:
            loud = any(entry.kind in _LOUD for entry in message.new_entries)
            await self._post(news, place, loud=loud)
        return ref

    async def say(self, text: str) -> None:
        """Say something that is no case."""
        await self._post(said_message(text))

    async def _changed(self, message: CaseMessage, place: _Place) -> bool:
        """Change a message and return whether that was possible."""
        shown = case_message(message, self._slack_ids, is_first=False)
        try:
            await self._call("chat.update", {"channel": place.channel, "ts": place.ts}, shown)
        except _SlackError as e:
            if e.code in _GONE:
                return False
            raise _failure(e.code) from e
        return True

    async def _post(
        self, shown: SlackMessage, under: _Place | None = None, *, loud: bool = False
    ) -> _Place:
        fields: dict[str, Any] = {"channel": self._channel if under is None else under.channel}
        if under is not None:
            fields |= {"thread_ts": under.ts, "reply_broadcast": loud}
        fields |= {"unfurl_links": False, "unfurl_media": False, "mrkdwn": False}
        try:
            told = await self._call("chat.postMessage", fields, shown)
        except _SlackError as e:
            raise _failure(e.code) from e
        place = _Place(str(told.get("channel", "")), str(told.get("ts", "")))
        if _REF.fullmatch(place.ref) is None:
            raise AlertDeliveryError("Slack took a message and did not say where it is")
        return place

    async def _call(
        self, method: str, fields: dict[str, Any], shown: SlackMessage
    ) -> dict[str, Any]:
        body = {**fields, "parse": "none", "link_names": False, "text": shown.text}
        try:
            return await asyncio.to_thread(self._sent, method, {**body, "blocks": shown.blocks})
        except _SlackError as e:
            if e.code not in _BAD_BLOCKS:
                raise
        return await asyncio.to_thread(self._sent, method, {**body, "blocks": []})

    def _sent(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._client.api_call(method, json=body)
        except SlackApiError as e:
            raise _bot_failure(e) from None  # its text has the whole answer
        except _BROKEN as e:
            raise AlertDeliveryError(f"Slack cannot be reached: {type(e).__name__}") from None
        return dict(answer.data) if isinstance(answer.data, dict) else {}


class SlackWebhookSink:
    """An incoming webhook: no buttons, no changes; what matters about a case is a new message."""

    has_buttons = False

    def __init__(
        self,
        url: str,
        *,
        name: str = "slack",
        slack_ids: Mapping[str, str] | None = None,
        within_s: int = WITHIN_S,
    ) -> None:
        """Take the webhook's address, which is a secret, and what Slack calls people."""
        self.name = name
        self._slack_ids = dict(slack_ids or {})
        self._client = WebhookClient(url, timeout=within_s, logger=_silent(), retry_handlers=[])
        self._client.proxy = None  # as above

    async def tell(self, message: CaseMessage, ref: str) -> str:
        """Show a case, or what matters about one that was shown."""
        if not ref:
            shown = case_message(message, self._slack_ids, is_first=True)
        elif any(entry.kind not in _QUIET for entry in message.new_entries):
            shown = follow_up(message, self._slack_ids)
        else:
            return ref
        await self._send(shown)
        return f"v{message.case.version}"

    async def say(self, text: str) -> None:
        """Say something that is no case."""
        await self._send(said_message(text))

    async def _send(self, shown: SlackMessage) -> None:
        body = {"text": shown.text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
        try:
            await asyncio.to_thread(self._sent, {**body, "blocks": _without_buttons(shown)})
        except _SlackError as e:
            if e.code not in _BAD_BLOCKS:
                raise _failure(e.code) from e
            await self._send_words(body)

    async def _send_words(self, body: dict[str, Any]) -> None:
        try:
            await asyncio.to_thread(self._sent, body)
        except _SlackError as e:
            raise _failure(e.code) from e

    def _sent(self, body: dict[str, Any]) -> None:
        try:
            answer = self._client.send_dict(body)
        except _BROKEN as e:
            raise AlertDeliveryError(f"Slack cannot be reached: {type(e).__name__}") from None
        if answer.status_code != http.client.OK:
            wait_s = _retry_after_s(answer.headers)
            raise _http_failure(answer.status_code, wait_s) or _SlackError(_code(answer.body))


def _without_buttons(shown: SlackMessage) -> list[dict[str, Any]]:
    """Return the blocks without what only an app of its own could hear."""
    kept = []
    for block in shown.blocks:
        if block["type"] != "actions":
            kept.append(block)
            continue
        links = [element for element in block["elements"] if "url" in element]
        kept += [{**block, "elements": links}] if links else []
    return kept


def _bot_failure(error: SlackApiError) -> Exception:
    response = error.response
    wait_s = _retry_after_s(response.headers)
    told = response.data if isinstance(response.data, dict) else {}
    code = _code(str(told.get("error", "")))
    if code in {"ratelimited", "rate_limited"}:
        return _http_failure(429, wait_s) or _SlackError(code)
    return _http_failure(response.status_code, wait_s) or _SlackError(code)


def _http_failure(status: int, wait_s: float | None) -> AlertDeliveryError | None:
    """Return what a status means by itself, None where Slack's own word says more."""
    if status == http.client.TOO_MANY_REQUESTS:
        return AlertDeliveryError("Slack wants us to write more slowly", retry_after_s=wait_s)
    if status >= http.client.INTERNAL_SERVER_ERROR:
        return AlertDeliveryError(f"Slack answered {status}", retry_after_s=wait_s)
    return None


def _failure(code: str) -> AlertDeliveryError:
    mending = _TO_MEND.get(code)
    if mending is not None:
        return AlertDeliveryError(mending, will_pass=False)
    return AlertDeliveryError(f"Slack did not take it: {code}")


def _code(word: str) -> str:
    """Return Slack's word for what is wrong, if it is one: nothing else of an answer is shown."""
    return word if _CODE.fullmatch(word) else "an answer that is no Slack error"


def _retry_after_s(headers: Mapping[str, Any]) -> float | None:
    text = next((str(v) for k, v in headers.items() if k.lower() == "retry-after"), "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return min(float(text), LONGEST_WAIT_S)


def _silent() -> logging.Logger:
    """Return a log that nobody reads."""
    return logging.Logger("slack", logging.CRITICAL + 1)  # noqa: LOG001 - of no tree
