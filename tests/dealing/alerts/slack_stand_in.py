"""A Slack of our own on a real port, and a person in it who presses buttons, honestly or not.

It knows the methods that we use, refuses what Slack would refuse, and writes everything down. It
can be slow to forgive (a rate limit per channel), away, or lose its answers.
"""

import http.client
import itertools
import json
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from crm_sync.messages.verify import Scheme
from tests.crm_sync.messages.served import served
from tests.crm_sync.messages.signers import headers_of
from tests.dealing.alerts.slack_rules import buttons, problems

TOKEN = "a bot's token, of the stand-in"  # noqa: S105 - it opens nothing
CHANNEL = "C0ALERTS"
NAMES = {"#dealing": CHANNEL, "#alerts": CHANNEL}
SECRET = b"the signing secret of the stand-in"
TEAM = "T0DESK"
APP = "A0PLIMSOLL"
WEBHOOK_PATH = "/services/T0DESK/B0HOOK/sesame"
FIRST_TS = 1_700_000_000


@dataclass
class Message:
    """A message as it stands in a channel; ``versions`` are its payloads, the newest last."""

    channel: str
    ts: str
    versions: list = field(default_factory=list)
    thread_ts: str = ""
    via: str = "bot"
    at_s: float = 0.0

    @property
    def payload(self):
        return self.versions[-1]

    @property
    def ref(self):
        return f"{self.channel}:{self.ts}"


@dataclass(frozen=True)
class Call:
    """A request that came: what was answered, and when."""

    method: str
    channel: str
    status: int
    error: str
    at_s: float


class SlackStandIn:
    """One workspace.

    Attributes:
        token: The bot's token.
        channels: Where the bot may write, and since when not: "" or Slack's word for why not.
        per_s: Messages a second and channel, None for any number; ``burst`` at once.
        away: A status that every request is answered with, None while it works.
        loses_answers: Whether it takes messages and then fails to say so.
        limits: Retry-After of the next requests, in seconds.
        errors: Slack's words that the next requests are answered with.
        messages: By their ts.
        calls: Every request.
        answers: What was sent to a person who pressed or asked.
    """

    def __init__(self, *, per_s=None, burst=5, clock=time.monotonic):
        self.url = ""
        self.per_s = per_s
        self.burst = burst
        self.clock = clock
        self._count = itertools.count(1)
        self.app = Starlette(
            routes=[
                Route("/api/{method}", self._api, methods=["POST"]),
                Route("/services/{rest:path}", self._webhook, methods=["POST"]),
                Route("/actions/{rest:path}", self._answer, methods=["POST"]),
            ]
        )
        self.forget()

    def forget(self):
        """Be a workspace in which nothing has happened, and that works."""
        self.token = TOKEN
        self.channels = {CHANNEL: "", "C0OTHER": "not_in_channel", "C0OLD": "is_archived"}
        self.away = None
        self.loses_answers = False
        self.limits = deque()
        self.errors = deque()
        self.messages = {}
        self.calls = []
        self.answers = []
        self._earned = {}

    @property
    def api_url(self):
        return f"{self.url}/api/"

    @property
    def webhook_url(self):
        return f"{self.url}{WEBHOOK_PATH}"

    @property
    def answers_url(self):
        return f"{self.url}/actions/"

    def new_answer_url(self):
        return f"{self.answers_url}{TEAM}/{next(self._count)}/key"

    def top(self):
        """Return the messages of the channel itself."""
        return [message for message in self.messages.values() if not message.thread_ts]

    def thread(self, message):
        """Return the messages below one."""
        return [one for one in self.messages.values() if one.thread_ts == message.ts]

    async def _api(self, request):
        method = request.path_params["method"]
        body = await request.json()
        channel = NAMES.get(str(body.get("channel", "")), str(body.get("channel", "")))
        refused = self._refusal(method, channel)
        if refused is not None:
            return refused
        error = self._error(request, method, channel, body)
        if error:
            self._write_down(method, channel, 200, error)
            return JSONResponse({"ok": False, "error": error})
        told = self._methods()[method](channel, body)
        status = 504 if self.loses_answers else 200
        self._write_down(method, channel, status, told.get("error", ""))
        return PlainTextResponse("", 504) if self.loses_answers else JSONResponse(told)

    def _methods(self):
        return {
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.replies": self._replies,
        }

    def _error(self, request, method, channel, body):
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return "invalid_auth"
        if method not in self._methods():
            return "unknown_method"
        if self.errors:
            return self.errors.popleft()
        if channel not in self.channels:
            return "channel_not_found"
        return self.channels[channel] or ("invalid_blocks" if problems(body) else "")

    def _refusal(self, method, channel):
        """Return the answer while it is away or written to too fast, None otherwise."""
        if self.away is not None:
            self._write_down(method, channel, self.away, "")
            return PlainTextResponse("", self.away)
        wait_s = self.limits.popleft() if self.limits else self._too_fast(method, channel)
        if not wait_s:
            return None
        self._write_down(method, channel, 429, "ratelimited")
        headers = {"retry-after": str(wait_s)}
        return JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers)

    def _too_fast(self, method, channel):
        """Take a place of a channel's bucket, or return in how many seconds there is one."""
        if self.per_s is None or method == "chat.update":
            return 0
        now_s = self.clock()
        left, since_s = self._earned.get(channel, (float(self.burst), now_s))
        left = min(float(self.burst), left + (now_s - since_s) * self.per_s)
        if left >= 1.0:
            self._earned[channel] = (left - 1.0, now_s)
            return 0
        self._earned[channel] = (left, now_s)
        return max(1, round((1.0 - left) / self.per_s))

    def _write_down(self, method, channel, status, error):
        self.calls.append(Call(method, channel, status, error, self.clock()))

    def _post(self, channel, body, via="bot"):
        parent = str(body.get("thread_ts", ""))
        if parent and parent not in self.messages:
            return {"ok": False, "error": "thread_not_found"}
        ts = f"{FIRST_TS}.{next(self._count):06d}"
        self.messages[ts] = Message(channel, ts, [body], parent, via, time.time())
        return {"ok": True, "channel": channel, "ts": ts}

    def _update(self, channel, body):
        message = self.messages.get(str(body.get("ts", "")))
        if message is None or message.channel != channel or message.via != "bot":
            return {"ok": False, "error": "message_not_found"}
        message.versions.append(body)
        return {"ok": True, "channel": channel, "ts": message.ts}

    def _replies(self, _, body):
        parent = self.messages.get(str(body.get("ts", "")))
        if parent is None:
            return {"ok": False, "error": "thread_not_found"}
        told = [parent, *self.thread(parent)]
        return {"ok": True, "messages": [{"ts": one.ts, **one.payload} for one in told]}

    async def _webhook(self, request):
        refused = self._refusal("webhook", "webhook")
        if refused is not None:
            return refused
        body = await request.json()
        if request.url.path != WEBHOOK_PATH:
            error, status = "no_service", 404
        elif self.errors:
            error, status = self.errors.popleft(), 403
        elif problems(body):
            error, status = "invalid_blocks", 400
        else:
            self._post("webhook", body, "webhook")
            error, status = "", 200
        self._write_down("webhook", "webhook", status, error)
        return PlainTextResponse(error or "ok", status)

    async def _answer(self, request):
        if self.away is not None:
            return PlainTextResponse("", self.away)
        body = await request.json()
        assert problems(body) == [], body
        self.answers.append(body)
        return PlainTextResponse("ok")


