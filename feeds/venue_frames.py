"""Raw WebSocket frames of crypto venues, as a recorder wrote them: ``<local_ns> <frame>`` lines.

Only best bid and ask (``bookTicker``) become quotes; trades, depth and snapshots are counted. A
spot frame carries no time of its own, so the recorder's stamp is the one clock that every frame
shares; the exchange's stamp is kept beside it where there is one.
Source: platforms.md A6.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from exposure.errors import UNDECODABLE
from feeds.book_files.lines import LineBlocks

NO_TIME: Final = -1
_TICKER: Final = "@bookTicker"
_MS: Final = 1_000_000
_LATEST: Final = 2**63 - 1


class VenueQuotes(NamedTuple):
    """Best prices of one file of frames, in the order they were recorded.

    ``skipped`` counts the lines that are no quote by what they are, ``damage`` says why the file
    ended early. Shapes: ``symbol`` and the following are (n,); ``symbol`` is an index into
    ``symbols``. Units: ``ts_recorded`` and ``ts_exchange`` in ns UTC, NO_TIME without a stamp.
    """

    symbols: list[str]
    symbol: NDArray[np.int32]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    ts_recorded: NDArray[np.int64]
    ts_exchange: NDArray[np.int64]
    skipped: Counter[str]
    damage: str | None


class _Frame(msgspec.Struct):
    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()


class _BookTicker(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    bid: str | float = msgspec.field(name="b")
    ask: str | float = msgspec.field(name="a")
    transaction_ms: int | None = msgspec.field(name="T", default=None)


class _NotAQuoteError(Exception):
    """A line is no quote; the message is what it is counted as."""


def read_venue_frames(path: Path) -> VenueQuotes:
    """Read the best prices of a file, plain or gzipped.

    Lines that cannot be read are counted and cost nothing else.

    Raises:
        DataError: The file cannot be opened.
    """
    decode_frame = msgspec.json.Decoder(_Frame).decode
    decode_ticker = msgspec.json.Decoder(_BookTicker).decode
    symbols: dict[str, int] = {}
    rows: list[tuple[int, float, float, int, int]] = []
    skipped: Counter[str] = Counter()
    blocks = LineBlocks(path)
    for block in blocks:
        for line in block.splitlines():
            try:
                ticker, recorded = _ticker(line, decode_frame, decode_ticker)
                bid, ask = float(ticker.bid), float(ticker.ask)
                exchange = _exchange_time(ticker)
            except _NotAQuoteError as reason:
                skipped[str(reason)] += 1
                continue
            except (ValueError, *UNDECODABLE):
                skipped["unreadable"] += 1
                continue
            symbol = symbols.setdefault(ticker.symbol, len(symbols))
            rows.append((symbol, bid, ask, recorded, exchange))
    return _columns(list(symbols), rows, skipped, blocks.damage)


def _ticker(line: bytes, decode_frame: Any, decode_ticker: Any) -> tuple[_BookTicker, int]:
    stamp, _, text = line.partition(b" ")
    frame = decode_frame(text)
    if not frame.stream:
        raise _NotAQuoteError("without a stream")
    if not frame.stream.endswith(_TICKER):
        raise _NotAQuoteError("of other streams")
    return decode_ticker(frame.data), _time(int(stamp))


def _exchange_time(ticker: _BookTicker) -> int:
    return NO_TIME if ticker.transaction_ms is None else _time(ticker.transaction_ms * _MS)


def _time(ts: int) -> int:
    if not 0 <= ts <= _LATEST:
        raise ValueError(f"{ts} ns is no time that a column can hold")
    return ts


def _columns(
    symbols: list[str],
    rows: list[tuple[int, float, float, int, int]],
    skipped: Counter[str],
    damage: str | None,
) -> VenueQuotes:
    symbol, bid, ask, recorded, exchange = zip(*rows, strict=True) if rows else ((),) * 5
    return VenueQuotes(
        symbols,
        np.array(symbol, np.int32),
        np.array(bid, np.float64),
        np.array(ask, np.float64),
        np.array(recorded, np.int64),
        np.array(exchange, np.int64),
        skipped,
        damage,
    )
