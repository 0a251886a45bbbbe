"""A whole run that tells a Slack: an alert arrives, survives kills, and is answered by buttons."""

from __future__ import annotations

import json
import os
import signal
import time
from urllib.parse import urlsplit

import pytest

from dealing.directory import DataDirectory, Role
from tests.dealing.alerts.slack_rules import buttons
from tests.dealing.alerts.slack_stand_in import CHANNEL, TOKEN, SlackUser, slack_stand_in
from tests.dealing.processes import Run, end, until

pytestmark = pytest.mark.slow

SECRET = "8f742231b10e8888abcd99edabcd85a5"  # noqa: S105 - of a workspace of our own
SYMBOL = "EURUSD"
OTHER = "USDJPY"
"""The house's limits are small: EURUSD is hedged back into its own, the other one stays beyond."""

LIMIT_USD = 1_000
CONFIG = f"""
market: {{clients: 300, speed: 30}}
limits:
  rules:
    - {{scope: symbol, name: {SYMBOL}, hard_usd: {LIMIT_USD}}}
    - {{scope: symbol, name: {OTHER}, hard_usd: {LIMIT_USD}}}
hedging: {{mode: manual}}
slack: {{mode: bot, channel: {CHANNEL}, api_url: "API"}}
alerts:
  users: [{{name: anna, slack_id: U0ANNA, roles: [dealer]}}]
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A run, the Slack that it tells, and a dealer in that Slack."""
    room = tmp_path_factory.mktemp("alerts")
    directory = DataDirectory(room / "data")
    with slack_stand_in(per_s=1, burst=5) as slack:
        config = room / "mine.yaml"
        config.write_text(CONFIG.replace("API", slack.api_url))
        environment = {
            "PLIMSOLL_SLACK_BOT_TOKEN": TOKEN,
            "PLIMSOLL_SLACK_SIGNING_SECRET": SECRET,
        }
        run = Run(directory, "--config", config, alerts=True, environment=environment)
        try:
            until(lambda: about(slack, f"Hard limit: {SYMBOL}"))
            until(lambda: about(slack, f"Hard limit: {OTHER}"))
            until(lambda: run.get("/api/v1/alerts/open")[0] == 200)
            anna = SlackUser(slack, slack_port(directory), whole_seconds)
            yield run, slack, anna
            code, said = end(run.process)
        finally:
            run.process.kill()
            run.process.communicate(timeout=60)
        assert code == 0, said
        assert "Traceback" not in said
        assert TOKEN not in logs_of(directory)
        assert SECRET not in logs_of(directory)


def whole_seconds():
    return int(time.time())


def about(slack, words):
    """Return the messages of the channel that say something."""
    return [one for one in slack.top() if words in json.dumps(one.payload)]


def message_of(slack, case):
    """Return the last message about a case, whatever it says by now."""
    return about(slack, f"{case['name']} ")[-1]


def slack_port(directory):
    until(directory.slack_file.exists)
    return urlsplit(directory.slack_file.read_text()).port


def logs_of(directory):
    return "".join(path.read_text() for path in directory.logs.glob("*.log*"))


def the_case(run, symbol=SYMBOL):
    """Return the first case of the hard limit on a symbol, as the desk shows it."""
    _, told = run.get("/api/v1/alerts?rule=limit_hard")
    mine = [one for one in told["cases"] if one["symbol"] == symbol]
    return min(mine, key=lambda one: one["number"])


def to_be_hedged(run):
    """Return the order that brings the symbol within its limit."""
    _, told = run.get(f"/api/v1/hedging/ticket?symbol={SYMBOL}&within_usd={LIMIT_USD}")
    return {"lots": 0.0} | told


def timeline_of(run, number):
    _, told = run.get(f"/api/v1/alerts/case?number={number}")
    return " ".join(line["text"] for line in told["timeline"])


def audited(run, action):
    _, told = run.get("/api/v1/audit")
    return [row for row in told["rows"] if row["action"] == action]


