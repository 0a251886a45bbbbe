"""``plimsoll bench``: figures that a stranger can print, as ratios of one interleaved run.

Absolute times depend on the machine; the ratios compare the same work on the same ticks, turn by
turn, and the results are asserted equal before anything is printed.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from dealing.bench import peers
from dealing.bench.workload import Size, Workload, build
from exposure.engine import ExposureEngine
from exposure.errors import InvariantError
from exposure.model.quotes import QuoteColumns

_ROUNDS: Final = 7
_TICKS_PER_ROUND: Final = {Size.SMALL: 2_000, Size.SEED: 400, Size.BIG: 80}
_PEER_SHARE: Final = 20
_WARM_UP: Final = 200


class Row(msgspec.Struct, frozen=True):
    """One figure; ``goal`` in words and ``reached`` are empty where nothing was promised."""

    name: str
    size: str
    value: float
    unit: str
    goal: str = ""
    reached: bool | None = None


def run_bench(*, size: str | None, quick: bool, json_out: str | None) -> int:
    """Measure, print a table (or JSON), and return the exit code.

    Args:
        size: One of ``small``, ``seed``, ``big``; None for small and seed, or small when quick.
        quick: Only the eager kernel beside numpy and pandas, with fewer rounds.
        json_out: A path, ``-`` for standard output, or None for a table.
    """
    sizes = [Size(size)] if size else [Size.SMALL] if quick else [Size.SMALL, Size.SEED]
    rows = [row for one in sizes for row in tick_rows(one, rounds=3 if quick else _ROUNDS)]
    if json_out is None:
        _print(rows)
        return 0
    payload = orjson.dumps({"rows": msgspec.to_builtins(rows)}, option=orjson.OPT_INDENT_2)
    if json_out == "-":
        sys.stdout.buffer.write(payload + b"\n")
    else:
        Path(json_out).write_bytes(payload + b"\n")
    return 0


def tick_rows(size: Size, rounds: int) -> list[Row]:
    """Time the eager kernel, numpy and pandas in turn on the same ticks."""
    per_round = _TICKS_PER_ROUND[size]
    peer_ticks = max(per_round // _PEER_SHARE, 1)
    workload = build(size, _WARM_UP + rounds * per_round)
    others: dict[str, peers.Peer] = {
        "numpy": peers.NumpyPeer(workload.engine),
        "pandas": peers.PandasPeer(workload.engine),
    }
    seconds: dict[str, list[float]] = {"eager": [], "numpy": [], "pandas": []}
    _feed(workload, 0, _WARM_UP)
    for peer in others.values():
        peers.run(peer, workload.ticks, 0, _WARM_UP)
    for k in range(rounds):
        begin = _WARM_UP + k * per_round
        middle, end = begin + peer_ticks, begin + per_round
        for name, peer in others.items():
            started = time.perf_counter()
            peers.run(peer, workload.ticks, begin, middle)
            seconds[name].append((time.perf_counter() - started) / peer_ticks)
        _feed(workload, begin, middle)
        _require_equal(workload, others)
        started = time.perf_counter()
        _feed(workload, middle, end)
        seconds["eager"].append((time.perf_counter() - started) / (end - middle))
        for peer in others.values():
            peers.run(peer, _last_of_each(workload.ticks, middle, end), 0, sys.maxsize)
    return _rows(size, seconds, workload, begin=_WARM_UP)


def _feed(workload: Workload, begin: int, end: int) -> None:
    engine = workload.engine
    engine.apply_quotes(_taken(workload.ticks, slice(begin, end)), engine.position + 1)


def _last_of_each(ticks: QuoteColumns, begin: int, end: int) -> QuoteColumns:
    """Return the last quote of every symbol between two ticks: enough to catch up untimed."""
    symbols = ticks.symbol[begin:end]
    _, from_end = np.unique(symbols[::-1], return_index=True)
    return _taken(ticks, np.sort(begin + len(symbols) - 1 - from_end))


def _taken(ticks: QuoteColumns, places: slice | NDArray[np.int64]) -> QuoteColumns:
    return QuoteColumns(
        ticks.symbol[places], ticks.bid[places], ticks.ask[places], ticks.ts_event[places]
    )


def _require_equal(workload: Workload, others: dict[str, peers.Peer]) -> None:
    ours = workload.engine.book.accounts.floating
    for name, peer in others.items():
        if not np.allclose(peer.floating, ours[: len(peer.floating)], rtol=1e-9, atol=1e-5):
            raise InvariantError(f"the bench is wrong: {name} and the engine disagree")


def _rows(size: Size, seconds: dict[str, list[float]], workload: Workload, begin: int) -> list[Row]:
    eager = statistics.median(seconds["eager"])
    touched = _touched_accounts(workload.engine)[workload.ticks.symbol[begin:]].mean()
    rows = [
        Row("eager tick", size, eager * 1e6, "us"),
        Row("eager ticks per second", size, 1.0 / eager, "1/s"),
        Row("accounts touched per tick", size, float(touched), "accounts"),
        Row("eager per touched account", size, eager * 1e9 / float(touched), "ns"),
    ]
    for name in ("numpy", "pandas"):
        rows.append(Row(f"{name} tick", size, statistics.median(seconds[name]) * 1e6, "us"))
        ratios = [a / b for a, b in zip(seconds[name], seconds["eager"], strict=True)]
        rows.append(Row(f"{name} / eager", size, statistics.median(ratios), "x"))
    return rows


def _touched_accounts(engine: ExposureEngine) -> NDArray[np.int64]:
    """Return how many accounts a tick of each symbol touches."""
    account_of = engine.book.positions.account
    counts = [
        len(np.unique(account_of[peers.slots_touched_by(engine, symbol)]))
        for symbol in range(len(engine.book.instruments))
    ]
    return np.array(counts, np.int64)


def _print(rows: list[Row]) -> None:
    table = Table(title="plimsoll bench", caption="medians of interleaved rounds; ratios count")
    for heading in ("figure", "size", "value", "unit"):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for row in rows:
        table.add_row(row.name, row.size, f"{row.value:,.1f}", row.unit)
    Console().print(table)
