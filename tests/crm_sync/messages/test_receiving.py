"""The receive path over real HTTP: what is kept, what is refused, and with which words."""

import gzip
import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from crm_sync.database import database_at
from crm_sync.messages.inbox import Inbox
from crm_sync.messages.receiving import LONGEST_BODY, WebhookSource, webhooks_app
from crm_sync.messages.tables import INBOX
from crm_sync.messages.verify import Scheme
from crm_sync.providers.checkout import Checkout
from crm_sync.providers.hubspot import HubSpotEvents
from crm_sync.providers.standard import Standard
from crm_sync.providers.stripe import Stripe
from crm_sync.providers.sumsub import Sumsub
from dealing.storage.migrate import upgrade
from exposure.errors import ConfigError
from tests.crm_sync.messages.parts import SEAL, Clock, desk_on, payment
from tests.crm_sync.messages.served import served
from tests.crm_sync.messages.signers import SECRET, STANDARD_SECRET, URL, headers_of
from tests.crm_sync.postgres_server import PostgresServer
from tests.thorough import LONG

CLOCK = Clock()
NOW_S = CLOCK() // 1_000_000
REQUESTS = 1_000 if LONG else 100

SOURCES = {
    "crm": WebhookSource(
        provider=Standard("crm"),
        scheme=Scheme.STANDARD,
        secrets=[STANDARD_SECRET],
        delivery_header="webhook-id",
    ),
    "stripe": WebhookSource(provider=Stripe(), scheme=Scheme.STRIPE, secrets=[SECRET]),
    "checkout": WebhookSource(provider=Checkout(), scheme=Scheme.CHECKOUT, secrets=[SECRET]),
    "sumsub": WebhookSource(
        provider=Sumsub({"basic"}), scheme=Scheme.SUMSUB, secrets=[b"o" * 20, SECRET]
    ),
    "hubspot": WebhookSource(
        provider=HubSpotEvents({"email"}, set()),
        scheme=Scheme.HUBSPOT_V3,
        secrets=[SECRET],
        url=URL,
    ),
    "silent": WebhookSource(provider=Stripe(), scheme=Scheme.STRIPE, secrets=[]),
}


class Webhooks:
    """The application of a database, and a sender that knows the secrets."""

    def __init__(self, database, port):
        self.database = database
        self.port = port

    def post(self, name, body, headers=None, method="POST", query=""):
        """Send raw bytes and return status, headers and body."""
        if headers is None:
            source = SOURCES[name]
            headers = headers_of(source.scheme, body, NOW_S, url=URL + query)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        chunked = "Transfer-Encoding" in headers
        path = f"/webhooks/{name}{query}"
        connection.request(method, path, body, headers, encode_chunked=chunked)
        answer = connection.getresponse()
        result = answer.status, answer.headers, answer.read()
        connection.close()
        return result

    def status(self, *arguments, **more):
        return self.post(*arguments, **more)[0]

    def rows(self):
        with self.database.reading() as connection:
            return connection.execute(select(INBOX).order_by(INBOX.c.id)).all()


def app_on(database):
    return webhooks_app(SOURCES, Inbox(database, SEAL, CLOCK), CLOCK)


@pytest.fixture
def webhooks(database):
    with served(app_on(database)) as port:
        yield Webhooks(database, port)


STRIPE = json.dumps(
    {
        "id": "evt_1",
        "type": "payment_intent.succeeded",
        "created": NOW_S,
        "livemode": True,
        "data": {"object": {"id": "pi_1", "amount": 100, "currency": "eur"}},
    }
).encode()


def test_an_authentic_message_is_kept_and_acknowledged(webhooks):
    status, headers, body = webhooks.post("stripe", STRIPE)
    assert (status, body) == (200, b"")
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    [row] = webhooks.rows()
    assert (row.provider, row.dedupe_key, row.state) == ("stripe", "evt_1", "waiting")
    assert row.received_at_us == CLOCK()
    assert SEAL.open(row.sealed, "inbox\nstripe\nevt_1") == STRIPE


def test_a_message_that_comes_three_times_is_kept_once_and_acknowledged_three_times(webhooks):
    assert [webhooks.status("stripe", STRIPE) for _ in range(3)] == [200] * 3
    assert len(webhooks.rows()) == 1


