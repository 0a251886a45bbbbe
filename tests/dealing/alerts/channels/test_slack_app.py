"""Slack's requests over real HTTP: honest presses work, others change nothing and are audited."""

import http.client
import json
import ssl
import threading
from urllib.parse import urlencode

import pytest

from crm_sync.messages.addresses import system_resolve
from dealing.alerts.channels.slack import SlackBotSink
from dealing.alerts.channels.slack_answers import SlackAnswers
from dealing.alerts.channels.slack_app import (
    LONGEST_BODY,
    NOT_AUTHENTIC,
    NOT_OURS,
    ROWS_A_MINUTE,
    SlackSetup,
    slack_app,
)
from dealing.alerts.channels.slack_commands import SlashCommands
from dealing.alerts.pressing import PRESSED, REFUSED
from exposure.errors import ConfigError, DisconnectedError
from tests.crm_sync.messages.served import served, wait_until
from tests.dealing.alerts.channels.parts import message, run
from tests.dealing.alerts.channels.reading import Reading
from tests.dealing.alerts.press_house import BUTTONS, MINUTE_US, USERS, PressHouse
from tests.dealing.alerts.slack_rules import calls, shown
from tests.dealing.alerts.slack_stand_in import (
    APP,
    CHANNEL,
    SECRET,
    TEAM,
    TOKEN,
    SlackUser,
    slack_stand_in,
)

TRUST = ssl.create_default_context()


class Desk:
    """A desk that listens to the stand-in, on ports of this machine."""

    def __init__(self, slack):
        self.slack = slack
        self.setup = SlackSetup(
            signing_secrets=[b"an older secret of the app", SECRET],
            users=USERS,
            team_id=TEAM,
            app_id=APP,
        )
        self.forget()

    def forget(self):
        self.slack.forget()
        self.house = PressHouse()
        self.reading = Reading()
        self.app = self._app()

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)

    def _app(self):
        answers = SlackAnswers(
            self.now_us, system_resolve, TRUST, self.slack.answers_url, loopback=True
        )
        commands = SlashCommands(self.reading)
        house = self.house
        return slack_app(self.setup, house.pressing, commands, answers, house.audit, self.now_us)

    def now_us(self):
        return self.house.now_us

    def now_s(self):
        return self.house.now_us // 1_000_000

    def user(self, user_id="U0ANNA", **more):
        return SlackUser(self.slack, self.port, self.now_s, user_id, **more)

    def shows(self):
        """Return case A-17 as the bot shows it, with buttons that the store knows."""
        told = message(buttons=tuple(self._known(one) for one in message().buttons))
        run(SlackBotSink(TOKEN, CHANNEL, base_url=self.slack.api_url).tell(told, ""))
        return self.slack.top()[-1]

    def _known(self, button):
        offers = {offer.action: token for token, offer in BUTTONS.items()}
        return type(button)(
            offer=button.offer, label=button.label, token=offers[button.offer.action]
        )

    def answer(self, count=1):
        """Return what the person reads, when it has come."""
        wait_until(lambda: len(self.slack.answers) >= count)
        return shown(self.slack.answers[-1])

    def rows(self, count=1):
        wait_until(lambda: len(self.house.audit.rows) >= count)
        return self.house.audit.rows


@pytest.fixture(scope="module")
def opened():
    with slack_stand_in() as slack:
        desk = Desk(slack)
        with served(desk) as port:
            desk.port = port
            yield desk


@pytest.fixture
def desk(opened):
    opened.forget()
    return opened


# Presses ----------------------------------------------------------------------------------------


def test_a_press_in_slack_acknowledges_the_case_and_tells_the_person_alone(desk):
    assert desk.user().press(desk.shows(), "Acknowledge") == 200
    assert desk.answer() == "A-17 is yours"
    assert desk.house.work.done == [("acknowledge", 17, "anna", "")]
    (answer,) = desk.slack.answers
    assert answer["response_type"] == "ephemeral"
    assert answer["replace_original"] is False


def test_a_command_is_pressed_with_its_reason(desk):
    assert desk.user().press(desk.shows(), "Hedge XAUUSD") == 200
    assert desk.answer() == "buy 18 lots XAUUSD are ordered"
    assert desk.house.work.done[0][:4] == (
        "hedge",
        BUTTONS["hedge"],
        "anna",
        "A-17, pressed in slack",
    )
    assert desk.rows()[0][1] == PRESSED


def test_a_request_of_a_rotated_secret_still_counts(desk):
    older = b"an older secret of the app"
    assert desk.user().press(desk.shows(), "Acknowledge", secret=older) == 200
    assert desk.answer() == "A-17 is yours"


def test_opening_the_desk_from_a_message_is_no_press(desk):
    assert desk.user().press(desk.shows(), "Open on the desk") == 200
    desk.user().press(desk.shows(), "Acknowledge")
    assert desk.answer() == "A-17 is yours"
    assert len(desk.rows()) == 1


