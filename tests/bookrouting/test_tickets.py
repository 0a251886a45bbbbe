"""What a ticket suggests: whole steps that bring the house to its limit, and no further."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from bookrouting.tickets import lots_within

STEP = 0.01

lots = st.floats(-5_000.0, 5_000.0).map(lambda value: round(value, 2))


@given(lots, st.floats(1.0, 1e6), st.floats(0.0, 1e9))
def test_the_house_is_within_its_limit_afterwards_and_a_step_less_would_not_be_enough(
    net, usd_per_lot, limit_usd
):
    hedge = lots_within(net, usd_per_lot, limit_usd, STEP)
    tolerance_usd = 2e-6 * STEP * usd_per_lot + 1e-9 * abs(net) * usd_per_lot
    if hedge == 0.0:
        assert abs(net) * usd_per_lot <= limit_usd
        return
    assert math.copysign(1.0, hedge) == -math.copysign(1.0, net)
    assert abs(net + hedge) * usd_per_lot <= max(limit_usd, STEP * usd_per_lot) + tolerance_usd
    one_less = hedge - math.copysign(STEP, hedge)
    assert abs(net + one_less) * usd_per_lot > limit_usd - tolerance_usd
    assert abs(hedge / STEP - round(hedge / STEP)) < 1e-6


def test_a_limit_of_nothing_takes_all_of_it_and_no_price_is_not_a_number():
    assert lots_within(-20.0, 110_000.0, 0.0, STEP) == 20.0
    assert lots_within(0.0, 110_000.0, 0.0, STEP) == 0.0
    assert math.isnan(lots_within(5.0, math.nan, 1e6, STEP))
