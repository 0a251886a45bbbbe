"""Recorded quotes in a directory: which providers quoted which symbols, and what they said.

Two kinds of files are read, each with one line per quote: ``PROVIDER_SYMBOL_DATE.csv.gz`` with the
columns ``ts_ms_utc, bid, ask``, and raw venue frames ``*.jsonl.gz`` and ``*.txt.gz``. Quotes stay
as they are: locked, crossed, negative and NaN ones are the engine's business.
Source: semantics.md section 9, last paragraph but one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.errors import DataError
from feeds.book_files.columns import as_times, read_column
from feeds.book_files.csv_rows import CsvRows
from feeds.book_files.rows import RawRows, Wanted
from feeds.book_files.schema import Column, Kind
from feeds.reference_rates import FILE_NAME as REFERENCE_RATES
from feeds.venue_frames import NO_TIME, read_venue_frames

_CSV_NAME: Final = re.compile(
    r"(?P<provider>[^_]+)_(?P<symbol>.+)_\d{8}(?:_[^.]*)?\.csv(?:\.gz)?", re.IGNORECASE
)
_CSV_ENDINGS: Final = (".csv", ".csv.gz")
_FRAME_ENDINGS: Final = (".jsonl.gz", ".txt.gz")
_COLUMNS: Final = Wanted(("ts_ms_utc", "bid", "ask"), unused=("bid_size", "ask_size"))
_BID, _ASK = Column("bid", Kind.PRICE), Column("ask", Kind.PRICE)
_NOTICED_OFFSET_NS: Final = 100_000_000

EXPECTED: Final = (
    "expected are files named PROVIDER_SYMBOL_DATE.csv.gz with the columns ts_ms_utc, bid, ask, "
    "or raw venue frames *.jsonl.gz or *.txt.gz"
)


class Recording(NamedTuple):
    """What one provider quoted for one symbol, in the order it was recorded.

    Shapes: all (n,). Units: ``ts`` in ns UTC.
    """

    provider: str
    symbol: str
    ts: NDArray[np.int64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]


def read_recordings(directory: Path, notes: list[str]) -> list[Recording]:
    """Read every recording of a directory, one per provider and symbol.

    Args:
        directory: Where the files are.
        notes: Gets a sentence about everything that was left out.

    Raises:
        DataError: There is no such directory, nothing recorded in it, or a file without the
            columns.
    """
    if not directory.is_dir():
        raise DataError(f"{directory} is no directory of recorded quotes: {EXPECTED}")
    parts = [
        part
        for path in sorted(directory.iterdir())
        if path.is_file()
        for part in _read_file(path, notes)
        if len(part.ts) > 0
    ]
    if not parts:
        raise DataError(f"{directory} holds no recorded quotes: {EXPECTED}")
    return [_joined(parts, key) for key in dict.fromkeys(_key(part) for part in parts)]


def _read_file(path: Path, notes: list[str]) -> Iterator[Recording]:
    name = path.name.lower()
    if name.endswith(_FRAME_ENDINGS):
        yield from _read_frames(path, notes)
    elif name.endswith(_CSV_ENDINGS) and name != REFERENCE_RATES:
        named = _CSV_NAME.fullmatch(name)
        if named is None:
            notes.append(f"{path.name} is left out: its name is not PROVIDER_SYMBOL_DATE.csv.gz")
        else:
            yield _read_csv(path, named["provider"], named["symbol"].upper(), notes)


def _read_csv(path: Path, provider: str, symbol: str, notes: list[str]) -> Recording:
    rows = CsvRows(path, _COLUMNS, notes)
    chunks = [_quotes_of(raw) for raw in rows.chunks()]
    unreadable = sum(chunk.unreadable for chunk in chunks)
    _note_lines(path, {"unreadable": unreadable} if unreadable else {}, notes)
    _note_damage(path, rows.damage, notes)
    ts, bid, ask = (
        np.concatenate(column) for column in zip(*(chunk[:3] for chunk in chunks), strict=True)
    )
    return Recording(provider, symbol, ts, bid, ask)


class _Quotes(NamedTuple):
    ts: NDArray[np.int64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    unreadable: int


def _quotes_of(raw: RawRows) -> _Quotes:
    times = as_times(raw.frame["ts_ms_utc"])
    bid, ask = (read_column(column, raw.frame[column.name]) for column in (_BID, _ASK))
    unusable = times.is_null().to_numpy() | bid.unusable | ask.unusable
    unusable[list(raw.broken)] = True
    kept = ~unusable
    return _Quotes(
        times.fill_null(0).to_numpy()[kept],
        bid.values.fill_null(0.0).to_numpy()[kept],
        ask.values.fill_null(0.0).to_numpy()[kept],
        int(unusable.sum()),
    )


def _read_frames(path: Path, notes: list[str]) -> Iterator[Recording]:
    frames = read_venue_frames(path)
    _note_lines(path, frames.skipped, notes)
    _note_damage(path, frames.damage, notes)
    _note_clock(path, frames.ts_exchange, frames.ts_recorded, notes)
    for index, symbol in enumerate(frames.symbols):
        ours = frames.symbol == index
        provider = _venue_of(path.name.lower(), symbol.lower())
        yield Recording(
            provider, symbol.upper(), frames.ts_recorded[ours], frames.bid[ours], frames.ask[ours]
        )


def _venue_of(file_name: str, symbol: str) -> str:
    venue, found, _ = file_name.partition(f"_{symbol}")
    return venue if found else file_name.partition(".")[0]


def _note_lines(path: Path, skipped: dict[str, int], notes: list[str]) -> None:
    if skipped:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(skipped.items()))
        notes.append(f"{path.name}: lines left out: {counts}")


def _note_damage(path: Path, damage: str | None, notes: list[str]) -> None:
    if damage is not None:
        notes.append(f"{path.name} was read up to where {damage}")


def _note_clock(
    path: Path, exchange: NDArray[np.int64], recorded: NDArray[np.int64], notes: list[str]
) -> None:
    stamped = exchange != NO_TIME
    if not stamped.any():
        return
    offset = float(np.median(exchange[stamped] - recorded[stamped]))
    if abs(offset) > _NOTICED_OFFSET_NS:
        side = "ahead of" if offset > 0 else "behind"
        notes.append(
            f"{path.name}: the exchange's clock is {abs(offset) / 1e9:.2f} s {side} the "
            "recorder's, whose stamps are used"
        )


def _key(recording: Recording) -> tuple[str, str]:
    return recording.provider, recording.symbol


def _joined(parts: list[Recording], key: tuple[str, str]) -> Recording:
    ours = sorted((part for part in parts if _key(part) == key), key=lambda part: int(part.ts[0]))
    columns = zip(*(part[2:] for part in ours), strict=True)
    ts, bid, ask = (np.concatenate(column) for column in columns)
    return Recording(*key, ts, bid, ask)
