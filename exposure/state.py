"""The engine's memory: structs of arrays, indexed by small integers.

Arrays are NamedTuples so that compiled kernels take a whole table as one argument. A table has
spare rows at its end; the counts of used rows live with the engine.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from exposure.ragged import RaggedArrays

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]
Int8s = NDArray[np.int8]
Flags = NDArray[np.bool_]

SAME, BY_CLOSE, BY_MID, BY_MARKET = 0, 1, 2, 3
"""How a position's profit becomes account currency (column ``conversion``)."""

MARGIN_CALL, STOP_OUT, NEGATIVE_EQUITY = 0, 1, 2
"""Kinds of crossings; their bits in the accounts' column ``fired``."""


class PriceArrays(NamedTuple):
    """Per symbol. Units: prices in quote currency, ``last_ts`` ns, ``units_per_lot`` of section 4.

    ``hedged_ratio`` is what a covered lot costs as a share of a full one.
    """

    bid: Floats
    ask: Floats
    last_ts: Int64s
    quoted: Flags
    allow_negative: Flags
    units_per_lot: Floats
    hedged_ratio: Floats
    locked: Int64s
    crossed: Int64s


class PairArrays(NamedTuple):
    """Per conversion X->Y that some position needs: a path of one or two symbols.

    ``leg`` -1 means absent; ``inverted`` legs are quoted YX. Rates are NaN without a path:
    ``mid`` for mid conversions, ``gain`` for a profit and ``loss`` for a loss at market.
    """

    leg_1: Int32s
    inverted_1: Flags
    leg_2: Int32s
    inverted_2: Flags
    mid: Floats
    gain: Floats
    loss: Floats


class AccountArrays(NamedTuple):
    """Per login, money in account currency, levels in percent.

    ``fired`` holds one bit per crossing kind that fired and has not re-armed; ``touched`` is the
    number of the last event that touched the account. ``profile`` and ``regime`` are rows of
    LeverageArrays, ``currency`` a place in the book's list of account currencies.
    """

    touched: Int64s
    balance: Floats
    credit: Floats
    floating: Floats
    margin: Floats
    margin_call_level: Floats
    stop_out_level: Floats
    hedged_mode: Int8s
    fired: Int8s
    credit_counts: Flags
    leverage: Floats
    profile: Int32s
    regime: Int32s
    currency: Int32s


class PositionArrays(NamedTuple):
    """Per open client position (slot); ``account`` -1 marks a free slot.

    Units: ``side`` +1 long / -1 short, ``margin_per_lot``, ``swap`` and ``value`` in account
    currency. ``value`` is the floating profit, NaN while unpriced. ``margin_per_lot`` and
    ``margin_before_leverage`` are means over the ``margined_lots``; brackets work on the latter.
    The other lots wait for their margin's rate, and ``waiting_value`` is the sum of their lots x
    absolute open price. ``swap_booked`` is the part of ``swap`` that rollovers booked as revenue.
    ``place_*`` is where the slot stands in its symbol's and pair's list.
    """

    account: Int32s
    symbol: Int32s
    side: Floats
    lots: Floats
    open_price: Floats
    swap: Floats
    swap_booked: Floats
    value: Floats
    pair: Int32s
    conversion: Int8s
    book: Int8s
    margin_per_lot: Floats
    margin_before_leverage: Floats
    margined_lots: Floats
    waiting_value: Floats
    hedge_ratio: Floats
    place_in_symbol: Int32s
    place_in_pair: Int32s


class LeverageArrays(NamedTuple):
    """Brackets and caps. Leverage is 100 for 1:100, infinity where nothing limits it.

    ``tier_row`` is -1 where a profile has no brackets for a symbol, else a row whose brackets are
    ``tier_start`` to ``tier_start + tier_length``; the last one has no upper end.

    Shapes: cap (regimes, symbols), tier_row (profiles, symbols), tier_start, tier_length (rows,),
    tier_upper, tier_leverage (brackets,).
    """

    cap: Floats
    tier_row: Int32s
    tier_start: Int32s
    tier_length: Int32s
    tier_upper: Floats
    tier_leverage: Floats


