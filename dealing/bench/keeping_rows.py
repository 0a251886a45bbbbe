"""What it costs to keep and find again what the engine knows: state, replay, recovery, memory."""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dealing.bench.goals import Row, over_rounds, row, unmeasured
from dealing.bench.session import BATCH
from dealing.bench.timing import seconds
from dealing.bench.workload import SHAPES, Size, make_ticks, part, settings
from dealing.garbage import unwatched
from dealing.storage.journal import Journal
from dealing.storage.snapshots import SnapshotStore
from exposure.engine import ExposureEngine
from exposure.export import export_state, restore
from exposure.model.events import EventBatch, QuoteReceived
from exposure.model.quotes import QuoteColumns
from exposure.state import EngineState

_REPLAYED_AT_ONCE: Final = 100_000
_JOURNALED_AT_ONCE: Final = 100


def keeping_rows(size: Size, opening: EngineState, *, quick: bool) -> list[Row]:
    """Measure export, saving, replay and recovery of a book, then its memory."""
    times = 2 if quick else 5
    engine = restore(opening, settings(lazy=True))
    exports = [seconds(export_state, engine) for _ in range(times)]
    engine.snapshot()
    pictures = [seconds(engine.snapshot) for _ in range(2 * times)]
    ticks = make_ticks(SHAPES[size].symbols, 100_000 if quick else 1_000_000)
    rows = [
        over_rounds("snapshot for the screens", size, [s * 1e3 for s in pictures], "ms"),
        over_rounds("state exported", size, [s * 1e3 for s in exports], "ms"),
        _replay_row(size, engine, ticks),
        _call_row(size, engine),
    ]
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as directory:
        rows += _disk_rows(size, engine, Path(directory), quick=quick)
    return rows + memory_rows(size, engine)


def memory_rows(size: Size, engine: ExposureEngine) -> list[Row]:
    """Measure bytes per account: the arrays ticks use, and all that a restored engine holds.

    Both count what is allocated, with the room that tables keep to grow.
    """
    accounts = SHAPES[size].accounts
    arrays = {id(column): column.nbytes for column in _arrays_in(engine.book.arrays())}
    state = export_state(engine)
    tracemalloc.start()
    restored = restore(state, settings(lazy=True))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    restored.refresh()  # it must live until here
    return [
        row("memory of the tick path", size, sum(arrays.values()) / accounts, "B/account"),
        row("memory in all", size, held / accounts, "B/account"),
    ]


def _replay_row(size: Size, engine: ExposureEngine, ticks: QuoteColumns) -> Row:
    count, took = len(ticks.symbol), 0.0
    for begin in range(0, count, _REPLAYED_AT_ONCE):
        batch = part(ticks, slice(begin, begin + _REPLAYED_AT_ONCE))
        took += seconds(engine.apply_quotes, batch, engine.position + 1)
    return row("replay of quotes", size, count / took, "1/s", "columns, as from files")


def _call_row(size: Size, engine: ExposureEngine) -> Row:
    one = make_ticks(SHAPES[size].symbols, 1)
    late = one._replace(ts_event=one.ts_event * 0)  # out of order: nothing is done
    costs = [seconds(engine.apply_quotes, late, engine.position + 1) * 1e6 for _ in range(200)]
    return row("one call of the engine", size, float(np.median(costs)), "us", f"per {BATCH} ticks")


def _disk_rows(size: Size, engine: ExposureEngine, directory: Path, *, quick: bool) -> list[Row]:
    """Save the engine, journal some ticks behind it, and recover both."""
    store = SnapshotStore(directory / "snapshots")
    saved = seconds(_save, store, engine)
    count = 10_000 if quick else 100_000
    with Journal.open(directory / "journal") as journal:
        for batch in _quote_batches(engine, make_ticks(SHAPES[size].symbols, count)):
            journal.append(batch)
    started = time.perf_counter()
    with unwatched():  # as the engine's process does
        state = store.load_latest()
        if state is None:
            return [unmeasured("cold recovery", size, "s", "the saved state was not found")]
        recovered = restore(state, settings(lazy=True))
    recovery = time.perf_counter() - started
    with Journal.open(directory / "journal") as journal:
        replayed = seconds(_replay, recovered, journal)
    return [
        row("state saved on disk", size, saved * 1e3, "ms"),
        row("cold recovery", size, recovery, "s", "state read, restored, indexed"),
        row("replay of the journal", size, count / replayed, "1/s", "decoded event by event"),
    ]


def _save(store: SnapshotStore, engine: ExposureEngine) -> None:
    store.save(export_state(engine))


def _replay(engine: ExposureEngine, journal: Journal) -> None:
    for batch in journal.recover(engine.position):
        engine.apply(batch)


def _quote_batches(engine: ExposureEngine, ticks: QuoteColumns) -> Iterator[EventBatch]:
    names = [instrument.symbol for instrument in engine.book.instruments]
    position, now = engine.position, engine.as_of
    for begin in range(0, len(ticks.symbol), _JOURNALED_AT_ONCE):
        columns = part(ticks, slice(begin, begin + _JOURNALED_AT_ONCE))
        rows = zip(*(column.tolist() for column in columns), strict=True)
        quotes = [QuoteReceived(now + ts, names[s], bid, ask) for s, bid, ask, ts in rows]
        position += len(quotes)
        yield EventBatch(position, 0, list(quotes))


def _arrays_in(table: Any) -> Iterator[NDArray[Any]]:
    for column in table:
        if isinstance(column, np.ndarray):
            yield column
        else:
            yield from _arrays_in(column)
