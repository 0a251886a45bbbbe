"""Attacks on the door: each is refused with a sentence, none reaches Dash."""

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from dealing.desk import DeskOptions, create_desk
from dealing.desk.guard import MAX_BODY, MAX_SOCKET_MESSAGE
from dealing.desk.ids import DrillIds
from dealing.revenue.memory_store import MemoryRevenueStore
from tests.desk.scripted_book import EngineQueries, FakeSource

ORIGIN = "http://127.0.0.1:8050"
HERE = {"origin": ORIGIN, "host": "127.0.0.1:8050"}
SAME = {"origin": ORIGIN, "content-type": "application/json"}
UPDATE = "/_dash-update-component"
SECURE = {
    "content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy",
    "cross-origin-opener-policy", "cross-origin-resource-policy", "permissions-policy",
}  # fmt: skip


@pytest.fixture(scope="module")
def app(broker, frame):
    source = FakeSource()
    source.publish(frame)
    return create_desk(
        source, EngineQueries(broker), MemoryRevenueStore(), DeskOptions(hosts=("desk.example",))
    )


@pytest.fixture(scope="module")
def client(app):
    with TestClient(app, base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def genuine(client):
    """What a browser posts when a row is chosen."""
    callback = next(c for c in client.get("/_dash-dependencies").json() if "drill" in c["output"])
    names = callback["output"].strip(".").split("...")
    outputs = [dict(zip(("id", "property"), name.split("."), strict=True)) for name in names]
    data = {"kind": "symbol", "name": "EURUSD", "symbols": ["EURUSD"]}
    return {
        "output": callback["output"],
        "outputs": outputs,
        "inputs": [
            {"id": DrillIds.SELECTION, "property": "data", "value": data},
        ],
        "changedPropIds": [f"{DrillIds.SELECTION}.data"],
    }


def test_the_page_and_a_genuine_callback_pass(client, genuine):
    assert client.get("/").status_code == 200
    answer = client.post(UPDATE, json=genuine, headers=SAME)
    assert answer.status_code == 200
    assert answer.json()["response"][DrillIds.TITLE]["children"] == "EURUSD"


def test_an_own_host_name_passes_and_a_foreign_one_does_not(client):
    assert client.get("/healthz", headers={"host": "desk.example:8050"}).status_code == 200
    for host in ("evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:8050"):
        answer = client.get("/healthz", headers={"host": host})
        assert answer.status_code == 421, host


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8050", "LOCALHOST:8050"])
def test_every_loopback_name_passes(client, host):
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": ""},
    ],
)
def test_a_callback_from_another_page_is_refused(client, genuine, headers):
    answer = client.post(UPDATE, json=genuine, headers=SAME | headers)
    assert answer.status_code == 403


def test_a_callback_without_an_origin_is_refused(client, genuine):
    assert client.post(UPDATE, json=genuine).status_code == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_callback_that_is_no_json_is_refused(client, kind):
    answer = client.post(UPDATE, content=b"{}", headers=SAME | {"content-type": kind})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"null", b"nonsense", b'"text"', b"\xff\xfe", b'{"output": NaN}',
        b'{"output": "drill-title.children"}', b'{"output": ["a"]}', b'{"output": {"a": 1}}',
        b'{"output": "..no-such.callback..", "inputs": []}',
        b"[" * 5_000 + b"]" * 5_000, b'{"a":' * 400 + b"1" + b"}" * 400,
    ],
)  # fmt: skip
def test_a_malformed_callback_is_a_bad_request_and_no_internal_error(client, body):
    answer = client.post(UPDATE, content=body, headers=SAME)
    assert answer.status_code == 400
    assert answer.json()["reason"]


@pytest.mark.parametrize("part", ["output", "outputs", "inputs", "changedPropIds"])
@pytest.mark.parametrize("value", [None, [], {}, "x", 1, [1], [{}], [[]], [{"id": "x"}]])
def test_a_forged_part_of_a_callback_is_never_an_internal_error(client, genuine, part, value):
    answer = client.post(UPDATE, json=genuine | {part: value}, headers=SAME)
    harmless = part == "changedPropIds" and value == []
    assert answer.status_code == (200 if harmless else 400)


