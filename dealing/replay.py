"""Compute a broker's day from its files: read, merge, apply, say what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from dealing.answers import Report, nanoseconds, progress_on, silently, write_json
from dealing.replay_summary import show_summary
from dealing.score.answer import ClientRow, client_json, client_rows
from dealing.score.reader import FlowReader
from dealing.snapshot_json import snapshot_json
from exposure.engine import ExposureEngine
from exposure.model.events import EventBatch
from exposure.model.quotes import QuoteColumns
from exposure.risk.factors import INTERVAL_NS
from exposure.settings import EngineSettings
from exposure.snapshot import Snapshot
from feeds.book_files import BookDirectory, QuoteRun, read_book_directory
from feeds.catalogue.regimes import RegimeRule, caps_of_rules

_REPORTS: Final = 200


class ReplayResult(NamedTuple):
    """What a day came to, with every crossing and every break.

    ``counted`` are rows of files that cause no events, ``notes`` sentences about the files, and
    ``book`` knows the way back from a position to file and line. ``clients`` are scored, none if
    nobody asked.
    """

    snapshot: Snapshot
    counted: dict[str, int]
    notes: list[str]
    book: BookDirectory
    clients: list[ClientRow]


class ReplayedDay(NamedTuple):
    """An engine that was given a day, and what ReplayResult says beside the snapshot."""

    engine: ExposureEngine
    counted: dict[str, int]
    notes: list[str]
    book: BookDirectory


def replay_directory(
    directory: Path,
    until_ms: float | None = None,
    progress: Report | None = None,
    settings: EngineSettings | None = None,
    regimes: Sequence[RegimeRule] = (),
    *,
    with_clients: bool = True,
) -> ReplayResult:
    """Compute a day from its files (semantics.md section 9).

    Args:
        directory: A book directory.
        until_ms: Stop after the events of this instant, in epoch milliseconds.
        progress: Told from time to time how much is done, in [0, 1].
        settings: Those of the engine; all crossings and breaks are kept whatever they say.
        regimes: Whose leverage caps hold for which accounts, beside what the files say.
        with_clients: Score the clients as well.

    Raises:
        DataError: The directory or a file of it cannot be used at all.
    """
    reader = FlowReader(pivots=(settings or EngineSettings()).pivots) if with_clients else None
    with np.errstate(over="ignore", invalid="ignore"):  # absurd amounts have no figure: null
        day = replayed_day(directory, until_ms, progress, settings, regimes, reader)
        clients = [] if reader is None else client_rows(reader)
        return ReplayResult(day.engine.snapshot(), day.counted, day.notes, day.book, clients)


def replayed_day(
    directory: Path,
    until_ms: float | None = None,
    progress: Report | None = None,
    settings: EngineSettings | None = None,
    regimes: Sequence[RegimeRule] = (),
    reader: FlowReader | None = None,
) -> ReplayedDay:
    """Return the engine as it stands after a day of files, for those who ask it more.

    Takes and raises what ``replay_directory`` does; a ``reader`` sees the same day.
    """
    notes: list[str] = []
    book = read_book_directory(directory, notes)
    settings = settings or EngineSettings()
    caps = (*settings.leverage_caps, *caps_of_rules(regimes, book.instruments()))
    settings = msgspec.structs.replace(settings, kept_events=None, leverage_caps=caps)
    engine = ExposureEngine(settings)
    until = None if until_ms is None else nanoseconds(until_ms)
    _apply(book, engine, until, progress or silently, reader)
    return ReplayedDay(engine, book.counted_until(until), notes, book)


def to_json(result: ReplayResult) -> bytes:
    """Return the object of semantics.md section 9; two runs over one day give the same bytes."""
    clients = [client_json(row) for row in result.clients]
    return snapshot_json(result.snapshot, result.counted, result.book.lineage, clients)


def run_replay(
    directory: Path,
    *,
    until_ms: float | None,
    json_out: str | None,
    settings: EngineSettings,
    regimes: Sequence[RegimeRule] = (),
) -> int:
    """Do what ``plimsoll replay`` does and return the exit code.

    Args:
        directory: A book directory.
        until_ms: Stop after the events of this instant.
        json_out: Where the JSON object goes, "-" for standard output; None for a summary.
        settings: Those of the engine.
        regimes: Whose leverage caps hold for which accounts.

    Raises:
        DataError: The directory cannot be used, or the JSON file cannot be written.
    """
    errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    with progress_on(errors, "replaying") as progress:
        result = replay_directory(
            directory, until_ms, progress, settings, regimes, with_clients=json_out is not None
        )
    for note in result.notes:
        errors.print(f"note: {note}")
    if json_out is None:
        show_summary(result.snapshot, Console(highlight=False, markup=False))
    else:
        write_json(to_json(result) + b"\n", json_out)
    return 0


def _apply(
    book: BookDirectory,
    engine: ExposureEngine,
    until: int | None,
    progress: Report,
    reader: FlowReader | None,
) -> None:
    for batch in book.opening():
        engine.apply(batch)
        if reader is not None:
            reader.events(batch.events)
    index, names_version = _index(book, engine), engine.book.names_version
    last = book.rows_until(until)
    next_report = 0.0
    for segment in book.segments(until):
        if reader is not None:
            reader.take(segment, book.symbols)
        if isinstance(segment, EventBatch):
            engine.apply(segment)
            if engine.book.names_version != names_version:
                index, names_version = _index(book, engine), engine.book.names_version
        else:
            _apply_quotes(segment, engine, index, book.symbols)
        if engine.position >= next_report:
            progress(engine.position / last)
            next_report = engine.position + last / _REPORTS
    if reader is not None:
        reader.flow.finish()
    progress(1.0)


def _index(book: BookDirectory, engine: ExposureEngine) -> NDArray[np.int32]:
    return np.array([engine.symbol_index(symbol) for symbol in book.symbols], np.int32)


def _apply_quotes(
    run: QuoteRun, engine: ExposureEngine, index: NDArray[np.int32], symbols: list[str]
) -> None:
    """Apply quotes; the factors are sampled before the first one of each five minutes.

    Files hold no ticks of a clock. Time passes with the quotes then, effectively: a late one does
    not turn it back.
    """
    names = run.quotes.symbol
    quotes = run.quotes._replace(symbol=index[names])
    times = np.maximum(np.maximum.accumulate(quotes.ts_event), engine.as_of)
    begins = np.flatnonzero(np.diff(times // INTERVAL_NS, prepend=-1)).tolist()
    for first, last in pairwise([*begins, len(names)]):
        engine.factors.pass_time(engine.book, int(times[first]))
        part, named = slice(first, last), names[first:last]
        engine.apply_quotes(
            QuoteColumns(
                quotes.symbol[part], quotes.bid[part], quotes.ask[part], quotes.ts_event[part]
            ),
            run.first_position + first,
            partial(_name, symbols, named),
        )


def _name(symbols: list[str], named: NDArray[np.int32], k: int) -> str:
    return symbols[int(named[k])]
