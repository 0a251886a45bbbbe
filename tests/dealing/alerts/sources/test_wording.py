"""Figures in words: rounded for people, and never a failure."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.alerts.sources import flow, office_words, wording
from dealing.alerts.sources.wording import MINUS, facts, known, lots, money, percent, span, usd

ANYTHING = st.none() | st.floats()
SIZES = {"B": 1e9, "M": 1e6, "k": 1e3}


@pytest.mark.parametrize("module", [wording, flow, office_words])
def test_the_examples_hold(module):
    told = doctest.testmod(module)

    assert told.attempted
    assert not told.failed


@given(ANYTHING)
def test_nothing_breaks_the_words(value):
    for text in (usd(value), usd(value, sign=True), lots(value), percent(value), span(value)):
        assert text
        assert "nan" not in text
        assert "inf" not in text


@given(st.floats(min_value=-9.99e11, max_value=9.99e11))
def test_usd_are_within_half_a_percent_or_a_cent(value):
    text = usd(value).removesuffix(" USD").replace(MINUS, "-")
    number, _, size = text.partition(" ")

    assert abs(float(number) * SIZES.get(size, 1.0) - value) <= max(0.006 * abs(value), 0.006)


@given(ANYTHING)
def test_what_is_known_is_finite(value):
    assert abs(known(value)) < float("inf")


def test_hundreds_of_days_are_written_out():
    assert (span(86_400.0 * 120), span(119.0), span(7_140.0)) == ("120 days", "119 s", "119 min")


def test_facts_without_a_text_are_left_out():
    assert [one.name for one in facts(("A", "1"), ("B", ""))] == ["A"]


def test_money_without_a_currency_is_usd():
    assert (money(5.0, ""), money(None, "EUR")) == ("5 USD", "unknown")
