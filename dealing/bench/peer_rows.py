"""Ours beside others on the same work: per tick and per full refresh, turn by turn.

Every peer gets the same ticks as the eager engine, and all answers are compared before any figure
is told.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dealing.bench import bandwidth, compiled, peers
from dealing.bench.goals import Row, over_rounds, row, unmeasured
from dealing.bench.refreshers import REFRESHERS, Book, Refresh
from dealing.bench.timing import seconds
from dealing.bench.workload import SHAPES, Size, make_ticks, part, settings
from exposure.engine import ExposureEngine
from exposure.errors import InvariantError
from exposure.export import restore
from exposure.kernels import refresh_everybody
from exposure.model.quotes import QuoteColumns
from exposure.state import EngineState

_STREAMERS: Final = {"Deephaven": "deephaven", "Perspective": "perspective", "Pathway": "pathway"}
_RELATIVE, _ABSOLUTE = 1e-9, 1e-4
"""How far sums in another order may be apart; the absolute part is in account currency."""


class Effort(NamedTuple):
    """Ticks and refreshes per round: peers are slow, the eager engine and C need more ticks."""

    rounds: int
    ticks: int
    fast_ticks: int
    refreshes: int


def effort(size: Size, *, quick: bool) -> Effort:
    """Return how much is done per size."""
    if quick:
        return Effort(2, 40, 400, 2)
    return {
        Size.SMALL: Effort(5, 200, 4_000, 10),
        Size.SEED: Effort(5, 40, 1_000, 5),
        Size.BIG: Effort(3, 10, 200, 2),
    }[size]


def peer_tick_rows(size: Size, opening: EngineState, *, quick: bool) -> list[Row]:
    """Time numpy, pandas and plain objects against the eager engine on the same ticks."""
    chosen = effort(size, quick=quick)
    engine = restore(opening, settings(lazy=False))
    ticks = make_ticks(SHAPES[size].symbols, chosen.rounds * chosen.ticks)
    others: dict[str, peers.Peer] = {
        "numpy": peers.NumpyPeer(engine),
        "pandas": peers.PandasPeer(engine),
        "Python objects": peers.ObjectsPeer(engine),
    }
    costs: dict[str, list[float]] = {name: [] for name in ("eager", *others)}
    for k in range(chosen.rounds):
        batch = part(ticks, slice(k * chosen.ticks, (k + 1) * chosen.ticks))
        costs["eager"].append(seconds(_feed, engine, batch) / chosen.ticks)
        for name, peer in others.items():
            costs[name].append(seconds(peers.run, peer, batch) / chosen.ticks)
            require_equal(name, peer.floating, engine)
    rows = []
    for name in others:
        ratios = [a / b for a, b in zip(costs[name], costs["eager"], strict=True)]
        rows.append(over_rounds(f"{name} tick", size, [s * 1e6 for s in costs[name]], "us"))
        rows.append(over_rounds(f"{name} / eager", size, ratios, "x"))
    return rows + [_streamer(name, package, size) for name, package in _STREAMERS.items()]


def bound_rows(size: Size, opening: EngineState, *, quick: bool) -> list[Row]:
    """Time the eager engine against C of the same layout, and against memory itself."""
    chosen, library = effort(size, quick=quick), compiled.library()
    engine = restore(opening, settings(lazy=False))
    ticks = make_ticks(SHAPES[size].symbols, (chosen.rounds + 1) * chosen.fast_ticks)
    in_c = None if library is None else compiled.CompiledBook(engine, library)
    touched, ours, theirs, bound = bandwidth.bytes_per_tick(engine), [], [], []
    for k in range(chosen.rounds + 1):
        batch = part(ticks, slice(k * chosen.fast_ticks, (k + 1) * chosen.fast_ticks))
        if in_c is not None:
            theirs.append(seconds(in_c.run, batch) / chosen.fast_ticks)
        ours.append(seconds(_feed, engine, batch) / chosen.fast_ticks)
        if in_c is not None:
            require_equal("C", in_c.floating, engine)
        speed = bandwidth.triad_bytes_per_s(bandwidth.working_set(engine))
        bound.append(float(touched[batch.symbol].mean()) / speed)
    rows = [over_rounds("memory bound of a tick", size, [s * 1e6 for s in bound[1:]], "us")]
    rows.append(over_rounds("eager / memory bound", size, _ratios(ours, bound), "x"))
    if not theirs:
        return [*rows, unmeasured("eager / C", size, "x", compiled.NO_COMPILER)]
    rows.append(over_rounds("C tick", size, [s * 1e6 for s in theirs[1:]], "us"))
    return [*rows, over_rounds("eager / C", size, _ratios(ours, theirs), "x")]


def refresh_rows(size: Size, opening: EngineState, *, quick: bool) -> list[Row]:
    """Time the full refresh of everybody's floating profit."""
    chosen, library = effort(size, quick=quick), compiled.library()
    engine = restore(opening, settings(lazy=False))
    book = Book(peers.Columns(engine))
    tables, slots = engine.book.arrays(), len(engine.book.position_ids)
    ways: dict[str, Callable[[], object]] = {}
    for name, (package, prepare) in REFRESHERS.items():
        if find_spec(package) is not None:
            ways[name] = _checked(name, prepare(book), engine)
    if library is not None:
        ways["C"] = _checked("C", compiled.CompiledBook(engine, library).refresh, engine)
    ways["ours"] = lambda: refresh_everybody(tables, SHAPES[size].accounts, slots)
    costs: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(chosen.rounds * chosen.refreshes):
        for name, way in ways.items():
            costs[name].append(seconds(way))
    return _refresh_rows(size, costs)


