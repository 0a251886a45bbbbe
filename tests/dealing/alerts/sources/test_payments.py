"""Large payments, and payments of a client that are not usual."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.alerts.sources.payments import DAY_US, Patterns, PatternSettings, large_reading
from dealing.alerts.sources.payments_read import PaymentSeen, Step

BEGIN_US = 1_790_000_000_000_000
MINUTE_US = 60_000_000
RATES = {"USD": 1.0, "EUR": 1.1, "JPY": 0.007}
NUMBERS = count(1)


def seen(step=Step.CAPTURED, usd=1_000, minutes=0.0, client_id="C7", **changes):
    number = next(NUMBERS)
    known = {
        "seq": number, "at_us": BEGIN_US + round(minutes * MINUTE_US), "step": step,
        "payment_id": f"p{number}", "client_id": client_id, "amount_minor": usd * 100,
        "currency": "USD", "provider": "stripe", "method": "card",
    }  # fmt: skip
    return PaymentSeen(**{**known, **changes})


def patterns(*payments, traded=None):
    held = Patterns(PatternSettings())
    for one in payments:
        held.take(one)
    return held.readings(RATES, traded or {})


# Large --------------------------------------------------------------------------------------------


def test_a_deposit_is_told_in_usd_and_in_its_own_currency():
    one = seen(amount_minor=5_000_000, currency="EUR", payment_id="p-1")

    reading = large_reading(one, RATES)

    assert (reading.rule, reading.subject, reading.key) == ("large_deposit", "C7", "p-1")
    assert reading.value == reading.at_stake_usd == pytest.approx(55_000.0)
    assert reading.headline == "Client C7 paid in 55 k USD (50 k EUR) by card"


def test_yen_have_no_cents():
    reading = large_reading(seen(amount_minor=10_000_000, currency="JPY"), RATES)

    assert reading.value == pytest.approx(70_000.0)


def test_a_withdrawal_is_told_when_it_is_held():
    reading = large_reading(seen(Step.HELD, 20_000), RATES)

    assert reading.rule == "large_withdrawal"
    assert reading.headline == "Client C7 asks to be paid 20 k USD to card"


@pytest.mark.parametrize("rule", ["large_deposit", "large_withdrawal"])
def test_small_and_failed_payments_are_not_told(rule):
    step = Step.CAPTURED if rule == "large_deposit" else Step.HELD

    assert large_reading(seen(step, 999), RATES) is None
    assert large_reading(seen(Step.FAILED, 90_000), RATES) is None


def test_without_a_rate_an_amount_counts_one_for_one_and_says_so():
    reading = large_reading(seen(amount_minor=1_000_000, currency="XTS"), RATES)

    assert reading.value == 10_000.0
    assert reading.facts[-1].text == "no USD rate for XTS: taken as 1"


# Patterns -----------------------------------------------------------------------------------------


def test_many_payments_within_a_day_are_a_pattern():
    (reading,) = patterns(*(seen(minutes=60 * n) for n in range(6)))

    assert (reading.rule, reading.subject, reading.value) == ("payment_pattern", "C7", 1.2)
    assert reading.at_stake_usd == 6_000.0
    assert reading.headline == "Client C7: 6 payments of 6 k USD in all within a day"


def test_payments_of_several_clients_are_no_pattern():
    assert not patterns(*(seen(client_id=f"C{n}") for n in range(9)))


def test_what_is_older_than_a_day_is_forgotten():
    held = Patterns(PatternSettings())
    for n in range(6):
        held.take(seen(minutes=n))

    held.forget_before(BEGIN_US + 4 * MINUTE_US)
    assert not held.readings(RATES, {})
    held.forget_before(BEGIN_US + DAY_US)
    assert not held._of_client


def test_deposits_that_fail_in_a_row_are_a_pattern():
    failing = [seen(Step.FAILED, minutes=n) for n in range(4)]

    (reading,) = patterns(*failing)

    assert (reading.value, reading.headline) == (
        1.0,
        "Client C7: 4 deposits in a row failed within a day",
    )


def test_a_success_in_between_begins_the_row_anew():
    row = [seen(Step.FAILED), seen(Step.FAILED), seen(Step.FAILED), seen(), seen(Step.FAILED)]

    assert not patterns(*row)


def test_money_that_goes_out_soon_after_it_came_is_a_pattern():
    (reading,) = patterns(seen(usd=10_000), seen(Step.HELD, 9_000, minutes=30))

    assert reading.value == pytest.approx(0.9 / 0.8)
    assert reading.at_stake_usd == 9_000.0
    assert reading.headline == "Client C7: 9 k USD taken out 30 min after 10 k USD came in"


@pytest.mark.parametrize(
    "fine",
    [
        (seen(usd=10_000), seen(Step.HELD, 9_000, minutes=61)),
        (seen(usd=10_000, minutes=5), seen(Step.HELD, 9_000, minutes=4)),
        (seen(usd=10_000), seen(Step.HELD, 3_000, minutes=30)),
        (seen(usd=400), seen(Step.HELD, 400, minutes=30)),
        (seen(usd=10_000), seen(Step.FAILED, 9_000, minutes=30)),
    ],
)
def test_late_small_or_partial_withdrawals_are_usual(fine):
    assert not patterns(*fine)


def test_parts_of_a_withdrawal_add_up():
    parts = [seen(Step.HELD, 4_500, minutes=n) for n in (10, 20)]

    (reading,) = patterns(seen(usd=10_000), *parts)

    assert reading.value == pytest.approx(1.125)


def test_who_traded_much_counts_by_half():
    moves = (seen(usd=10_000), seen(Step.HELD, 10_000, minutes=30))

    (little,) = patterns(*moves, traded={"C7": 99_000.0})
    (much,) = patterns(*moves, traded={"C7": 100_000.0})

    assert (little.value, much.value) == (1.25, 0.625)
    assert "having traded 99 k USD in all" in little.headline


def test_the_worst_of_several_patterns_is_the_headline():
    moves = [seen(usd=10_000), *(seen(minutes=n) for n in range(3))]

    (reading,) = patterns(*moves, seen(Step.HELD, 10_000, minutes=30))

    assert "taken out" in reading.headline
    assert reading.facts[0].text == "5 payments of 23 k USD in all within a day"


def test_only_who_took_money_out_is_asked_about():
    held = Patterns(PatternSettings())
    for one in (seen(usd=900), seen(Step.HELD, 100), seen(client_id="C8"), seen(client_id="C8")):
        held.take(one)

    assert held.through_clients(RATES) == ["C7"]


@given(st.lists(st.sampled_from(list(Step)), max_size=12), st.randoms(use_true_random=False))
def test_a_payment_that_comes_twice_counts_once(steps, chance):
    once = [seen(step, minutes=n) for n, step in enumerate(steps)]
    twice = [*once, *chance.sample(once, len(once) // 2)]

    assert patterns(*twice) == patterns(*once)
