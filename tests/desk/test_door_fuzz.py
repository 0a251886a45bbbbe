"""Hostile requests at the desk's door: each is refused with a sentence or let through whole."""

from __future__ import annotations

import asyncio
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from dealing.desk import DeskOptions, create_desk
from dealing.desk.guard import CALLBACK_PATH, MAX_BODY, MAX_SOCKET_MESSAGE, STREAM_PATH, Guard
from dealing.revenue.memory_store import MemoryRevenueStore
from tests.damage import damaged
from tests.desk.scripted_book import EngineQueries, FakeSource
from tests.thorough import examples

HOST = "127.0.0.1:8050"
ORIGIN = f"http://{HOST}"
GENUINE = {"origin": ORIGIN, "host": HOST, "content-type": "application/json"}
BODY = b'{"output": "a.b", "inputs": [{"id": "x", "property": "y", "value": [1, {"z": "\\"["}]}]}'


class Room:
    """The application behind the door: it remembers what came in and answers 204."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http":
            message = await receive()
            self.bodies.append(message["body"])
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass


def asked(scope, *messages):
    """Let one request meet the door; return what it was answered and what came through."""
    room, sent = Room(), []
    guard = Guard(room, hosts=(), script_hashes=(), is_callback=lambda payload: None)
    waiting = list(messages)

    async def receive():
        return waiting.pop(0) if waiting else {"type": f"{scope['type']}.disconnect"}

    async def send(message):
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    return sent, room.bodies


def http(method: str, path: str, headers: dict[str, str], body: bytes = b"", query: bytes = b""):
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [
            (name.encode("latin-1", "ignore"), value.encode("latin-1", "ignore"))
            for name, value in headers.items()
        ],
    }
    middle = len(body) // 2
    sent, bodies = asked(
        scope,
        {"type": "http.request", "body": body[:middle], "more_body": True},
        {"type": "http.request", "body": body[middle:], "more_body": False},
    )
    start, answer = sent
    return start["status"], answer["body"], bodies


odd = st.sampled_from(
    (
        "", " ", "null", "http://", "http://[", "http://[::1", "http://[x]", "https://]",
        "//" + HOST, "http://127.0.0.1:99999999", "http://127.0.0.1:x", "\x00",
        "é", "a" * 5_000, "[::1]:1",
        "localhost:", ":", "http:" + HOST, ORIGIN + "/", ORIGIN + "@evil.example", "ftp://" + HOST,
    )
)  # fmt: skip
texts = odd | st.text(max_size=20)


@examples(100)
@given(
    st.sampled_from(("GET", "POST", "HEAD", "PUT", "", "\x00")) | st.text(max_size=6),
    st.sampled_from(("/", CALLBACK_PATH, STREAM_PATH, "/assets/../x", "//", "/\x00")) | texts,
    st.dictionaries(
        st.sampled_from(("origin", "host", "content-type", "sec-fetch-site", "cookie")), texts
    ),
    st.binary(max_size=30),
)
def test_any_request_is_answered_and_a_refusal_says_why(method, path, headers, body):
    status, answer, _ = http(method, path, headers | {"x": "y"}, body)
    assert status == 204 or (400 <= status < 500 and orjson.loads(answer)["reason"])


@examples(100)
@given(texts, texts, st.sampled_from(("same-origin", "cross-site", "", "\x00")))
def test_only_pages_of_this_desk_get_a_callback_through(origin, host, site):
    headers = GENUINE | {"origin": origin, "host": host, "sec-fetch-site": site}
    status, _, bodies = http("POST", CALLBACK_PATH, headers, BODY)
    assert status in {403, 421}
    assert bodies == []


def test_a_genuine_callback_gets_through():
    status, _, bodies = http("POST", CALLBACK_PATH, GENUINE, BODY)
    assert (status, bodies) == (204, [BODY])


@examples(100)
@given(damaged(BODY) | st.binary(max_size=60))
def test_a_callback_gets_through_whole_or_not_at_all(body):
    status, answer, bodies = http("POST", CALLBACK_PATH, GENUINE, body)
    if status == 204:
        assert bodies == [body]
        json.loads(body)
    else:
        assert (status, bodies) == (400, [])
        assert orjson.loads(answer)["reason"]


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b'\\"' * (MAX_BODY // 2 - 1),
        b'"' * (MAX_BODY - 1),
        b'"\\' * (MAX_BODY // 2),
        b"\\" * MAX_BODY,
        b"[" * MAX_BODY,
        b'{"a":"' + b"x" * (MAX_BODY - 10),
        b"[" * 40 + b"]" * 40,
        b'["' + b"[" * 1_000 + b'"' + b"[" * 40,
        b'"\n[' * 1_000,
        b"-" * MAX_BODY,
        b"[" + b"9" * (MAX_BODY - 2) + b"]",
    ],
    ids=range(11),
)
def test_a_large_ill_meant_body_is_refused_at_once(body):
    """Quadratic work on these takes minutes, so a regression is felt and not only measured."""
    assert len(body) <= MAX_BODY
    status, answer, bodies = http("POST", CALLBACK_PATH, GENUINE, body)
    assert (status, bodies) == (400, [])
    assert orjson.loads(answer)["reason"]


@examples(60)
@given(
    st.lists(st.text(max_size=30) | st.binary(max_size=30), max_size=4),
    st.integers(0, 2 * MAX_SOCKET_MESSAGE),
)
def test_the_door_ends_a_socket_only_for_a_long_message(messages, size):
    scope = {
        "type": "websocket",
        "path": STREAM_PATH,
        "headers": [(b"host", HOST.encode()), (b"origin", ORIGIN.encode())],
    }
    sent, _ = asked(scope, *(_message(one) for one in [*messages, b"x" * size]))
    closed = [one["code"] for one in sent if one["type"] == "websocket.close"]
    assert sent[0] == {"type": "websocket.accept"}
    assert closed == ([1009] if size > MAX_SOCKET_MESSAGE else [])


def _message(content: str | bytes):
    kind = "text" if isinstance(content, str) else "bytes"
    return {"type": "websocket.receive", kind: content}


@pytest.fixture(scope="module")
def client(broker, frame):
    source = FakeSource()
    source.publish(frame)
    app = create_desk(source, EngineQueries(broker), MemoryRevenueStore(), DeskOptions())
    with TestClient(app, base_url=ORIGIN) as client:
        yield client


@examples(4)
@given(st.lists(st.text(max_size=30) | st.binary(max_size=30), min_size=1, max_size=50))
def test_whatever_a_browser_says_the_stream_goes_on(client, messages):
    with client.websocket_connect("/stream", headers={"origin": ORIGIN, "host": HOST}) as socket:
        assert orjson.loads(socket.receive_bytes())["type"] == "full"
        for message in messages:
            if isinstance(message, str):
                socket.send_text(message)
            else:
                socket.send_bytes(message)
        assert orjson.loads(socket.receive_bytes())["type"] in {"tick", "silence"}


@examples(60)
@given(
    st.sampled_from(("/healthz", "/api/v1/snapshot", "/", "/_dash-layout")),
    st.binary(max_size=30),
    st.dictionaries(st.sampled_from(("accept", "cookie", "range", "if-none-match")), texts),
)
def test_no_query_or_header_of_a_reader_is_an_internal_error(client, path, query, headers):
    plain = {
        name: value.encode("ascii", "ignore").decode().translate({0: None, 10: None, 13: None})
        for name, value in headers.items()
    }
    answer = client.get(f"{path}?{query.hex()}", headers=plain)
    assert answer.status_code == 200
