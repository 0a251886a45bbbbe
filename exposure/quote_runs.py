"""Quotes that follow each other without another event between them, as columns for the kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from exposure.model.events import InputEvent, QuoteReceived, has_time
from exposure.model.quotes import QuoteColumns


def quote_run(events: Sequence[InputEvent], begin: int) -> list[QuoteReceived]:
    """Return the quotes from ``begin`` up to the next event that is none, or has no usable time."""
    run: list[QuoteReceived] = []
    for k in range(begin, len(events)):
        event = events[k]
        if not isinstance(event, QuoteReceived) or not has_time(event):
            break
        run.append(event)
    return run


def columns_of(run: Sequence[QuoteReceived], symbol_of: Mapping[str, int]) -> QuoteColumns:
    """Return quotes as columns; a symbol that is not in ``symbol_of`` has index -1."""
    return QuoteColumns(
        np.array([symbol_of.get(quote.symbol, -1) for quote in run], np.int32),
        np.array([quote.bid for quote in run], np.float64),
        np.array([quote.ask for quote in run], np.float64),
        np.array([quote.ts_event for quote in run], np.int64),
    )
