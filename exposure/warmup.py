"""Compile every kernel once, so that the first start after an installation is not the slow one."""

from __future__ import annotations

import numpy as np

from exposure.engine import ExposureEngine
from exposure.kernels import refresh_margins
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import (
    AccountChanged,
    ClockTicked,
    DealExecuted,
    EventBatch,
    InputEvent,
    InstrumentDefined,
    PositionRestored,
    QuoteReceived,
)
from exposure.model.ids import ClientId, Currency, Login, Symbol
from exposure.model.instruments import CalcMode, Instrument
from exposure.risk.factors import INTERVAL_NS


def compile_kernels() -> None:
    """Run the smallest day that reaches every compiled function; numba keeps them on disk."""
    euro = Instrument(
        symbol=Symbol("EURUSD"),
        asset_class="fx",
        base=Currency("EUR"),
        quote=Currency("USD"),
        contract_size=100_000.0,
        digits=5,
        calc_mode=CalcMode.FOREX,
    )
    account = Account(
        login=Login("1"),
        client_id=ClientId("1"),
        currency=Currency("USD"),
        balance=1_000.0,
        leverage=100.0,
        book=Book.B,
    )
    events: list[InputEvent] = [
        InstrumentDefined(1, euro),
        AccountChanged(1, account),
        PositionRestored(1, "1", "1", "EURUSD", "buy", 0.1, 1.1),
        QuoteReceived(2, "EURUSD", 1.1, 1.1001),
        DealExecuted(3, "1", "1", "2", "EURUSD", "buy", "in", 0.1, 1.1001),
        ClockTicked(4),
        QuoteReceived(5, "EURUSD", 1.2, 1.2001),
        ClockTicked(INTERVAL_NS),
    ]
    engine = ExposureEngine()
    engine.apply(EventBatch(len(events), 0, events))
    engine.snapshot()
    book = engine.book
    refresh_margins(np.zeros(1, np.int32), book.arrays(), book.legs, book.seen)
