"""Terms that nothing could be computed with are refused when they are told, not when they hurt."""

from __future__ import annotations

import pytest

from exposure.model.events import BreakFound, InstrumentDefined, PositionRestored, SwapCharged
from exposure.model.instruments import MOST_DIGITS
from tests.exposure.builders import Desk, account, instrument

WRONG = [{"digits": digits} for digits in (-1, -400, MOST_DIGITS + 1, 2**64 - 1)]


@pytest.mark.parametrize("terms", WRONG)
def test_an_instrument_with_an_impossible_point_is_refused(terms):
    tested = Desk(accounts=[account()])
    (found,) = tested.feed(InstrumentDefined(1, instrument("EURUSD", **terms)))
    assert (found.kind, found.reason) == (
        "bad_instrument", f"digits of EURUSD must be 0 to 16, was {terms['digits']}",
    )  # fmt: skip
    tested.feed(PositionRestored(1, "1", "1", "EURUSD", "buy", 1.0, 1.1))
    found = tested.feed(SwapCharged(2, "EURUSD", 1.0))
    assert [(type(one), one.kind) for one in found] == [(BreakFound, "unknown_symbol")]


@pytest.mark.parametrize("digits", [0, MOST_DIGITS])
def test_any_other_point_is_taken(digits):
    tested = Desk([instrument("EURUSD", digits=digits, swap_long=1.0)], [account()])
    tested.feed(PositionRestored(1, "1", "1", "EURUSD", "buy", 1.0, 1.1))
    found = tested.feed(SwapCharged(2, "EURUSD", 1.0))
    assert not any(isinstance(one, BreakFound) for one in found)
