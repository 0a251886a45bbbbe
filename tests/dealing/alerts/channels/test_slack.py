"""Slack's own habits: one message per case and its thread, rests, refusals, lost answers."""

import socket

import pytest

from dealing.alerts.channels.slack import SlackBotSink, SlackWebhookSink
from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.model import EntryKind
from tests.dealing.alerts.channels.parts import (
    acknowledged,
    case,
    entry,
    message,
    resolved,
    run,
)
from tests.dealing.alerts.slack_preview import page_of
from tests.dealing.alerts.slack_rules import buttons, called, shown
from tests.dealing.alerts.slack_stand_in import CHANNEL, TOKEN, slack_stand_in

WORSE = entry(EntryKind.WORSE, "at stake rose to 2.1M USD")
TAKEN = entry(EntryKind.ACKNOWLEDGED, "acknowledged", actor="anna")


@pytest.fixture(scope="module")
def workspace():
    with slack_stand_in() as opened:
        yield opened


@pytest.fixture
def slack(workspace):
    workspace.forget()
    return workspace


def bot(slack, channel=CHANNEL, token=TOKEN, **more):
    return SlackBotSink(token, channel, base_url=slack.api_url, **more)


def failure(awaitable):
    with pytest.raises(AlertDeliveryError) as failed:
        run(awaitable)
    return failed.value


# One message per case ---------------------------------------------------------------------------


def test_a_case_stays_one_message_whose_news_is_its_thread(slack):
    sink = bot(slack)
    ref = run(sink.tell(message(), ""))
    assert ref == slack.top()[0].ref
    assert run(sink.tell(message(case(version=2), new_entries=(WORSE,)), ref)) == ref
    assert run(sink.tell(message(acknowledged(), new_entries=(TAKEN,)), ref)) == ref
    (top,) = slack.top()
    assert len(top.versions) == 3
    assert "ACKNOWLEDGED A-17" in shown(top.payload)
    assert buttons(top.versions[0])
    assert buttons(top.payload) == {}
    said = [shown(reply.payload) for reply in slack.thread(top)]
    assert said == [
        "22:13:20 UTC at stake rose to 2.1M USD",
        "22:13:20 UTC acknowledged (anna)",
    ]


def test_a_message_without_news_is_changed_quietly(slack):
    sink = bot(slack)
    ref = run(sink.tell(message(), ""))
    run(sink.tell(message(case(version=2), new_entries=()), ref))
    assert [call.method for call in slack.calls] == ["chat.postMessage", "chat.update"]


@pytest.mark.parametrize(
    ("kind", "is_loud"),
    [(EntryKind.ESCALATED, True), (EntryKind.REPEATED, True), (EntryKind.NOTED, False)],
)
def test_what_nobody_answered_is_shown_in_the_channel_too(slack, kind, is_loud):
    sink = bot(slack, slack_ids={"bo": "U0BO"})
    ref = run(sink.tell(message(), ""))
    news = message(case(version=2), new_entries=(entry(kind, "more"),), mentions=("bo",))
    run(sink.tell(news, ref))
    (reply,) = slack.thread(slack.top()[0])
    assert reply.payload["reply_broadcast"] is is_loud
    assert called(reply.payload) == (["U0BO"] if is_loud else [])


def test_a_message_that_somebody_deleted_is_written_anew(slack):
    sink = bot(slack)
    first = run(sink.tell(message(), ""))
    slack.messages.clear()
    second = run(sink.tell(message(case(version=2), new_entries=(WORSE,)), first))
    assert second != first
    assert "at stake rose" in shown(slack.top()[0].payload)


@pytest.mark.parametrize("ref", ["v3", "C0ALERTS:", "C0ALERTS:1.2:3", "<!channel>:1.2"])
def test_a_ref_of_another_kind_of_channel_is_a_new_message(slack, ref):
    assert run(bot(slack).tell(message(), ref)) == slack.top()[0].ref


def test_nothing_is_linked_unfolded_or_formatted_by_slack(slack):
    run(bot(slack).tell(message(case(headline="see https://evil.example")), ""))
    payload = slack.top()[0].payload
    wanted = {"parse": "none", "link_names": False, "mrkdwn": False, "unfurl_links": False}
    assert {name: payload[name] for name in wanted} == wanted


def test_a_channel_can_be_looked_at_as_a_page(slack):
    sink = bot(slack)
    ref = run(sink.tell(message(), ""))
    run(sink.tell(message(acknowledged(), new_entries=(WORSE, TAKEN)), ref))
    page = page_of(slack)
    assert "ACKNOWLEDGED A-17" in page
    assert "at stake rose to 2.1M USD" in page
    assert "(edited)" in page


# Failures ---------------------------------------------------------------------------------------


def test_a_rate_limit_says_how_long_to_rest_and_nothing_sleeps(slack):
    slack.limits.append(30)
    failed = failure(bot(slack).tell(message(), ""))
    assert failed.retry_after_s == 30.0
    assert failed.will_pass
    assert len(slack.calls) == 1


def test_a_channel_takes_a_burst_and_then_one_a_second():
    clock = [0.0]
    with slack_stand_in(per_s=1.0, burst=5, clock=lambda: clock[0]) as slack:
        sink = bot(slack)
        for _ in range(5):
            run(sink.tell(message(), ""))
        assert failure(sink.tell(message(), "")).retry_after_s == 1.0
        clock[0] += 1.0
        assert run(sink.tell(message(), ""))
        assert failure(sink.say("more")).retry_after_s == 1.0


