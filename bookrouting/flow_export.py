"""The flow book as columns and plain values, and back, bit for bit.

A book that was stored and loaded goes on like one that never stopped. Storing has two steps,
because the first holds up whoever feeds the book: a copy of tables as they lie in memory and of
dictionaries whose values never change, then everything that takes time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar, get_args

import msgspec
import numpy as np

from bookrouting.flow_book import FlowBook, Login, Place, Seen
from bookrouting.flow_settings import FlowSettings
from bookrouting.flow_state import (
    ALARM,
    ALARMS,
    CLIENT,
    DECISION,
    DECISIONS,
    MARKET,
    TICKET,
    TICKETS,
    FlowArrays,
    Table,
)
from bookrouting.held import Held
from bookrouting.money import Money
from exposure.applied_ids import ID_TABLES
from exposure.errors import DataError
from exposure.model.instruments import Instrument
from exposure.state import EngineState

FLOW_VERSION: Final = 3
"""Raised whenever a stored flow book can no longer be read."""

_PORTION: Final = 4_096
"""Entries that are encoded at once: between portions other threads get their turn."""

_KINDS: Final = {
    "market": MARKET,
    "tickets": TICKET,
    "decisions": DECISION,
    "clients": CLIENT,
    "alarms": ALARM,
}

Key = TypeVar("Key")
Value = TypeVar("Value")

_Held = dict[tuple[str, str], Held]
_Logins = dict[str, Login]
_Money = dict[str, Money]
_Running = dict[tuple[Place, float], int]
_Seen = dict[tuple[int, int], Seen]


class FlowCopy(NamedTuple):
    """Everything a flow book knew at a moment; later events change nothing of it."""

    tables: dict[str, Table]
    queues: dict[str, Any]
    applied: dict[str, dict[str, Any]]
    held: _Held
    logins: _Logins
    money: _Money
    running: _Running
    seen: _Seen
    meta: dict[str, Any]


def copy_flow(book: FlowBook) -> FlowCopy:
    """Copy what the book knows, as it lies in memory: what events change is copied, no more."""
    arrays = book.arrays
    rows = {
        "market": len(book.instruments),
        "tickets": int(arrays.counters[TICKETS]),
        "decisions": int(arrays.counters[DECISIONS]),
        "clients": len(book.client_ids),
        "alarms": int(arrays.counters[ALARMS]),
    }
    return FlowCopy(
        {name: getattr(arrays, name)[:count].copy() for name, count in rows.items()},
        {
            "next_ticket": arrays.next_ticket.copy(),
            "next_decision": arrays.next_decision.copy(),
            "counter": arrays.counters.copy(),
        },
        book.applied.export(),
        book.positions.open.copy(),
        book.logins.copy(),
        book.money.copy(),
        book.open_decisions.copy(),
        book.seen.copy(),
        {
            "version": FLOW_VERSION,
            "pivots": list(book.pivots),
            "instruments": list(book.instruments),
            "symbol_of": book.symbol_of.copy(),
            "client_ids": list(book.client_ids),
            "ignored": dict(book.ignored),
            "forgotten": book.forgotten,
        },
    )


def stored(copy: FlowCopy) -> EngineState:
    """Return a copy in the form in which states are stored."""
    tables: dict[str, dict[str, Any]] = {
        name: {key: np.ascontiguousarray(table[key]) for key in _KINDS[name].names or ()}
        for name, table in copy.tables.items()
    }
    tables["queues"] = {name: copy.queues[name] for name in ("next_ticket", "next_decision")}
    tables["counters"] = {"counter": copy.queues["counter"]}
    for part, columns in copy.applied.items():
        tables[f"applied_{part}"] = columns
    meta = {
        **copy.meta,
        "instruments": msgspec.to_builtins(copy.meta["instruments"]),
        "held": _packed(copy.held),
        "logins": _packed(copy.logins),
        "money": _packed(copy.money),
        "open_decisions": _packed(copy.running),
        "seen": _packed(copy.seen),
    }
    return EngineState(tables, meta)


def export_flow(book: FlowBook) -> EngineState:
    """Copy everything the book knows; later events do not change the copy."""
    return stored(copy_flow(book))


def restore_flow(state: EngineState, settings: FlowSettings | None = None) -> FlowBook:
    """Build a book that goes on exactly where ``export_flow`` was called.

    Raises:
        DataError: Another version wrote the state.
    """
    tables, meta = state.tables, state.meta
    if meta["version"] != FLOW_VERSION:
        raise DataError(
            f"the flow book was stored in version {meta['version']}, this one reads "
            f"{FLOW_VERSION}: let it see the deals again"
        )
    book = FlowBook(settings, tuple(meta["pivots"]))
    for instrument in msgspec.convert(meta["instruments"], list[Instrument]):
        book.add_instrument(instrument)
    book.symbol_of = dict(meta["symbol_of"])
    book.client_ids = list(meta["client_ids"])
    book.client_of = {client_id: row for row, client_id in enumerate(book.client_ids)}
    _restore_arrays(book, tables)
    book.positions.open = _unpacked(meta["held"], _Held)
    book.logins = _unpacked(meta["logins"], _Logins)
    book.money = _unpacked(meta["money"], _Money)
    book.open_decisions = _unpacked(meta["open_decisions"], _Running)
    book.seen = _unpacked(meta["seen"], _Seen)
    book.applied.restore({part: tables[f"applied_{part}"] for part in ID_TABLES})
    book.ignored.update(meta["ignored"])
    book.forgotten = meta["forgotten"]
    return book


def _packed(entries: Mapping[Any, Any]) -> list[bytes]:
    items = list(entries.items())
    return [
        msgspec.msgpack.encode(items[begin : begin + _PORTION])
        for begin in range(0, len(items), _PORTION)
    ]


def _unpacked(portions: list[bytes], kind: type[dict[Key, Value]]) -> dict[Key, Value]:
    entries: Any = list[tuple[get_args(kind)]]  # type: ignore[misc]  # known at run time only
    decoder = msgspec.msgpack.Decoder(entries)
    return dict(entry for portion in portions for entry in decoder.decode(portion))


def _restore_arrays(book: FlowBook, tables: dict[str, dict[str, Any]]) -> None:
    filled = {name: _filled(kind, tables[name]) for name, kind in _KINDS.items()}
    pip = np.resize(book.arrays.pip, len(filled["market"]))
    a = book.arrays
    book.arrays = FlowArrays(
        filled["market"], filled["tickets"], filled["decisions"], filled["clients"],
        filled["alarms"], pip, a.next_ticket, a.next_decision, a.counters,
    )  # fmt: skip
    for name in ("next_ticket", "next_decision"):
        getattr(book.arrays, name)[:] = tables["queues"][name]
    book.arrays.counters[:] = tables["counters"]["counter"]
    book.see_prices()


def _filled(kind: np.dtype[Any], columns: dict[str, Any]) -> Table:
    rows = len(next(iter(columns.values())))
    table = np.zeros(max(rows, 64), kind)
    for name, column in columns.items():
        table[name][:rows] = column
    return table
