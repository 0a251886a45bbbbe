"""How many nights a rollover counts for, and what the provider charges for one."""

from datetime import date, timedelta

import msgspec
import numpy as np
import pytest

from feeds.catalogue import load_catalogue, load_venue_instruments
from feeds.simulator.financing import (
    carries,
    holidays_of,
    load_holidays,
    nights,
    pays_swap,
    provider_rates,
)

TERMS = {instrument.symbol: instrument for instrument in load_catalogue()}
MONDAY = date(2026, 3, 30)
WEEK = [MONDAY + timedelta(days=day) for day in range(14)]


def nights_of(symbol, *holidays, days=7):
    closed = frozenset(MONDAY + timedelta(days=day) for day in holidays)
    return [nights(TERMS[symbol], day, closed) for day in WEEK[:days]]


def test_the_triple_day_counts_for_the_weekend():
    assert nights_of("EURUSD") == [1, 1, 3, 1, 1, 0, 0]
    assert nights_of("US500") == [1, 1, 1, 1, 3, 0, 0]


def test_the_night_before_a_holiday_counts_double_and_none_on_it():
    assert nights_of("EURUSD", 1) == [2, 0, 3, 1, 1, 0, 0]
    assert nights_of("EURUSD", 4) == [1, 1, 3, 2, 0, 0, 0]


def test_a_holiday_after_the_triple_day_adds_one_night_to_its_three():
    assert nights_of("EURUSD", 3) == [1, 1, 4, 0, 1, 0, 0]


def test_the_three_nights_of_a_holiday_on_the_triple_day_are_charged_the_day_before():
    assert nights_of("EURUSD", 2) == [1, 4, 0, 1, 1, 0, 0]
    assert nights_of("US500", 4) == [1, 1, 1, 4, 0, 0, 0]


def test_a_holiday_on_monday_is_charged_on_friday():
    assert nights_of("EURUSD", 7, days=14)[4:9] == [2, 0, 0, 0, 1]
    assert nights_of("US500", 7, days=14)[4:9] == [4, 0, 0, 0, 1]


def test_holidays_in_a_row_are_charged_on_the_last_day_before_them():
    easter = (4, 7)
    assert nights_of("EURUSD", *easter, days=14)[3:9] == [3, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("symbol", ["EURUSD", "US500", "WTI.F"])
@pytest.mark.parametrize("holidays", [(), (0,), (2,), (3, 4), (0, 2, 4), (4, 7, 8)])
def test_no_night_is_ever_lost_or_doubled(symbol, holidays):
    before = MONDAY - timedelta(days=3)
    closed = frozenset(MONDAY + timedelta(days=day) for day in holidays)
    days = [before + timedelta(days=day) for day in range(20)]
    usual = sum(nights(TERMS[symbol], day) for day in days)
    assert sum(nights(TERMS[symbol], day, closed) for day in days) == usual


def test_a_pair_rests_when_either_of_its_currencies_does():
    holidays = {"EUR": frozenset([date(2026, 5, 1)]), "GBP": frozenset([date(2026, 5, 4)])}
    assert holidays_of(TERMS["EURGBP"], holidays) == {date(2026, 5, 1), date(2026, 5, 4)}
    assert holidays_of(TERMS["EURUSD"], holidays) == {date(2026, 5, 1)}
    assert holidays_of(TERMS["USDCAD"], holidays) == frozenset()


def test_everything_else_rests_with_the_market_of_its_quote_and_crypto_never():
    holidays = load_holidays()
    assert holidays_of(TERMS["UK100"], holidays) == holidays["GBP"]
    assert holidays_of(TERMS["XAUEUR"], holidays) == holidays["EUR"]
    assert holidays_of(TERMS["BTCUSD"], holidays) == frozenset()


def test_the_shipped_holidays_are_trading_days_and_hold_easter():
    holidays = load_holidays()
    assert set(holidays) == {"USD", "EUR", "GBP", "JPY", "AUD"}
    assert all(day.weekday() < 5 for days in holidays.values() for day in days)
    assert {date(2026, 4, 3), date(2026, 4, 6)} <= holidays["EUR"] & holidays["GBP"]
    assert date(2026, 4, 3) in holidays["USD"]


def test_the_provider_charges_the_house_less_than_the_house_its_clients():
    instruments = [one for one in load_catalogue() if pays_swap(one)]
    for one, rates in zip(instruments, provider_rates(instruments), strict=True):
        assert rates.long > one.swap_long, one.symbol
        assert rates.short > one.swap_short, one.symbol
        assert rates.long + rates.short < 0.0, one.symbol


def test_a_provider_without_a_row_charges_what_the_clients_pay():
    strange = msgspec.structs.replace(TERMS["EURUSD"], symbol="EURUSD.x")
    assert provider_rates([strange]) == [(strange.swap_long, strange.swap_short)]


def test_what_has_no_swap_pays_none():
    without = {one.symbol for one in [*TERMS.values(), *load_venue_instruments()]}
    without -= {one.symbol for one in TERMS.values() if pays_swap(one)}
    assert without == {"WTI.F", "BTCUSDT", "ETHUSDT", "BTCUSD_PERP"}


def test_a_carry_is_the_better_side_that_earns_and_nothing_where_both_pay():
    pair = TERMS["USDTRY"]
    both_pay = msgspec.structs.replace(pair, swap_long=-3.0, swap_short=-1.0)
    index = msgspec.structs.replace(TERMS["US500"], swap_long=-7.0, swap_short=1.8)
    signs, amounts = carries([pair, both_pay, index], np.array([44.0, 44.0, 6_000.0]))
    assert signs.tolist() == [-1, 0, -1]
    assert amounts == pytest.approx([pair.swap_short * pair.point, 0.0, 6_000.0 * 1.8 / 36_000.0])
