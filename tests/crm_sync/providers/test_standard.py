"""Our own words in Standard Webhooks, coming and going."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.events import (
    KycReported,
    KycState,
    PaymentReported,
    ProfileReported,
    SettlementReported,
)
from crm_sync.messages.model import is_key, key_of
from crm_sync.providers.checkout import Checkout
from crm_sync.providers.hubspot import HubSpotEvents, HubSpotObjects
from crm_sync.providers.payloads import instant_us
from crm_sync.providers.standard import Address, Standard, event_message
from crm_sync.providers.stripe import Stripe
from crm_sync.providers.sumsub import Sumsub
from exposure.errors import MalformedMessageError
from tests.thorough import examples

CRM = Standard("crm")
AT = "2022-11-03T20:26:10.344522Z"
PAYMENT = {"provider_ref": "p1", "direction": "deposit", "step": "captured", "amount_minor": 5,
           "currency": "EUR"}  # fmt: skip


def body(kind, data, **more):
    return json.dumps({"type": kind, "timestamp": AT, "data": data, **more}).encode()


def report(*arguments, **more):
    [one] = CRM.meaning(body(*arguments, **more)).reports
    return one


def test_each_of_our_reports_can_be_told_by_any_system():
    profile = report("client.updated", {"external_id": "7", "fields": {"email": "x"}}, origin="o")
    assert isinstance(profile, ProfileReported)
    assert (profile.source, profile.origin, profile.fields) == ("crm", "o", {"email": "x"})
    payment = report("payment.reported", PAYMENT)
    assert isinstance(payment, PaymentReported)
    assert (payment.provider, payment.amount_minor) == ("crm", 5)
    assert payment.occurred_at_us == 1_667_507_170_344_522
    kyc = {"applicant_id": "a", "client_id": "c", "level": "l", "state": "approved"}
    assert report("kyc.reported", kyc).state is KycState.APPROVED
    assert isinstance(report("kyc.reported", kyc), KycReported)
    settled = {"provider_ref": "s", "amount_minor": 1, "fee_minor": 0, "currency": "EUR"}
    assert isinstance(report("settlement.reported", settled), SettlementReported)


def test_who_reports_and_when_is_said_by_the_envelope_alone():
    claimed = PAYMENT | {"provider": "bank", "occurred_at_us": 1, "event_id": "e", "type": "x"}
    assert (report("payment.reported", claimed).provider) == "crm"
    assert report("payment.reported", claimed).occurred_at_us > 1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({}, "missing required field"),
        (PAYMENT | {"amount_minor": "5"}, "amount_minor"),
        (PAYMENT | {"amount_minor": -5}, "amount_minor"),
        (PAYMENT | {"amount_minor": 5, "fee_minor": -1}, "fee_minor"),
        (PAYMENT | {"currency": "eu"}, "three letters"),
        (PAYMENT | {"step": "gone"}, "enum"),
    ],
)
def test_what_cannot_be_says_why(data, why):
    with pytest.raises(MalformedMessageError, match=why):
        CRM.meaning(body("payment.reported", data))


def test_other_kinds_are_ignored():
    assert CRM.meaning(body("client.sneezed", {})).ignored


def test_a_message_is_the_same_by_its_delivery_or_else_by_its_bytes():
    text = body("payment.reported", PAYMENT)
    assert CRM.items(text, "msg_1")[0].dedupe_key == "msg_1"
    assert CRM.items(text)[0].dedupe_key == CRM.items(text)[0].dedupe_key
    assert CRM.items(text)[0].aggregate == "crm:p1"
    assert CRM.items(b"[]", "msg_1")[0].aggregate == "msg_1"
    assert is_key(CRM.items(text, "m\x00\xff" * 200)[0].dedupe_key)


def test_what_we_tell_can_be_told_back_to_us():
    address = Address("crm", "k1", "client:7")
    data = {"external_id": "7", "fields": {"email": "x"}}
    message = event_message(address, "client.updated", AT, data, "plimsoll")
    assert (message.key, message.aggregate, message.target) == ("k1", "client:7", "crm")
    [one] = CRM.meaning(message.body).reports
    assert (one.external_id, one.origin) == ("7", "plimsoll")


# Every provider ----------------------------------------------------------------------------------

PROVIDERS = [
    CRM,
    Stripe(),
    Checkout(),
    Sumsub({"basic"}),
    HubSpotEvents({"email"}, set()),
    HubSpotObjects({"email": "email"}),
]
WORDS = st.sampled_from(
    ["id", "type", "data", "object", "amount", "currency", "created", "livemode", "timestamp",
     "payment_intent.succeeded", "payment_captured", "applicantReviewed", "createdAtMs",
     "applicantId", "contact.creation", "portalId", "objectId", "occurredAt", "subscriptionType",
     "client.updated", "properties", "updatedAt", "\x00", "\u202e", "x" * 300],
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=8)
    ),
    max_leaves=25,
)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: type(one).__name__)
@examples(60)
@given(content=JSON | st.lists(JSON, max_size=3))
def test_whatever_is_sent_has_keys_that_a_database_holds_and_a_meaning_or_a_reason(
    provider, content
):
    for item in items_of(provider, json.dumps(content).encode()):
        assert is_key(item.dedupe_key)
        assert is_key(item.aggregate)
        assert understood(provider, item.body)


def items_of(provider, text):
    try:
        return provider.items(text)
    except MalformedMessageError:
        return []


def understood(provider, text):
    """Return what a message means, or in words why it means nothing."""
    try:
        return provider.meaning(text)
    except MalformedMessageError as e:
        return str(e)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - drawn as UTC
def test_a_time_is_exact_to_the_microsecond(moment):
    aware = moment.replace(tzinfo=UTC)
    exact = instant_us(aware.isoformat())
    assert exact == instant_us(moment.isoformat())
    assert datetime.fromtimestamp(exact // 1_000_000, UTC) == aware.replace(microsecond=0)
    assert exact % 1_000_000 == moment.microsecond


def test_a_key_is_its_parts_or_their_digest():
    assert key_of("a", 1, "b") == "a:1:b"
    for odd in ("", "\0", "a b", "\u00e9", "x" * 201):
        assert is_key(key_of(odd))
    assert key_of("a b") != key_of("a c")
