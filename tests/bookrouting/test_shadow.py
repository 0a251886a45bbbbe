"""Two sets of books judged by the same results."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bookrouting.shadow import HOUR_NS, MOST_HOURS, Brought, ShadowBook, hourly_sd, whole_hours

MONEY = st.floats(-1e6, 1e6)
RATIO = st.floats(0.0, 1.0)


def brought(kept, passed=None, volume=None, cost=0.0):
    rows = len(kept)
    zeros = np.zeros(rows)
    return Brought(
        np.array(kept, float),
        zeros if passed is None else np.array(passed, float),
        zeros if volume is None else np.array(volume, float),
        np.full(rows, cost),
    )


def at(*ratios):
    return np.array(ratios, float)


def test_hedging_a_winner_saves_what_he_wins_and_earns_his_markup_less_the_cost():
    book = ShadowBook()
    book.mark(HOUR_NS, brought([100.0], [10.0], [0.0]), at(0.0), at(0.0))
    # he wins 70, pays 4 of markup, and trades 2 millions at 2.50 each
    book.mark(HOUR_NS + 1, brought([30.0], [14.0], [2e6], cost=2.5), at(0.0), at(1.0))
    assert book.actual_usd == pytest.approx(-70.0)
    assert book.shadow_usd == pytest.approx(4.0 - 5.0)
    assert book.difference_usd == pytest.approx(69.0)
    assert book.difference_by_client.tolist() == pytest.approx([69.0])


def test_what_was_before_the_first_mark_is_nobodys():
    book = ShadowBook()
    book.mark(HOUR_NS, brought([1e6, 5.0]), at(0.0, 0.0), at(1.0, 1.0))
    assert (book.actual_usd, book.shadow_usd, book.difference_usd) == (0.0, 0.0, 0.0)


def test_who_comes_later_begins_at_nothing():
    book = ShadowBook()
    book.mark(HOUR_NS, brought([5.0]), at(0.0), at(0.0))
    book.mark(HOUR_NS + 1, brought([5.0, -8.0]), at(0.0, 0.0), at(0.0, 1.0))
    assert (book.actual_usd, book.shadow_usd) == (-8.0, 0.0)
    assert book.difference_by_client.tolist() == [0.0, 8.0]


@given(st.data(), st.integers(1, 5))
def test_the_same_books_make_a_difference_of_exactly_nothing(data, marks):
    book = ShadowBook()
    for k in range(marks):
        kept, passed, volume, ratio = (data.draw(arrays(float, 3, elements=one)) for one in
                                       (MONEY, MONEY, MONEY, RATIO))  # fmt: skip
        book.mark((k + 1) * HOUR_NS, brought(kept, passed, volume, 3.0), ratio, ratio.copy())
    assert book.difference_usd == 0.0
    assert book.shadow_usd == book.actual_usd
    assert not book.difference_by_client.any()


@given(st.lists(st.tuples(MONEY, MONEY), min_size=2, max_size=8), RATIO, RATIO)
def test_the_difference_is_the_sum_of_hours_and_of_clients(levels, actual, shadow):
    book = ShadowBook()
    for k, level in enumerate(levels):
        book.mark((k + 1) * HOUR_NS // 2, brought(level), at(actual, actual), at(shadow, actual))
    hours = sum(hour.difference_usd for hour in book.hours)
    assert hours == pytest.approx(book.difference_usd, abs=1e-6)
    assert book.difference_by_client.sum() == pytest.approx(book.difference_usd, abs=1e-6)
    change = levels[-1][0] - levels[0][0]
    assert book.difference_usd == pytest.approx((actual - shadow) * change, abs=1e-5)


def test_it_is_saved_and_restored_to_the_bit():
    book = ShadowBook()
    for k in range(1, 5):
        book.mark(k * HOUR_NS, brought([3.3 * k, -k]), at(0.0, 0.3), at(1.0, 0.3))
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(book.export()))
    again = ShadowBook.restored(kept)
    for one in (book, again):
        one.mark(9 * HOUR_NS, brought([1.0, 2.0, 7.0]), at(0.0, 0.3, 0.0), at(1.0, 0.3, 1.0))
    assert again.export() == book.export()
    assert again.difference_usd == book.difference_usd != 0.0


def test_hours_are_bounded_and_the_totals_are_not():
    book = ShadowBook()
    for k in range(MOST_HOURS + 10):
        book.mark((k + 1) * HOUR_NS, brought([float(k)]), at(0.0), at(1.0))
    assert len(book.hours) == MOST_HOURS
    assert book.difference_usd == -(MOST_HOURS + 9.0)


def test_a_clock_that_goes_back_books_into_the_hour_that_runs():
    book = ShadowBook()
    for hour, level in ((5, 0.0), (6, 1.0), (4, 3.0)):
        book.mark(hour * HOUR_NS, brought([level]), at(0.0), at(1.0))
    assert [hour.hour for hour in book.hours] == [5, 6]
    assert book.hours[-1].actual_usd == 3.0
    assert book.marked_ns == 6 * HOUR_NS


def test_risk_is_that_of_whole_hours():
    book = ShadowBook()
    for k, level in enumerate([0.0, 1.0, 4.0, 9.0, 1000.0]):
        book.mark((k + 1) * HOUR_NS, brought([level]), at(0.0), at(1.0))
    results = [hour.actual_usd for hour in whole_hours(book.hours)]
    assert results == [1.0, 3.0, 5.0]
    assert hourly_sd(results) == pytest.approx(2.0)
    assert hourly_sd(results[:1]) is None
