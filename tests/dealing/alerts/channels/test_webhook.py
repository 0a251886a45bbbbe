"""The generic webhook: signed, the same id at every try, never into our own house."""

import pytest

from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.model import EntryKind
from exposure.errors import ConfigError
from tests.dealing.alerts.channels.parts import (
    LINK,
    NOW_US,
    acknowledged,
    case,
    entry,
    group,
    message,
    run,
)
from tests.dealing.alerts.channels.receivers import webhook, webhook_sink


@pytest.fixture(scope="module")
def opened():
    with webhook() as end:
        yield end


@pytest.fixture
def end(opened):
    opened.forget()
    return opened


def failure(awaitable):
    with pytest.raises(AlertDeliveryError) as failed:
        run(awaitable)
    return failed.value


def test_a_case_is_json_with_its_news_and_its_words(end):
    news = (entry(EntryKind.WORSE, "it got worse", actor="anna"),)
    run(end.sink.tell(message(group(), new_entries=news, mentions=("bo",)), ""))
    (body,) = end.bodies
    assert body["version"] == 1
    assert body["type"] == "alert.case"
    assert body["sent_at_ms"] == NOW_US // 1_000
    assert body["case"]["name"] == "A-17"
    assert body["case"]["severity"] == "critical"
    assert body["case"]["opened_ms"] == (NOW_US - 180_000_000) // 1_000
    assert body["case"]["members"][0]["subject"] == "100020"
    assert body["news"][0]["text"] == "it got worse"
    assert body["link"] == LINK
    assert body["called"] == ["bo"]
    assert "What to do: Hedge 18 lots" in body["text"]


def test_what_only_the_case_book_needs_is_not_told(end):
    run(end.sink.tell(message(), ""))
    inner = {"dedupe_key", "toggles_us", "toggles_ms", "due_ms", "told_ms", "memory"}
    assert inner.isdisjoint(end.bodies[0]["case"])


def test_a_version_has_the_same_id_at_every_try_and_another_version_another(end):
    ref = run(end.sink.tell(message(), ""))
    run(end.sink.tell(message(), ""))
    assert run(end.sink.tell(message(acknowledged()), ref)) == ref
    first, again, second = end.ids
    assert first == again == ref == end.bodies[0]["id"]
    assert second != first
    assert ".v" not in first
    run(end.sink.tell(message(case(opened_us=NOW_US)), ""))  # of another run
    assert end.ids[3] not in {first, second}


def test_what_is_no_case_is_of_another_type(end):
    run(end.sink.say("hand-over\nall calm"))
    assert end.bodies[0]["type"] == "alert.said"
    assert end.bodies[0]["text"] == "hand-over\nall calm"


@pytest.mark.parametrize("status", [500, 502, 503, 408, 409, 425])
def test_a_receiver_that_cannot_now_is_asked_again(end, status):
    end.status = status
    failed = failure(end.sink.tell(message(), ""))
    assert failed.will_pass
    assert str(status) in str(failed)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 302])
def test_a_receiver_that_refuses_is_for_a_person_to_mend(end, status):
    end.status = status
    failed = failure(end.sink.tell(message(), ""))
    assert not failed.will_pass
    assert "alerts.webhook_url" in str(failed)


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("https://inside.example/", ["10.0.0.7"]),
        ("https://meta.example/", ["169.254.169.254"]),
        ("https://both.example/", ["93.184.215.14", "127.0.0.1"]),
        ("http://plain.example/", ["93.184.215.14"]),
        ("https://port.example:22/", ["93.184.215.14"]),
        ("file:///etc/passwd", ["93.184.215.14"]),
    ],
)
def test_nothing_is_sent_into_our_own_house(url, addresses):
    sink = webhook_sink(url, loopback=False, resolve=lambda host, port: addresses)
    failed = failure(sink.tell(message(), ""))
    assert not failed.will_pass
    assert "alerts.webhook_url" in str(failed)


def test_a_name_that_is_not_known_now_is_asked_again():
    sink = webhook_sink("https://gone.example/", loopback=False, resolve=lambda host, port: [])
    assert failure(sink.tell(message(), "")).will_pass


@pytest.mark.parametrize("secret", ["abc", "whsec_", "whsec_!!!!", "whsec_YQ=="])
def test_a_secret_that_signs_nothing_is_refused(secret):
    with pytest.raises(ConfigError, match="whsec_"):
        webhook_sink("https://receiver.example/", secret)
