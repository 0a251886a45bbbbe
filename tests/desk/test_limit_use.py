"""The grid's limit is the one in force: what is alerted is what the row says."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
import pytest

from dealing.desk.limit_use import limit_use
from dealing.desk.rows import View, book
from exposure.limits import NOTHING_ALLOWED, Scope
from exposure.snapshot import LIMIT_COLUMNS

TYPES = [pl.String, pl.String, *[pl.Float64] * 4, pl.String]


def limits(*rows):
    schema = dict(zip(LIMIT_COLUMNS, TYPES, strict=True))
    return pl.DataFrame([(*row, "ok") for row in rows], schema, orient="row")


def used(snapshot, view, name, *rows, column="limit_used"):
    rows = book(msgspec.structs.replace(snapshot, limits=limits(*rows)), "USD").views[view]
    return rows.columns[column][rows.names.index(name)]


def size(snapshot, view, name, *rows):
    return used(snapshot, view, name, *rows, column="limit_value")


SYMBOL = (Scope.SYMBOL, "EURUSD", None, 1e6, 5e6, 5.0)


def test_a_configured_limit_is_the_rows_limit_and_not_the_instruments(snapshot):
    assert used(snapshot, View.SYMBOL, "EURUSD", SYMBOL) == 5.0
    assert np.isnan(used(snapshot, View.SYMBOL, "USDJPY", SYMBOL))


def test_a_group_shows_the_most_used_limit_of_its_own_and_of_what_is_in_it(snapshot):
    whole = (Scope.UNDERLYING, "EURUSD", None, 1e6, 7e6, 7.0)
    fx = (Scope.ASSET_CLASS, "fx", 1e6, None, 9e6, 9.0)
    assert used(snapshot, View.UNDERLYING, "EURUSD", SYMBOL) == 5.0
    assert used(snapshot, View.UNDERLYING, "EURUSD", SYMBOL, whole) == 7.0
    assert used(snapshot, View.ASSET_CLASS, "fx", SYMBOL, whole) == 7.0
    assert used(snapshot, View.ASSET_CLASS, "fx", SYMBOL, whole, fx) == 9.0


def test_use_and_size_of_a_group_are_of_the_same_limit(snapshot):
    whole = (Scope.UNDERLYING, "EURUSD", None, 7e6, 5e6, 0.7)
    assert size(snapshot, View.UNDERLYING, "EURUSD", SYMBOL, whole) == 1e6
    more = (Scope.UNDERLYING, "EURUSD", None, 0.5e6, 5e6, 10.0)
    assert size(snapshot, View.UNDERLYING, "EURUSD", SYMBOL, more) == 0.5e6
    assert size(snapshot, View.UNDERLYING, "EURUSD", whole) == 7e6
    assert np.isnan(size(snapshot, View.UNDERLYING, "USDJPY", SYMBOL))


def test_of_a_limit_of_nothing_whatever_is_held_is_far_too_much(snapshot):
    none = (Scope.SYMBOL, "EURUSD", None, 0.0, 5.0, None)
    assert used(snapshot, View.SYMBOL, "EURUSD", none) == NOTHING_ALLOWED
    flat = (Scope.SYMBOL, "EURUSD", None, 0.0, 0.0, None)
    assert np.isnan(used(snapshot, View.SYMBOL, "EURUSD", flat))


def test_a_limit_on_something_without_a_price_is_not_known_to_be_kept(snapshot):
    blind = (Scope.SYMBOL, "EURUSD", None, 1e6, None, None)
    assert np.isnan(used(snapshot, View.SYMBOL, "EURUSD", blind))


def test_the_size_is_that_of_the_hard_limit_else_of_the_soft_one():
    told = limit_use(limits(SYMBOL, (Scope.SYMBOL, "XAUUSD", 2e6, None, 1e6, 0.5)))
    assert told.most_usd_of(Scope.SYMBOL, ["EURUSD", "XAUUSD", "DE40"]) == pytest.approx(
        [1e6, 2e6, np.nan], nan_ok=True
    )
