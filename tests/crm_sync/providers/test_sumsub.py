"""Sumsub's payloads, as its documentation shows them."""

import json

import pytest

from crm_sync.clients.kyc import KycStep, reached
from crm_sync.events import KycState
from crm_sync.providers.sumsub import Sumsub
from exposure.errors import MalformedMessageError

SUMSUB = Sumsub({"basic-kyc-level"})
REVIEWED = {
    "applicantId": "5cb56e8e0a975a35f333cb83",
    "inspectionId": "5cb56e8e0a975a35f333cb84",
    "applicantType": "individual",
    "correlationId": "req-a260b669",
    "levelName": "basic-kyc-level",
    "sandboxMode": False,
    "externalUserId": "client-7",
    "type": "applicantReviewed",
    "reviewResult": {"reviewAnswer": "GREEN"},
    "reviewStatus": "completed",
    "createdAt": "2025-03-05 04:41:48+0000",
    "createdAtMs": "2025-03-05 04:41:48.704",
    "clientId": "broker",
}


def body(**more):
    return json.dumps(REVIEWED | more).encode()


def reviewed(**result):
    return body(reviewResult=result)


def report(text, provider=SUMSUB):
    [one] = provider.meaning(text).reports
    return one


def test_a_green_review_is_an_approval():
    one = report(body())
    assert (one.provider, one.client_id, one.applicant_id) == (
        "sumsub",
        "client-7",
        REVIEWED["applicantId"],
    )
    assert (one.state, one.level) == (KycState.APPROVED, "basic-kyc-level")
    assert one.occurred_at_us == 1_741_149_708_704_000


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (body(type="applicantCreated"), KycState.DRAFT),
        (body(type="applicantPending"), KycState.IN_REVIEW),
        (body(type="applicantOnHold"), KycState.ON_HOLD),
        (body(type="applicantReset"), KycState.DRAFT),
        (body(type="applicantDeactivated"), KycState.SUSPENDED),
        (body(type="applicantDeleted"), KycState.SUSPENDED),
        (reviewed(reviewAnswer="RED", reviewRejectType="RETRY"), KycState.RETRY),
        (reviewed(reviewAnswer="RED", reviewRejectType="FINAL"), KycState.REJECTED_FINAL),
        (reviewed(reviewAnswer="GREEN", reviewRejectType="RETRY"), KycState.APPROVED),
    ],
)
def test_what_happens_to_an_applicant_is_a_state(text, state):
    assert report(text).state is state


@pytest.mark.parametrize(
    ("more", "states"),
    [
        ({}, ["reopened", "approved"]),
        ({"levelName": "phone-only"}, ["reopened"]),
        ({"reviewResult": None}, ["reopened"]),
        ({"reviewResult": {"reviewAnswer": "YELLOW"}}, ["reopened"]),
        ({"reviewResult": {"reviewAnswer": "RED", "reviewRejectType": "FINAL"}},
         ["reopened", "rejected_final"]),
        ({"reviewStatus": "pending"}, ["reopened", "in_review"]),
        ({"reviewStatus": "onHold"}, ["reopened", "on_hold"]),
        ({"reviewStatus": "init"}, ["reopened"]),
        ({"reviewStatus": ""}, ["reopened"]),
    ],
)  # fmt: skip
def test_one_who_is_active_again_stands_where_the_payload_says(more, states):
    reports = SUMSUB.meaning(body(type="applicantActivated", **more)).reports
    assert [one.state for one in reports] == states
    assert len({one.event_id for one in reports}) == len(reports)
    times = [one.occurred_at_us for one in reports]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("active", "after", "reviewed_later"),
    [
        ({}, KycState.APPROVED, KycState.APPROVED),
        ({"reviewStatus": "init", "reviewResult": None}, KycState.REOPENED, KycState.APPROVED),
    ],
)
def test_a_suspension_ends_with_the_activation(active, after, reviewed_later):
    told = [
        body(),
        body(type="applicantDeactivated", createdAtMs="2025-04-01 00:00:00.000"),
        body(type="applicantActivated", createdAtMs="2025-04-02 00:00:00.000", **active),
        body(createdAtMs="2025-04-03 00:00:00.000"),
    ]
    steps, states = [], []
    for text in told:
        steps += [
            KycStep(one.state, one.occurred_at_us, one.provider, one.applicant_id, one.level,
                    one.event_id)
            for one in SUMSUB.meaning(text).reports
        ]  # fmt: skip
        states.append(reached(steps).state)
    assert states == [KycState.APPROVED, KycState.SUSPENDED, after, reviewed_later]
    assert reached(reversed(steps)).state is reviewed_later


def test_why_one_was_rejected_is_told_and_what_was_said_to_the_client_is_not():
    text = reviewed(
        reviewAnswer="RED",
        reviewRejectType="FINAL",
        rejectLabels=["FORGERY", "SELFIE_MISMATCH"],
        clientComment="a private word",
        moderationComment="another",
    )
    one = report(text)
    assert one.labels == ("FORGERY", "SELFIE_MISMATCH")
    assert "word" not in repr(one)


def test_an_approval_at_another_level_changes_nothing_but_a_rejection_does():
    other = {"levelName": "phone-only"}
    assert SUMSUB.meaning(body(**other)).ignored == "an approval at a level that does not count"
    red = {"reviewAnswer": "RED", "reviewRejectType": "FINAL"}
    assert report(body(**other, reviewResult=red)).state is KycState.REJECTED_FINAL


def test_a_test_sent_by_hand_changes_nothing():
    assert SUMSUB.meaning(body(testMode=True)).ignored == "a test sent by hand"
    assert SUMSUB.meaning(body(testMode=True, sandboxMode=True)).ignored


def test_an_event_of_the_sandbox_is_refused_unless_it_is_allowed():
    with pytest.raises(MalformedMessageError, match="the sandbox"):
        SUMSUB.meaning(body(sandboxMode=True))
    allowed = Sumsub({"basic-kyc-level"}, sandbox=True)
    assert report(body(sandboxMode=True), allowed).state is KycState.APPROVED


@pytest.mark.parametrize("kind", ["applicantActionReviewed", "applicantPersonalInfoChanged", "new"])
def test_other_kinds_are_ignored(kind):
    assert SUMSUB.meaning(body(type=kind)).ignored


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"{}", "type"),
        (b"[]", "object"),
        (body(externalUserId=""), "externalUserId is missing"),
        (body(reviewResult=None), "neither green"),
        (reviewed(reviewAnswer="RED"), "neither green"),
        (reviewed(reviewAnswer="YELLOW"), "neither green"),
        (body(createdAtMs="yesterday"), "ISO 8601"),
        (body(applicantId=7), "applicantId"),
    ],
)
def test_what_cannot_be_says_why(text, why):
    with pytest.raises(MalformedMessageError, match=why):
        SUMSUB.meaning(text)


def test_the_same_event_has_the_same_key_and_another_moment_another():
    [first], [again] = SUMSUB.items(body()), SUMSUB.items(body(clientId="x"))
    [later] = SUMSUB.items(body(createdAtMs="2025-03-05 04:41:48.705"))
    assert first.dedupe_key == again.dedupe_key != later.dedupe_key
    assert first.aggregate == later.aggregate
    [odd] = SUMSUB.items(b'{"x": 1}')
    assert odd.dedupe_key.startswith("sha256:")
    with pytest.raises(MalformedMessageError):
        SUMSUB.items(b"no json")
