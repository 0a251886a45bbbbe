"""Alerts over HTTP: what the screen reads, and what people do about cases."""

import csv
import io
import re

import pytest
from starlette.testclient import TestClient

from dealing.alerts.asked import MOST_MINUTES
from dealing.alerts.model import (
    Case,
    CaseState,
    EntryKind,
    Outcome,
    Severity,
)
from dealing.alerts.service import TOP
from exposure.errors import StorageError
from tests.dealing.alerts.small_alerts import MINUTE_US, START_US, SmallAlerts, a_case, working

ALERTS = "/api/v1/alerts"
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def alerts():
    return SmallAlerts()


@pytest.fixture
def client(alerts):
    with TestClient(alerts.app) as client:
        yield client


def get(client, path="", **asked):
    return client.get(f"{ALERTS}{path}", params=asked)


def post(client, path, **body):
    return client.post(f"{ALERTS}{path}", json=body)


def act(client, action, **more):
    return post(client, "/act", action=action, **{"number": 1, "actor": "Anna"} | more)


def names(answer):
    return [one["name"] for one in answer.json()["cases"]]


def test_open_cases_are_counted_by_severity_and_the_most_urgent_come_first(client, alerts):
    alerts.acts.add(
        a_case(1, severity=Severity.WARNING),
        a_case(2, at_stake_usd=5.0),
        a_case(3),
        a_case(4, state=CaseState.ACKNOWLEDGED),
        a_case(5, state=CaseState.SNOOZED, snoozed_until_us=START_US + MINUTE_US),
        a_case(6, inhibited_by=3),
    )
    alerts.later(3)
    told = get(client, "/open").json()
    assert told["counts"] == {
        "critical": 3, "warning": 1, "info": 0, "unacknowledged": 3, "unacknowledged_critical": 2,
        "snoozed": 1, "inhibited": 1, "open": 6,
    }  # fmt: skip
    assert [one["name"] for one in told["top"]] == ["A-3", "A-2", "A-1", "A-4", "A-5", "A-6"]
    assert told["oldest_unacknowledged_ms"] == START_US // 1_000
    assert told["now_ms"] == alerts.at_us // 1_000


def test_every_screen_gets_few_cases_and_hears_when_any_changes(client, alerts):
    alerts.acts.add(*(a_case(number) for number in range(1, TOP + 9)))
    told = get(client, "/open").json()
    assert (len(told["top"]), told["counts"]["open"]) == (TOP, TOP + 8)
    assert "memory" not in told["top"][0]
    assert "members" not in told["top"][0]
    assert get(client, "/open").json()["stamp"] == told["stamp"]
    act(client, "acknowledge")
    assert get(client, "/open").json()["stamp"] != told["stamp"]


def test_how_alerting_itself_does_is_told_with_the_counts(client, alerts):
    lame = working("mail", failing_since_us=START_US, last_error="no answer", waiting=12,
                   oldest_s=40.0)  # fmt: skip
    alerts.acts.channels = [working("slack"), lame]
    alerts.acts.troubles = ["the engine is away"]
    told = get(client).json()
    assert [one["works"] for one in told["channels"]] == [True, False]
    assert told["channels"][1]["problem"] == "no answer"
    assert (told["channels"][1]["waiting"], told["problems"]) == (12, ["the engine is away"])


