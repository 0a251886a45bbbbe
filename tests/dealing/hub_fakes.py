"""The desk's two ports without an engine: frames and answers that a test writes down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from dealing.flow.ports import ShadowClient, ShadowTold
from dealing.ports import BookTaken, EngineFrame
from exposure.account_books import AccountBooks, BookPlace
from exposure.account_terms import AccountTerms, DecidedBy, SymbolLeverage
from exposure.engine import ExposureEngine
from exposure.errors import DomainError
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import BreakFound, LimitBreached, MarginLevelCrossed
from exposure.revenue import RevenueRow
from exposure.risk.book_copy import copy_of
from exposure.snapshot import CovarianceSource, CurrencyRow, HouseRow, RiskFigures, Snapshot

RISK = RiskFigures(
    var_usd=2.32635,
    es_usd=2.3378,
    fat_tailed_var_usd=2.64949,
    fat_tailed_es_usd=2.82387,
    hour_var_usd=0.474864,
    sd_usd=1.0,
    source=CovarianceSource.PRIOR,
    prior_weight_ratio=1.0,
    observations=0,
    sampled_at=0,
    unpriced_symbols=0,
)
"""What a desk is told of a book whose day has a standard deviation of one USD."""


SHADOW = ShadowTold(
    policy="made v1",
    begun_at=1,
    as_of=2,
    actual_usd=3.0,
    shadow_usd=4.5,
    difference_usd=1.5,
    difference_low_usd=None,
    difference_high_usd=None,
    is_proven=False,
    hours=1,
    actual_hourly_sd_usd=None,
    shadow_hourly_sd_usd=None,
    clients=2,
    elsewhere=1,
    moves=1,
    rows=[
        ShadowClient(
            client_id="C1",
            book="B",
            hedge_ratio=0.0,
            shadow_book="A",
            shadow_hedge_ratio=1.0,
            difference_usd=1.5,
        )
    ],
    decisions=[{"entity": "C1", "reasons": ["he wins"]}],
)
"""What a desk is told of a second policy that moved one client."""


class MemorySnapshotSource:
    """A SnapshotSource to which the test gives frames."""

    def __init__(self) -> None:
        self._latest: EngineFrame | None = None
        self._arrived = asyncio.Event()

    def give(self, frame: EngineFrame) -> None:
        self._latest = frame
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()

    def latest(self) -> EngineFrame | None:
        return self._latest

    async def next(self, after: EngineFrame | None) -> EngineFrame:
        while self._latest is None or self._latest is after:
            await self._arrived.wait()
        return self._latest


class MemoryBookQueries:
    """BookQueries over a list of rows (login, symbol, lots)."""

    def __init__(self, rows: list[tuple[str, str, float]]) -> None:
        self._rows = pl.DataFrame(rows, schema=["login", "symbol", "lots"], orient="row")

    async def positions_of_symbol(self, symbol: str, limit: int) -> pl.DataFrame:
        found = self._rows.filter(pl.col("symbol") == symbol)
        if found.is_empty():
            raise DomainError(f"symbol {symbol} is not known here")
        return found.sort("lots", descending=True).head(limit)

    async def positions_of_account(self, login: str) -> pl.DataFrame:
        found = self._rows.filter(pl.col("login") == login)
        if found.is_empty():
            raise DomainError(f"login {login} is not known here")
        return found

    async def terms_of_account(self, login: str) -> AccountTerms:
        found = await self.positions_of_account(login)
        account = Account(
            login=login, client_id="C1", currency="USD", balance=0.0, leverage=500.0, book=Book.B
        )
        symbols = found["symbol"].to_list()
        held = [SymbolLeverage(symbol, 30.0, DecidedBy.CAP) for symbol in symbols]
        return AccountTerms(account, held)

    async def books_of(self, logins: Sequence[str], clients: Sequence[str]) -> list[AccountBooks]:
        known = [login for login in logins if login in self._rows["login"].to_list()]
        exceptions = (BookPlace("C", 0.25, "XAUUSD"),)
        return [
            AccountBooks(login, "C1", BookPlace("B", 0.0), exceptions, 2, 1_000.0, len(clients))
            for login in known
        ]

    async def clusters(self) -> list[dict[str, Any]]:
        return [{"id": "copy-1", "members": ["C1", "C2"], "client_edge_low": None, "n": 3}]

    async def book_copy(self) -> BookTaken:
        return BookTaken(copy=copy_of(ExposureEngine()), taken_at=7, took_ms=1.5)

    async def shadow(self) -> ShadowTold:
        return SHADOW


def frame(number: int, accounts: int = 2) -> EngineFrame:
    """Return a frame that is recognised by its number."""
    snapshot = Snapshot(
        as_of=number * 1_000,
        position=number,
        reporting_currency="USD",
        counters={"quotes": number},
        accounts=pl.DataFrame(
            {
                "login": [str(1000 + i) for i in range(accounts)],
                "margin_level": [None if i % 2 else 100.0 + number for i in range(accounts)],
            }
        ),
        exposure=pl.DataFrame({"symbol": ["EURUSD"], "mid": [float("nan")]}),
        lp_positions=pl.DataFrame({"lp": ["LP1"], "lots": [2.0]}),
        limits=pl.DataFrame({"scope": ["symbol"], "used_ratio": [None]}),
        revenue=[RevenueRow("EURUSD", "A", "MARKUP", 7.0)],
        booked_usd=7.0,
        currencies=[CurrencyRow("EUR", np.float64(1.5), None)],
        house=HouseRow(1.0, 2.0, 3.0, 4.0, 5.0),
        risk=RISK,
        crossings=[
            MarginLevelCrossed(ts_event=1, position=2, login="1000", kind="stop_out", level=None)
        ],
        breaches=[LimitBreached(1, 2, "symbol", "EURUSD", "soft", 9.0, 8.0)],
        breaks=[BreakFound(ts_event=-1, position=3, kind="overclose", reason="too much")],
    )
    return EngineFrame(
        sent_at=number,
        snapshot=snapshot,
        market="simulated",
        speed=1.0,
        quotes_per_s=10.0,
        deals_per_s=0.5,
        components=[],
    )
