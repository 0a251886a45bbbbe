"""E-mail: one thread per case, nobody's header but ours, and what a mail server can object to."""

import socket
import ssl
from html.parser import HTMLParser

import pytest

from dealing.alerts.channels.email import EmailSink, MailServer
from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.model import EntryKind, Severity
from exposure.errors import ConfigError
from tests.dealing.alerts.channels.certificates import certified
from tests.dealing.alerts.channels.parts import (
    HOSTILE,
    LINK,
    NOW_US,
    acknowledged,
    case,
    entry,
    group,
    message,
    resolved,
    run,
)
from tests.dealing.alerts.channels.receivers import TRUST, email_sink, mail_server


@pytest.fixture(scope="module")
def opened():
    with mail_server() as end:
        yield end


@pytest.fixture
def end(opened):
    opened.forget()
    return opened


def sink_at(end, **changes):
    return email_sink(end, **{"user": "", **changes})


def failure(awaitable):
    with pytest.raises(AlertDeliveryError) as failed:
        run(awaitable)
    return failed.value


# A thread ---------------------------------------------------------------------------------------


def test_mails_of_a_case_are_one_thread(end):
    sink = sink_at(end)
    ref = run(sink.tell(message(), ""))
    assert run(sink.tell(message(acknowledged()), ref)) == ref
    assert run(sink.tell(message(resolved()), ref)) == ref
    first, second, third = end.mails
    assert first["Message-ID"] == ref
    assert first["In-Reply-To"] is None
    for later in (second, third):
        assert later["In-Reply-To"] == ref
        assert later["References"] == ref
        assert later["Message-ID"] != ref
    assert second["Message-ID"] != third["Message-ID"]
    assert first["Subject"] == second["Subject"] == third["Subject"]


def test_a_mail_that_is_sent_twice_has_the_same_id(end):
    sink = sink_at(end)
    run(sink.tell(message(), ""))
    run(sink.tell(message(), ""))
    assert end.mails[0]["Message-ID"] == end.mails[1]["Message-ID"]


def test_a_case_of_another_run_is_another_thread(end):
    sink = sink_at(end)
    assert run(sink.tell(message(), "")) != run(sink.tell(message(case(opened_us=NOW_US)), ""))


def test_a_subject_says_how_bad_and_which_case(end):
    sink = sink_at(end)
    run(sink.tell(message(), ""))
    run(sink.tell(message(case(severity=Severity.WARNING)), ""))
    assert end.mails[0]["Subject"] == "[critical] A-17 Uncovered exposure XAUUSD"
    assert end.mails[0]["X-Priority"] == "1 (Highest)"
    assert end.mails[1]["Subject"].startswith("[warning]")
    assert end.mails[1]["X-Priority"] is None
    assert end.mails[0]["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"


def test_a_mail_says_everything_in_words_and_in_html(end):
    news = (entry(EntryKind.WORSE, "at stake rose to 2.1M USD"),)
    run(sink_at(end).tell(message(group(), new_entries=news), ""))
    (mail,) = end.mails
    for kind in ("plain", "html"):
        text = mail.get_body((kind,)).get_content()
        for words in ("CRITICAL A-17", "1.23 M USD", "100020", "What to do", "at stake rose", LINK):
            assert words in text


# Text from outside ------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_adds_a_header_or_a_tag(end, hostile):
    sink = sink_at(end)
    shown = group(title=hostile, headline=hostile, advice=hostile, owner=hostile)
    run(sink.tell(message(shown, new_entries=(entry(EntryKind.NOTED, hostile),)), ""))
    run(sink.say(hostile))
    for mail in end.mails:
        assert set(mail.keys()) <= {
            "Subject", "From", "To", "Date", "Auto-Submitted", "X-Priority", "Message-ID",
            "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
        }  # fmt: skip
        assert mail["To"] == "risk@desk.example"
    tags = Tags(end.mails[0].get_body(("html",)).get_content())
    assert tags.found <= {"html", "body", "h3", "p", "b", "br", "table", "tr", "td", "a"}
    assert tags.links == {LINK}


def test_a_link_that_is_none_is_not_one(end):
    run(sink_at(end).tell(message(link="javascript:alert(1)"), ""))
    assert Tags(end.mails[0].get_body(("html",)).get_content()).links == set()


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found, self.links = set(), set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        self.links |= {value for name, value in attrs if name not in {"style", "cellpadding"}}


# What a server can object to --------------------------------------------------------------------


def test_a_person_whom_the_server_refuses_does_not_keep_the_others_from_it(end):
    end.refused = {"left@desk.example"}
    sink = sink_at(end, to=("risk@desk.example", "left@desk.example"))
    assert run(sink.tell(message(), ""))
    assert len(end.mails) == 1


def test_when_everybody_is_refused_somebody_has_to_mend_it(end):
    end.refused = {"risk@desk.example"}
    failed = failure(sink_at(end).tell(message(), ""))
    assert not failed.will_pass
    assert "email.to" in str(failed)
    assert "risk@" not in str(failed)


@pytest.mark.parametrize(
    ("answer", "will_pass"), [("451 later", True), ("552 too long", False), ("554 spam", False)]
)
def test_an_answer_from_500_on_is_meant_to_stay(end, answer, will_pass):
    end.answer = answer
    failed = failure(sink_at(end).tell(message(), ""))
    assert failed.will_pass is will_pass
    assert answer[:3] in str(failed)


def test_a_server_without_encryption_or_passwords_is_not_used_for_them(end):
    for changes in ({"security": "starttls"}, {"user": "plimsoll"}):
        failed = failure(sink_at(end, **changes).tell(message(), ""))
        assert not failed.will_pass
        assert "does not offer" in str(failed)
    assert end.mails == []


def test_a_server_that_is_not_there_passes():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = MailServer(host="127.0.0.1", port=unused.getsockname()[1], security="none")
        sink = EmailSink(server, "a@desk.example", ["b@desk.example"], lambda: NOW_US, TRUST)
        failed = failure(sink.say("hello"))
    assert failed.will_pass
    assert str(failed) == "the mail server cannot be reached: ConnectionRefusedError"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_connection_is_encrypted_and_the_certificate_checked(tmp_path, security):
    with certified(tmp_path) as (served_by, trusted):
        how = {"ssl_context": served_by} if security == "tls" else {"tls_context": served_by}
        with mail_server(**how) as end:
            changes = {"host": "localhost", "security": security}
            server = sink_at(end, **changes)
            failed = failure(server.tell(message(), ""))
            assert not failed.will_pass
            assert "certificate" in str(failed)
            server._trust = trusted
            assert run(server.tell(message(), ""))
            assert len(end.mails) == 1


# Setting up -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["", "risk", "@desk.example", "risk@", "a@b\r\nBcc: c@d", "a b@c.d", "a@b, c@d"]
)
def test_an_address_that_is_none_is_refused(address):
    server = MailServer(host="mail.example", port=587)
    with pytest.raises(ConfigError, match="no e-mail address"):
        EmailSink(server, "a@desk.example", [address], lambda: NOW_US, ssl.create_default_context())


def test_a_password_is_not_sent_in_the_clear():
    with pytest.raises(ConfigError, match="starttls"):
        MailServer(host="mail.example", port=25, security="none", user="plimsoll", password="x")  # noqa: S106
    assert "sesame" not in repr(MailServer(host="h", port=1, user="u", password="sesame"))  # noqa: S106
