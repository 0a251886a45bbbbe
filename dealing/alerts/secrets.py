"""What channels are opened with, from the environment and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from dealing.alerts.settings import AlertsSection, SlackSection
from exposure.errors import ConfigError

BOT_VARIABLE: Final = "PLIMSOLL_SLACK_BOT_TOKEN"
HOOK_VARIABLE: Final = "PLIMSOLL_SLACK_WEBHOOK_URL"
SIGNING_VARIABLE: Final = "PLIMSOLL_SLACK_SIGNING_SECRET"
MAIL_USER_VARIABLE: Final = "PLIMSOLL_SMTP_USER"
MAIL_LOGIN_VARIABLE: Final = "PLIMSOLL_SMTP_PASSWORD"
WEBHOOK_VARIABLE: Final = "PLIMSOLL_ALERT_WEBHOOK_SECRET"
APPRISE_VARIABLE: Final = "PLIMSOLL_APPRISE_URLS"


class AlertSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """What must not be seen; its text form shows nothing. "" where there is none.

    ``apprise_urls`` are addresses of other services as apprise writes them; they hold their keys.
    """

    bot_token: str = ""
    slack_webhook_url: str = ""
    signing_secret: str = ""
    smtp_user: str = ""
    smtp_password: str = ""
    webhook_secret: str = ""
    apprise_urls: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return nothing of it."""
        return "<AlertSecrets>"


def alert_secrets(
    alerts: AlertsSection, slack: SlackSection, environment: Mapping[str, str]
) -> AlertSecrets:
    """Return what the channels need.

    Raises:
        ConfigError: With everything that is missing for a channel that is switched on.
    """
    secrets = AlertSecrets(
        bot_token=environment.get(BOT_VARIABLE, ""),
        slack_webhook_url=environment.get(HOOK_VARIABLE, ""),
        signing_secret=environment.get(SIGNING_VARIABLE, ""),
        smtp_user=environment.get(MAIL_USER_VARIABLE, ""),
        smtp_password=environment.get(MAIL_LOGIN_VARIABLE, ""),
        webhook_secret=environment.get(WEBHOOK_VARIABLE, ""),
        apprise_urls=tuple(environment.get(APPRISE_VARIABLE, "").split()),
    )
    needed = {
        BOT_VARIABLE: slack.mode == "bot" and not secrets.bot_token,
        SIGNING_VARIABLE: slack.mode == "bot" and not secrets.signing_secret,
        HOOK_VARIABLE: slack.mode == "webhook" and not secrets.slack_webhook_url,
        WEBHOOK_VARIABLE: bool(alerts.webhook_url) and not secrets.webhook_secret,
    }
    missing = [name for name, is_missing in needed.items() if is_missing]
    if missing:
        raise ConfigError(
            [f"the environment variable {name} is needed and not set" for name in missing]
        )
    return secrets
