"""Markouts of many trades at six horizons: online against as-of joins, on the same day."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from bookrouting.markouts import (
    HORIZONS_NS,
    MidColumns,
    TradeColumns,
    new_state,
    settle_until,
    take_mids,
)
from dealing.bench.goals import Row, over_rounds, unmeasured
from dealing.bench.timing import seconds
from dealing.bench.workload import make_ticks
from exposure.errors import InvariantError

Floats = NDArray[np.float64]

_SYMBOLS: Final = 300
_ROUNDS: Final = 3
_SQL: Final = """
    select mid from dues asof join mids
    on dues.symbol = mids.symbol and dues.due >= mids.ts order by dues.k
"""


class Day(NamedTuple):
    """What is computed: ticks and the fills among them."""

    mids: MidColumns
    fills: TradeColumns


def markout_rows(*, quick: bool) -> list[Row]:
    """Time ours and every peer that is installed; all answers are the same."""
    day = _day(200_000, 10_000) if quick else _day(4_000_000, 200_000)
    ways: dict[str, tuple[str, Callable[[Day], Floats]]] = {
        "pandas": ("pandas", with_pandas),
        "polars": ("polars", with_polars),
        "duckdb": ("duckdb", with_duckdb),
    }
    expected, costs, rows = ours(day), [], []
    size = f"{len(day.mids.ts):,} ticks, {len(day.fills.ts):,} trades"
    for name, (package, way) in ways.items():
        ratio = f"markouts, {name} / ours"
        if find_spec(package) is None:
            rows.append(unmeasured(ratio, size, "x"))
            continue
        _require_equal(name, expected, way(day))
        mine, theirs = _in_turn(way, day)
        costs += mine
        rows.append(over_rounds(f"markouts, {name}", size, [s * 1e3 for s in theirs], "ms"))
        ratios = [b / a for a, b in zip(mine, theirs, strict=True)]
        rows.append(over_rounds(ratio, size, ratios, "x"))
    return [over_rounds("markouts, ours", size, [s * 1e3 for s in costs], "ms"), *rows]


def _in_turn(way: Callable[[Day], Floats], day: Day) -> tuple[list[float], list[float]]:
    """Return the seconds of ours and of a peer, turn by turn."""
    rounds = [(seconds(ours, day), seconds(way, day)) for _ in range(_ROUNDS)]
    return [mine for mine, _ in rounds], [theirs for _, theirs in rounds]


def ours(day: Day) -> Floats:
    """Go through the ticks once."""
    state = new_state(_SYMBOLS, len(day.fills.ts))
    take_mids(day.mids, day.fills, state)
    settle_until(int(day.mids.ts[-1]), day.fills, state)
    return state.markouts


def with_pandas(day: Day) -> Floats:
    """Join as of every horizon with merge_asof."""
    mids = pd.DataFrame(day.mids._asdict())
    fills = pd.DataFrame({"symbol": day.fills.symbol})

    def found(due: NDArray[np.int64]) -> Floats:
        joined = pd.merge_asof(fills.assign(ts=due), mids, on="ts", by="symbol")
        mid: Floats = joined["mid"].to_numpy()
        return mid

    return _by_horizon(day, found)


def with_polars(day: Day) -> Floats:
    """Join as of every horizon with join_asof."""
    mids = pl.DataFrame(day.mids._asdict()).with_columns(pl.col("ts").set_sorted())

    def found(due: NDArray[np.int64]) -> Floats:
        fills = pl.DataFrame({"symbol": day.fills.symbol, "ts": due})
        fills = fills.with_columns(pl.col("ts").set_sorted())
        joined = fills.join_asof(mids, on="ts", by="symbol", check_sortedness=False)
        return joined["mid"].to_numpy()

    return _by_horizon(day, found)


def with_duckdb(day: Day) -> Floats:
    """Join as of every horizon in SQL."""
    connection: Any = import_module("duckdb").connect()
    connection.register("given", day.mids._asdict())
    connection.execute("create table mids as select * from given")

    def found(due: NDArray[np.int64]) -> Floats:
        connection.register(
            "dues", {"symbol": day.fills.symbol, "due": due, "k": np.arange(len(due))}
        )
        mid: Floats = connection.execute(_SQL).fetchnumpy()["mid"]
        return mid

    return _by_horizon(day, found)


def _by_horizon(day: Day, found: Callable[[NDArray[np.int64]], Floats]) -> Floats:
    """Return markouts from the mid that was found at each due; those beyond the day are NaN."""
    out = np.full((len(day.fills.ts), len(HORIZONS_NS)), np.nan)
    for h, horizon in enumerate(HORIZONS_NS):
        due = day.fills.ts + horizon
        known = due <= day.mids.ts[-1]
        out[known, h] = (day.fills.side * (found(due) - day.fills.reference))[known]
    return out


def _day(ticks: int, trades: int) -> Day:
    random, quotes = np.random.default_rng(1), make_ticks(_SYMBOLS, ticks)
    mids = MidColumns(quotes.symbol, (quotes.bid + quotes.ask) / 2, quotes.ts_event)
    places = np.sort(random.integers(ticks // 10, ticks, trades))
    side = random.choice([-1.0, 1.0], trades)
    fills = TradeColumns(mids.symbol[places], side, mids.mid[places], mids.ts[places])
    return Day(mids, fills)


def _require_equal(name: str, ours: Floats, theirs: Floats) -> None:
    if not np.allclose(ours, theirs, rtol=1e-12, atol=1e-9, equal_nan=True):
        raise InvariantError(f"the bench is wrong: markouts of {name} differ from ours")
