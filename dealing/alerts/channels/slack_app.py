"""Where Slack's requests arrive: authentic ones are answered at once, and worked on afterwards.

Nothing of a request is read before its signature over the raw body was checked, which also says
that it was made within the last five minutes. Slack wants an answer within three seconds, so what a
press or a command means is found out after the answer; the person hears of it by an answer that
only he or she sees. Requests that are not authentic are audited too, but at most so many a minute:
the log of a desk is kept for ever, and must not be filled by a stranger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from crm_sync.messages.raw_requests import raw_body, single_headers
from crm_sync.messages.verify import Scheme, SignedRequest, is_authentic, problem_of_secret
from dealing.alerts.channels.block_kit import sentence_message
from dealing.alerts.channels.slack_answers import SlackAnswers
from dealing.alerts.channels.slack_commands import SlashCommands
from dealing.alerts.channels.slack_requests import (
    Asked,
    Command,
    Press,
    command_of,
    form_of,
    press_of,
)
from dealing.alerts.channels.slack_text import is_user_id
from dealing.alerts.pressing import DeskUser, PressAudit, Presser, Pressing
from exposure.errors import ConfigError, MalformedMessageError, StorageError

LONGEST_BODY: Final = 256 << 10
BODY_WITHIN_S: Final = 3.0
MOST_AT_ONCE: Final = 16
MOST_BUTTONS: Final = 5
ROWS_A_MINUTE: Final = 20

NOT_AUTHENTIC: Final = "alert.request.forged"
NOT_OURS: Final = "alert.request.refused"

_US_PER_S: Final = 1_000_000
_MINUTE_US: Final = 60 * _US_PER_S
_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, kw_only=True)
class SlackSetup:
    """Whom we listen to; nothing secret is in its text form.

    Attributes:
        signing_secrets: Those that are valid now.
        users: People of the desk, by what Slack calls them.
        team_id: The workspace whose requests are heard, "" for any that the secret signs.
        app_id: The app whose requests are heard, likewise.
    """

    signing_secrets: Sequence[bytes] = field(repr=False)
    users: Mapping[str, DeskUser]
    team_id: str = ""
    app_id: str = ""

    def __post_init__(self) -> None:
        problems = [problem_of_secret(Scheme.SLACK, secret) for secret in self.signing_secrets]
        found = [problem for problem in problems if problem]
        if found or not problems:
            reason = "; ".join(found) or "there is none"
            raise ConfigError([f"PLIMSOLL_SLACK_SIGNING_SECRET cannot be used: {reason}"])


def slack_app(
    setup: SlackSetup,
    pressing: Pressing,
    commands: SlashCommands,
    answers: SlackAnswers,
    audit: PressAudit,
    now_us: Callable[[], int],
) -> Starlette:
    """Return an application that answers Slack's ``/slack/interactions`` and ``/slack/commands``.

    Args:
        setup: Whom we listen to.
        pressing: Takes presses of buttons.
        commands: Answers slash commands.
        answers: Brings answers to people.
        audit: Where it is written down what was refused.
        now_us: The wall clock.
    """
    receiver = _Receiver(setup, pressing, commands, answers, _Refusals(audit, now_us), now_us)
    return Starlette(
        routes=[
            Route("/slack/interactions", receiver.interactions, methods=["POST"]),
            Route("/slack/commands", receiver.commands, methods=["POST"]),
        ],
    )


class _Receiver:
    def __init__(
        self,
        setup: SlackSetup,
        pressing: Pressing,
        commands: SlashCommands,
        answers: SlackAnswers,
        refusals: _Refusals,
        now_us: Callable[[], int],
    ) -> None:
        self._setup = setup
        self._pressing = pressing
        self._commands = commands
        self._answers = answers
        self._refusals = refusals
        self._now_us = now_us
        self._places = asyncio.Semaphore(MOST_AT_ONCE)

    async def interactions(self, request: Request) -> Response:
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        try:
            press = press_of(form)
        except MalformedMessageError as e:
            return _said(400, str(e))
        if not self._is_ours(press):
            return await self._not_ours(press)
        return _said(200, "", BackgroundTask(self._press, press))

    async def commands(self, request: Request) -> Response:
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        if "ssl_check" in form:  # Slack looks whether somebody is there
            return _said(200, "")
        command = command_of(form)
        if not self._is_ours(command):
            return await self._not_ours(command)
        return _said(200, "", BackgroundTask(self._command, command))

    async def _form(self, request: Request) -> dict[str, str] | Response:
        """Return the fields of an authentic request, or the answer to another one."""
        try:
            body = await raw_body(request, LONGEST_BODY, BODY_WITHIN_S)
        except (TimeoutError, ClientDisconnect):
            return _said(408, "the body did not come")
        if body is None:
            return _said(413, f"the body is longer than {LONGEST_BODY} bytes")
        signed = SignedRequest(headers=single_headers(request.headers.raw), body=body)
        now_s = self._now_us() // _US_PER_S
        if not is_authentic(Scheme.SLACK, signed, self._setup.signing_secrets, now_s):
            reason = "its signature is missing, wrong, or more than five minutes old"
            noting = BackgroundTask(self._refusals.note, "", NOT_AUTHENTIC, reason)
            return _said(401, "the request is not authentic", noting)
        try:
            return form_of(body)
        except MalformedMessageError as e:
            return _said(400, str(e))

    def _is_ours(self, asked: Asked) -> bool:
        right_team = self._setup.team_id in {"", asked.team_id}
        return right_team and self._setup.app_id in {"", asked.app_id}

    async def _not_ours(self, asked: Asked) -> Response:
        reason = "it is of another workspace or app than the configured one"
        noting = BackgroundTask(self._refusals.note, asked.user_id, NOT_OURS, reason)
        return _said(403, "this desk listens to another workspace", noting)

    def _presser(self, asked: Asked) -> Presser:
        return Presser(_ident(asked.user_id), self._setup.users.get(asked.user_id))

    async def _press(self, press: Press) -> None:
        who = self._presser(press)
        async with self._places:
            for token in press.tokens[:MOST_BUTTONS]:
                pressed = await self._pressing.press(token, who)
                await self._answers.answer(press.response_url, sentence_message(pressed.sentence))

    async def _command(self, command: Command) -> None:
        user = self._setup.users.get(command.user_id)
        async with self._places:
            message = await self._commands.answer(command.text, user)
            await self._answers.answer(command.response_url, message)


class _Refusals:
    """Writes down requests that were refused: each of the first in a minute, the others counted."""

    def __init__(self, audit: PressAudit, now_us: Callable[[], int]) -> None:
        self._audit = audit
        self._now_us = now_us
        self._minute = -1
        self._rows = 0
        self._unwritten = 0

    async def note(self, user_id: str, action: str, reason: str) -> None:
        minute = self._now_us() // _MINUTE_US
        if minute != self._minute:
            self._minute, self._rows = minute, 0
        if self._rows >= ROWS_A_MINUTE:
            self._unwritten += 1
            return
        self._rows += 1
        before, self._unwritten = self._unwritten, 0
        detail = {"not_written_before": str(before)} if before else {}
        actor = _ident(user_id)
        try:
            await asyncio.to_thread(self._audit.record, actor, action, "slack", reason, detail)
        except StorageError as e:
            structlog.get_logger().warning("a refused request is not audited", reason=str(e))


def _ident(user_id: str) -> str:
    """Return who a person is to the audit log; whatever is no id of Slack is not repeated."""
    return f"slack:{user_id}" if is_user_id(user_id) else "slack:unknown"


def _said(status: int, words: str, after: BackgroundTask | None = None) -> Response:
    return Response(words, status, _HEADERS, media_type="text/plain", background=after)