def test_a_limit_is_told_with_its_numbers_a_link_and_buttons(desk):
    run, slack, _ = desk
    message = message_of(slack, the_case(run))
    text = json.dumps(message.payload)
    assert "hard limit 1 k USD" in text
    assert f"/alerts?case={the_case(run)['number']}" in text
    assert {"Acknowledge", "Snooze 30 min"} <= set(buttons(message.payload)) or buttons(
        message.payload
    )


def test_a_forged_press_changes_nothing_and_is_audited(desk):
    run, slack, anna = desk
    message = message_of(slack, the_case(run))
    label = next(iter(buttons(message.payload)))
    assert anna.press(message, label, secret=b"another workspace's") == 401
    until(lambda: audited(run, "alert.request.forged"))
    assert the_case(run)["state"] == "open"


def test_a_killed_process_of_alerts_goes_on_with_the_same_message(desk):
    run, slack, anna = desk
    number = the_case(run)["number"]
    os.kill(run.directory.owner(Role.ALERTS), signal.SIGKILL)
    until(lambda: run.status()["alerts"]["restarts"] == 1)
    until(lambda: run.status()["alerts"]["state"] == "RUNNING")
    until(lambda: run.get("/api/v1/alerts/open")[0] == 200)
    assert the_case(run)["number"] == number
    # one that was sent and not noted may come twice, and no more
    assert len([one for one in about(slack, f"A-{number}") if not one.thread_ts]) <= 2
    anna.port = slack_port(run.directory)


def test_a_dealer_hedges_by_a_button_through_the_desks_own_command(desk):
    run, slack, anna = desk
    until(lambda: to_be_hedged(run)["lots"] > 0.0)
    number = the_case(run)["number"]
    message = message_of(slack, the_case(run))
    label = next(one for one in buttons(message.payload) if one.startswith("Hedge"))
    assert anna.press(message, label, secret=SECRET.encode()) == 200
    until(lambda: slack.answers)
    assert "lots EURUSD are ordered" in json.dumps(slack.answers)
    (row,) = audited(run, "hedge.order.requested")
    assert (row["actor"], row["via"]) == ("anna", "slack")
    assert "A-" in row["reason"]
    assert len(audited(run, "alert.press")) == 1
    until(lambda: "lots EURUSD are ordered" in timeline_of(run, number))
    # the very same bytes again: authentic, and used up
    assert anna.again() == 200
    until(lambda: audited(run, "alert.press.refused"))
    assert len(audited(run, "hedge.order.requested")) == 1


def test_a_press_by_a_stranger_changes_nothing(desk):
    run, slack, _ = desk
    stranger = SlackUser(slack, slack_port(run.directory), whole_seconds, user_id="U0BOB")
    before = len(audited(run, "alert.press.refused"))
    message = message_of(slack, the_case(run, OTHER))
    assert stranger.press(message, "Acknowledge", secret=SECRET.encode()) == 200
    until(lambda: len(audited(run, "alert.press.refused")) > before)
    assert the_case(run, OTHER)["owner"] == ""


def test_an_acknowledgement_in_slack_is_on_the_desk_and_in_the_message(desk):
    run, slack, anna = desk
    message = message_of(slack, the_case(run, OTHER))
    assert anna.press(message, "Acknowledge", secret=SECRET.encode()) == 200
    until(lambda: the_case(run, OTHER)["owner"] == "anna")
    until(lambda: "anna" in json.dumps(message.payload["blocks"]))


def test_exposure_is_told_to_whoever_types_for_it(desk):
    _, slack, anna = desk
    slack.answers.clear()
    assert anna.types(f"exposure {SYMBOL}", secret=SECRET.encode()) == 200
    (answer,) = until(lambda: slack.answers)
    assert "House net" in json.dumps(answer)


def test_a_hand_over_note_is_posted(desk):
    run, slack, _ = desk
    body = {"actor": "anna", "words": "quiet but for the euro", "key": "shift-1"}
    status, told = run.post("/api/v1/alerts/handover", body)
    assert status == 200, told
    assert about(slack, "quiet but for the euro")
