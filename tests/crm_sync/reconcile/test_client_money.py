"""Client money: what is owed against what is held, one currency at a time."""

from collections import defaultdict

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.reconcile.client_money import CHECK, HELD, OWED, client_money_check
from exposure.errors import DataError
from tests.thorough import examples


def check(owed, held):
    texts_and_amount = (pl.String, pl.String, pl.Int64)
    frames = [
        pl.DataFrame(rows, dict(zip(names, texts_and_amount, strict=True)), orient="row")
        for names, rows in ((OWED, owed), (HELD, held))
    ]
    return client_money_check(*frames).rows()


def test_a_shortfall_and_an_excess_by_hand():
    owed = [("c1", "EUR", 700), ("c1", "EUR", 400), ("c2", "EUR", 50), ("c1", "USD", 10)]
    held = [("bank", "EUR", 900), ("psp", "EUR", 200), ("bank", "USD", 25)]
    assert check(owed, held) == [
        ("EUR", 1150, 0, 1100, 50, 0),
        ("USD", 10, 0, 25, 0, 15),
    ]


def test_one_clients_debt_is_not_paid_with_anothers_money():
    assert check([("c1", "USD", 100), ("c2", "USD", -30)], [("bank", "USD", 70)]) == [
        ("USD", 100, 30, 70, 30, 0)
    ]


def test_a_clients_own_accounts_are_set_off_against_each_other():
    assert check([("c1", "USD", 100), ("c1", "USD", -30)], [("bank", "USD", 70)]) == [
        ("USD", 70, 0, 70, 0, 0)
    ]


def test_a_currency_on_one_side_only_is_not_forgotten():
    assert check([("c1", "JPY", 5)], [("bank", "CHF", 7)]) == [
        ("CHF", 0, 0, 7, 0, 7),
        ("JPY", 5, 0, 0, 5, 0),
    ]
    assert check([], []) == []


_CURRENCIES = st.sampled_from(["USD", "EUR", "JPY"])
_AMOUNTS = st.integers(-(10**12), 10**12)


@examples(30)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), _CURRENCIES, _AMOUNTS)),
    st.lists(st.tuples(st.just("bank"), _CURRENCIES, _AMOUNTS)),
)
def test_the_check_is_the_plain_sum(owed, held):
    clients, places = defaultdict(int), defaultdict(int)
    for client, currency, amount in owed:
        clients[currency, client] += amount
    for _, currency, amount in held:
        places[currency] += amount
    expected = []
    for currency in sorted({key[0] for key in clients} | set(places)):
        mine = [amount for key, amount in clients.items() if key[0] == currency]
        due, debts = sum(a for a in mine if a > 0), -sum(a for a in mine if a < 0)
        off = places[currency] - due
        row = (currency, due, debts, places[currency], max(-off, 0), max(off, 0))
        expected.append(row)
    assert check(owed, held) == expected


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match="what is held has no column place and no column currency"):
        client_money_check(
            pl.DataFrame(schema=dict.fromkeys(OWED, pl.Int64)), pl.DataFrame({HELD[2]: [1]})
        )
    assert len(CHECK) == 6
