"""A book that has left its engine: what a shock needs of it, as columns that any process can take.

Whoever owns the engine copies a few columns and goes on; the shocks are computed wherever the copy
has gone. Positions stand account by account, so that a sum is taken in the engine's own order and
is the same to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from exposure.client_book import ClientBook
from exposure.coverage import LpBook, LpPosition
from exposure.house import HouseCash
from exposure.model.instruments import Instrument
from exposure.ragged import Ragged
from exposure.risk.stress_book import StressBook
from exposure.state import AccountArrays, PairArrays, PositionArrays, PriceArrays, new_table

if TYPE_CHECKING:
    from exposure.engine import ExposureEngine

_ACCOUNT_COLUMNS: Final = (
    "balance", "credit", "credit_counts", "margin", "margin_call_level", "stop_out_level",
    "currency", "hedged_mode", "leverage", "profile", "regime",
)  # fmt: skip
_POSITION_COLUMNS: Final = (
    "account", "symbol", "side", "lots", "open_price", "swap", "pair", "conversion",
    "margin_per_lot", "margin_before_leverage", "margined_lots", "hedge_ratio",
)  # fmt: skip

Table = TypeVar("Table", PriceArrays, AccountArrays, PositionArrays)


class BookCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A book at ``as_of`` (ns UTC), after the event at ``position``.

    ``names`` has login, client_id, currency and book of every account, ``lp_positions`` provider,
    symbol, signed lots and price, ``lp_own_usd`` what each provider's account has
    realised. The other tables hold columns of the engine's own.
    """

    as_of: int
    position: int
    instruments: list[Instrument]
    pivots: tuple[str, ...]
    pair_names: list[tuple[str, str]]
    currencies: list[str]
    leverage: dict[str, Any]
    lp_positions: list[tuple[str, int, float, float]]
    lp_own_usd: dict[str, float]
    prices: pl.DataFrame
    accounts: pl.DataFrame
    positions: pl.DataFrame
    names: pl.DataFrame


def copy_of(engine: ExposureEngine) -> BookCopy:
    """Copy what a shock needs; later events do not change the copy."""
    engine.value_restored()
    book = engine.book
    symbols, accounts = slice(0, len(book.instruments)), slice(0, len(book.terms))
    slots = book.of_account.export()["items"]
    return BookCopy(
        as_of=engine.as_of,
        position=engine.position,
        instruments=list(book.instruments),
        pivots=tuple(engine.settings.pivots),
        pair_names=book.rates.pair_names,
        currencies=list(book.currency_of),
        leverage=book.leverage.export(),
        lp_positions=[(*key, *held) for key, held in engine.coverage.positions.items()],
        lp_own_usd=dict(engine.house.lp_own_usd),
        prices=_table(book.prices, PriceArrays._fields, symbols),
        accounts=_table(book.accounts, _ACCOUNT_COLUMNS, accounts),
        positions=_table(book.positions, _POSITION_COLUMNS, slots),
        names=pl.DataFrame(engine.names.columns()),
    )


class CopiedBook:
    """A copy in the shape of the engine that it was taken from, as far as a shock looks at it."""

    def __init__(self, copy: BookCopy) -> None:
        """Take the copy."""
        self.as_of = copy.as_of
        self.names = _Names(copy.names)
        self.house = HouseCash()
        self.house.lp_own_usd = dict(copy.lp_own_usd)
        self.coverage = LpBook()
        self.coverage.positions = {
            (lp, symbol): LpPosition(lots, price) for lp, symbol, lots, price in copy.lp_positions
        }
        self.book = _book(copy)

    def value_restored(self) -> None:
        """Do nothing: nothing arrives at a copy."""


def stress_book(copy: BookCopy) -> StressBook:
    """Return the copy ready to be shocked."""
    return StressBook(CopiedBook(copy))


class _Names:
    def __init__(self, names: pl.DataFrame) -> None:
        self._names = names

    def columns(self) -> dict[str, pl.Series]:
        return {name: self._names[name] for name in self._names.columns}


def _book(copy: BookCopy) -> ClientBook:
    book = ClientBook(copy.pivots, lazy_ticks=False)
    for instrument in copy.instruments:
        book.add_symbol(instrument)
    book.leverage.restore(copy.leverage)
    book.currency_of = {name: k for k, name in enumerate(copy.currencies)}
    book.prices = _arrays(PriceArrays, copy.prices)
    book.accounts = _arrays(AccountArrays, copy.accounts)
    book.positions = _arrays(PositionArrays, copy.positions)
    account = copy.positions["account"].to_numpy()
    length = np.bincount(account, minlength=copy.names.height).astype(np.int32)
    book.of_account = Ragged.restore(length, np.arange(len(account), dtype=np.int32))
    pairs = new_table(PairArrays, max(len(copy.pair_names), 1))
    book.rates.restore_pairs(book.prices, [(a, b) for a, b in copy.pair_names], pairs)
    return book


def _table(
    table: PriceArrays | AccountArrays | PositionArrays,
    names: tuple[str, ...],
    rows: slice | NDArray[Any],
) -> pl.DataFrame:
    return pl.DataFrame({name: getattr(table, name)[rows].copy() for name in names})


def _arrays(kind: type[Table], columns: pl.DataFrame) -> Table:
    table: Table = new_table(kind, max(columns.height, 1))
    for column in columns.get_columns():
        getattr(table, column.name)[: columns.height] = column.to_numpy()
    return table
