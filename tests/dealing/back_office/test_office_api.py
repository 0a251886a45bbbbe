"""The back office over HTTP: through the door, to the use case, and back as clear JSON."""

import csv
import io
import logging

import pytest
from starlette.testclient import TestClient

from crm_sync.clients.roles import Role
from dealing.desk import create_desk
from dealing.desk.guard import COMMANDS, READABLE
from dealing.revenue.memory_store import MemoryRevenueStore
from exposure.errors import StorageError
from tests.dealing.back_office.offices import CANARIES, SmallOffice
from tests.desk.scripted_book import EngineQueries, FakeSource, ScriptedBook

ORIGIN = "http://127.0.0.1:8050"
SAME = {"origin": ORIGIN}
OFFICE = "/api/v1/office"
READ = ("clients", "client", "payments", "breaks", "messages", "health")
POSTED = ("withdrawals", "decisions", "holds", "orders", "breaks", "messages")
WHO = {"actor": "Anna", "reason": "asked by phone"}
WISH = {**WHO, "key": "w-1", "client_id": "C1", "amount": "2000", "currency": "USD"}


@pytest.fixture(scope="module")
def broker():
    return ScriptedBook(accounts=4, positions=8)


@pytest.fixture
def office(sqlite_database):
    return SmallOffice(sqlite_database)


@pytest.fixture
def client(broker, office):
    app = create_desk(
        FakeSource(), EngineQueries(broker), MemoryRevenueStore(), commands=office.routes
    )
    with TestClient(app, base_url=ORIGIN, headers=SAME) as client:
        yield client


def get(client, path, **asked):
    return client.get(f"{OFFICE}/{path}", params=asked)


def post(client, path, **body):
    return client.post(f"{OFFICE}/{path}", json=body)


def test_a_withdrawal_is_asked_for_waits_and_is_approved_by_another_person(client):
    asked = post(client, "withdrawals", **WISH)
    assert (asked.status_code, asked.json()["state"]) == (200, "waiting")
    (waiting,) = get(client, "payments").json()["waiting"]
    assert waiting["id"] == "w-1"
    vote = {**WHO, "key": "d-1", "withdrawal": "w-1", "decision": "approve"}
    own = post(client, "decisions", **vote)
    assert (own.status_code, "another one has to decide" in own.json()["error"]) == (409, True)
    done = post(client, "decisions", **{**vote, "actor": "Ben"})
    assert (done.status_code, done.json()["state"]) == (200, "paying")
    assert get(client, "health").json()["paying"] == 1


def test_a_hold_is_placed_and_released(client):
    held = post(client, "holds", **WISH, action="place").json()
    assert (held["client_id"], held["amount_minor"]) == ("C1", 200_000)
    gone = post(client, "holds", **WHO, key="r-1", action="release", hold=held["id"])
    assert gone.json() == {"hold": held["id"], "state": "released"}
    assert get(client, "payments").json()["holds"] == []


def test_an_unclear_order_is_ended_by_two_persons(client, office):
    token = office.unclear_order()
    (shown,) = get(client, "payments").json()["orders"]
    assert (shown["state"], shown["said"]) == ("unclear", None)
    said = post(client, "orders", **WHO, action="found", order=token).json()
    assert (said["state"], said["said"]["verdict"], said["said"]["by"]) == (
        "unclear", "found", "Anna",
    )  # fmt: skip
    (shown,) = get(client, "payments").json()["orders"]
    assert shown["said"] == said["said"]
    own = post(client, "orders", **WHO, action="approve", order=token)
    assert (own.status_code, "another one has to decide" in own.json()["error"]) == (409, True)
    vote = {"actor": "Ben", "reason": "seen there", "order": token}
    done = post(client, "orders", **vote, action="approve").json()
    assert (done["state"], done["said"]) == ("confirmed", None)
    assert get(client, "payments").json()["orders"] == []
    assert get(client, "health").json()["broken"] == []
    assert ("order.confirmed", "Ben", "seen there") in office.audit()


