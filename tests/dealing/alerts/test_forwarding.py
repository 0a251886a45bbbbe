"""From the desk to the alerts process, over a real Unix socket: these paths and no others."""

import socket
import tempfile
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.testclient import TestClient

from dealing.alerts import forwarding
from dealing.alerts.forwarding import LARGEST_BODY, LONGEST_QUERY, POSTED, READ, alert_routes
from dealing.desk import DeskOptions, create_desk
from dealing.desk.guard import COMMANDS, READABLE
from dealing.revenue.memory_store import MemoryRevenueStore
from tests.dealing.alerts.small_alerts import SmallAlerts, a_case, listening
from tests.desk.scripted_book import EngineQueries, FakeSource, ScriptedBook

ORIGIN = "http://127.0.0.1:8050"
ALERTS = "/api/v1/alerts"


@pytest.fixture
def path():
    # a socket's path is short, whatever the directory of the test is called
    with tempfile.TemporaryDirectory(prefix="pl-") as directory:
        yield Path(directory) / "alerts.sock"


@pytest.fixture
def alerts():
    alerts = SmallAlerts()
    alerts.acts.add(a_case(1))
    return alerts


@pytest.fixture
def desk(path):
    app = FastAPI()
    app.include_router(alert_routes(path, within_s=5.0))
    with TestClient(app) as client:
        yield client


def test_pages_read_and_act_through_the_desk(desk, path, alerts):
    with listening(alerts.app, path):
        assert desk.get(f"{ALERTS}/open").json()["counts"]["open"] == 1
        listed = desk.get(f"{ALERTS}?states=open&search=xau%20usd&search=XAUUSD").json()
        assert [one["name"] for one in listed["cases"]] == ["A-1"]
        body = {"number": 1, "action": "acknowledge", "actor": "Anna", "note": "“checked”"}
        assert desk.post(f"{ALERTS}/act", json=body).json()["case"]["owner"] == "Anna"
        again = desk.post(f"{ALERTS}/act", json=body)
        assert (again.status_code, "already by Anna" in again.json()["error"]) == (409, True)
        file = desk.get(f"{ALERTS}?form=csv")
        assert file.headers["content-type"].startswith("text/csv")
        assert "alerts.csv" in file.headers["content-disposition"]
    assert alerts.store.entries(1)[-1].text == "Acknowledged: “checked”"


def test_every_path_reaches_its_own_counterpart(desk, path, alerts):
    with listening(alerts.app, path):
        for read in READ:
            query = "?number=1" if read == "/case" else ""
            assert desk.get(f"{ALERTS}{read}{query}").status_code == 200, read
        for posted in POSTED:
            assert desk.post(f"{ALERTS}{posted}", json={}).status_code == 422, posted


def test_while_the_process_is_away_the_desk_says_so_and_goes_on_when_it_is_back(desk, path, alerts):
    away = desk.get(f"{ALERTS}/open")
    assert (away.status_code, "alerts process is away" in away.json()["error"]) == (503, True)
    posted = desk.post(f"{ALERTS}/act", json={})
    assert (posted.status_code, "nothing was changed" in posted.json()["error"]) == (503, True)
    for _ in range(2):
        with listening(alerts.app, path):
            assert desk.get(f"{ALERTS}/open").status_code == 200
        assert desk.get(f"{ALERTS}/open").status_code == 503


def test_other_paths_and_methods_go_nowhere(desk, path, alerts):
    asked = []

    async def everything(scope, receive, send):
        asked.append((scope["method"], scope["path"]))
        await JSONResponse({})(scope, receive, send)

    with listening(everything, path):
        for other in ("/admin", "/open/x", "/../snapshot", "/open%2f..%2f..", "//open"):
            assert desk.get(f"{ALERTS}{other}").status_code == 404, other
        assert desk.delete(f"{ALERTS}/act").status_code == 405
        assert desk.get(f"{ALERTS}/act").status_code == 405
        desk.get(f"{ALERTS}/open?to=http://elsewhere/@x")
    assert asked == [("GET", f"{ALERTS}/open")]


def test_headers_and_cookies_stay_on_their_side(desk, path):
    seen = {}

    async def curious(scope, receive, send):
        seen.update({name.decode(): value.decode() for name, value in scope["headers"]})
        answer = JSONResponse({"fine": True}, headers={"x-inner": "1", "set-cookie": "a=b"})
        await answer(scope, receive, send)

    with listening(curious, path):
        secret = {"cookie": "session=1", "authorization": "Bearer x", "x-mine": "1"}
        answer = desk.get(f"{ALERTS}/open", headers=secret)
    assert {"cookie", "authorization", "x-mine"}.isdisjoint(seen)
    assert {"set-cookie", "x-inner"}.isdisjoint(answer.headers)
    assert answer.json() == {"fine": True}


def test_what_is_too_large_is_refused_on_both_ways(desk, path, monkeypatch):
    monkeypatch.setattr(forwarding, "LARGEST_ANSWER", 1_000)

    async def chatty(scope, receive, send):
        await JSONResponse({"text": "x" * 2_000})(scope, receive, send)

    with listening(chatty, path):
        assert desk.get(f"{ALERTS}/open").status_code == 502
        assert desk.get(f"{ALERTS}?search={'x' * LONGEST_QUERY}").status_code == 413
        body = {"words": "x" * LARGEST_BODY}
        assert desk.post(f"{ALERTS}/handover", json=body).status_code == 413


@pytest.mark.parametrize("answer", [HTMLResponse("<script>"), Response(b"\x89PNG")])
def test_an_answer_that_is_neither_json_nor_csv_is_not_passed_on(desk, path, answer):
    with listening(answer, path):
        told = desk.get(f"{ALERTS}/open")
    assert (told.status_code, told.json()["error"]) == (
        502, "the alerts process answered with something else",
    )  # fmt: skip


def test_an_answer_that_never_comes_is_told_apart_from_a_process_that_is_away(path):
    hangs = socket.socket(socket.AF_UNIX)
    hangs.bind(str(path))
    hangs.listen()
    app = FastAPI()
    app.include_router(alert_routes(path, within_s=0.05))
    with TestClient(app) as client:
        told = client.post(f"{ALERTS}/act", json={})
    hangs.close()
    assert told.status_code == 503
    assert "look whether it was done" in told.json()["error"]


@pytest.fixture(scope="module")
def broker():
    return ScriptedBook(accounts=4, positions=8)


def test_the_door_of_the_desk_lets_these_paths_through_and_guards_what_acts(path, alerts, broker):
    assert {f"{ALERTS}{posted}" for posted in POSTED} <= COMMANDS
    assert all(READABLE.fullmatch(f"{ALERTS}{read}") for read in READ)
    app = create_desk(
        FakeSource(), EngineQueries(broker), MemoryRevenueStore(), DeskOptions(alerts=True),
        commands=alert_routes(path),
    )  # fmt: skip
    body = {"number": 1, "action": "acknowledge", "actor": "Anna"}
    with listening(alerts.app, path), TestClient(app, base_url=ORIGIN) as client:
        assert client.get(f"{ALERTS}/open").json()["counts"]["open"] == 1
        foreign = {"origin": "https://evil.example"}
        assert client.post(f"{ALERTS}/act", json=body, headers=foreign).status_code == 403
        same = {"origin": ORIGIN}
        assert client.post(f"{ALERTS}/act", json=body, headers=same).status_code == 200
        assert client.get(f"{ALERTS}/secrets").status_code == 404
        assert client.get("/alerts").status_code == 200
    assert alerts.acts.done == 1
