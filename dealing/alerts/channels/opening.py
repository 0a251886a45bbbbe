"""The channels that a configuration switches on."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Final

from crm_sync.messages.addresses import system_resolve
from dealing.alerts.channels.apprise_sink import AppriseSink
from dealing.alerts.channels.email import EmailSink, MailServer
from dealing.alerts.channels.slack import SlackBotSink, SlackWebhookSink
from dealing.alerts.channels.webhook import WebhookSink
from dealing.alerts.ports import AlertSink
from dealing.alerts.secrets import AlertSecrets
from dealing.settings import Settings

CHANNELS: Final = ("slack", "email", "webhook", "apprise")
"""What routes of a policy may name."""


def open_channels(
    settings: Settings, secrets: AlertSecrets, now_us: Callable[[], int]
) -> list[AlertSink]:
    """Return the channels that there are.

    Raises:
        ConfigError: One of them cannot be used as it is configured.
    """
    trust = ssl.create_default_context()
    sinks: list[AlertSink] = []
    section, slack, email = settings.alerts, settings.slack, settings.email
    slack_ids = {user.name: user.slack_id for user in section.users if user.slack_id}
    if slack.mode == "bot":
        sinks.append(
            SlackBotSink(
                secrets.bot_token, slack.channel, slack_ids=slack_ids, base_url=slack.api_url
            )
        )
    elif slack.mode == "webhook":
        sinks.append(SlackWebhookSink(secrets.slack_webhook_url, slack_ids=slack_ids))
    if email.host:
        server = MailServer(
            host=email.host, port=email.port, security=email.security,
            user=secrets.smtp_user, password=secrets.smtp_password,
        )  # fmt: skip
        sinks.append(EmailSink(server, email.sender, email.to, now_us, trust))
    if section.webhook_url:
        sinks.append(
            WebhookSink(section.webhook_url, secrets.webhook_secret, now_us, system_resolve, trust)
        )
    if secrets.apprise_urls:
        sinks.append(AppriseSink(secrets.apprise_urls))
    return sinks
