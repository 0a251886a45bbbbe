"""The app's manifest: it asks for what is needed and leads where somebody listens."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from dealing.alerts.channels.slack_app import SlackSetup, slack_app
from tests.dealing.alerts.slack_stand_in import SECRET

MANIFEST = Path(__file__).parents[4] / "docs" / "slack-manifest.yaml"


@pytest.fixture
def manifest():
    return yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))


def test_the_app_may_write_and_answer_its_command_and_nothing_else(manifest):
    assert manifest["oauth_config"] == {"scopes": {"bot": ["chat:write", "commands"]}}


def test_its_addresses_lead_to_the_routes_that_we_serve(manifest):
    setup = SlackSetup(signing_secrets=[SECRET], users={})
    app = slack_app(setup, None, None, None, None, lambda: 0)
    (command,) = manifest["features"]["slash_commands"]
    interactivity = manifest["settings"]["interactivity"]
    urls = [command["url"], interactivity["request_url"]]
    assert {urlsplit(url).path for url in urls} == {route.path for route in app.routes}
    assert all(url.startswith("https://") for url in urls)
    assert interactivity["is_enabled"] is True


def test_its_command_is_the_one_that_is_answered(manifest):
    (command,) = manifest["features"]["slash_commands"]
    assert command["command"] == "/plimsoll"
    assert command["should_escape"] is False  # what people type is read as text
