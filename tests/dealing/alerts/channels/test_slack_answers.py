"""Answers go to Slack, or to the stand-in that was configured, and nowhere else."""

import ssl

import pytest

from dealing.alerts.channels.block_kit import sentence_message
from dealing.alerts.channels.slack_answers import SlackAnswers, answers_base
from tests.crm_sync.messages.served import served
from tests.dealing.alerts.channels.parts import NOW_US, run
from tests.dealing.alerts.channels.receivers import HttpEnd

TRUST = ssl.create_default_context()


def answers(resolve=lambda host, port: ["93.184.215.14"], **more):
    return SlackAnswers(lambda: NOW_US, resolve, TRUST, **more)


@pytest.mark.parametrize(
    "url",
    ["https://hooks.slack.com/actions/T0/1/key", "https://hooks.slack.com:443/commands/T0/1/key"],
)
def test_an_address_of_slack_is_one(url):
    assert answers().is_slacks(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/actions/1", "https://hooks.slack.com.evil.example/actions/1",
        "https://evil.example/hooks.slack.com/", "https://me@hooks.slack.com/actions/1",
        "https://hooks.slack.com@evil.example/", "https://hooks.slack.com:8443/actions/1",
        "https://slack.com/actions/1", "//hooks.slack.com/actions", "", "hooks.slack.com",
        "https://hooks.slack.com:port/", "https://[hooks.slack.com/", "https://127.0.0.1/",
    ],
)  # fmt: skip
def test_no_other_address_is(url):
    assert not answers().is_slacks(url)
    assert not run(answers().answer(url, sentence_message("hello")))


def test_answers_go_where_the_api_is():
    assert answers_base("https://slack.com/api/") == ("https://hooks.slack.com/", False)
    assert answers_base("http://127.0.0.1:8080/api/") == ("http://127.0.0.1:8080/", True)
    assert answers_base("https://slack.example/api/") == ("https://slack.example/", False)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1"])
def test_a_name_of_slack_that_leads_into_our_house_is_not_called(address):
    reached = answers(resolve=lambda host, port: [address])
    url = "https://hooks.slack.com/actions/T0/1/key"
    assert not run(reached.answer(url, sentence_message("hello")))


def test_a_stand_in_is_called_where_it_was_configured():
    end = HttpEnd(signed=False)
    with served(end.app) as port:
        base = f"http://127.0.0.1:{port}/actions/"
        local = answers(resolve=lambda host, port: [host], base_url=base, loopback=True)
        assert run(local.answer(f"{base}T0/1/key", sentence_message("hello")))
        assert end.bodies[0]["text"] == "hello"
        assert end.bodies[0]["response_type"] == "ephemeral"
        end.status = 410
        assert not run(local.answer(f"{base}T0/1/key", sentence_message("hello")))
        end.forget()
        elsewhere = f"http://127.0.0.1:{port}/elsewhere/"
        assert not run(local.answer(elsewhere, sentence_message("hello")))
        assert end.bodies == []