def test_the_answer_is_there_before_the_work_is_done(desk):
    desk.house.work.holds = threading.Event()  # the desk takes its time
    assert desk.user().press(desk.shows(), "Acknowledge") == 200
    assert desk.house.work.done == []
    desk.house.work.holds.set()
    assert desk.answer() == "A-17 is yours"


def test_a_person_who_cannot_be_told_changes_nothing_about_the_press(desk):
    top = desk.shows()
    desk.slack.away = 503
    assert desk.user().press(top, "Acknowledge") == 200
    wait_until(lambda: desk.house.work.done)


# What changes nothing ---------------------------------------------------------------------------


def test_a_forged_press_changes_nothing_and_is_audited(desk):
    shown_message = desk.shows()
    for secret in (b"a secret that was guessed", b"", SECRET + b" "):
        assert desk.user().press(shown_message, "Hedge XAUUSD", secret=secret) == 401
    rows = desk.rows(3)
    assert [row[:3] for row in rows] == [("slack:unknown", NOT_AUTHENTIC, "slack")] * 3
    assert "signature" in rows[0][3]
    assert desk.house.work.done == []
    assert desk.slack.answers == []


def test_a_body_that_was_changed_on_its_way_changes_nothing(desk):
    user = desk.user()
    user.press(desk.shows(), "Acknowledge")
    desk.answer()
    path, body, headers = user.last
    user.last = path, body.replace(b"token", b"t0ken").replace(b"ack", b"hedge"), headers
    assert user.again() == 401
    assert desk.rows(2)[1][1] == NOT_AUTHENTIC
    assert len(desk.house.work.done) == 1


def test_a_replayed_press_changes_nothing_and_is_audited(desk):
    user = desk.user()
    user.press(desk.shows(), "Hedge XAUUSD")
    desk.answer()
    assert user.again() == 200  # it is authentic
    assert "pressed already, by anna" in desk.answer(2)
    assert [row[1] for row in desk.rows(2)] == [PRESSED, REFUSED]
    assert len(desk.house.work.done) == 1


@pytest.mark.parametrize("off_s", [-301, 301, -86_400])
def test_a_request_that_was_signed_long_ago_changes_nothing_and_is_audited(desk, off_s):
    assert desk.user().press(desk.shows(), "Hedge XAUUSD", at_s=desk.now_s() + off_s) == 401
    assert desk.rows()[0][1] == NOT_AUTHENTIC
    assert desk.house.work.done == []


def test_a_replay_after_five_minutes_is_not_even_read(desk):
    user = desk.user()
    user.press(desk.shows(), "Acknowledge")
    desk.answer()
    desk.house.now_us += 6 * MINUTE_US
    assert user.again() == 401
    assert desk.rows(2)[1][1] == NOT_AUTHENTIC


def test_a_late_press_changes_nothing_and_is_audited(desk):
    shown_message = desk.shows()
    desk.house.now_us += 16 * MINUTE_US
    assert desk.user().press(shown_message, "Hedge XAUUSD") == 200
    assert "has expired" in desk.answer()
    assert desk.rows()[0][1] == REFUSED
    assert desk.house.work.done == []


def test_a_press_without_the_role_changes_nothing_is_audited_and_leaves_the_button(desk):
    shown_message = desk.shows()
    assert desk.user("U0BO").press(shown_message, "Hedge XAUUSD") == 200
    assert "takes the role dealer" in desk.answer()
    assert desk.rows()[0][:3] == ("bo", REFUSED, "A-17")
    assert desk.house.work.done == []
    desk.user("U0ANNA").press(shown_message, "Hedge XAUUSD")
    assert desk.answer(2) == "buy 18 lots XAUUSD are ordered"


def test_somebody_whom_the_desk_does_not_know_presses_nothing(desk):
    assert desk.user("U0STRANGER").press(desk.shows(), "Acknowledge") == 200
    assert "does not know you (slack:U0STRANGER)" in desk.answer()
    assert desk.rows()[0][0] == "slack:U0STRANGER"
    assert desk.house.work.done == []


def test_a_name_that_is_no_id_is_not_repeated(desk):
    assert desk.user("<!channel>").press(desk.shows(), "Acknowledge") == 200
    assert "slack:unknown" in desk.answer()
    assert calls(desk.slack.answers[0]) == []


def test_another_workspace_or_app_is_not_heard_and_audited(desk):
    shown_message = desk.shows()
    assert desk.user(team_id="T0OTHER").press(shown_message, "Acknowledge") == 403
    assert desk.user(app_id="A0OTHER").press(shown_message, "Acknowledge") == 403
    assert desk.user(team_id="T0OTHER").types("exposure XAUUSD") == 403
    assert [row[:2] for row in desk.rows(3)] == [("slack:U0ANNA", NOT_OURS)] * 3
    assert desk.house.work.done == []
    assert desk.slack.answers == []


