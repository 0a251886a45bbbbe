"""What Slack sends us, once it is known to be from Slack: presses and slash commands."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

import msgspec

from exposure.errors import UNDECODABLE, MalformedMessageError

MOST_FIELDS: Final = 50


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What every request of Slack says: who, of which workspace, to which app, answered where."""

    user_id: str
    team_id: str
    app_id: str
    response_url: str


class Press(Asked, frozen=True, kw_only=True):
    """Buttons that somebody pressed, by their tokens; a link that was opened has none."""

    tokens: tuple[str, ...]


class Command(Asked, frozen=True, kw_only=True):
    """A slash command, and what stands after it."""

    text: str


class _Named(msgspec.Struct):
    id: str = ""
    team_id: str = ""


class _Action(msgspec.Struct):
    type: str = ""
    value: str = ""


class _Payload(msgspec.Struct):
    type: str = ""
    user: _Named = msgspec.field(default_factory=_Named)
    team: _Named | None = None
    api_app_id: str = ""
    response_url: str = ""
    actions: list[_Action] = []


def form_of(body: bytes) -> dict[str, str]:
    """Return the fields of a form; one that comes twice is left out.

    Raises:
        MalformedMessageError: It is no form.
    """
    try:
        text = body.decode("ascii")
        fields = parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except (UnicodeDecodeError, ValueError) as e:
        raise MalformedMessageError("the body is no form") from e
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


def press_of(form: dict[str, str]) -> Press:
    """Return the press in a form.

    Raises:
        MalformedMessageError: It has none that can be read.
    """
    try:
        payload = msgspec.json.decode(form.get("payload", ""), type=_Payload)
    except UNDECODABLE as e:
        raise MalformedMessageError("the payload is not the JSON that was expected") from e
    is_press = payload.type == "block_actions"
    pressed = payload.actions if is_press else []
    return Press(
        user_id=payload.user.id,
        team_id=payload.user.team_id if payload.team is None else payload.team.id,
        app_id=payload.api_app_id,
        response_url=payload.response_url,
        tokens=tuple(one.value for one in pressed if one.type == "button" and one.value),
    )


def command_of(form: dict[str, str]) -> Command:
    """Return the slash command in a form."""
    return Command(
        user_id=form.get("user_id", ""),
        team_id=form.get("team_id", ""),
        app_id=form.get("api_app_id", ""),
        response_url=form.get("response_url", ""),
        text=form.get("text", ""),
    )
