"""The full refresh by other means: every account's floating profit from all positions and prices.

Each gets the book's columns once and may arrange them as it likes; then it gets prices and rates
and answers with one number per account. *Pre-netted* ones add positions up first, per account,
closing price and rate, so what they do per refresh is less than what a book that changes allows.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from dealing.bench.peers import Columns
from exposure.state import BY_CLOSE, SAME

Floats = NDArray[np.float64]
Refresh = Callable[[], Floats]

_SQL: Final = """
    select account, sum((a * close - b) * rate) as floating
    from positions join prices using (series) join rates using (conversion)
    group by account
"""


class Book:
    """Positions as ``(a x close - b) x rate``: units on their side, and what they were opened at.

    ``series`` is 2 x symbol, + 1 for shorts; ``conversion`` one number per rate: the account's own
    currency, one per pair, then 1 / close of each series.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        c, pairs = columns, len(columns.mid_rate)
        self.account, self.accounts = c.account.astype(np.int64), c.accounts
        self.series = 2 * c.symbol.astype(np.int64) + (c.side < 0.0)
        by_close = 1 + pairs + self.series
        kinds = [c.conversion == SAME, c.conversion == BY_CLOSE]
        self.conversion = np.select(kinds, [0, by_close], 1 + c.pair.astype(np.int64))
        self.a = c.side * c.lots * c.units
        self.b = self.a * c.open_price

    def prices(self) -> Floats:
        """Return the closing price of every series."""
        return np.column_stack([self.columns.bid, self.columns.ask]).ravel()

    def rates(self) -> Floats:
        """Return every rate."""
        prices = self.prices()
        inverse = np.divide(1.0, prices, out=np.zeros_like(prices), where=prices != 0.0)
        return np.concatenate([[1.0], self.columns.mid_rate, inverse])

    def frame(self) -> pl.DataFrame:
        """Return the positions as a table."""
        names = ("account", "series", "conversion", "a", "b")
        return pl.DataFrame({name: getattr(self, name) for name in names})

    def spread(self, accounts: Any, floating: Any) -> Floats:
        """Return a value for every account, whatever order they came in."""
        out = np.zeros(self.accounts)
        out[np.asarray(accounts)] = np.asarray(floating)
        return out


def with_numpy(book: Book) -> Refresh:
    """Return a refresh of whole columns and one bincount."""
    c = book.columns

    def refresh() -> Floats:
        sums: Floats = np.bincount(c.account, c.values(slice(None)), c.accounts).astype(np.float64)
        return sums

    return refresh


def with_pandas(book: Book) -> Refresh:
    """Return a refresh that looks prices and rates up and groups by account."""
    positions = book.frame().to_pandas() if find_spec("pyarrow") else _plain_frame(book)

    def refresh() -> Floats:
        close = positions["series"].map(pd.Series(book.prices()))
        rate = positions["conversion"].map(pd.Series(book.rates()))
        values = (positions["a"] * close - positions["b"]) * rate
        sums = values.groupby(positions["account"]).sum()
        return book.spread(sums.index, sums)

    return refresh


def with_polars(book: Book) -> Refresh:
    """Return a refresh that joins prices and rates and groups by account."""
    positions = book.frame().lazy()

    def refresh() -> Floats:
        value = (pl.col("a") * pl.col("close") - pl.col("b")) * pl.col("rate")
        sums = (
            positions.join(_table("series", "close", book.prices()).lazy(), on="series")
            .join(_table("conversion", "rate", book.rates()).lazy(), on="conversion")
            .group_by("account")
            .agg(value.sum().alias("floating"))
            .collect()
        )
        return book.spread(sums["account"], sums["floating"])

    return refresh


def with_polars_pre_netted(book: Book) -> Refresh:
    """Return a refresh of netted rows, gathering prices and rates instead of joining them."""
    netted = book.frame().group_by("account", "series", "conversion").agg(pl.col("a", "b").sum())
    netted = netted.sort("account").with_columns(pl.col("account").set_sorted())

    def refresh() -> Floats:
        close = pl.Series(book.prices()).gather(netted["series"])
        rate = pl.Series(book.rates()).gather(netted["conversion"])
        sums = (
            netted.lazy()
            .select("account", floating=(pl.col("a") * close - pl.col("b")) * rate)
            .group_by("account")
            .agg(pl.col("floating").sum())
            .collect()
        )
        return book.spread(sums["account"], sums["floating"])

    return refresh


def with_scipy(book: Book) -> Refresh:
    """Return a refresh of two sparse products, pre-netted by their nature."""
    sparse: Any = import_module("scipy.sparse")
    column, key = np.unique(
        np.column_stack([book.series, book.conversion]), axis=0, return_inverse=True
    )
    shape = (book.accounts, len(column))
    units, opened = (
        sparse.csr_matrix((values, (book.account, key.ravel())), shape)
        for values in (book.a, book.b)
    )

    def refresh() -> Floats:
        rate = book.rates()[column[:, 1]]
        floating: Floats = units @ (book.prices()[column[:, 0]] * rate) - opened @ rate
        return floating

    return refresh


def with_duckdb(book: Book) -> Refresh:
    """Return a refresh in SQL."""
    connection: Any = import_module("duckdb").connect()
    names = ("account", "series", "conversion", "a", "b")
    connection.register("held", {name: getattr(book, name) for name in names})
    connection.execute("create table positions as select * from held")

    def refresh() -> Floats:
        series, rates = book.prices(), book.rates()
        connection.register("prices", {"series": np.arange(len(series)), "close": series})
        connection.register("rates", {"conversion": np.arange(len(rates)), "rate": rates})
        sums = connection.execute(_SQL).fetchnumpy()
        return book.spread(sums["account"], sums["floating"])

    return refresh


REFRESHERS: Final[dict[str, tuple[str, Callable[[Book], Refresh]]]] = {
    "numpy": ("numpy", with_numpy),
    "pandas": ("pandas", with_pandas),
    "polars": ("polars", with_polars),
    "polars pre-netted": ("polars", with_polars_pre_netted),
    "scipy.sparse": ("scipy", with_scipy),
    "duckdb": ("duckdb", with_duckdb),
}
"""By name: the package it needs, and how it is set up."""


def _table(key: str, value: str, values: Floats) -> pl.DataFrame:
    return pl.DataFrame({key: np.arange(len(values)), value: values})


def _plain_frame(book: Book) -> pd.DataFrame:
    names = ("account", "series", "conversion", "a", "b")
    return pd.DataFrame({name: getattr(book, name) for name in names})