def test_an_unclear_order_is_looked_for_again_or_not_there(client, office):
    small, large = office.unclear_order(50_000), office.unclear_order(60_000)
    again = post(client, "orders", **WHO, action="look_again", order=small)
    assert again.json()["state"] == "sent"
    gone = post(client, "orders", **WHO, action="not_found", order=large)
    assert gone.json()["state"] == "rejected"  # below the limit nobody else has to agree
    for body, status in (
        ({**WHO, "action": "found", "order": "X"}, 409),
        ({**WHO, "action": "found", "order": small}, 409),
        ({**WHO, "action": "guess", "order": large}, 422),
        ({"actor": "", "reason": "no name", "action": "found", "order": large}, 422),
        ({"actor": "Anna", "reason": "", "action": "found", "order": large}, 422),
    ):
        assert post(client, "orders", **body).status_code == status


def test_clients_are_found_and_shown_to_roles_that_may_see_them(client, office):
    found = get(client, "clients", q="quokka", role="payments").json()["clients"]
    assert [one["client_id"] for one in found] == ["C1", "C2"]
    nobody = get(client, "clients", q="quokka", role="dealer").json()
    assert nobody == {"clients": [], "is_cut": False}
    seen = get(client, "client", id="C1", role="risk").json()
    assert (seen["role"], seen["profile"]["exposure_usd"]) == ("risk", 60_000.0)
    refused = get(client, "client", id="C1", role="compliance")
    assert (refused.status_code, "why" in refused.json()["error"]) == (422, True)
    told = get(client, "client", id="C1", role="compliance", **WHO)
    assert told.json()["profile"]["email"] == "zq.canary@example.com"
    assert office.audit()[-1] == ("personal_data.read", "Anna", "asked by phone")
    assert get(client, "client", id="C9", role="dealer").status_code == 422
    assert get(client, "client", id="C1", role=Role.MANAGEMENT).status_code == 422
    assert get(client, "client", id="C1", role="king").status_code == 422


def test_no_other_site_causes_a_read_of_compliance(client, office):
    before = office.audit()
    asked = {"id": "C1", "role": "compliance", **WHO}
    answer = client.get(f"{OFFICE}/client", params=asked, headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, office.audit()) == (403, before)


def test_breaks_are_worked_off(client, office):
    office.break_things()
    first, *_ = get(client, "breaks").json()["breaks"]
    ask = {**WHO, "break_id": first["id"]}
    assert post(client, "breaks", **ask, action="assign", owner="Cara").json()["owner"] == "Cara"
    assert post(client, "breaks", **ask, action="note").json()["note"] == "asked by phone"
    made = post(client, "breaks", **ask, action="propose", key="p-1").json()
    said = {"proposal": made["key"], "payload_hash": made["payload_hash"]}
    if made["decision"] == "":
        own = post(client, "breaks", **WHO, action="approve", **said)
        assert (own.status_code, "second person" in own.json()["error"]) == (422, True)
    left = get(client, "breaks").json()["breaks"]
    large = max(left, key=lambda one: one["usd_at_risk"])
    made = (
        large["proposal"]
        or post(client, "breaks", **WHO, break_id=large["id"], action="propose", key="p-2").json()
    )
    said = {"proposal": made["key"], "payload_hash": made["payload_hash"]}
    vote = {"actor": "Ben", "reason": "agrees with the statement", **said}
    assert post(client, "breaks", **vote, action="reject").json()["decision"] == "rejected"