class ZoneArrays(NamedTuple):
    """Safe intervals of the series that positions depend on, in blocks that know their narrowest.

    A row is one series: closing prices of one side of a symbol, or one conversion rate. Its entries
    stand in ``blocks`` of BLOCK, all full but the last; ``lo`` and ``hi`` are open bounds in
    between of which the entry's account cannot reach a threshold. ``*_lo`` of a block and of a row
    is at least the highest, ``*_hi`` at most the lowest of its entries.

    Shapes: entries, row_lo, row_hi (rows,), block_lo, block_hi (blocks,), others (blocks x BLOCK,).
    """

    blocks: RaggedArrays
    entries: Int32s
    row_lo: Floats
    row_hi: Floats
    block_lo: Floats
    block_hi: Floats
    lo: Floats
    hi: Floats
    slot: Int32s


class TriggerArrays(NamedTuple):
    """The lazy index (triggers.py): which price or rate must be reached to matter to an account.

    ``prices`` has rows 2 x symbol (bids, for longs) and 2 x symbol + 1 (asks, for shorts),
    ``rates`` 2 x pair (mid) and 2 x pair + 1 (at market). ``price_entry`` and ``rate_entry`` are a
    slot's places in them, -1 for none. ``*_variation`` sums squared changes: how lively a series
    is. ``status`` holds the mode and the debt's first place and length; the debt is a ring of
    accounts whose zones are broken. ``leg_*`` is scratch per symbol and side, ``leg_units`` all
    zero between uses.

    Shapes: price_entry, rate_entry (slots,), price_variation (symbols,), rate_variation (pairs,),
    status (3,), debt, in_debt (accounts,), leg_* (2 x symbols,).
    """

    prices: ZoneArrays
    rates: ZoneArrays
    price_entry: Int32s
    rate_entry: Int32s
    price_variation: Floats
    rate_variation: Floats
    status: Int64s
    debt: Int32s
    in_debt: Flags
    leg_seen: Int32s
    leg_first: Int32s
    leg_units: Floats
    leg_profit: Floats
    leg_value: Floats
    leg_weight: Floats
    leg_rate_weight: Floats


class BookArrays(NamedTuple):
    """All tables at once, as kernels take them. ``of_*`` list the position slots of each row.

    ``everybody`` is every account's row.
    """

    prices: PriceArrays
    pairs: PairArrays
    pairs_of_symbol: RaggedArrays
    accounts: AccountArrays
    positions: PositionArrays
    of_symbol: RaggedArrays
    of_pair: RaggedArrays
    of_account: RaggedArrays
    leverage: LeverageArrays
    triggers: TriggerArrays
    everybody: Int32s


Table = TypeVar("Table", PriceArrays, PairArrays, AccountArrays, PositionArrays)

_DTYPES: dict[str, type] = {
    "Floats": np.float64,
    "Int64s": np.int64,
    "Int32s": np.int32,
    "Int8s": np.int8,
    "Flags": np.bool_,
}


def new_table(kind: type[Table], rows: int) -> Table:
    """Return a table of zeroed arrays with room for ``rows``."""
    hints = kind.__annotations__.items()
    columns: dict[str, Any] = {name: np.zeros(rows, _dtype_of(hint)) for name, hint in hints}
    return kind(**columns)


def with_room(table: Table, rows: int) -> Table:
    """Return the table itself if it has ``rows``, else a copy twice as long."""
    if len(table[0]) >= rows:
        return table
    longer = new_table(type(table), max(rows, 2 * len(table[0])))
    columns: list[tuple[NDArray[Any], NDArray[Any]]] = list(zip(longer, table, strict=True))
    for new, old in columns:
        new[: len(old)] = old
    return longer


def used_rows(table: Table, rows: int) -> dict[str, NDArray[Any]]:
    """Copy the first ``rows`` of every column, by name."""
    return {name: column[:rows].copy() for name, column in table._asdict().items()}


def from_rows(kind: type[Table], columns: dict[str, NDArray[Any]]) -> Table:
    """Build a table from what ``used_rows`` returned."""
    rows = len(next(iter(columns.values())))
    table = new_table(kind, max(rows, 16))
    for name, column in table._asdict().items():
        column[:rows] = columns[name]
    return table


def _dtype_of(hint: Any) -> type:
    # With postponed annotations a NamedTuple's hints are ForwardRefs by alias name.
    return _DTYPES[getattr(hint, "__forward_arg__", hint)]


class EngineState(msgspec.Struct, frozen=True):
    """Everything the engine knows, ready to be stored: columns by table, plain values in meta."""

    tables: dict[str, dict[str, Any]]
    meta: dict[str, Any]
