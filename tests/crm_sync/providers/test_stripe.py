"""Stripe's events: what each says of a payment, in its own minor units, once."""

import json

import pytest

from crm_sync.events import Direction, PaymentStep
from crm_sync.providers.stripe import Stripe
from exposure.errors import MalformedMessageError

STRIPE = Stripe()
METADATA = {"client_id": "c7", "login": "1001", "reference": "dep-1", "other": "x"}
INTENT = {
    "id": "pi_1",
    "amount": 10_000,
    "amount_received": 9_900,
    "currency": "usd",
    "metadata": METADATA,
    "latest_charge": "ch_1",
    "status": "succeeded",
}
CARD = {"type": "card", "card": {"fingerprint": "fp_1", "country": "CY"}}
CHARGE = {
    "id": "ch_1",
    "payment_intent": "pi_1",
    "amount_refunded": 3_000,
    "currency": "usd",
    "metadata": {},
    "payment_method_details": CARD,
}
DISPUTE = {
    "id": "dp_1", "amount": 10_000, "currency": "usd", "status": "needs_response",
    "charge": "ch_1", "payment_intent": "pi_1",
}  # fmt: skip


def body(kind, thing, before=None, **more):
    data = {"object": thing} | ({"previous_attributes": before} if before is not None else {})
    event = {"id": "evt_1", "object": "event", "type": kind, "created": 1_700_000_000,
             "livemode": True, "data": data}  # fmt: skip
    return json.dumps(event | more).encode()


def report(*arguments, **more):
    [one] = STRIPE.meaning(body(*arguments, **more)).reports
    return one


def test_a_payment_that_succeeded_is_captured_with_what_was_received():
    one = report("payment_intent.succeeded", INTENT)
    assert (one.provider, one.provider_ref, one.step) == ("stripe", "pi_1", PaymentStep.CAPTURED)
    assert (one.amount_minor, one.currency, one.direction) == (9_900, "USD", Direction.DEPOSIT)
    assert (one.client_id, one.login, one.reference) == ("c7", "1001", "dep-1")
    assert one.occurred_at_us == 1_700_000_000_000_000


def test_a_card_is_known_by_its_fingerprint():
    one = report("payment_intent.succeeded", INTENT | {"latest_charge": CHARGE})
    assert (one.method, one.instrument, one.country) == ("card", "fp_1", "CY")


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("payment_intent.processing", PaymentStep.PENDING),
        ("payment_intent.payment_failed", PaymentStep.FAILED),
        ("payment_intent.canceled", PaymentStep.FAILED),
    ],
)
def test_other_steps_have_the_amount_that_was_asked_for(kind, step):
    one = report(kind, INTENT)
    assert (one.step, one.amount_minor) == (step, 10_000)


def test_a_refund_has_its_own_amount_and_not_the_sum_of_all():
    first = report("charge.refunded", CHARGE | {"amount_refunded": 1_000}, {"amount_refunded": 0})
    second = report("charge.refunded", CHARGE, {"amount_refunded": 1_000})
    assert (first.amount_minor, second.amount_minor) == (1_000, 2_000)
    assert first.event_id != second.event_id
    assert (first.step_ref, second.step_ref) == ("ch_1:1000", "ch_1:3000")
    assert {first.provider_ref, second.provider_ref} == {"pi_1"}
    for before in (None, {"amount_refunded": 9_999}):
        with pytest.raises(MalformedMessageError, match="a refund"):
            STRIPE.meaning(body("charge.refunded", CHARGE, before))


def test_a_dispute_is_one_of_the_payment():
    made = report("charge.dispute.created", DISPUTE)
    assert (made.step, made.provider_ref) == (PaymentStep.DISPUTED, "pi_1")
    for status, step in (("won", PaymentStep.DISPUTE_WON), ("lost", PaymentStep.DISPUTE_LOST)):
        closed = report("charge.dispute.closed", DISPUTE | {"status": status})
        assert closed.step is step
        assert closed.step_ref == made.step_ref == "dp_1"
    old = report("charge.dispute.created", DISPUTE | {"payment_intent": None})
    assert old.provider_ref == "ch_1"
    nobody = DISPUTE | {"payment_intent": None, "charge": None}
    with pytest.raises(MalformedMessageError, match="neither payment nor charge"):
        STRIPE.meaning(body("charge.dispute.created", nobody))


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("charge.dispute.created", "warning_needs_response"),
        ("charge.dispute.closed", "warning_closed"),
        ("charge.dispute.updated", "needs_response"),
    ],
)
def test_an_inquiry_moves_no_money(kind, status):
    assert STRIPE.meaning(body(kind, DISPUTE | {"status": status})).ignored


def test_a_payout_to_the_bank_is_a_settlement_and_one_that_failed_needs_a_person():
    payout = {"id": "po_1", "amount": 97_070, "currency": "eur"}
    one = report("payout.paid", payout)
    assert (one.provider_ref, one.amount_minor, one.currency) == ("po_1", 97_070, "EUR")
    with pytest.raises(MalformedMessageError, match="a person has to look"):
        STRIPE.meaning(body("payout.failed", payout))


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [("jpy", 500, 500), ("isk", 50_000, 500), ("ugx", 50_000, 500), ("kwd", 5_010, 5_010),
     ("mga", 5, 500), ("bif", 5, 5)],
)  # fmt: skip
def test_amounts_are_in_our_minor_units_whatever_stripe_counts_in(currency, amount, minor):
    thing = INTENT | {"currency": currency, "amount_received": amount}
    assert report("payment_intent.succeeded", thing).amount_minor == minor


def test_an_amount_that_is_no_whole_number_of_minor_units_is_refused():
    with pytest.raises(MalformedMessageError, match="no whole number of ISK"):
        STRIPE.meaning(
            body("payment_intent.succeeded", INTENT | {"currency": "isk", "amount_received": 5})
        )


def test_an_event_of_the_test_mode_is_refused_unless_it_is_allowed():
    text = body("payment_intent.succeeded", INTENT, livemode=False)
    with pytest.raises(MalformedMessageError, match="the test mode"):
        STRIPE.meaning(text)
    assert Stripe(sandbox=True).meaning(text).reports


def test_two_events_about_one_thing_are_one_report():
    first = report("payment_intent.succeeded", INTENT)
    second = report("payment_intent.succeeded", INTENT, id="evt_2", created=1_700_000_009)
    assert first.event_id == second.event_id


@pytest.mark.parametrize("amount", [-1, 1.5, "100", None, 10**16, True])
def test_an_amount_is_a_whole_number_that_can_be(amount):
    with pytest.raises(MalformedMessageError, match="amount"):
        STRIPE.meaning(body("payment_intent.succeeded", INTENT | {"amount": amount}))


@pytest.mark.parametrize("currency", ["", "us", "usdt", "12a", "\u0000ab"])
def test_a_currency_is_three_letters(currency):
    with pytest.raises(MalformedMessageError, match="three letters"):
        STRIPE.meaning(body("payment_intent.succeeded", INTENT | {"currency": currency}))


def test_what_happens_to_one_payment_is_in_one_aggregate():
    items = [
        STRIPE.items(body("payment_intent.succeeded", INTENT))[0],
        STRIPE.items(body("charge.refunded", CHARGE, id="evt_2"))[0],
        STRIPE.items(body("charge.dispute.created", DISPUTE, id="evt_3"))[0],
    ]
    assert {item.aggregate for item in items} == {"stripe:pi_1"}
    assert [item.dedupe_key for item in items] == ["evt_1", "evt_2", "evt_3"]
    assert STRIPE.meaning(body("charge.succeeded", CHARGE)).ignored
