"""What stands at the other end of each channel, on this machine, with one face for all of them."""

import json
import socket
import ssl
from contextlib import contextmanager
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from crm_sync.messages.addresses import system_resolve
from crm_sync.messages.verify import Scheme, SignedRequest, is_authentic
from dealing.alerts.channels.apprise_sink import AppriseSink
from dealing.alerts.channels.email import EmailSink, MailServer
from dealing.alerts.channels.slack import SlackBotSink, SlackWebhookSink
from dealing.alerts.channels.webhook import WebhookSink
from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.memory_sink import MemorySink
from tests.crm_sync.messages.served import served
from tests.crm_sync.messages.signers import STANDARD_SECRET
from tests.dealing.alerts.channels.parts import NOW_US
from tests.dealing.alerts.slack_rules import shown
from tests.dealing.alerts.slack_stand_in import CHANNEL, TOKEN, slack_stand_in

SECRET = STANDARD_SECRET.decode()
PASSWORD = "open-sesame-777"  # noqa: S105 - of a server in a test
TRUST = ssl.create_default_context()


class SlackEnd:
    """Slack, by a bot or by a webhook."""

    def __init__(self, slack, sink, wrong):
        self.slack, self.sink, self.wrong = slack, sink, wrong
        self.secrets = [TOKEN, "sesame", "wrong-token"]

    def forget(self):
        self.slack.forget()

    def texts(self):
        return [shown(one.payload) for one in self.slack.messages.values()]

    def go_away(self):
        self.slack.away = 503

    def come_back(self):
        self.slack.away = None

    def ask_for_rest(self, s):
        self.slack.limits.append(s)


@contextmanager
def slack_bot():
    with slack_stand_in() as slack:
        sink = SlackBotSink(TOKEN, CHANNEL, base_url=slack.api_url)
        wrong = SlackBotSink("wrong-token", CHANNEL, base_url=slack.api_url)
        yield SlackEnd(slack, sink, wrong)


@contextmanager
def slack_webhook():
    with slack_stand_in() as slack:
        wrong = SlackWebhookSink(f"{slack.url}/services/T0DESK/B0HOOK/wrong-token")
        yield SlackEnd(slack, SlackWebhookSink(slack.webhook_url), wrong)


class HttpEnd:
    """A receiver of webhooks; ``signed`` says whether it looks at signatures."""

    def __init__(self, *, signed):
        self.signed = signed
        self.secrets = [SECRET, PASSWORD, "AAAAAAAA"]
        self.app = Starlette(routes=[Route("/{rest:path}", self._take, methods=["POST"])])
        self.forget()

    def forget(self):
        self.status = 200
        self.rests = []
        self.bodies = []
        self.ids = []

    async def _take(self, request):
        body = await request.body()
        if self.status != 200:
            return PlainTextResponse("", self.status)
        if self.rests:
            return PlainTextResponse("", 429, {"retry-after": str(self.rests.pop(0))})
        signed = SignedRequest(headers=dict(request.headers.raw), body=body)
        now_s = NOW_US // 1_000_000
        if self.signed and not is_authentic(Scheme.STANDARD, signed, [STANDARD_SECRET], now_s):
            return PlainTextResponse("", 401)
        self.bodies.append(json.loads(body))
        self.ids.append(request.headers.get("webhook-id"))
        return PlainTextResponse("ok")

    def texts(self):
        return [
            body["text"] if "text" in body else f"{body['title']}\n{body['message']}"
            for body in self.bodies
        ]

    def go_away(self):
        self.status = 503

    def come_back(self):
        self.status = 200

    def ask_for_rest(self, s):
        self.rests.append(s)


@contextmanager
def webhook():
    end = HttpEnd(signed=True)
    with served(end.app) as port:
        url = f"http://127.0.0.1:{port}/alerts"
        end.sink = webhook_sink(url)
        end.wrong = webhook_sink(url, secret="whsec_" + "A" * 40)
        yield end


def webhook_sink(url, secret=SECRET, *, loopback=True, resolve=system_resolve):
    return WebhookSink(url, secret, lambda: NOW_US, resolve, TRUST, loopback=loopback)


@contextmanager
def apprise():
    end = HttpEnd(signed=False)
    with served(end.app) as port:
        end.sink = AppriseSink([f"json://me:{PASSWORD}@127.0.0.1:{port}/here"])
        end.wrong = None
        yield end


class MailEnd:
    """A mail server."""

    def __init__(self):
        self.secrets = [PASSWORD, "wrong-password", "risk@desk.example"]
        self.forget()

    def forget(self):
        self.mails = []
        self.answer = "250 taken"
        self.refused = set()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if address in self.refused:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer

    def texts(self):
        return [
            f"{mail['subject']}\n{mail.get_body(('plain',)).get_content()}" for mail in self.mails
        ]

    def go_away(self):
        self.answer = "451 later"

    def come_back(self):
        self.answer = "250 taken"


class _AnyPort(Controller):
    """Listens on a port that the system chooses."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        with socket.create_connection((self.hostname, self.port), 20) as raw:
            if self.ssl_context is None:
                raw.recv(1)
                return
            anybody = ssl.create_default_context()
            anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
            with anybody.wrap_socket(raw) as encrypted:
                encrypted.recv(1)


@contextmanager
def mail_server(**options):
    end = MailEnd()
    controller = _AnyPort(end, hostname="127.0.0.1", port=0, ready_timeout=20, **options)
    controller.start()
    try:
        end.port = controller.port
        yield end
    finally:
        controller.stop()


def checked(server, session, envelope, mechanism, login):
    return AuthResult(success=login.password == PASSWORD.encode(), handled=False)


@contextmanager
def email():
    with mail_server(authenticator=checked, auth_require_tls=False) as end:
        end.sink = email_sink(end)
        end.wrong = email_sink(end, "wrong-password")
        yield end


def email_sink(end, password=PASSWORD, to=("risk@desk.example",), **changes):
    fields = {"host": "127.0.0.1", "port": end.port, "security": "none", "user": "plimsoll"}
    server = MailServer(password=password, **{**fields, **changes})
    return EmailSink(server, "alerts@desk.example", list(to), lambda: NOW_US, TRUST)


class MemoryEnd:
    def __init__(self):
        self.wrong = None
        self.secrets = []
        self.forget()

    def forget(self):
        self.sink = MemorySink()

    def texts(self):
        cases = [
            f"{one.case.state} {one.case.name} {one.case.title} {one.case.headline}"
            for _, one in self.sink.told
        ]
        return cases + self.sink.said

    def go_away(self):
        self.sink.failures.extend([AlertDeliveryError("away")] * 2)

    def come_back(self):
        self.sink.failures.clear()

    def ask_for_rest(self, s):
        self.sink.failures.append(AlertDeliveryError("slower", retry_after_s=float(s)))


@contextmanager
def memory():
    yield MemoryEnd()


ENDS = {end.__name__: end for end in (slack_bot, slack_webhook, email, webhook, apprise, memory)}
