"""The bucket never gives more than it may, and delays are as configured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.alerts.delivery_pace import DeliveryPace, TokenBucket, Trouble
from dealing.alerts.errors import AlertDeliveryError
from tests.dealing.alerts.kept_cases import START, S

PACES = st.builds(
    DeliveryPace,
    per_s=st.floats(0.1, 20.0),
    burst=st.integers(1, 10),
    reserve=st.integers(0, 12),
)
ASKED = st.lists(st.tuples(st.integers(-S, 5 * S), st.booleans()), max_size=60)


@given(PACES, ASKED)
def test_no_stretch_of_time_sees_more_than_the_burst_and_what_is_earned(pace, asked):
    bucket, now_us, taken = TokenBucket(pace), START, []
    for later_us, is_urgent in asked:
        now_us += later_us
        if bucket.wait_us(now_us, is_urgent=is_urgent) == 0:
            bucket.take(now_us)
            taken.append(now_us)
    if all(later_us >= 0 for later_us, _ in asked):
        for first, begin_us in enumerate(taken):
            for last in range(first, len(taken)):
                earned = (taken[last] - begin_us) / S * pace.per_s
                assert last - first + 1 <= pace.burst + earned * 1.000_01 + 1e-6


@given(PACES, ASKED, st.booleans())
def test_whoever_waits_as_long_as_he_is_told_may_go(pace, asked, is_urgent):
    bucket, now_us = TokenBucket(pace), START
    for later_us, urgent in asked:
        now_us += later_us
        if bucket.wait_us(now_us, is_urgent=urgent) == 0:
            bucket.take(now_us)
    wait_us = bucket.wait_us(now_us, is_urgent=is_urgent)
    assert 0 <= wait_us <= pace.burst / pace.per_s * S + 1
    assert bucket.wait_us(now_us + wait_us, is_urgent=is_urgent) == 0


@pytest.mark.parametrize(("chance", "delays"), [(0.0, [1, 2, 4, 8, 10]), (0.5, [0.75, 1.5, 3, 6])])
def test_delays_double_up_to_the_longest_and_are_never_in_step(chance, delays):
    trouble = Trouble(DeliveryPace(longest_retry_s=10.0), lambda: chance)
    for tries, delay_s in enumerate(delays):
        retry_us = trouble.failed(AlertDeliveryError("away"), START, tries)
        assert retry_us == START + delay_s * S
        assert trouble.rest_us(START) == delay_s * S
    trouble.worked(START)
    assert trouble.failures == 0


def test_after_very_many_failures_a_delay_is_still_a_number():
    trouble = Trouble(DeliveryPace(), lambda: 0.0)
    for tries in range(5_000):
        trouble.failed(AlertDeliveryError("away"), START, tries)
    assert trouble.rest_us(START) == 30 * S


def test_what_waits_since_before_the_end_of_an_outage_waited_because_of_it():
    trouble = Trouble(DeliveryPace(down_after_s=60.0), lambda: 0.0)
    trouble.failed(AlertDeliveryError("away"), START, 0)
    assert not trouble.explains(START, START + 59 * S)
    assert trouble.explains(START, START + 60 * S)
    trouble.worked(START + 60 * S)
    assert trouble.explains(START + 60 * S, START + 90 * S)
    assert not trouble.explains(START + 61 * S, START + 90 * S)
    trouble.failed(AlertDeliveryError("away"), START + 100 * S, 0)
    trouble.worked(START + 101 * S)
    assert not trouble.explains(START + 100 * S, START + 110 * S)
