"""Compile every kernel of the cores once, so that the first start is not the slow one."""

from __future__ import annotations

import numpy as np

from bookrouting.flow_book import FlowBook
from bookrouting.flow_clusters import look
from bookrouting.flow_findings import findings_of
from bookrouting.flow_habits import crowd_of
from bookrouting.flow_view import FlowView
from exposure.model.events import DealExecuted
from exposure.model.ids import Currency, Symbol
from exposure.model.instruments import CalcMode, Instrument
from exposure.model.quotes import QuoteColumns
from exposure.warmup import compile_kernels as compile_exposure


def compile_kernels() -> None:
    """Run the smallest days that reach every compiled function; numba keeps them on disk."""
    compile_exposure()
    book = FlowBook()
    book.add_instrument(
        Instrument(
            symbol=Symbol("EURUSD"),
            asset_class="fx",
            base=Currency("EUR"),
            quote=Currency("USD"),
            contract_size=100_000.0,
            digits=5,
            calc_mode=CalcMode.FOREX,
        )
    )
    book.apply_quotes(_quotes(1))
    for k, (entry, side) in enumerate((("in", "buy"), ("out", "sell"))):
        book.apply_deal(DealExecuted(2, str(k), "1", "1", "EURUSD", side, entry, 0.1, 1.1, swap=k))
    book.apply_quotes(_quotes(10**13))
    book.finish()
    view = FlowView(book)
    view.scores()
    view.drift()
    look(book.trades.fills())
    findings_of(book, 0, crowd_of(book, ()))
    book.forget(10**13, 0)


def _quotes(ts: int) -> QuoteColumns:
    return QuoteColumns(
        np.zeros(1, np.int32), np.array([1.1]), np.array([1.1001]), np.array([ts], np.int64)
    )
