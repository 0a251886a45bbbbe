"""Before an event: who would be called if a symbol's margin were raised, and for how much.

Only margins change; prices and equity are those of the moment.
Source: desk.md (event pre-mortem); semantics.md section 4.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from exposure import kernels
from exposure.risk.shocks import CLASS_PREFIX, EVERYTHING
from exposure.risk.stop_outs import margin_levels
from exposure.risk.stress_book import StressBook
from exposure.state import BookArrays

Floats = NDArray[np.float64]

CHANGE_COLUMNS: Final = (
    "login", "client_id", "currency", "equity", "margin_before", "margin_after", "more_margin",
    "level_before", "level_after", "margin_call", "stop_out", "missing",
)  # fmt: skip


class MarginChange(NamedTuple):
    """A new rule for a symbol, an underlying, ``class:NAME`` or ``*``.

    ``leverage`` is the most that anybody gets from now on, open positions included (100 for 1:100);
    it means nothing where a mode has no leverage. ``times`` multiplies what is tied up.
    """

    target: str
    leverage: float | None = None
    times: float = 1.0


class MarginDemand(NamedTuple):
    """What a change asks for.

    ``accounts`` has CHANGE_COLUMNS, one row per account whose margin changes, money in its own
    currency; ``missing`` is what it lacks to its margin-call level. ``more_margin_usd`` leaves out
    currencies without a rate.
    """

    accounts: pl.DataFrame
    more_margin_usd: float
    margin_calls: int
    stop_outs: int


def margin_demand(book: StressBook, change: MarginChange) -> MarginDemand:
    """Return who would be called and how much margin would be asked.

    Calls and stop-outs are those that the change causes: accounts that were beyond are not counted.

    Raises:
        UnknownTargetError: The book has no such target.
    """
    margin = _margins(book, change)
    equity, before = book.now.equity, book.margin
    old, new = margin_levels(equity, before), margin_levels(equity, margin)
    tolerance = kernels.LEVEL_TOLERANCE
    call = (new <= book.margin_call_level + tolerance) & (old > book.margin_call_level + tolerance)
    out = (new <= book.stop_out_level + tolerance) & (old > book.stop_out_level + tolerance)
    columns = {
        "equity": equity,
        "margin_before": before,
        "margin_after": margin,
        "more_margin": margin - before,
        "level_before": old,
        "level_after": new,
        "margin_call": call,
        "stop_out": out,
        "missing": np.maximum(margin * book.margin_call_level / 100.0 - equity, 0.0),
    }
    frame = pl.DataFrame({k: (book.names | columns)[k] for k in CHANGE_COLUMNS})
    levels = pl.col("level_before", "level_after")
    frame = frame.with_columns(pl.when(levels.is_finite()).then(levels).otherwise(None))
    changed = frame.filter(np.abs(margin - before) > kernels.MONEY_TOLERANCE)
    usd = float(np.nansum((margin - before) * book.now.usd_rate))
    return MarginDemand(changed, usd, int(call.sum()), int(out.sum()))


def _margins(book: StressBook, change: MarginChange) -> Floats:
    symbols = _symbols(book, change.target)
    arrays = _changed(book, change, symbols)
    held = book.holdings
    rows = np.unique(held.account[np.isin(held.symbol, symbols)])
    legs, seen = np.zeros_like(book.book.legs), np.zeros_like(book.book.seen)
    kernels.refresh_margins(rows, arrays, legs, seen)
    return arrays.accounts.margin[: book.accounts].copy()


def _changed(book: StressBook, change: MarginChange, symbols: list[int]) -> BookArrays:
    """Return the tables with the new rule in copies of the columns that it changes."""
    arrays = book.book.arrays()
    p, tables = arrays.positions, arrays.leverage
    here = np.isin(p.symbol, symbols)
    per_lot = np.where(here, p.margin_per_lot * change.times, p.margin_per_lot)
    before = np.where(here, p.margin_before_leverage * change.times, p.margin_before_leverage)
    cap = tables.cap.copy()
    if change.leverage is not None:
        leveraged = [k for k in symbols if book.book.instruments[k].calc_mode.leveraged]
        here = np.isin(p.symbol, leveraged)
        per_lot = np.where(here, np.maximum(per_lot, before / change.leverage), per_lot)
        cap[:, leveraged] = np.minimum(cap[:, leveraged], change.leverage)
    return arrays._replace(
        positions=p._replace(margin_per_lot=per_lot, margin_before_leverage=before),
        accounts=arrays.accounts._replace(margin=arrays.accounts.margin.copy()),
        leverage=tables._replace(cap=cap),
    )


def _symbols(book: StressBook, target: str) -> list[int]:
    if target == EVERYTHING:
        return list(range(book.symbols))
    if target.startswith(CLASS_PREFIX):
        return book.targets.of_class(target.removeprefix(CLASS_PREFIX))
    return book.targets.symbols(target)
