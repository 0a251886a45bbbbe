"""The flow book as columns and plain values, and back, bit for bit.

A book that was stored and loaded goes on like one that never stopped.
"""

from __future__ import annotations

from typing import Any, Final

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

FLOW_VERSION: Final = 1
"""Raised whenever a stored flow book can no longer be read."""

_KINDS: Final = {
    "market": MARKET,
    "tickets": TICKET,
    "decisions": DECISION,
    "clients": CLIENT,
    "alarms": ALARM,
}


def export_flow(book: FlowBook) -> EngineState:
    """Copy everything the book knows; later events do not change the copy."""
    arrays = book.arrays
    rows = {
        "market": len(book.instruments),
        "tickets": int(arrays.counters[TICKETS]),
        "decisions": int(arrays.counters[DECISIONS]),
        "clients": len(book.client_ids),
        "alarms": int(arrays.counters[ALARMS]),
    }
    tables: dict[str, dict[str, Any]] = {
        name: {key: getattr(arrays, name)[key][:count].copy() for key in _KINDS[name].names or ()}
        for name, count in rows.items()
    }
    tables["queues"] = {
        "next_ticket": arrays.next_ticket.copy(),
        "next_decision": arrays.next_decision.copy(),
    }
    tables["counters"] = {"counter": arrays.counters.copy()}
    for part, columns in book.applied.export().items():
        tables[f"applied_{part}"] = columns
    return EngineState(tables, _meta(book))


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
    for name, client_id, currency in meta["logins"]:
        book.logins[name] = Login(client_id, currency)
    book.client_ids = list(meta["client_ids"])
    book.client_of = {client_id: row for row, client_id in enumerate(book.client_ids)}
    _restore_arrays(book, tables)
    book.positions.open = {
        (login, position): Held(login, *held) for login, position, *held in meta["held"]
    }
    book.applied.restore({part: tables[f"applied_{part}"] for part in ID_TABLES})
    book.ignored.update(meta["ignored"])
    book.money = {client_id: Money(*money) for client_id, money in meta["money"]}
    book.forgotten = meta["forgotten"]
    book.open_decisions = {
        (Place(client, symbol, is_exit), sign): row
        for client, symbol, is_exit, sign, row in meta["open_decisions"]
    }
    book.seen = {(client, symbol): Seen(*seen) for client, symbol, *seen in meta["seen"]}
    return book


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


def _meta(book: FlowBook) -> dict[str, Any]:
    return {
        "version": FLOW_VERSION,
        "pivots": list(book.pivots),
        "instruments": msgspec.to_builtins(book.instruments),
        "symbol_of": dict(book.symbol_of),
        "logins": [[name, *login] for name, login in book.logins.items()],
        "client_ids": list(book.client_ids),
        "held": [[*key, *held[1:]] for key, held in book.positions.open.items()],
        "ignored": dict(book.ignored),
        "money": [[client_id, list(money)] for client_id, money in book.money.items()],
        "forgotten": book.forgotten,
        "open_decisions": [[*key[0], key[1], row] for key, row in book.open_decisions.items()],
        "seen": [[*key, *seen] for key, seen in book.seen.items()],
    }
