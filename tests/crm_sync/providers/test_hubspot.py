"""HubSpot: an event makes us ask, an answer is a profile, our own changes are no news."""

import json

import pytest

from crm_sync.messages.model import Method
from crm_sync.providers.hubspot import HubSpotEvents, HubSpotObjects
from exposure.errors import MalformedMessageError

EVENTS = HubSpotEvents({"email", "country"}, {"54321"})
OBJECTS = HubSpotObjects({"email": "email", "country": "residence", "phone": "phone"})
EVENT = {
    "eventId": 1, "subscriptionId": 12_345, "portalId": 62_515, "appId": 54_321,
    "occurredAt": 1_564_113_600_000, "subscriptionType": "contact.propertyChange",
    "attemptNumber": 0, "objectId": 123, "propertyName": "email", "propertyValue": "x@y.example",
    "changeSource": "CRM_UI",
}  # fmt: skip
CONTACT = {
    "id": "123",
    "properties": {"email": "a@b.example", "country": None, "hs_object_id": "123"},
    "createdAt": "2019-10-30T03:30:17.883Z",
    "updatedAt": "2019-12-07T16:50:06.678Z",
    "archived": False,
}


def body(**more):
    return json.dumps(EVENT | more).encode()


def test_an_event_makes_us_ask_for_the_contact_as_it_is():
    [ask] = EVENTS.meaning(body()).asks
    assert (ask.target, ask.method, ask.answer_to) == ("hubspot", Method.GET, "hubspot.objects")
    assert ask.path == "/crm/v3/objects/contacts/123?properties=country,email"
    assert ask.body == b""


def test_events_of_one_moment_are_one_question():
    [first] = EVENTS.meaning(body()).asks
    [same] = EVENTS.meaning(body(propertyName="country", eventId=2)).asks
    [later] = EVENTS.meaning(body(occurredAt=1_564_113_600_001)).asks
    assert first.key == same.key != later.key


def test_an_events_own_id_says_nothing_about_which_event_it_is():
    [first], [again] = (
        EVENTS.items(f"[{body().decode()}]".encode()),
        EVENTS.items(f"[{body(eventId=99, attemptNumber=3).decode()}]".encode()),
    )
    assert first.dedupe_key == again.dedupe_key
    [other] = EVENTS.items(f"[{body(propertyName='country').decode()}]".encode())
    assert other.dedupe_key != first.dedupe_key
    assert other.aggregate == first.aggregate


def test_our_own_change_comes_back_and_is_not_asked_for():
    ours = body(changeSource="INTEGRATION", sourceId="54321")
    assert EVENTS.meaning(ours).ignored == "our own change comes back"
    assert EVENTS.meaning(body(changeSource="INTEGRATION", sourceId="999")).asks
    assert EVENTS.meaning(body(sourceId="54321")).asks


@pytest.mark.parametrize("kind", ["company.creation", "contact.deletion", "deal.propertyChange"])
def test_other_kinds_are_ignored(kind):
    assert EVENTS.meaning(body(subscriptionType=kind)).ignored


def test_an_erasure_is_for_a_person_to_decide():
    with pytest.raises(MalformedMessageError, match="erased for privacy"):
        EVENTS.meaning(body(subscriptionType="contact.privacyDeletion"))


@pytest.mark.parametrize("text", [b"{}", b'"x"', b"7", body()])
def test_a_request_is_an_array(text):
    with pytest.raises(MalformedMessageError):
        EVENTS.items(text)


def test_a_request_holds_at_most_a_hundred_events():
    assert len(EVENTS.items(b"[" + b",".join([b"1"] * 100) + b"]")) == 100
    with pytest.raises(MalformedMessageError, match="more than 100"):
        EVENTS.items(b"[" + b",".join([b"1"] * 101) + b"]")


def test_an_answer_is_a_profile_with_the_fields_that_we_know():
    text = json.dumps(CONTACT).encode()
    [report] = OBJECTS.meaning(text).reports
    assert (report.source, report.external_id, report.origin) == ("hubspot", "123", "")
    assert report.fields == {"email": "a@b.example", "residence": ""}
    assert report.occurred_at_us == 1_575_737_406_678_000
    [item] = OBJECTS.items(text)
    assert item.dedupe_key == report.event_id == "123:2019-12-07T16:50:06.678Z"
    assert item.aggregate == EVENTS.items(f"[{body().decode()}]".encode())[0].aggregate


def test_an_answer_that_is_no_contact_is_kept_and_refused():
    [item] = OBJECTS.items(b'{"status": "error"}')
    assert item.dedupe_key.startswith("sha256:")
    with pytest.raises(MalformedMessageError):
        OBJECTS.meaning(item.body)