@contextmanager
def slack_stand_in(**options):
    """Run a Slack while the block does."""
    slack = SlackStandIn(**options)
    with served(slack.app) as port:
        slack.url = f"http://127.0.0.1:{port}"
        yield slack


class SlackUser:
    """A person in Slack: presses and types, and Slack signs what comes of it.

    The last request is kept, so that somebody who has overheard it can send it again.
    """

    def __init__(self, slack, port, now_s, user_id="U0ANNA", team_id=TEAM, app_id=APP):
        self.slack = slack
        self.port = port
        self.now_s = now_s
        self.user_id = user_id
        self.team_id = team_id
        self.app_id = app_id
        self.last = None
        self.answer_url = None

    def press(self, message, label, **how):
        """Press a button of a message by what is on it, and return the status of the answer."""
        return self.press_value(buttons(message.payload)[label].get("value", ""), message, **how)

    def press_value(self, value, message=None, **how):
        """Press a button with this value."""
        payload = {
            "type": "block_actions",
            "user": {"id": self.user_id, "username": "anna", "team_id": self.team_id},
            "api_app_id": self.app_id,
            "team": {"id": self.team_id, "domain": "desk"},
            "container": {"type": "message", "message_ts": message.ts if message else "1.1"},
            "channel": {"id": CHANNEL, "name": "alerts"},
            "message": message.payload if message else {},
            "response_url": self._answer_url(),
            "actions": [{"type": "button", "action_id": "press:0", "value": value}],
        }
        body = urlencode({"payload": json.dumps(payload)}).encode()
        return self.send("/slack/interactions", body, **how)

    def types(self, text, **how):
        """Type something after the slash command."""
        fields = {
            "team_id": self.team_id, "user_id": self.user_id, "api_app_id": self.app_id,
            "command": "/plimsoll", "text": text,
            "response_url": self._answer_url(),
        }  # fmt: skip
        return self.send("/slack/commands", urlencode(fields).encode(), **how)

    def _answer_url(self):
        return self.slack.new_answer_url() if self.answer_url is None else self.answer_url

    def send(self, path, body, secret=SECRET, at_s=None, headers=None):
        """Send a request, signed with a secret as of a moment."""
        if headers is None:
            at_s = self.now_s() if at_s is None else at_s
            headers = headers_of(Scheme.SLACK, body, at_s, secret=secret)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.last = path, body, headers
        return self.again()

    def again(self):
        """Send the very same bytes once more."""
        path, body, headers = self.last
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
        connection.close()
        return status
