"""The gap engine: what is left of every account, and of the house, after prices have jumped.

Prices jump, positions are valued at the new ones, the platform stops accounts out at these very
prices, and what an account then owes beyond its equity is lost to the house. Against a client the
house therefore gains at most the client's equity and loses without end.
Source: science.md section 5 (gap engine, client option); semantics.md sections 7 and 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from exposure.kernels import MONEY_TOLERANCE
from exposure.rates import house_rates
from exposure.risk.shocks import Shock
from exposure.risk.stop_outs import (
    StopOutOrder,
    StopOuts,
    is_stopped_out,
    margin_levels,
    stop_outs,
)
from exposure.risk.stress_book import StressBook, Valuation
from exposure.state import PriceArrays

Floats = NDArray[np.float64]

ACCOUNT_COLUMNS: Final = (
    "login", "client_id", "currency", "book", "equity_before", "equity_after", "level_before",
    "level_after", "deficit", "deficit_usd", "stopped_out", "closed_lots", "margin_left",
    "unpriced_positions", "house_a_usd", "house_b_usd", "cost_usd",
)  # fmt: skip
SYMBOL_COLUMNS: Final = (
    "symbol", "bid_before", "ask_before", "bid", "ask", "move_percent", "house_net_lots_before",
    "closed_long_lots", "closed_short_lots", "house_net_lots", "house_net_usd",
)  # fmt: skip


class HouseStress(NamedTuple):
    """What the house gains (+) or loses (-) by a shock, in USD.

    ``a_usd`` and ``b_usd`` are against the clients of each book (book C is split by its ratio),
    capped at their equity; ``hedge_usd`` is at the providers, who are paid in full. ``deficit_*``
    is what the caps cost: negative balances written off, positive.
    """

    a_usd: float
    b_usd: float
    hedge_usd: float
    deficit_a_usd: float
    deficit_b_usd: float

    @property
    def total_usd(self) -> float:
        """All three together."""
        return self.a_usd + self.b_usd + self.hedge_usd


class ClientStress(NamedTuple):
    """The same client by client, before it is added up. Shapes: (accounts,)."""

    deficit: Floats
    a_usd: Floats
    b_usd: Floats
    deficit_a_usd: Floats
    deficit_b_usd: Floats


class StressLine(NamedTuple):
    """A shock in one line; ``deficits_usd`` is everything that accounts owe afterwards."""

    house: HouseStress
    stopped_out: int
    deficits_usd: float


class StressResult(NamedTuple):
    """What a shock came to.

    ``accounts`` has ACCOUNT_COLUMNS, one row per login; ``symbols`` SYMBOL_COLUMNS, one row per
    symbol. Money in account currency unless ``_usd``.
    """

    house: HouseStress
    accounts: pl.DataFrame
    symbols: pl.DataFrame
    notes: list[str]
    after: Valuation


def stress(
    book: StressBook,
    shocks: Sequence[Shock],
    order: StopOutOrder = StopOutOrder.METATRADER,
) -> StressResult:
    """Return what shocks do to every account and to the house.

    Args:
        book: The book at this moment.
        shocks: What moves; none leaves everything as it is.
        order: What the platform closes first.

    Raises:
        UnknownTargetError: A shock names nothing that the book has.
    """
    shocked = book.shocked(list(shocks))
    after = book.valued(shocked.prices)
    clients = client_stress(book, after)
    closed = stop_outs(book, after, order)
    notes = shocked.notes + _missing(book, after)
    return StressResult(
        house_stress(book, after, clients),
        _accounts(book, after, clients, closed),
        symbols_after(book, after.prices, closed.left_ratio),
        notes,
        after,
    )


def stress_line(book: StressBook, shocks: Sequence[Shock]) -> StressLine:
    """Return what shocks come to in one line, without closing anything.

    Raises:
        UnknownTargetError: A shock names nothing that the book has.
    """
    after = book.valued(book.shocked(list(shocks)).prices)
    clients = client_stress(book, after)
    beyond = is_stopped_out(book, after.equity)
    deficits_usd = float(np.nan_to_num(clients.deficit * after.usd_rate).sum())
    return StressLine(house_stress(book, after, clients), int(beyond.sum()), deficits_usd)


def house_loss_usd(book: StressBook, shocks: Sequence[Shock]) -> float:
    """Return what the house loses by shocks (a gain is negative), without who and where."""
    after = book.valued(book.shocked(list(shocks)).prices)
    return -house_stress(book, after, client_stress(book, after)).total_usd


def client_stress(book: StressBook, after: Valuation) -> ClientStress:
    """Return what the house gains and loses against every client.

    A client's loss reaches the house up to its equity; what is missing is shared by the books in
    the proportion in which their positions lost.
    """
    held, count = book.holdings, book.accounts
    lost = book.now.value_usd - after.value_usd
    lost_a = np.bincount(held.account, held.hedge_ratio * lost, count)
    lost_b = np.bincount(held.account, (1.0 - held.hedge_ratio) * lost, count)
    deficit = _deficits(after.equity)
    more = np.nan_to_num((deficit - _deficits(book.now.equity)) * after.usd_rate, nan=0.0)
    cause_a = np.maximum(np.sign(more) * lost_a, 0.0)
    cause_b = np.maximum(np.sign(more) * lost_b, 0.0)
    both = cause_a + cause_b
    share_a = np.divide(cause_a, both, out=np.zeros(count), where=both > 0.0)
    more_a = more * share_a
    more_b = more - more_a
    return ClientStress(deficit, lost_a - more_a, lost_b - more_b, more_a, more_b)


def house_stress(book: StressBook, after: Valuation, clients: ClientStress) -> HouseStress:
    """Add up what the house gains and loses."""
    return HouseStress(
        float(clients.a_usd.sum()),
        float(clients.b_usd.sum()),
        float((after.lp_usd - book.now.lp_usd).sum()),
        float(clients.deficit_a_usd.sum()),
        float(clients.deficit_b_usd.sum()),
    )


def symbols_after(book: StressBook, prices: PriceArrays, left_ratio: Floats) -> pl.DataFrame:
    """Return prices before and after, what was closed and what the house holds then.

    Shapes: left_ratio (positions,) -> SYMBOL_COLUMNS, one row per symbol.
    """
    n, held, old = book.symbols, book.holdings, book.book.prices
    closed = held.signed_lots * (1.0 - left_ratio)
    quoted = old.quoted[:n]
    before, after = _sides(old, n), _sides(prices, n)
    mid = np.where(quoted & (before[0] + before[1] != 0.0), before[0] + before[1], np.nan)
    left = book.house_net_lots(left_ratio)
    columns: dict[str, object] = {
        "symbol": [str(one.symbol) for one in book.book.instruments],
        "bid_before": before[0],
        "ask_before": before[1],
        "bid": after[0],
        "ask": after[1],
        "move_percent": ((after[0] + after[1]) / mid - 1.0) * 100.0,
        "house_net_lots_before": book.house_net_lots(),
        "closed_long_lots": np.bincount(held.symbol, np.maximum(closed, 0.0), n),
        "closed_short_lots": np.bincount(held.symbol, np.maximum(-closed, 0.0), n),
        "house_net_lots": left,
        "house_net_usd": left * book.usd_per_lot(prices),
    }
    return _frame(columns, SYMBOL_COLUMNS)


def _accounts(
    book: StressBook, after: Valuation, clients: ClientStress, closed: StopOuts
) -> pl.DataFrame:
    held = book.holdings
    lots = np.abs(held.signed_lots) * (1.0 - closed.left_ratio)
    unpriced = np.isnan(after.value).astype(np.float64)
    columns: dict[str, object] = {
        "equity_before": book.now.equity,
        "equity_after": after.equity,
        "level_before": margin_levels(book.now.equity, book.margin),
        "level_after": margin_levels(after.equity, book.margin),
        "deficit": clients.deficit,
        "deficit_usd": clients.deficit * after.usd_rate,
        "stopped_out": closed.stopped_out,
        "closed_lots": np.bincount(held.account, lots, book.accounts),
        "margin_left": closed.margin,
        "unpriced_positions": np.bincount(held.account, unpriced, book.accounts).astype(np.int64),
        "house_a_usd": clients.a_usd,
        "house_b_usd": clients.b_usd,
        "cost_usd": clients.deficit_a_usd - clients.b_usd,
    }
    return _frame({**book.names, **columns}, ACCOUNT_COLUMNS)


def _deficits(equity: Floats) -> Floats:
    deficits: Floats = np.where(equity < -MONEY_TOLERANCE, -equity, 0.0)
    return deficits


def _missing(book: StressBook, after: Valuation) -> list[str]:
    """Return a sentence for each kind of money that is in no figure."""
    notes = []
    held, lp, quoted = book.holdings.symbol, book.providers.symbol, after.prices.quoted
    unpriced = np.isnan(after.value)
    if unpriced.any():
        names = _names(book, held[unpriced])
        notes.append(f"positions without a price or rate are left out ({unpriced.sum()}): {names}")
    if not quoted[lp].all():
        names = _names(book, lp[~quoted[lp]])
        notes.append(f"providers' positions without a price are left out: {names}")
    rates = house_rates(book.book.rates, after.prices, book.book.instruments)
    both = np.union1d(held, lp)
    without = both[np.isnan(rates[both]) & quoted[both]]
    if len(without):
        notes.append(f"no rate to USD: {_names(book, without)} is in no USD figure")
    unknown = int((np.isnan(after.usd_rate) & (_deficits(after.equity) > 0.0)).sum())
    if unknown:
        notes.append(f"no rate to USD: deficits of accounts ({unknown}) are in no USD figure")
    return notes


def _names(book: StressBook, symbols: NDArray[np.integer]) -> str:
    return ", ".join(str(book.book.instruments[k].symbol) for k in np.unique(symbols).tolist())


def _sides(prices: PriceArrays, count: int) -> tuple[Floats, Floats]:
    quoted = prices.quoted[:count]
    bid = np.where(quoted, prices.bid[:count], np.nan)
    return bid, np.where(quoted, prices.ask[:count], np.nan)


def _frame(columns: dict[str, object], order: tuple[str, ...]) -> pl.DataFrame:
    frame = pl.DataFrame({name: columns[name] for name in order})
    floats = pl.selectors.float()
    return frame.with_columns(pl.when(floats.is_finite()).then(floats).otherwise(None))