def test_an_extra_state_is_refused(client, genuine):
    forged = genuine | {"state": [{"id": "x", "property": "data", "value": 1}]}
    assert client.post(UPDATE, json=forged, headers=SAME).status_code == 400


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=40),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
        max_leaves=10,
    )
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_of_an_input_is_an_internal_error(client, genuine, value):
    forged = orjson.loads(orjson.dumps(genuine))
    forged["inputs"][0]["value"] = value
    assert client.post(UPDATE, json=forged, headers=SAME).status_code == 200


def test_brackets_inside_a_string_are_not_nesting(client, genuine):
    forged = orjson.loads(orjson.dumps(genuine))
    forged["inputs"][0]["value"] = "[" * 200 + '\\"[{'
    assert client.post(UPDATE, json=forged, headers=SAME).status_code == 200


def test_a_large_body_is_refused(client):
    answer = client.post(UPDATE, content=b" " * (MAX_BODY + 1), headers=SAME)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/", 405),
        ("POST", "/", 405),
        ("PUT", "/api/v1/snapshot", 405),
        ("GET", UPDATE, 405),
        ("TRACE", "/", 405),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/_reload-hash", 404),
        ("GET", "/_mcp", 404),
        ("GET", "/anything", 404),
        ("GET", "/revenue/", 404),
        ("GET", "/api/v1/revenue/x", 404),
        ("POST", "/revenue", 405),
        ("POST", "/api/v1/revenue", 405),
        ("GET", "/admin/../etc/passwd", 404),
        ("GET", "/_dash-ws-callback", 404),
        ("GET", "/assets/../app.py", 404),
        ("GET", "/assets/%2e%2e/app.py", 404),
        ("GET", "/assets/js/nothing.js", 404),
    ],
)
def test_only_known_paths_and_methods_exist(client, method, path, status):
    assert client.request(method, path).status_code == status


@pytest.mark.parametrize("path", ["/", "/healthz", "/nothing", "/assets/js/main.js", UPDATE])
def test_every_answer_carries_the_security_headers(client, path):
    headers = client.get(path).headers
    assert set(headers) >= SECURE
    policy = headers["content-security-policy"]
    assert "'unsafe-eval'" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self' 'sha256-" in policy


@pytest.mark.parametrize("path", ["/", "/_dash-layout", "/healthz", "/readyz", "/api/v1/snapshot"])
def test_nothing_dynamic_is_kept_in_a_cache(client, path):
    assert client.get(path).headers["cache-control"] == "no-store"


def test_an_internal_error_carries_the_headers_and_no_stack_trace(app, client, monkeypatch):
    def broken(*_args):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("dealing.api.not_ready", broken)
    answer = client.get("/readyz")
    assert answer.status_code == 500
    assert set(answer.headers) >= SECURE
    assert "secret" not in answer.text


def test_the_stream_answers_a_page_of_this_desk(client):
    with client.websocket_connect("/stream", headers=HERE) as socket:
        assert orjson.loads(socket.receive_bytes())["type"] == "full"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/stream", {"host": "127.0.0.1:8050"}),
        ("/stream", HERE | {"origin": "https://evil.example"}),
        ("/stream", HERE | {"host": "evil.example"}),
        ("/stream", {"origin": "http://evil.example", "host": "evil.example"}),
        ("/stream", HERE | {"sec-fetch-site": "cross-site"}),
        ("/_dash-ws-callback", HERE),
        ("/other", HERE),
    ],
)
def test_a_socket_from_elsewhere_is_refused(client, path, headers):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(path, headers=headers):
        pass


def test_a_long_message_from_a_browser_ends_its_connection(client):
    with client.websocket_connect("/stream", headers=HERE) as socket:
        socket.receive_bytes()
        socket.send_text("x" * (MAX_SOCKET_MESSAGE + 1))
        with pytest.raises(WebSocketDisconnect):
            list(iter(socket.receive_bytes, None))
