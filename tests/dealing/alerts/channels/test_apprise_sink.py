"""Other services through apprise: what they are sent, and that nobody is told twice."""

import pytest

from dealing.alerts.channels.apprise_sink import AppriseSink
from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.model import EntryKind, Severity
from exposure.errors import ConfigError
from tests.crm_sync.messages.served import served
from tests.dealing.alerts.channels.parts import (
    LINK,
    acknowledged,
    case,
    entry,
    message,
    resolved,
    run,
)
from tests.dealing.alerts.channels.receivers import HttpEnd


@pytest.fixture(scope="module")
def opened():
    ends = HttpEnd(signed=False), HttpEnd(signed=False)
    with served(ends[0].app) as first, served(ends[1].app) as second:
        ports = zip(ends, (first, second), strict=True)
        yield [(end, f"json://127.0.0.1:{port}/") for end, port in ports]


@pytest.fixture
def services(opened):
    for end, _ in opened:
        end.forget()
    return opened


def test_a_service_is_told_how_bad_it_is(services):
    (end, url), _ = services
    sink = AppriseSink([url])
    run(sink.tell(message(), ""))
    run(sink.tell(message(case(severity=Severity.WARNING)), ""))
    run(sink.tell(message(case(severity=Severity.INFO)), ""))
    run(sink.tell(message(resolved()), ""))
    assert [body["type"] for body in end.bodies] == ["failure", "warning", "info", "success"]
    assert "CRITICAL A-17" in end.bodies[0]["title"]
    assert "1.23 M USD" in end.bodies[0]["message"]


def test_news_are_short(services):
    (end, url), _ = services
    sink = AppriseSink([url])
    ref = run(sink.tell(message(), ""))
    news = (entry(EntryKind.ACKNOWLEDGED, "acknowledged", actor="anna"),)
    run(sink.tell(message(acknowledged(), new_entries=news), ref))
    assert end.bodies[1]["message"] == f"22:13:20 UTC acknowledged (anna)\n{LINK}"


def test_nobody_is_called_by_a_text_from_outside(services):
    (end, url), _ = services
    run(AppriseSink([url]).tell(message(case(headline="@everyone @here look", title="@all")), ""))
    for text in (end.bodies[0]["message"], end.bodies[0]["title"]):
        assert "@everyone" not in text
        assert "@all" not in text


def test_a_service_that_has_it_is_not_told_again_when_another_failed(services):
    (one, one_url), (other, other_url) = services
    sink = AppriseSink([one_url, other_url])
    other.status = 500
    with pytest.raises(AlertDeliveryError) as failed:
        run(sink.tell(message(), ""))
    assert str(failed.value).startswith("of the 2 services behind apprise, 2 did not take it")
    other.status = 200
    run(sink.tell(message(), ""))
    assert (len(one.bodies), len(other.bodies)) == (1, 1)
    run(sink.tell(message(), ""))  # told anew: both hear it
    assert (len(one.bodies), len(other.bodies)) == (2, 2)


def test_an_address_that_apprise_does_not_know_is_named_by_its_place(services):
    (_, url), _ = services
    with pytest.raises(ConfigError) as failed:
        AppriseSink([url, "nonsense://my-key@host"])
    assert failed.value.problems == ["PLIMSOLL_APPRISE_URLS: apprise does not understand address 2"]
    with pytest.raises(ConfigError, match="holds no address"):
        AppriseSink([])