def test_the_breaks_come_as_a_file(client, office):
    office.break_things()
    answer = get(client, "breaks", form="csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="breaks.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert {row["class"] for row in rows} == {"MISSING_LEDGER"}


def test_a_dead_letter_is_read_with_a_reason_and_dropped(client, office):
    number = office.dead_letter()
    (shown,) = get(client, "messages").json()["dead"]
    assert (shown["number"], "Zanzibarra" in str(shown)) == (number, False)
    letter = {"box": "inbox", "number": number}
    silent = post(client, "messages", actor="Anna", reason="", action="read", **letter)
    assert silent.status_code == 422
    read = post(client, "messages", **WHO, action="read", **letter).json()
    assert "Zanzibarra" in read["text"]
    assert post(client, "messages", **WHO, action="drop", **letter).json()["state"] == "dropped"
    again = post(client, "messages", **WHO, action="replay", **letter)
    assert "look again" in again.json()["error"]


def test_a_letter_that_does_not_open_is_listed_with_what_to_do_and_the_others_as_ever(
    client, office
):
    first, second = (office.dead_letter(key=key) for key in ("k-1", "k-2"))
    office.lose_key_of(first)
    answer = get(client, "messages")
    fine, odd = answer.json()["dead"]
    assert (answer.status_code, fine["number"], odd["number"]) == (200, second, first)
    assert (fine["unreadable"], "text of" in fine["shape"]) == ("", True)
    assert "PLIMSOLL_KEY_OLD" in odd["unreadable"]
    letter = {**WHO, "box": "inbox", "number": first}
    read = post(client, "messages", action="read", **letter)
    assert (read.status_code, "cannot be read" in read.json()["error"]) == (422, True)
    assert post(client, "messages", action="drop", **letter).json()["state"] == "dropped"


REFUSED = {
    "missing required field amount": ("withdrawals", {**WHO, "client_id": "C1"}),
    "unknown field book": ("withdrawals", {**WISH, "book": "A"}),
    "Expected str, got int - at reason": ("withdrawals", {**WISH, "reason": 7}),
    "the amount has to be a number": ("withdrawals", {**WISH, "amount": "much"}),
    "a currency is three to eight capital": ("withdrawals", {**WISH, "currency": "usd",
                                                             "provider": "stripe"}),
    "a key has to have 1 to": ("withdrawals", {**WISH, "key": ""}),
    "are free": ("withdrawals", {**WISH, "amount": "900000"}),
    "Invalid enum value maybe": ("decisions", {**WHO, "withdrawal": "w", "decision": "maybe"}),
    "there is no break": ("breaks", {**WHO, "action": "propose", "break_id": "b", "key": "k"}),
    "Invalid enum value desk": ("messages", {**WHO, "action": "read", "box": "desk", "number": 1}),
}  # fmt: skip


@pytest.mark.parametrize("words", list(REFUSED))
def test_what_is_no_request_is_refused_with_a_sentence(client, office, words):
    path, body = REFUSED[words]
    before = office.audit()
    answer = post(client, path, **body)
    assert answer.status_code == 422
    assert words in answer.json()["error"].replace("'", "")
    assert office.audit() == before


@pytest.mark.parametrize("body", [b'{"key": "\\ud800"}', b"[]", b"1", b"", b"\xff"])
def test_odd_bodies_are_refused_and_nothing_is_kept(client, office, body):
    before = office.audit()
    for path in POSTED:
        headers = {"content-type": "application/json"}
        answer = client.post(f"{OFFICE}/{path}", content=body, headers=headers)
        assert answer.status_code in {400, 422}, (path, answer.text)
        assert answer.json()["error"]
    assert office.audit() == before


def test_a_database_that_is_away_is_said(client, office, monkeypatch):
    def away():
        raise StorageError("the database is away")

    monkeypatch.setattr(office.database, "reading", away)
    monkeypatch.setattr(office.database, "writing", away)
    for path in ("payments", "breaks", "messages", "health"):
        assert get(client, path).status_code == 503
    assert get(client, "breaks", form="csv").status_code == 503
    assert post(client, "withdrawals", **WISH).json()["error"] == "the database is away"


def test_the_door_knows_every_address_and_lets_no_other_page_post(client, office):
    assert {path for path in COMMANDS if "/office/" in path} == {
        f"{OFFICE}/{name}" for name in POSTED
    }
    assert all(READABLE.fullmatch(f"{OFFICE}/{name}") for name in READ)
    before = office.audit()
    for name in POSTED:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = client.post(f"{OFFICE}/{name}", json=WISH, headers=headers)
            assert answer.status_code == 403
    assert client.get(f"{OFFICE}/withdrawals").status_code == 405
    assert client.get(f"{OFFICE}/ledger").status_code == 404
    assert client.get("/office").status_code == 200
    assert office.audit() == before


def test_no_person_stands_in_a_log_or_in_a_refusal(client, caplog):
    with caplog.at_level(logging.DEBUG):
        get(client, "clients", q="Zanzibarra Quokkamann", role="compliance")
        answers = [
            get(client, "client", id="Zanzibarra", role="compliance", **WHO).status_code,
            post(client, "withdrawals", **{**WISH, "amount": "900000"}).text,
            post(client, "holds", **{**WISH, "amount": "900000"}, action="place").text,
        ]
    ours = [
        record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))
    ]
    text = "".join(record.getMessage() for record in ours) + str(answers)
    assert [word for word in CANARIES if word in text] == []
