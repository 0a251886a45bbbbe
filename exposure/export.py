"""The engine's whole state as columns and plain values, and back, bit for bit.

Positions keep their slots and every list keeps its order, because sums are taken in that order: an
engine that was stored and loaded must round like one that never stopped.
"""

from __future__ import annotations

import copy
from enum import EnumType
from typing import Any

import msgspec
import numpy as np

from exposure.applied_ids import ID_TABLES
from exposure.assignments import Assignment
from exposure.client_book import ClientBook
from exposure.coverage import LpPosition
from exposure.engine import ExposureEngine
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import BreakFound, LimitBreached, MarginLevelCrossed
from exposure.model.instruments import Instrument
from exposure.ragged import Ragged
from exposure.settings import EngineSettings
from exposure.state import (
    AccountArrays,
    EngineState,
    PairArrays,
    PositionArrays,
    PriceArrays,
    from_rows,
    used_rows,
)

STATE_VERSION = 3
"""Raised whenever a stored state can no longer be read by ``restore``."""

_IDS = ("deal_ids", "hedge_ids")
# calling an enumeration takes ten times as long, for each of the accounts
_WORDS: dict[str, dict[str, Any]] = {
    field.name: {word.value: word for word in list[Any](field.type)}
    for field in msgspec.structs.fields(Account)
    if isinstance(field.type, EnumType)
}
_RAGGED = ("of_symbol", "of_pair", "of_account", "of_client")


def export_state(engine: ExposureEngine) -> EngineState:
    """Copy everything the engine knows; later events do not change the copy."""
    engine.refresh()
    book = engine.book
    tables: dict[str, dict[str, Any]] = {
        "prices": used_rows(book.prices, len(book.instruments)),
        "accounts": used_rows(book.accounts, len(book.terms))
        | {
            "touched": np.zeros(len(book.terms), np.int64)  # scratch of the kernels
        },
        "positions": used_rows(book.positions, len(book.position_ids)),
        "pairs": used_rows(book.rates.pairs, len(book.rates.pair_names)),
        "position_ids": {"position_id": list(book.position_ids)},
        "terms": engine.names.terms(),
        "assignments": {
            "book": [assigned.book.value for assigned in engine.assignments.accounts],
            "partial": [assigned.partial for assigned in engine.assignments.accounts],
        },
        **engine.factors.export(),
    }
    for name in _IDS:
        for part, columns in getattr(engine.trades, name).export().items():
            tables[f"{name}_{part}"] = columns
    for name in _RAGGED:
        rows = getattr(book, name).export()
        tables[f"{name}_length"] = {"length": rows["length"]}
        tables[f"{name}_items"] = {"items": rows["items"]}
    return EngineState(tables, _meta(engine))


def restore(state: EngineState, settings: EngineSettings | None = None) -> ExposureEngine:
    """Build an engine that goes on exactly where ``export_state`` was called."""
    engine = ExposureEngine(settings)
    tables, meta = state.tables, state.meta
    _restore_book(engine.book, tables, meta)
    engine.position, engine.as_of = meta["position"], meta["as_of"]
    engine.counters.update(meta["counters"])
    engine.trades.duplicates = engine.counters["duplicates"]
    engine.revenue.restore(meta["revenue"])
    engine.limits.restore(meta["limits"])
    engine.judged_at = meta["judged_at"]
    engine.factors.restore(tables, meta["factor_clock"])
    assignments = tables["assignments"]
    books, partials = (_natives(name, assignments[name]) for name in ("book", "partial"))
    engine.assignments.restore(zip(books, partials, strict=True))
    engine.assignments.symbols = {
        (account, symbol): Assignment(Book(book), partial)
        for account, symbol, book, partial in meta["symbol_assignments"]
    }
    engine.coverage.positions = {
        (lp, symbol): LpPosition(lots, price) for lp, symbol, lots, price in meta["lp_positions"]
    }
    for name, value in meta["house"].items():
        setattr(engine.house, name, value)
    for name in _IDS:
        getattr(engine.trades, name).restore({part: tables[f"{name}_{part}"] for part in ID_TABLES})
    engine.findings.crossings.extend(msgspec.convert(meta["crossings"], list[MarginLevelCrossed]))
    engine.findings.breaches.extend(msgspec.convert(meta["breaches"], list[LimitBreached]))
    engine.findings.breaks.extend(msgspec.convert(meta["breaks"], list[BreakFound]))
    engine.index_restored()
    return engine


def _meta(engine: ExposureEngine) -> dict[str, Any]:
    book = engine.book
    return {
        "version": STATE_VERSION,
        "position": engine.position,
        "as_of": engine.as_of,
        "counters": dict(engine.counters),
        "instruments": msgspec.to_builtins(book.instruments),
        "pair_names": [list(pair) for pair in book.rates.pair_names],
        "free": list(book.free),
        "symbol_assignments": [
            [*key, assigned.book.value, assigned.partial]
            for key, assigned in engine.assignments.symbols.items()
        ],
        "lp_positions": [[*key, *held] for key, held in engine.coverage.positions.items()],
        "leverage": book.leverage.export(),
        "revenue": engine.revenue.export(),
        "limits": engine.limits.export(),
        "judged_at": engine.judged_at,
        "factor_clock": engine.factors.export_clock(),
        "house": copy.deepcopy(vars(engine.house)),
        "crossings": msgspec.to_builtins(list(engine.findings.crossings)),
        "breaches": msgspec.to_builtins(list(engine.findings.breaches)),
        "breaks": msgspec.to_builtins(list(engine.findings.breaks)),
    }


def _restore_book(
    book: ClientBook, tables: dict[str, dict[str, Any]], meta: dict[str, Any]
) -> None:
    for instrument in msgspec.convert(meta["instruments"], list[Instrument]):
        book.add_symbol(instrument)
    book.leverage.restore(meta["leverage"])
    accounts = from_rows(AccountArrays, tables["accounts"])
    book.restore_accounts(_accounts(tables["terms"]), accounts)
    book.prices = from_rows(PriceArrays, tables["prices"])
    book.positions = from_rows(PositionArrays, tables["positions"])
    book.position_ids = list(tables["position_ids"]["position_id"])
    book.free = list(meta["free"])
    for name in _RAGGED:
        length, items = tables[f"{name}_length"]["length"], tables[f"{name}_items"]["items"]
        setattr(book, name, Ragged.restore(np.asarray(length), np.asarray(items)))
    holders = book.positions.account[: len(book.position_ids)].tolist()
    book.slot_of = {
        (account, book.position_ids[slot]): slot
        for slot, account in enumerate(holders)
        if account >= 0
    }
    names = [(source, target) for source, target in meta["pair_names"]]
    book.rates.restore_pairs(book.prices, names, from_rows(PairArrays, tables["pairs"]))
    book.index_waiting_margins()


def _accounts(columns: dict[str, Any]) -> list[Account]:
    given = {name: _natives(name, column) for name, column in columns.items()}
    rows = zip(*given.values(), strict=True)
    return [Account(**dict(zip(given, row, strict=True))) for row in rows]


def _natives(name: str, column: Any) -> Any:
    values = column.tolist() if isinstance(column, np.ndarray) else column
    members = _WORDS.get(name)
    return values if members is None else [members[word] for word in values]
