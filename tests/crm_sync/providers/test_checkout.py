"""Checkout.com's events: payments, payouts to clients and disputes."""

import json

import pytest

from crm_sync.events import Direction, PaymentStep
from crm_sync.providers.checkout import Checkout
from exposure.errors import MalformedMessageError

CHECKOUT = Checkout()
PAYMENT = {
    "id": "pay_1", "action_id": "act_1", "reference": "ORD-1", "amount": 2_000, "currency": "EUR",
    "processed_on": "2024-05-01T10:00:00.1234567Z", "response_code": "10000",
    "metadata": {"client_id": "c7", "login": "1001"},
    "source": {"type": "card", "fingerprint": "fp_1", "issuer_country": "CY"},
}  # fmt: skip
DISPUTE = {
    "id": "dsp_1", "amount": 2_000, "currency": "EUR", "payment_id": "pay_1",
    "payment_action_id": "act_1", "date": "2024-06-01T10:00:00Z",
}  # fmt: skip


def body(kind, data=PAYMENT, **more):
    event = {"id": "evt_1", "type": kind, "timestamp": "2024-05-01T10:00:01Z", "data": data}
    return json.dumps(event | more).encode()


def report(*arguments, **more):
    [one] = CHECKOUT.meaning(body(*arguments, **more)).reports
    return one


def test_a_captured_payment_is_reported_whole():
    one = report("payment_captured")
    assert (one.provider, one.provider_ref, one.step) == ("checkout", "pay_1", PaymentStep.CAPTURED)
    assert (one.amount_minor, one.currency, one.reference) == (2_000, "EUR", "ORD-1")
    assert (one.client_id, one.login) == ("c7", "1001")
    assert (one.method, one.instrument, one.country) == ("card", "fp_1", "CY")
    assert one.occurred_at_us == 1_714_557_600_123_456


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("payment_approved", PaymentStep.PENDING),
        ("payment_declined", PaymentStep.FAILED),
        ("payment_voided", PaymentStep.FAILED),
        ("payment_refunded", PaymentStep.REFUNDED),
    ],
)
def test_every_step_of_a_deposit_has_its_name(kind, step):
    assert (report(kind).step, report(kind).direction) == (step, Direction.DEPOSIT)


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("payment_approved", PaymentStep.PENDING),
        ("payment_paid", PaymentStep.PAID_OUT),
        ("payment_declined", PaymentStep.PAYOUT_FAILED),
        ("payment_returned", PaymentStep.PAYOUT_FAILED),
    ],
)
def test_a_payment_with_a_destination_is_one_to_the_client(kind, step):
    one = report(kind, PAYMENT | {"destination": {"type": "card", "fingerprint": "fp_9"}})
    assert (one.step, one.direction, one.instrument) == (step, Direction.WITHDRAWAL, "fp_9")


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("dispute_received", PaymentStep.DISPUTED),
        ("dispute_evidence_required", PaymentStep.DISPUTED),
        ("dispute_won", PaymentStep.DISPUTE_WON),
        ("dispute_canceled", PaymentStep.DISPUTE_WON),
        ("dispute_lost", PaymentStep.DISPUTE_LOST),
    ],
)
def test_a_dispute_is_one_of_its_payment(kind, step):
    one = report(kind, DISPUTE)
    assert (one.step, one.provider_ref) == (step, "pay_1")
    assert (one.event_id, one.step_ref) == (f"{step.value}:dsp_1", "dsp_1")


def test_one_action_is_one_report_whatever_event_tells_it():
    assert report("payment_captured").event_id == report("payment_captured", id="evt_2").event_id
    second = report("payment_refunded", PAYMENT | {"action_id": "act_2"})
    assert second.event_id != report("payment_refunded").event_id
    assert second.step_ref == "act_2"
    nameless = PAYMENT | {"action_id": ""}
    first, other = (report("payment_refunded", nameless, id=name) for name in ("evt_1", "evt_2"))
    assert first.event_id != other.event_id


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [("JPY", 500, 500), ("CLP", 50_000, 500), ("BHD", 5_010, 5_010), ("RWF", 7, 7), ("EUR", 1, 1)],
)
def test_amounts_are_in_our_minor_units(currency, amount, minor):
    data = PAYMENT | {"currency": currency, "amount": amount}
    assert report("payment_captured", data).amount_minor == minor


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("payment_captured", {"id": "pay_1"}, "amount is missing"),
        ("payment_captured", PAYMENT | {"currency": "E"}, "three letters"),
        ("payment_captured", PAYMENT | {"amount": -1}, "amount"),
        ("payment_captured", PAYMENT | {"processed_on": "now"}, "ISO 8601"),
        ("dispute_won", DISPUTE | {"payment_id": ""}, "does not name its payment"),
        ("payment_captured", [], "object"),
    ],
)
def test_what_cannot_be_says_why(kind, data, why):
    with pytest.raises(MalformedMessageError, match=why):
        CHECKOUT.meaning(body(kind, data))


def test_other_kinds_are_ignored():
    for kind in ("card_verified", "payment_refund_declined", "dispute_expired"):
        assert CHECKOUT.meaning(body(kind)).ignored


def test_a_payment_and_its_disputes_are_in_one_aggregate():
    [paid] = CHECKOUT.items(body("payment_captured"))
    [disputed] = CHECKOUT.items(body("dispute_won", DISPUTE, id="evt_2"))
    assert paid.aggregate == disputed.aggregate == "checkout:pay_1"
    assert (paid.dedupe_key, disputed.dedupe_key) == ("evt_1", "evt_2")