def test_cases_are_chosen_by_state_rule_severity_words_and_time(client, alerts):
    alerts.acts.add(
        a_case(1), a_case(2, severity=Severity.INFO, rule="stale_feed", subject="EURUSD")
    )
    act(client, "resolve")
    alerts.later(10)
    alerts.acts.add(a_case(3, opened_us=alerts.at_us, last_us=alerts.at_us))
    assert names(get(client)) == ["A-3", "A-2", "A-1"]
    unresolved = ["open", "acknowledged", "snoozed"]
    assert names(get(client, states=unresolved)) == ["A-3", "A-2"]
    assert names(get(client, states="resolved")) == ["A-1"]
    assert names(get(client, states=unresolved, rule="stale_feed")) == ["A-2"]
    assert names(get(client, states=unresolved, severity="critical")) == ["A-3"]
    assert names(get(client, states=unresolved, search="eurusd house")) == ["A-2"]
    assert names(get(client, since_ms=alerts.at_us // 1_000)) == ["A-3"]
    assert names(get(client, limit=2)) == ["A-3", "A-2"]
    assert get(client, limit=2).json()["more"] is True


def test_a_case_is_told_with_its_timeline_members_and_what_mutes_it(client, alerts):
    alerts.acts.add(a_case(1))
    mute = {"action": "set", "actor": "Ben", "rule": "limit_hard", "subject": "XAUUSD",
            "reason": "known position", "minutes": 30}  # fmt: skip
    assert post(client, "/mutes", **mute).status_code == 200
    assert post(client, "/mutes", **mute | {"subject": "EURUSD"}).status_code == 200
    told = get(client, "/case", number=1).json()
    assert told["case"]["facts"] == [{"name": "House net", "text": "32.1 M USD"}]
    assert [one["subject"] for one in told["case"]["members"]] == ["XAUUSD"]
    assert [line["kind"] for line in told["timeline"]] == ["opened"]
    assert [one["subject"] for one in told["mutes"]] == ["XAUUSD"]
    missing = get(client, "/case", number=9)
    assert (missing.status_code, missing.json()["error"]) == (
        404, "there is no case A-9: check its number",
    )  # fmt: skip


def test_a_case_is_acknowledged_with_a_note_and_put_back(client, alerts):
    alerts.acts.add(a_case(1))
    told = act(client, "acknowledge", note=" called the LP ", key="k1").json()
    assert (told["before"]["state"], told["case"]["state"]) == ("open", "acknowledged")
    assert told["case"]["owner"] == "Anna"
    line = alerts.store.entries(1)[-1]
    assert (line.text, line.actor, line.via) == ("Acknowledged: called the LP", "Anna", "desk")
    assert act(client, "reopen", key="k2").json()["case"]["state"] == "open"


def test_a_case_is_snoozed_for_minutes_of_the_servers_clock(client, alerts):
    alerts.acts.add(a_case(1))
    alerts.later(2)
    told = act(client, "snooze", minutes=15).json()["case"]
    assert told["snoozed_until_ms"] == (START_US + 17 * MINUTE_US) // 1_000
    assert act(client, "reopen").json()["before"]["state"] == "snoozed"


def test_a_case_is_resolved_graded_and_its_owner_changes(client, alerts):
    alerts.acts.add(a_case(1))
    assert act(client, "own", owner="Cara").json()["case"]["owner"] == "Cara"
    done = act(client, "resolve", outcome="useful", outcome_usd=12_000.0).json()["case"]
    assert (done["state"], done["outcome"], done["outcome_usd"]) == ("resolved", "useful", 12_000.0)
    graded = act(client, "grade", outcome="noise", outcome_usd=0.0).json()["case"]
    assert graded["outcome"] == Outcome.NOISE
    kinds = [entry.kind for entry in alerts.store.entries(1)]
    assert kinds == [EntryKind.OPENED, EntryKind.OWNED, EntryKind.RESOLVED, EntryKind.GRADED]


def test_what_the_case_does_not_allow_is_a_conflict(client, alerts):
    alerts.acts.add(a_case(1))
    act(client, "acknowledge")
    again = act(client, "acknowledge", actor="Ben")
    assert again.status_code == 409
    assert "acknowledged already by Anna" in again.json()["error"]


def test_a_request_with_a_known_key_is_answered_again_and_done_once(client, alerts):
    alerts.acts.add(a_case(1))
    first = act(client, "note", note="watch it", key="k1").json()
    assert act(client, "note", note="watch it", key="k1").json() == first
    assert alerts.acts.done == 1
    act(client, "note", note="watch it", key="k2")
    assert alerts.acts.done == 2


def test_a_request_that_failed_is_done_when_it_is_sent_again(client, alerts):
    alerts.acts.add(a_case(1))
    alerts.acts.failing = StorageError("the database is locked")
    lost = act(client, "acknowledge", key="k1")
    assert (lost.status_code, lost.json()["error"]) == (503, "the database is locked")
    alerts.acts.failing = None
    assert act(client, "acknowledge", key="k1").json()["case"]["state"] == "acknowledged"


REFUSED = {
    "actor must be a name": {"action": "acknowledge", "actor": " "},
    "must be a person": {"action": "acknowledge", "actor": "plimsoll"},
    "note must not be empty": {"action": "note", "note": "  "},
    "note must be text of up to 500": {"action": "note", "note": "x" * 501},
    "minutes must be from 1": {"action": "snooze"},
    "which is a week": {"action": "snooze", "minutes": MOST_MINUTES + 1},
    "owner must be a name": {"action": "own", "owner": "x" * 65},
    "outcome must be useful": {"action": "grade"},
    "outcome_usd must be an amount": {"action": "grade", "outcome": "noise", "outcome_usd": 1e13},
    "Invalid enum value": {"action": "delete"},
    "unknown field who": {"action": "acknowledge", "who": "me"},
}


@pytest.mark.parametrize("words", list(REFUSED))
def test_what_cannot_be_meant_is_refused_with_a_sentence(client, alerts, words):
    alerts.acts.add(a_case(1))
    answer = act(client, **REFUSED[words])
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert alerts.acts.done == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b'{"actor": NaN}'])
@pytest.mark.parametrize("path", ["/act", "/mutes", "/handover"])
def test_odd_bodies_are_refused(client, path, body):
    answer = client.post(f"{ALERTS}{path}", content=body)
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_a_rule_is_muted_until_a_moment_and_speaks_again_when_somebody_ends_it(client, alerts):
    wish = {"action": "set", "actor": "Anna", "rule": "limit_hard", "reason": "stress test",
            "minutes": 60}  # fmt: skip
    made = post(client, "/mutes", **wish).json()["mute"]
    assert made["until_ms"] == (START_US + 60 * MINUTE_US) // 1_000
    assert get(client, "/open").json()["muted"] == 1
    assert [one["mute_id"] for one in get(client, "/mutes").json()["mutes"]] == [made["mute_id"]]
    end = {"action": "end", "actor": "Ben", "mute_id": made["mute_id"]}
    assert post(client, "/mutes", **end).json() == {"ended": made["mute_id"]}
    assert post(client, "/mutes", **end).status_code == 422
    assert get(client, "/mutes").json()["mutes"] == []


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("there is no rule sleepy", {"rule": "sleepy"}),
        ("reason must say why", {"reason": ""}),
        ("minutes must be", {"minutes": 0}),
        ("subject must be shorter", {"subject": "x" * 201}),
    ],
)
def test_a_mute_needs_a_rule_a_reason_and_an_end(client, words, wrong):
    wish = {"action": "set", "actor": "Anna", "rule": "limit_hard", "reason": "a test",
            "minutes": 60}  # fmt: skip
    answer = post(client, "/mutes", **wish | wrong)
    assert (answer.status_code, words in answer.json()["error"]) == (422, True)


