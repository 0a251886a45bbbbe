"""The sections ``alerts``, ``slack`` and ``email``: who is told, where, and who may press what.

Secrets are not here; ``secrets.py`` takes them from the environment.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

DeskRole = Literal["dealer", "risk", "payments", "compliance"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


SlackMode = Annotated[
    Literal["off", "bot", "webhook"],
    # YAML reads the word off as false
    BeforeValidator(lambda value: "off" if value is False else value),
]


class SlackSection(_Section):
    """How messages reach Slack, and who may ask there."""

    mode: SlackMode
    channel: str = Field(min_length=1, max_length=80)
    team_id: str = Field(max_length=32)
    app_id: str = Field(max_length=32)
    api_url: str = Field(min_length=1)


class EmailSection(_Section):
    """Through which server alerts are mailed, and to whom."""

    host: str
    port: int = Field(ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"]
    sender: str
    to: Annotated[tuple[str, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _is_whole(self) -> EmailSection:
        if self.host and not (self.sender and self.to):
            raise ValueError("with a host it needs a sender and at least one address in to")
        return self


class DeskUserSettings(_Section):
    """A person of the desk, and what Slack calls that person."""

    name: str = Field(min_length=1, max_length=64)
    slack_id: str = Field(default="", max_length=32)
    roles: Annotated[tuple[DeskRole, ...], Field(strict=False, min_length=1)]


class AlertsSection(_Section):
    """Alerts: their policy, their channels, and the people of the desk."""

    enabled: bool
    policy: str | None = Field(min_length=1)
    desk_url: str
    host: str
    port: int = Field(ge=0, le=65_535)
    var_limit_usd: float = Field(gt=0.0, allow_inf_nan=False)
    large_deal_floor_usd: float = Field(ge=0.0, allow_inf_nan=False)
    webhook_url: str
    users: Annotated[tuple[DeskUserSettings, ...], Field(strict=False)]

    @property
    def names(self) -> tuple[str, ...]:
        """The desk's users by name."""
        return tuple(user.name for user in self.users)

    @model_validator(mode="after")
    def _has_each_once(self) -> AlertsSection:
        for what, names in (
            ("name", [user.name for user in self.users]),
            ("slack_id", [user.slack_id for user in self.users if user.slack_id]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{', '.join(twice)} is the {what} of two users")
        return self