def test_a_standard_webhook_is_the_same_by_the_id_of_its_delivery(webhooks):
    first = headers_of(Scheme.STANDARD, payment("p1"), NOW_S, name="msg_1")
    again = headers_of(Scheme.STANDARD, payment("p1"), NOW_S + 1, name="msg_1")
    other = headers_of(Scheme.STANDARD, payment("p1"), NOW_S, name="msg_2")
    for headers in (first, again, other):
        assert webhooks.status("crm", payment("p1"), headers) == 200
    assert [row.dedupe_key for row in webhooks.rows()] == ["msg_1", "msg_2"]


def test_one_request_may_hold_many_messages(webhooks):
    event = {"portalId": 1, "objectId": 5, "subscriptionType": "contact.creation"}
    events = [{**event, "occurredAt": 1_000 + number} for number in range(100)]
    body = json.dumps([*events, *events[:10]][:100]).encode()
    assert webhooks.status("hubspot", body, query="?a=%3A%2F") == 200
    assert len(webhooks.rows()) == 100
    assert webhooks.status("hubspot", json.dumps([*events, event]).encode()) == 400
    assert webhooks.status("hubspot", b'[{"odd": 1}, 7]') == 200
    assert len(webhooks.rows()) == 102
    assert webhooks.status("hubspot", b"[]") == 200


def test_every_failure_of_authentication_has_the_same_answer(webhooks):
    good = headers_of(Scheme.STRIPE, STRIPE, NOW_S)
    other = headers_of(Scheme.STRIPE, STRIPE, NOW_S, secret=b"another tenant's secret")
    hook = good["Stripe-Signature"]
    tries = [
        {},
        other,
        headers_of(Scheme.STRIPE, STRIPE, NOW_S - 301),
        headers_of(Scheme.STRIPE, STRIPE, NOW_S + 301),
        headers_of(Scheme.STRIPE, STRIPE + b" ", NOW_S),
        headers_of(Scheme.CHECKOUT, STRIPE, NOW_S),
        {"Stripe-Signature": hook.replace("v1", "v0")},
        {"Stripe-Signature": hook + "\xff" * 5_000},
    ]
    answers = {(status, body) for status, _, body in (
        webhooks.post("stripe", STRIPE, headers) for headers in tries)}  # fmt: skip
    assert answers == {(401, b"the request is not authentic")}
    assert webhooks.rows() == []


def test_a_signature_that_comes_twice_is_refused(webhooks):
    hook = headers_of(Scheme.STRIPE, STRIPE, NOW_S)["Stripe-Signature"]
    head = (
        f"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Content-Length: {len(STRIPE)}\r\nStripe-Signature: {hook}\r\n"
    )
    for more, status in (("", b"200"), (f"stripe-signature: {hook}\r\n", b"401")):
        with socket.create_connection(("127.0.0.1", webhooks.port)) as raw:
            raw.sendall((head + more + "\r\n").encode() + STRIPE)
            assert raw.recv(100).startswith(b"HTTP/1.1 " + status)


def test_a_body_that_is_too_long_is_refused_even_if_nobody_says_how_long(webhooks):
    long = b'"' + b"x" * LONGEST_BODY + b'"'
    assert webhooks.status("stripe", long) == 413
    headers = headers_of(Scheme.STRIPE, long, NOW_S)
    chunks = (long[begin : begin + 1_000] for begin in range(0, len(long), 1_000))
    assert webhooks.status("stripe", chunks, {**headers, "Transfer-Encoding": "chunked"}) == 413
    fits = b'"' + b"x" * (LONGEST_BODY - 2) + b'"'
    assert webhooks.status("stripe", fits) == 200


def test_a_body_in_chunks_is_a_body(webhooks):
    headers = headers_of(Scheme.STRIPE, STRIPE, NOW_S)
    chunks = iter([STRIPE[:7], STRIPE[7:]])
    assert webhooks.status("stripe", chunks, {**headers, "Transfer-Encoding": "chunked"}) == 200
    assert len(webhooks.rows()) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b'{"id": "evt_1"',
        b"\xff\xfe{}",
        gzip.compress(STRIPE),
        b"[" * 100_000,
        b'{"a": NaN}',
    ],
)
def test_what_is_no_json_is_refused_after_it_was_found_authentic(webhooks, body):
    assert webhooks.status("stripe", body) == 400
    assert webhooks.status("stripe", body, {}) == 401
    assert webhooks.rows() == []