def test_a_flood_of_forgeries_does_not_fill_the_audit_log(desk):
    user = desk.user()
    user.press_value("x", secret=b"a secret that was guessed")
    for _ in range(ROWS_A_MINUTE + 10):
        user.again()
    desk.house.now_us += MINUTE_US
    user.again()
    rows = desk.house.audit.rows
    wait_until(lambda: sum(1 + int(row[4].get("not_written_before", 0)) for row in rows) == 32)
    # the last of the flood may be written down in the next minute
    assert len(rows) in {ROWS_A_MINUTE + 1, ROWS_A_MINUTE + 2}


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com.evil.example/actions/1", "http://169.254.169.254/latest",
        "http://127.0.0.1:1/actions/", "file:///etc/passwd", "", "https://[::1", "x" * 3_000,
    ],
)  # fmt: skip
def test_an_answer_goes_nowhere_but_to_slack(desk, url):
    user = desk.user()
    user.answer_url = url
    assert user.press(desk.shows(), "Acknowledge") == 200
    wait_until(lambda: desk.house.work.done)
    desk.user().press_value("unknown")
    assert "not known" in desk.answer()  # the other answer went nowhere
    assert len(desk.slack.answers) == 1


# Bodies -----------------------------------------------------------------------------------------


def test_a_body_that_is_too_long_is_not_read(desk):
    assert desk.user().send("/slack/interactions", b"payload=" + b"x" * LONGEST_BODY) == 413


@pytest.mark.parametrize(
    "body",
    [
        b"", b"payload=", b"payload=1", b"payload=[]", b"payload={", b"payload=%ff", b"\xff",
        b"payload={}&payload={}", b"&" * 100, b'payload={"type":1}',
        b'payload={"user":{"id":7}}', b"payload=" + b"[" * 9_000,
    ],
)  # fmt: skip
def test_a_body_that_makes_no_sense_is_refused_and_nothing_happens(desk, body):
    assert desk.user().send("/slack/interactions", body) == 400
    assert desk.house.work.done == []


@pytest.mark.parametrize("kind", ["view_submission", "shortcut", ""])
def test_another_kind_of_interaction_is_answered_and_does_nothing(desk, kind):
    payload = {
        "type": kind, "team": {"id": TEAM}, "api_app_id": APP, "user": {"id": "U0ANNA"},
        "actions": [{"type": "button", "value": "ack"}],
    }  # fmt: skip
    body = urlencode({"payload": json.dumps(payload)}).encode()
    assert desk.user().send("/slack/interactions", body) == 200
    desk.user().press_value("unknown")
    desk.answer()
    assert desk.house.work.done == []


def test_a_header_that_comes_twice_is_not_believed(desk):
    user = desk.user()
    user.press(desk.shows(), "Acknowledge")
    desk.answer()
    path, body, headers = user.last
    connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=20)
    connection.putrequest("POST", path)
    for name, value in [*headers.items(), ("X-Slack-Signature", "v0=00")]:
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    assert connection.getresponse().status == 401
    connection.close()


@pytest.mark.parametrize("path", ["/", "/slack", "/slack/other", "/api/v1/alerts"])
def test_nothing_else_is_there(desk, path):
    assert desk.user().send(path, b"") == 404


# Commands ---------------------------------------------------------------------------------------


def test_a_slash_command_is_answered_to_the_person_alone(desk):
    assert desk.user().types("exposure XAUUSD") == 200
    text = desk.answer()
    assert "Exposure XAUUSD" in text
    assert "House net: \n-12.4M USD" in text
    assert "figures 0.4 s old" in text
    assert desk.slack.answers[0]["response_type"] == "ephemeral"


def test_a_forged_command_reads_nothing(desk):
    assert desk.user().types("client 100023", secret=b"a secret that was guessed") == 401
    assert desk.rows()[0][1] == NOT_AUTHENTIC
    assert desk.reading.asked == []


def test_slack_may_look_whether_somebody_is_there(desk):
    assert desk.user().send("/slack/commands", b"ssl_check=1&token=x") == 200
    assert desk.reading.asked == []


def test_a_desk_that_is_away_is_said(desk):
    desk.reading.fails = DisconnectedError("the engine does not answer")
    assert desk.user().types("exposure XAUUSD") == 200
    assert desk.answer() == "The figures cannot be had now: the engine does not answer"


# Setting up -------------------------------------------------------------------------------------


@pytest.mark.parametrize("secrets", [[], [b"short"], [SECRET, b""]])
def test_a_secret_that_could_never_verify_anything_is_refused(secrets):
    with pytest.raises(ConfigError, match="PLIMSOLL_SLACK_SIGNING_SECRET"):
        SlackSetup(signing_secrets=secrets, users={})


def test_a_setup_does_not_show_its_secrets():
    assert "stand-in" not in repr(SlackSetup(signing_secrets=[SECRET], users=USERS))


def test_without_a_configured_workspace_the_secret_alone_decides(desk):
    desk.setup, before = SlackSetup(signing_secrets=[SECRET], users=USERS), desk.setup
    desk.forget()
    try:
        assert desk.user(team_id="T0OTHER").press(desk.shows(), "Acknowledge") == 200
        assert desk.answer() == "A-17 is yours"
    finally:
        desk.setup = before
