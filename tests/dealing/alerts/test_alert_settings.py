"""Which channels a configuration switches on, and what they need from the environment."""

from __future__ import annotations

import pytest

from dealing.alerts.channels.opening import CHANNELS, open_channels
from dealing.alerts.policy_file import load_alert_policy
from dealing.alerts.secrets import AlertSecrets, alert_secrets
from dealing.settings import load_settings
from exposure.errors import ConfigError


def settings(**layers):
    return load_settings(command_line=layers)


def secrets_of(chosen, **environment):
    names = {f"PLIMSOLL_{name.upper()}": value for name, value in environment.items()}
    return alert_secrets(chosen.alerts, chosen.slack, names)


def names_of(chosen, secrets):
    return [sink.name for sink in open_channels(chosen, secrets, lambda: 0)]


def test_nothing_is_switched_on_at_first():
    chosen = settings()
    assert names_of(chosen, secrets_of(chosen)) == []


def test_a_bot_needs_its_token_and_what_requests_are_signed_with():
    chosen = settings(**{"slack.mode": "bot"})
    with pytest.raises(ConfigError) as e:
        secrets_of(chosen)
    assert [problem.split()[3] for problem in e.value.problems] == [
        "PLIMSOLL_SLACK_BOT_TOKEN", "PLIMSOLL_SLACK_SIGNING_SECRET",
    ]  # fmt: skip
    secrets = secrets_of(chosen, slack_bot_token="t", slack_signing_secret="s")  # noqa: S106
    assert names_of(chosen, secrets) == ["slack"]


def test_a_webhook_of_slack_needs_its_address():
    chosen = settings(**{"slack.mode": "webhook"})
    with pytest.raises(ConfigError, match="PLIMSOLL_SLACK_WEBHOOK_URL"):
        secrets_of(chosen)
    secrets = secrets_of(chosen, slack_webhook_url="https://hooks.slack.com/services/T/B/x")
    assert names_of(chosen, secrets) == ["slack"]


def test_mail_and_a_signed_webhook_stand_beside_it():
    chosen = settings(
        **{
            "email.host": "localhost", "email.sender": "desk@example.com",
            "email.to": ["risk@example.com"], "alerts.webhook_url": "https://example.com/hook",
        }
    )  # fmt: skip
    with pytest.raises(ConfigError, match="PLIMSOLL_ALERT_WEBHOOK_SECRET"):
        secrets_of(chosen)
    secrets = secrets_of(chosen, alert_webhook_secret=f"whsec_{'QUFB' * 11}")
    assert names_of(chosen, secrets) == ["email", "webhook"]


def test_mail_without_anybody_to_write_to_is_refused():
    with pytest.raises(ConfigError, match="at least one address in to"):
        settings(**{"email.host": "localhost"})


def test_secrets_show_nothing():
    assert repr(AlertSecrets(bot_token="t")) == "<AlertSecrets>"  # noqa: S106


def test_the_standard_policy_routes_to_channels_that_exist():
    named = {channel for route in load_alert_policy().routes for channel in route.channels}
    assert named <= set(CHANNELS)


@pytest.mark.parametrize(("what", "same"), [("name", "anna"), ("slack_id", "U1")])
def test_two_people_are_not_the_same(what, same):
    people = [
        {"name": "anna", "slack_id": "U1", "roles": ["dealer"]},
        {"name": "ben", "slack_id": "U2", "roles": ["risk"], what: same},
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=f"is the {what} of two users"):
        settings(**{"alerts.users": people})
