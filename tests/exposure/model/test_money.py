"""Money is exact, has one currency, and no truth value."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure.errors import CurrencyMismatchError
from exposure.model.money import Money, minor_digits

amounts = st.integers(-(10**15), 10**15)


@given(amounts, amounts)
def test_what_is_added_can_be_taken_away(a, b):
    assert Money(a, "USD") + Money(b, "USD") - Money(b, "USD") == Money(a, "USD")


@given(st.decimals(-(10**9), 10**9, places=3))
def test_an_amount_is_rounded_half_even_to_the_smallest_coin(amount):
    assert abs(Money.of(amount, "EUR").amount - amount) <= Decimal("0.005")
    assert Money.of(amount, "KWD").amount == amount


def test_yen_have_no_cents():
    assert Money.of("1250.5", "JPY") == Money(1250, "JPY")


def test_two_currencies_do_not_mix():
    with pytest.raises(CurrencyMismatchError, match="cannot combine USD and EUR"):
        Money(1, "USD") + Money(1, "EUR")


def test_money_is_never_true_or_false():
    with pytest.raises(TypeError, match="no truth value"):
        bool(Money(0, "USD"))


DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AUD CHF CNY CZK EUR GBP HUF IDR MGA MRU MXN PLN TRY USD ZAR",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""ISO 4217, list one: every currency whose smallest coin is no hundredth, and some others."""


@pytest.mark.parametrize(
    ("currency", "digits"),
    [(currency, digits) for digits, named in DIGITS.items() for currency in named.split()],
)
def test_currencies_have_the_decimals_of_iso_4217(currency, digits):
    assert minor_digits(currency) == digits
    assert Money.of("7", currency).minor == 7 * 10**digits
    assert Money.of("7", currency).amount == 7
