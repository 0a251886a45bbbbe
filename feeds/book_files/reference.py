"""The fast reference price at each deal, from another provider's quotes.

A quote that is older than ten seconds says nothing about a fill. Source: science.md section 1.1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from feeds.book_files.read import Quotes, Table

OLDEST_NS: Final = 10_000_000_000

_NAME: Final = "reference_mid"


def with_reference(deals: Table, reference: Quotes) -> Table:
    """Return the deals with the reference mid at their time, where they do not say it."""
    rows = deals.rows
    found = _mids(rows.values["symbol"].to_list(), rows.times[rows.usable], reference)
    column = pl.Series(_NAME, found).fill_nan(None)
    if _NAME in rows.values.columns:
        column = rows.values[_NAME].fill_null(column)
    return deals._replace(rows=rows._replace(values=rows.values.with_columns(column.alias(_NAME))))


def _mids(symbols: list[str], times: NDArray[np.int64], reference: Quotes) -> NDArray[np.float64]:
    """Return the latest reference mid at each time, NaN where there is none or it is too old."""
    rows = reference.table.rows
    values, seen = rows.values, np.maximum.accumulate(rows.times[rows.usable])
    bid, ask = values["bid"].to_numpy(), values["ask"].to_numpy()
    sound, quoted = (bid > 0.0) & (ask > 0.0), values["symbol"].to_numpy()
    codes = {symbol: code for code, symbol in enumerate(reference.symbols)}
    wanted = np.array([codes.get(symbol, -1) for symbol in symbols], np.int64)
    out = np.full(len(symbols), np.nan)
    for code in np.unique(wanted[wanted >= 0]).tolist():
        mine, theirs = np.flatnonzero(wanted == code), np.flatnonzero((quoted == code) & sound)
        if not len(theirs):
            continue
        at = np.searchsorted(seen[theirs], times[mine], side="right") - 1
        quote = theirs[np.maximum(at, 0)]
        fresh = (at >= 0) & (times[mine] - seen[quote] <= OLDEST_NS)
        out[mine] = np.where(fresh, (bid[quote] + ask[quote]) / 2.0, np.nan)
    return out