@pytest.mark.parametrize(
    "body",
    [b"{}", b"null", b"[1]", b'{"id": "\\u0000", "type": 1}', b'{"id": "' + b"x" * 900 + b'"}'],
)
def test_what_is_json_and_nothing_we_know_is_kept(webhooks, body):
    assert webhooks.status("stripe", body) == 200
    [row] = webhooks.rows()
    assert row.dedupe_key.startswith("sha256:")


def test_the_sender_decides_nothing_by_its_content_type(webhooks):
    headers = headers_of(Scheme.STRIPE, STRIPE, NOW_S) | {"Content-Type": "text/html"}
    assert webhooks.status("stripe", STRIPE, headers) == 200


def test_a_provider_without_a_secret_is_not_there(webhooks):
    headers = headers_of(Scheme.STRIPE, STRIPE, NOW_S, secret=b"")
    for name in ("silent", "nobody", "hubspot.objects", "..%2Fstripe"):
        assert webhooks.status(name, STRIPE, headers) == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_but_post_is_answered(webhooks, method):
    assert webhooks.status("stripe", b"", {}, method=method) == 405


def test_a_body_that_does_not_come_is_not_waited_for(database, monkeypatch):
    monkeypatch.setattr("crm_sync.messages.receiving.BODY_WITHIN_S", 0.05)
    with served(app_on(database)) as port, socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        assert raw.recv(100).startswith(b"HTTP/1.1 408")


def test_a_secret_that_could_never_verify_is_said_at_the_start_and_not_shown():
    source = WebhookSource(provider=Stripe(), scheme=Scheme.STRIPE, secrets=[b"tiny"])
    with pytest.raises(ConfigError, match="the secret of webhook stripe cannot be used") as said:
        webhooks_app({"stripe": source}, Inbox(None, SEAL, CLOCK), CLOCK)
    assert "tiny" not in str(said.value)
    assert "tiny" not in repr(source)


def test_what_many_send_at_once_is_all_kept(webhooks):
    bodies = [STRIPE.replace(b"evt_1", b"evt_%d" % number) for number in range(60)]
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda body: webhooks.status("stripe", body), bodies * 2))
    assert statuses == [200] * 120
    assert len(webhooks.rows()) == 60


def test_a_database_that_is_away_is_said_and_used_again_when_it_is_back(tmp_path):
    server = PostgresServer()
    server.start()
    database = database_at(server.new_database(), tmp_path / "none")
    try:
        upgrade(database)
        with served(app_on(database)) as port:
            webhooks = Webhooks(database, port)
            assert webhooks.status("stripe", STRIPE) == 200
            server.kill()
            status, headers, _ = webhooks.post("stripe", STRIPE.replace(b"evt_1", b"evt_2"))
            assert (status, headers["retry-after"]) == (503, "30")
            server.start()
            assert webhooks.status("stripe", STRIPE.replace(b"evt_1", b"evt_2")) == 200
            assert [row.dedupe_key for row in webhooks.rows()] == ["evt_1", "evt_2"]
    finally:
        database.close()
        server.remove()


def test_a_file_that_is_away_is_said_too(tmp_path, sqlite_database):
    missing = database_at(None, tmp_path / "missing.db")
    with served(app_on(missing)) as port:
        assert Webhooks(missing, port).status("stripe", STRIPE) == 503


def test_it_answers_while_messages_are_taken(database, capsys):
    """Prints how long answers took; a busy machine is no mistake in the code."""
    desk = desk_on(database)
    took_ms = []
    with served(app_on(database)) as port:
        webhooks = Webhooks(database, port)
        for number in range(REQUESTS):
            body = payment(f"p{number}")
            headers = headers_of(Scheme.STANDARD, body, NOW_S, name=f"msg_{number}")
            began = time.perf_counter()
            assert webhooks.status("crm", body, headers) == 200
            took_ms.append((time.perf_counter() - began) * 1_000)
    desk.drain()
    assert len(desk.taken()) == REQUESTS
    took_ms.sort()
    p50, p99 = took_ms[len(took_ms) // 2], took_ms[len(took_ms) * 99 // 100]
    with capsys.disabled():
        print(f"\nwebhook answers, {REQUESTS} requests: p50 {p50:.1f} ms, p99 {p99:.1f} ms")  # noqa: T201 - a measurement