def test_every_rule_is_told_with_what_it_means_and_the_policys_figures(client):
    told = get(client, "/rules").json()
    assert told["policy"] == "standard v3"
    hard = next(rule for rule in told["rules"] if rule["name"] == "limit_hard")
    assert (hard["title"], hard["unit"]) == ("Hard limit", "of the limit")
    assert hard["policy"]["critical_usd"] == 1e6


def test_cases_as_csv_hold_no_formula(client, alerts):
    alerts.acts.add(a_case(1, headline="=HYPERLINK(1)", owner="@you"), a_case(2, headline=EVIL))
    answer = get(client, form="csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "alerts.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    by_name = {row["name"]: row for row in rows}
    assert {"at_stake_usd", "worst_usd", "opened_utc", "resolved_utc"} <= set(rows[0])
    assert (by_name["A-1"]["headline"], by_name["A-1"]["owner"]) == ("'=HYPERLINK(1)", "'@you")
    assert by_name["A-1"]["opened_utc"] == "2026-09-21 14:13:20"
    assert by_name["A-2"]["headline"] == EVIL


def test_a_note_is_made_read_and_posted_once(client, alerts):
    alerts.acts.add(a_case(1), a_case(2, opened_us=START_US + MINUTE_US))
    alerts.later(30)
    act(client, "acknowledge")
    told = get(client, "/handover").json()
    assert told["since_ms"] == (alerts.at_us - 8 * 60 * MINUTE_US) // 1_000
    assert told["unacknowledged_criticals"] == ["A-2"]
    assert told["house"]["temporary"][0]["what"] == "client C9 to book A"
    assert told["acted"] == [{"actor": "Anna", "times": 1, "kinds": {"acknowledged": 1}}]
    wish = {"actor": "Anna", "key": "n1", "since_ms": told["since_ms"], "words": "watch gold"}
    done = post(client, "/handover", **wish).json()
    assert done["channels"] == ["slack"]
    assert '"watch gold"' in done["text"]
    assert post(client, "/handover", **wish).json() == done
    assert [actor for _, _, actor in alerts.acts.noted] == ["Anna"]
    alerts.later(60)
    again = get(client, "/handover").json()
    assert again["since_ms"] == again["since_last"] == done["posted_ms"]


def test_a_note_reaches_back_a_week_at_most_and_never_into_the_future(client, alerts):
    assert get(client, "/handover", since_ms=0).json()["since_ms"] == (
        alerts.at_us - 7 * 24 * 60 * MINUTE_US
    ) // 1_000  # fmt: skip
    late = get(client, "/handover", since_ms=alerts.at_us // 1_000 + 5).json()
    assert late["since_ms"] == late["until_ms"]


def test_what_is_told_of_a_case_leaves_out_only_what_is_nobodys_business(client, alerts):
    alerts.acts.add(a_case(1))
    told = get(client, "/case", number=1).json()["case"]
    inner = {"dedupe_key", "toggles_us", "told_us", "due_us", "memory"}
    shown = {re.sub("_us$", "_ms", name) for name in Case.__struct_fields__ if name not in inner}
    assert set(told) == (shown - {"happened_at_ns"}) | {"name", "lasts", "happened_at_ms"}


def test_rules_are_graded_by_cases_that_ended_lately(client, alerts):
    alerts.acts.add(*(a_case(number) for number in range(1, 5)))
    alerts.later(10)
    act(client, "acknowledge")
    act(client, "resolve", outcome="useful", outcome_usd=500.0)
    act(client, "resolve", number=2, outcome="noise")
    (grade,) = get(client, "/grades", days=1).json()["grades"]
    assert (grade["rule"], grade["ended"], grade["graded"]) == ("limit_hard", 2, 2)
    assert (grade["precision"], grade["usd"], grade["acknowledge_s"]) == (0.5, 500.0, 600.0)
    alerts.later(2 * 24 * 60)
    assert get(client, "/grades", days=1).json()["grades"] == []