def test_a_thread_that_could_not_be_told_is_told_at_the_next_try_and_only_once(slack):
    sink = bot(slack)
    ref = run(sink.tell(message(), ""))
    worse = message(case(version=2), new_entries=(WORSE,))
    slack.limits.extend([0, 9])  # the change goes through, the thread does not
    assert failure(sink.tell(worse, ref)).retry_after_s == 9.0
    assert slack.thread(slack.top()[0]) == []
    assert run(sink.tell(worse, ref)) == ref
    assert len(slack.thread(slack.top()[0])) == 1
    assert len(slack.top()) == 1


def test_a_lost_answer_makes_a_second_message_and_loses_none(slack):
    sink = bot(slack)
    slack.loses_answers = True
    assert failure(sink.tell(message(), "")).will_pass
    slack.loses_answers = False
    assert run(sink.tell(message(), ""))
    assert len(slack.top()) == 2


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_outage_passes(slack, status):
    slack.away = status
    failed = failure(bot(slack).tell(message(), ""))
    assert failed.will_pass
    assert str(failed) == f"Slack answered {status}"


def test_an_address_where_nobody_is_passes():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/api/"
        failed = failure(SlackBotSink(TOKEN, CHANNEL, base_url=url).tell(message(), ""))
    assert failed.will_pass
    assert str(failed) == "Slack cannot be reached: URLError"


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("invalid_auth", "PLIMSOLL_SLACK_BOT_TOKEN"),
        ("token_revoked", "PLIMSOLL_SLACK_BOT_TOKEN"),
        ("channel_not_found", "slack.channel"),
        ("not_in_channel", "/invite @Plimsoll"),
        ("is_archived", "choose another one"),
        ("missing_scope", "chat:write"),
    ],
)
def test_what_somebody_has_to_mend_is_said_with_what_to_do(slack, code, advice):
    slack.errors.append(code)
    failed = failure(bot(slack).tell(message(), ""))
    assert not failed.will_pass
    assert advice in str(failed)


def test_wrong_settings_are_told_by_the_words_of_slack_itself(slack):
    assert "bot token" in str(failure(bot(slack, token="other").tell(message(), "")))  # noqa: S106
    assert "no such channel" in str(failure(bot(slack, "C0NONE").tell(message(), "")))
    assert "/invite" in str(failure(bot(slack, "C0OTHER").tell(message(), "")))
    assert "archived" in str(failure(bot(slack, "C0OLD").tell(message(), "")))


@pytest.mark.parametrize("code", ["internal_error", "something_new", "<!channel> & co"])
def test_another_error_of_slack_is_tried_again_and_named_if_it_is_a_word(slack, code):
    slack.errors.append(code)
    failed = failure(bot(slack).tell(message(), ""))
    assert failed.will_pass
    assert "<" not in str(failed)


def test_blocks_that_slack_does_not_take_are_sent_as_words(slack):
    slack.errors.append("invalid_blocks")
    ref = run(bot(slack).tell(message(), ""))
    payload = slack.top()[0].payload
    assert ref == slack.top()[0].ref
    assert payload["blocks"] == []
    assert "A-17" in payload["text"]


# A webhook --------------------------------------------------------------------------------------


def test_a_webhook_says_what_matters_as_short_messages(slack):
    sink = SlackWebhookSink(slack.webhook_url)
    ref = run(sink.tell(message(), ""))
    ref = run(sink.tell(message(case(version=2), new_entries=(WORSE,)), ref))
    ended = entry(EntryKind.RESOLVED, "resolved", actor="anna")
    run(sink.tell(message(resolved(), new_entries=(ended,)), ref))
    first, second, third = slack.top()
    assert "The house is short" in shown(first.payload)
    assert "at stake rose to 2.1M USD" in shown(second.payload)
    assert "RESOLVED A-17" in shown(third.payload)
    assert len(shown(second.payload)) < 0.6 * len(shown(first.payload))


def test_a_webhook_has_no_buttons_but_a_link(slack):
    sink = SlackWebhookSink(slack.webhook_url)
    assert not sink.has_buttons
    run(sink.tell(message(), ""))
    assert list(buttons(slack.top()[0].payload)) == ["Open on the desk"]


def test_a_webhook_does_not_repeat_what_matters_to_few(slack):
    sink = SlackWebhookSink(slack.webhook_url)
    ref = run(sink.tell(message(), ""))
    noted = entry(EntryKind.NOTED, "spoke to the provider", actor="anna")
    assert run(sink.tell(message(case(version=2), new_entries=(noted,)), ref)) == ref
    assert run(sink.tell(message(case(version=3), new_entries=()), ref)) == ref
    assert len(slack.top()) == 1


def test_a_webhook_that_is_gone_is_for_a_person_to_mend(slack):
    failed = failure(SlackWebhookSink(f"{slack.url}/services/T0/B0/gone").tell(message(), ""))
    assert not failed.will_pass
    assert "PLIMSOLL_SLACK_WEBHOOK_URL" in str(failed)


def test_a_webhook_sends_words_where_blocks_are_not_taken(slack):
    slack.errors.append("invalid_payload")
    run(SlackWebhookSink(slack.webhook_url).tell(message(), ""))
    assert "A-17" in slack.top()[0].payload["text"]
