"""The contract of a channel, for every one of them against a real server on this machine."""

import logging

import pytest

from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.model import EntryKind
from tests.dealing.alerts.channels.parts import (
    HOSTILE,
    acknowledged,
    entry,
    group,
    message,
    resolved,
    run,
)
from tests.dealing.alerts.channels.receivers import ENDS

ACKNOWLEDGED = message(
    acknowledged(), new_entries=(entry(EntryKind.ACKNOWLEDGED, "acknowledged", actor="anna"),)
)


WITH_RESTS = ["slack_bot", "slack_webhook", "webhook", "memory"]
"""Mail servers have no words for it, and apprise does not say."""

WITH_CREDENTIALS = ["slack_bot", "slack_webhook", "email", "webhook"]


@pytest.fixture(scope="module", params=list(ENDS))
def opened(request):
    with ENDS[request.param]() as one:
        yield one


@pytest.fixture
def end(opened):
    opened.forget()
    return opened


def test_a_case_is_shown_with_its_number_and_headline(end):
    ref = run(end.sink.tell(message(), ""))
    assert ref
    (text,) = end.texts()
    assert "A-17" in text
    assert "The house is short 12.4M USD of XAUUSD" in text


def test_a_newer_version_is_shown_under_the_ref_that_it_was_given(end):
    ref = run(end.sink.tell(message(), ""))
    newer = run(end.sink.tell(ACKNOWLEDGED, ref))
    last = run(end.sink.tell(message(resolved(), new_entries=()), newer))
    assert newer
    assert last
    assert any("acknowledged" in text.casefold() for text in end.texts())


def test_a_case_told_twice_does_no_harm(end):
    ref = run(end.sink.tell(message(), ""))
    run(end.sink.tell(ACKNOWLEDGED, ref))
    assert run(end.sink.tell(ACKNOWLEDGED, ref))
    assert run(end.sink.tell(message(), ""))


def test_what_is_no_case_is_said_with_its_lines(end):
    run(end.sink.say("Hand-over 14:00\nA-17 is with anna"))
    text = end.texts()[-1]
    assert "Hand-over 14:00" in text
    assert "A-17 is with anna" in text


@pytest.mark.parametrize("hostile", [" ".join(HOSTILE[:-6]), "\ud800", "\x00", "x" * 6_000])
def test_any_text_can_be_told_and_said(end, hostile):
    shown = group(title=hostile, headline=hostile, advice=hostile, owner=hostile, team=hostile)
    new = (entry(text=hostile), entry(EntryKind.NOTED, hostile, actor=hostile))
    ref = run(end.sink.tell(message(shown, new_entries=new, mentions=(hostile,)), ""))
    run(end.sink.tell(message(shown, new_entries=new), ref))
    run(end.sink.say(hostile or "nothing"))
    assert len(end.texts()) >= 2


def test_a_channel_that_is_away_says_so_and_takes_it_later(end):
    end.go_away()
    with pytest.raises(AlertDeliveryError) as failed:
        run(end.sink.tell(message(), ""))
    assert failed.value.will_pass
    with pytest.raises(AlertDeliveryError):
        run(end.sink.say("hello"))
    assert end.texts() == []
    end.come_back()
    assert run(end.sink.tell(message(), ""))
    assert len(end.texts()) == 1


@pytest.mark.parametrize("opened", WITH_RESTS, indirect=True)
def test_a_channel_that_wants_a_rest_says_for_how_long(end):
    end.ask_for_rest(7)
    with pytest.raises(AlertDeliveryError) as failed:
        run(end.sink.tell(message(), ""))
    assert failed.value.will_pass
    assert failed.value.retry_after_s == 7.0
    assert run(end.sink.tell(message(), ""))


@pytest.mark.parametrize("opened", WITH_CREDENTIALS, indirect=True)
def test_wrong_credentials_are_for_a_person_to_mend(end):
    with pytest.raises(AlertDeliveryError) as failed:
        run(end.wrong.tell(message(), ""))
    assert not failed.value.will_pass
    assert len(str(failed.value)) > 30


def test_no_secret_is_in_an_error_or_a_log(end, caplog):
    caplog.set_level(logging.DEBUG)
    errors = []
    for sink in filter(None, (end.sink, end.wrong)):
        end.go_away()
        with pytest.raises(AlertDeliveryError) as away:
            run(sink.tell(message(), ""))
        end.come_back()
        errors.append(away.value)
    if end.wrong is not None:
        with pytest.raises(AlertDeliveryError) as wrong:
            run(end.wrong.tell(message(), ""))
        errors.append(wrong.value)
    run(end.sink.tell(message(), ""))
    theirs = ("uvicorn", "mail.log")  # of the servers in these tests
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(theirs)]
    told = " ".join([*ours, *map(repr, errors), repr(end.sink)])
    told += " ".join(repr(error.__cause__) for error in errors)
    assert [secret for secret in end.secrets if secret in told] == []


def test_a_channel_has_a_name_and_says_whether_it_has_buttons(end):
    assert end.sink.name
    assert end.sink.has_buttons in {True, False}
