"""Commands over HTTP: through the door, to the use case, and back as clear JSON."""

import asyncio
import csv
import io
import time

import httpx2
import pytest
from starlette.testclient import TestClient

from crm_sync.audit import AuditEntry
from dealing.alerts.desk_commands import DeskCommands
from dealing.command_api import command_routes
from dealing.desk import create_desk
from dealing.desk.guard import COMMANDS, MAX_BODY
from dealing.revenue.memory_store import MemoryRevenueStore
from exposure.errors import DisconnectedError, StorageError
from tests.dealing.commands.given import START, SmallHouse
from tests.desk.scripted_book import EngineQueries, FakeSource

ORIGIN = "http://127.0.0.1:8050"
SAME = {"origin": ORIGIN}
REASSIGN, UNDO = "/api/v1/commands/reassign", "/api/v1/commands/undo"
PREVIEW = "/api/v1/commands/preview"
APPROVALS = "/api/v1/approvals"
BODY = {
    "key": "move-1", "actor": "dealer", "reason": "picks stale quotes", "book": "A",
    "logins": ["1"],
}  # fmt: skip


@pytest.fixture
def house():
    return SmallHouse()


@pytest.fixture
def client(broker, house):
    app = create_desk(
        FakeSource(),
        EngineQueries(broker),
        MemoryRevenueStore(),
        commands=command_routes(house.commands, house.store),
    )
    with TestClient(app, base_url=ORIGIN, headers=SAME) as client:
        yield client


def test_a_client_is_moved_and_put_back_and_the_audit_shows_it(client, house):
    done = client.post(REASSIGN, json=BODY)
    assert (done.status_code, done.json()["state"]) == (200, "done")
    assert done.json()["moves"][0] == {
        "login": "1", "client_id": "C1", "book": "A", "hedge_ratio": None, "symbol": "",
        "move_open": False, "before": [{"book": "B", "partial": 0.0, "symbol": ""}],
        "accepted": True, "reason": "",
    }  # fmt: skip
    assert house.place() == ("A", 0.0)
    undo = {"key": "undo-1", "actor": "dealer", "reason": "a mistake", "command": "move-1"}
    assert client.post(UNDO, json=undo).json()["undo_of"] == "move-1"
    assert house.place() == ("B", 0.0)
    assert client.get("/api/v1/commands?key=move-1").json()["undone_by"] == "undo-1"
    listed = client.get("/api/v1/commands?limit=1").json()["commands"]
    assert [one["key"] for one in listed] == ["undo-1"]
    rows = client.get("/api/v1/audit?limit=3").json()
    assert [row["action"] for row in rows["rows"]] == [
        "platform.done", "undo.requested", "platform.done",
    ]  # fmt: skip
    assert rows["next_before"] == 2
    (first,) = client.get("/api/v1/audit?before=2").json()["rows"]
    assert (first["action"], first["reason"]) == ("reassign.requested", "picks stale quotes")
    assert first["detail"]["moves"][0]["login"] == "1"


def test_a_large_move_waits_until_another_person_approves(client, house):
    asked = client.post(REASSIGN, json={**BODY, "logins": ["4"]})
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    (waiting,) = client.get(APPROVALS).json()["commands"]
    assert waiting["approval"]["requested_by"] == "dealer"
    vote = {"command": "move-1", "actor": "dealer", "decision": "approve", "reason": "fine"}
    own = client.post(APPROVALS, json=vote)
    assert (own.status_code, "another person" in own.json()["error"]) == (409, True)
    done = client.post(APPROVALS, json={**vote, "actor": "second"})
    assert (done.status_code, done.json()["state"]) == (200, "done")
    assert done.json()["approval"]["decided_by"] == "second"
    assert client.get(APPROVALS).json()["commands"] == []
    assert house.place("4") == ("A", 0.0)


def test_a_button_elsewhere_gives_the_same_command_with_its_approvals(client, house):
    elsewhere = DeskCommands(lambda: ORIGIN, httpx2.ASGITransport(app=client.app))

    def press(client_id, key):
        return asyncio.run(elsewhere.move_to_a(client_id, "anna", "A-3, pressed in slack", key))

    assert press("C1", "alert-1") == ("new deals of client C1 go to book A", False)
    assert press("C1", "alert-1") == ("new deals of client C1 go to book A", False)
    assert house.place() == ("A", 0.0)
    assert press("C3", "alert-2").waits
    asked = [row for row in house.store.audit_rows() if row.entry.action == "reassign.requested"]
    assert [(row.entry.actor, row.entry.via) for row in asked] == [("anna", "slack")] * 2