def require_equal(name: str, floating: NDArray[np.float64], engine: ExposureEngine) -> None:
    """Demand that a peer has every account's floating profit as ours.

    Raises:
        InvariantError: It has not.
    """
    engine.refresh()
    ours = engine.book.accounts.floating[: len(engine.book.terms)]
    if not np.allclose(floating, ours, rtol=_RELATIVE, atol=_ABSOLUTE):
        raise InvariantError(f"the bench is wrong: {name} and the engine disagree")


def _refresh_rows(size: Size, costs: dict[str, list[float]]) -> list[Row]:
    rows = [
        over_rounds(f"refresh, {name}", size, [s * 1e3 for s in taken], "ms")
        for name, taken in costs.items()
    ]
    ours = costs["ours"]
    for name in REFRESHERS:
        ratio = f"refresh, {name} / ours"
        if name not in costs:
            rows.append(unmeasured(ratio, size, "x"))
            continue
        rows.append(over_rounds(ratio, size, _ratios(costs[name], ours), "x"))
    if "C" not in costs:
        return [*rows, unmeasured("refresh, ours / C", size, "x", compiled.NO_COMPILER)]
    return [*rows, over_rounds("refresh, ours / C", size, _ratios(ours, costs["C"]), "x")]


def _ratios(above: list[float], below: list[float]) -> list[float]:
    """Return ratios per round, without the first, which warms caches up."""
    return [a / b for a, b in zip(above[1:], below[1:], strict=True)]


def _checked(name: str, refresh: Refresh, engine: ExposureEngine) -> Refresh:
    require_equal(name, refresh(), engine)
    return refresh


def _streamer(name: str, package: str, size: Size) -> Row:
    note = "not measured here" if find_spec(package) else "not installed"
    return unmeasured(f"{name} / eager", size, "x", note)


def _feed(engine: ExposureEngine, ticks: QuoteColumns) -> None:
    engine.apply_quotes(ticks, engine.position + 1)


def touched_row(size: Size, opening: EngineState) -> Row:
    """Return how many accounts an eager tick touches on average."""
    engine = restore(opening, settings(lazy=False))
    symbols = make_ticks(SHAPES[size].symbols, 10_000).symbol
    counts = np.array(
        [
            len(np.unique(engine.book.positions.account[bandwidth.touched_slots(engine, s)]))
            for s in range(SHAPES[size].symbols)
        ]
    )
    return row("accounts touched per tick", size, float(counts[symbols].mean()), "accounts")
