"""A snapshot as the JSON object of semantics.md section 9, for files and for the live API alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec
import orjson

from exposure.model.events import BreakFound, MarginLevelCrossed
from exposure.snapshot import RiskFigures, Snapshot
from feeds.book_files import FILE_NAMES, Place

COUNTERS: Final = (*FILE_NAMES, "duplicates", "out_of_order", "quarantined")

_NS_PER_MS: Final = 1_000_000
_NOTHING_MORE: Final[Mapping[str, int]] = MappingProxyType({})

PlaceOf = Callable[[int], Place]


def snapshot_json(
    snapshot: Snapshot,
    counted: Mapping[str, int] = _NOTHING_MORE,
    place_of: PlaceOf | None = None,
    clients: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """Return the snapshot as one JSON object; equal snapshots give equal bytes.

    Args:
        snapshot: What the engine said.
        counted: Rows of files that the engine does not see, by file.
        place_of: The file and line of a position, where input comes from files.
        clients: Rows of scored clients, where somebody scored them.

    Units: ``_ms`` epoch milliseconds, money in account currency unless ``_usd``, levels in percent.
    """
    counters = {**snapshot.counters, **counted}
    row = {
        "as_of_ms": None if snapshot.as_of == 0 else milliseconds(snapshot.as_of),
        "reporting_currency": snapshot.reporting_currency,
        "events": {name: counters.get(name, 0) for name in COUNTERS},
        "accounts": snapshot.accounts.to_dicts(),
        "exposure": snapshot.exposure.to_dicts(),
        "currencies": [msgspec.structs.asdict(currency) for currency in snapshot.currencies],
        "crossings": [_crossing(crossing) for crossing in snapshot.crossings],
        "house": msgspec.structs.asdict(snapshot.house),
        "risk": _risk(snapshot.risk),
        "revenue": [msgspec.structs.asdict(row) for row in snapshot.revenue],
        "clients": list(clients),
        "breaks": [_break(found, place_of) for found in snapshot.breaks],
    }
    return orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY)


def milliseconds(ns: int) -> int | float:
    """Return a time in milliseconds, whole ones as an integer.

    >>> milliseconds(1_399_528_800_026_000_000), milliseconds(1_399_528_800_026_447_000)
    (1399528800026, 1399528800026.447)
    """
    return ns // _NS_PER_MS if ns % _NS_PER_MS == 0 else ns / _NS_PER_MS


def _risk(risk: RiskFigures) -> dict[str, Any]:
    row = msgspec.structs.asdict(risk)
    sampled_at = row.pop("sampled_at")
    return row | {"sampled_at_ms": None if sampled_at == 0 else milliseconds(sampled_at)}


def _crossing(crossing: MarginLevelCrossed) -> dict[str, Any]:
    return {
        "ts_ms": milliseconds(crossing.ts_event),
        "login": crossing.login,
        "kind": crossing.kind,
        "level": crossing.level,
    }


def _break(found: BreakFound, place_of: PlaceOf | None) -> dict[str, Any]:
    place = None if place_of is None else place_of(found.position)
    return {
        "kind": found.kind,
        "ts_ms": None if found.ts_event < 0 else milliseconds(found.ts_event),
        "login": found.login or None,
        "deal_id": found.deal_id or None,
        "symbol": found.symbol or None,
        "file": None if place is None else place.file,
        "line": None if place is None else place.line,
        "reason": found.reason,
    }
