"""Reads the states that earlier versions saved: one step per version, each a pure function.

A step says what its version knew and an older one did not, in plain columns and values that no
later version changes. Columns in which zero means that nothing happened yet need no words: whatever
a table has today and the state lacks is filled with zeros at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import structlog
from numpy.typing import NDArray

from exposure.applied_ids import AppliedIds
from exposure.errors import StorageError
from exposure.export import STATE_VERSION
from exposure.state import (
    AccountArrays,
    EngineState,
    PairArrays,
    PositionArrays,
    PriceArrays,
    new_table,
)

Step = Callable[[EngineState], EngineState]

_KINDS: Final = {
    "prices": PriceArrays,
    "accounts": AccountArrays,
    "positions": PositionArrays,
    "pairs": PairArrays,
}


def upgraded(state: EngineState) -> EngineState:
    """Return a state as this version stores it; the one that was read is not changed.

    Raises:
        StorageError: A newer version saved it, or one that is too old.
    """
    saved = state.meta["version"]
    if saved == STATE_VERSION:
        return state
    for version in range(saved, STATE_VERSION):
        if version not in STEPS:
            break
        state = STEPS[version](state)
        state.meta["version"] = version + 1
    if state.meta["version"] != STATE_VERSION:
        raise StorageError(
            f"the saved state has version {saved}, this Plimsoll reads {min(STEPS)} to "
            f"{STATE_VERSION}: use the version that wrote it, or start anew with --fresh"
        )
    structlog.get_logger().info("saved state upgraded", was=saved, now=STATE_VERSION)
    return with_all_columns(state)


def with_all_columns(state: EngineState) -> EngineState:
    """Return a state whose tables have every column of today, zeros where one was missing."""
    tables = dict(state.tables)
    for name, kind in _KINDS.items():
        held = tables[name]
        rows = len(next(iter(held.values())))
        tables[name] = {**new_table(kind, rows)._asdict(), **held}
    return EngineState(tables, state.meta)


def _from_1(state: EngineState) -> EngineState:
    """Brackets, caps, limits and revenue facts came; nobody had any. All credit carried losses."""
    terms = state.tables["terms"]
    profiles, profile = _numbered(["", *terms["leverage_profile"]])
    regimes, regime = _numbered([("", ""), *zip(terms["region"], terms["category"], strict=True)])
    _, currency = _numbered(terms["currency"])
    accounts = {
        **state.tables["accounts"],
        "credit_counts": np.ones(len(terms["login"]), np.bool_),
        "leverage": np.array(terms["leverage"], np.float64),
        "profile": np.array(profile[1:], np.int32),
        "regime": np.array(regime[1:], np.int32),
        "currency": np.array(currency, np.int32),
    }
    meta = {
        **state.meta,
        "leverage": {
            "profiles": profiles,
            "regimes": [list(names) for names in regimes],
            "brackets": [],
            "caps": [],
        },
        "revenue": {"totals": [], "waiting": [], "booked_usd": 0.0},
        "limits": {"set": [], "fired": []},
        "judged_at": 0,
        "breaches": [],
    }
    positions = {
        **state.tables["positions"],
        "margin_before_leverage": _margin_before_leverage_of_1(state),
    }
    return EngineState({**state.tables, "accounts": accounts, "positions": positions}, meta)


def _margin_before_leverage_of_1(state: EngineState) -> NDArray[np.float64]:
    """Take leverage out of each margin per lot again: the account's, capped by the instrument's."""
    positions, instruments = state.tables["positions"], state.meta["instruments"]
    leveraged = [one["calc_mode"] in {"forex", "cfd_leverage"} for one in instruments]
    most = [np.inf if one["max_leverage"] is None else one["max_leverage"] for one in instruments]
    leverage = np.array(state.tables["terms"]["leverage"], np.float64)
    account, symbol = positions["account"], positions["symbol"]
    per_lot: NDArray[np.float64] = positions["margin_per_lot"]
    capped = np.minimum(leverage[account], np.array(most)[symbol])
    return per_lot * np.where(np.array(leveraged)[symbol], capped, 1.0)


def _from_2(state: EngineState) -> EngineState:
    """Factors came; nobody had sampled any, so the next tick of the source's clock is the first.

    What kernels left in closed positions and in their scratch is no longer part of a state, and ids
    that were applied are kept by their numbers.
    """
    floats, whole = np.zeros(0, np.float64), np.zeros(0, np.int64)
    factors = {
        "name": [],
        "price": floats,
        "stamp": whole,
        "interval": whole,
        "reference": np.zeros(0, np.int32),
        "count": whole,
        "squares": floats,
        "intervals": floats,
    }
    accounts, positions = state.tables["accounts"], state.tables["positions"]
    open_value = np.where(positions["account"] < 0, 0.0, positions["value"])
    gone = {"deal_ids", "hedge_ids"}
    tables = {
        **{name: columns for name, columns in state.tables.items() if name not in gone},
        "accounts": {**accounts, "touched": np.zeros_like(accounts["touched"])},
        "positions": {**positions, "value": open_value},
        **_ids_of_2(state),
        "factors": factors,
        "factor_pairs": {"products": floats, "weights": floats},
    }
    clock = {"interval": -1, "sampled_at": 0, "samples": 0}
    return EngineState(tables, {**state.meta, "factor_clock": clock})


def _ids_of_2(state: EngineState) -> dict[str, dict[str, Any]]:
    """Remember the ids that were applied as numbers; one text was server/id or an id with a /."""
    deals, hedges = AppliedIds(), AppliedIds()
    for key in state.tables["deal_ids"]["deal_id"]:
        deals.add("", key)
        server, slash, deal_id = key.partition("/")
        if slash:
            deals.add(server, deal_id)
    for lp, deal_id in zip(*state.tables["hedge_ids"].values(), strict=True):
        hedges.add(lp, deal_id)
    return {
        f"{name}_{part}": columns
        for name, ids in (("deal_ids", deals), ("hedge_ids", hedges))
        for part, columns in ids.export().items()
    }


STEPS: Final[Mapping[int, Step]] = MappingProxyType({1: _from_1, 2: _from_2})
"""What leads from each version to the next."""


def _numbered(names: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """Return the names in the order in which they first appear, and the number of each."""
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return list(known), [known[name] for name in names]