def test_an_override_says_when_it_ends(client):
    soon = (START // 1_000_000) + 60_000
    done = client.post(REASSIGN, json={**BODY, "expires_at_ms": soon}).json()
    assert (done["expires_at_ms"], done["request"]["expires_at_ms"]) == (soon, soon)


def test_while_the_platform_is_away_the_command_is_taken_and_waits(client, house):
    house.away = True
    answer = client.post(REASSIGN, json=BODY)
    assert (answer.status_code, answer.json()["state"]) == (202, "sending")


REFUSED = {
    "missing required field key": {"book": "A"},
    "Expected str, got int - at reason": {**BODY, "reason": 7},
    "unknown field who": {**BODY, "who": "me"},
    "Expected array, got str - at logins": {**BODY, "logins": "1"},
    "book must be A, B or C": {**BODY, "book": "Z"},
    "login 9 is not known here": {**BODY, "logins": ["9"]},
}


@pytest.mark.parametrize("words", list(REFUSED))
def test_what_is_no_request_is_refused_with_a_sentence(client, house, words):
    answer = client.post(REASSIGN, json=REFUSED[words])
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert house.actions() == []


@pytest.mark.parametrize(
    "body", [b'{"key": "\\ud800"}', b'{"hedge_ratio": NaN}', b"[]", b"1", b"", b"\xff"]
)
def test_odd_bodies_are_refused_and_nothing_is_kept(client, house, body):
    others = ("/hedge", "/office", "/alerts")
    of_this_api = {path for path in COMMANDS if not any(name in path for name in others)}
    assert len(of_this_api) >= 4
    for path in of_this_api:
        headers = {"content-type": "application/json"}
        answer = client.post(path, content=body, headers=headers)
        assert answer.status_code in {400, 422}, (path, answer.text)
        assert answer.json()["error"]
    assert house.actions() == []


def test_every_problem_is_listed(client):
    answer = client.post(REASSIGN, json={**BODY, "book": "Z", "reason": ""})
    assert len(answer.json()["problems"]) == 2


def test_what_is_unknown_or_in_conflict_has_its_own_status(client):
    vote = {"command": "move-9", "actor": "second", "decision": "reject", "reason": "no such"}
    assert client.post(APPROVALS, json=vote).status_code == 404
    assert client.get("/api/v1/commands?key=move-9").status_code == 404
    client.post(REASSIGN, json=BODY)
    again = client.post(REASSIGN, json={**BODY, "book": "C"})
    assert (again.status_code, "another command" in again.json()["error"]) == (409, True)


def test_what_is_away_is_said(client, house, monkeypatch):
    async def no_engine(*_):
        raise DisconnectedError("the engine is away: try again when it is back")

    def no_database(*_):
        raise StorageError("the database is away")

    monkeypatch.setattr(house, "books_of", no_engine)
    answer = client.post(REASSIGN, json=BODY)
    assert (answer.status_code, answer.json()["error"][:15]) == (503, "the engine is a")
    for name in ("get", "newest", "audit_newest"):
        monkeypatch.setattr(house.store, name, no_database)
    for path in ("/api/v1/commands", "/api/v1/commands?key=x", APPROVALS, "/api/v1/audit"):
        assert client.get(path).status_code == 503
    assert client.post(REASSIGN, json=BODY).json()["error"] == "the database is away"


@pytest.mark.parametrize("path", sorted(COMMANDS))
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": ""}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"host": "evil.example"}, 421),
    ],
)
def test_the_door_lets_no_other_page_give_commands(client, house, path, headers, status):
    answer = client.post(path, json=BODY, headers=headers)
    assert answer.status_code == status
    assert house.actions() == []


def test_the_door_refuses_bodies_that_are_too_large_and_other_methods(client):
    large = {**BODY, "reason": "x" * MAX_BODY}
    assert client.post(REASSIGN, json=large).status_code == 413
    for method, path in (("GET", REASSIGN), ("PUT", APPROVALS), ("POST", "/api/v1/audit")):
        assert client.request(method, path, json={}).status_code == 405
    assert client.post("/api/v1/commands/format", json={}).status_code == 404


def test_the_audit_is_a_file_in_which_nothing_is_computed(client, house):
    house.store.record(
        AuditEntry(
            at_ns=time.time_ns(), actor="=1+1", via="api", action="x", entity="y",
            reason='-2, "quoted"', detail="{}",
        )
    )  # fmt: skip
    answer = client.get("/api/v1/audit?form=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert (row["actor"], row["reason"]) == ("'=1+1", '\'-2, "quoted"')
    assert len(row["hash"]) == 64


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "before=0", "form=exe"])
def test_odd_questions_about_the_audit_are_refused(client, query):
    assert client.get(f"/api/v1/audit?{query}").status_code == 422


def test_a_desk_without_commands_has_no_such_place(broker):
    app = create_desk(FakeSource(), EngineQueries(broker), MemoryRevenueStore())
    with TestClient(app, base_url=ORIGIN, headers=SAME) as client:
        assert client.post(REASSIGN, json=BODY).status_code in {404, 405}


def test_a_look_at_what_would_happen_keeps_and_sends_nothing(client, house):
    small = client.post(PREVIEW, json=BODY)
    assert (small.status_code, small.json()["state"]) == (202, "sending")
    assert small.json()["moves"][0]["before"] == [{"book": "B", "partial": 0.0, "symbol": ""}]
    large = client.post(PREVIEW, json={**BODY, "logins": ["4"]}).json()
    assert (large["state"], large["gross_usd"] > 1e6) == ("waiting", True)
    refused = client.post(PREVIEW, json={**BODY, "logins": ["9"], "reason": ""})
    assert (refused.status_code, "reason must say why" in refused.json()["error"]) == (422, True)
    assert (house.sent, house.actions(), house.store.newest(None)) == ([], [], [])
    assert house.place() == ("B", 0.0)
