"""From socket to socket: how soon a crossing is known, and how soon the desk has read it.

Three processes, as in the product: this one is the platform and sends frames of ticks and deals at
a steady pace over a Unix socket; the engine role reads, journals, applies and publishes with its
own runtime; a reader takes what is published as a desk does, frames included.

In the figures: the platform's socket, the engine's reading, its journal's write, decoding, applying
both ticks and deals, and, for what a desk reads, announcing, sending and decoding. Not in
them: the platform's own log, the database behind the revenue (it is in memory here), browsers.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from dealing.bench.goals import Row, row, unmeasured
from dealing.bench.market import market
from dealing.bench.workload import SHAPES, Size, make_ticks
from exposure.errors import DisconnectedError
from exposure.model.events import DealExecuted, EventBatch, InputEvent, QuoteReceived
from exposure.model.quotes import QuoteColumns
from feeds.frames import Frame, FrameReader
from feeds.platform_wire import PlatformStatus, Subscribe, packed, question_in

TICKS_PER_S: Final = 5_000
DEALS_PER_S: Final = 1_000
FRAMES_PER_S: Final = 500
VOLATILITY: Final = 5.0
"""Times the daily one: in so few seconds of an ordinary day, few accounts would cross anything."""

PLATFORM, ENGINE = "platform.sock", "engine.sock"
KNOWN, READ = "known.json", "read.json"
"""Where the engine and the reader leave when they knew of which crossing: position to ns."""

_BEGIN_NS: Final = 1_700_000_000 * 1_000_000_000
_WARM_UP_S: Final = 0.5
_LAST_FRAMES_S: Final = 0.5
_STARTS_WITHIN_S: Final = 120.0
_ENDS_WITHIN_S: Final = 30.0

Moments = dict[int, int]


class Sent(NamedTuple):
    """A frame's last position, and when it went into the socket, in ns of the steady clock."""

    position: int
    at_ns: int


def latency_rows(size: Size, *, quick: bool) -> list[Row]:
    """Run the three processes for some seconds and compare their moments."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as name:
        directory = Path(name)
        sent = _run(size, directory, 1.0 if quick else 10.0)
        known, read = (_moments(directory / file) for file in (KNOWN, READ))
    read = {position: at_ns for position, at_ns in read.items() if position in known}
    return [*_rows("known", size, known, sent), *_rows("read", size, read, sent)]


def _run(size: Size, directory: Path, seconds: float) -> list[Sent]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(directory / PLATFORM))
    listener.listen()
    listener.settimeout(_STARTS_WITHIN_S)
    roles = [_started(role, directory, size) for role in ("engine", "reader")]
    try:
        connection, _ = listener.accept()
        with connection:
            after = _asked_position(connection)
            connection.sendall(packed(_status(after)))
            sent = _send(connection, list(_frames(size, after, seconds)))
            time.sleep(_LAST_FRAMES_S)
            _end(roles)  # the engine first: its platform must not go away before it
    finally:
        listener.close()
        for role in roles:
            role.kill()
            role.wait()
    return sent


def _started(role: str, directory: Path, size: Size) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dealing.bench.latency_roles", role, str(directory), size]
    return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 # our own module


def _end(roles: list[subprocess.Popen[bytes]]) -> None:
    """Close the roles' standard input, which tells them to end, and wait for them.

    Raises:
        DisconnectedError: One of them failed.
    """
    for role in roles:
        role.communicate(timeout=_ENDS_WITHIN_S)
        if role.returncode != 0:
            raise DisconnectedError(f"a process of the bench failed with {role.returncode}")


def _asked_position(connection: socket.socket) -> int:
    frames = FrameReader()
    while data := connection.recv(4096):
        for frame in frames.feed(data):
            question = question_in(frame)
            if isinstance(question, Subscribe):
                return question.after
    raise DisconnectedError("the engine of the bench went away without a question")


def _send(connection: socket.socket, frames: list[Frame]) -> list[Sent]:
    """Send frames at a steady pace; whatever was late is sent at once and counted from then."""
    sent, began = [], time.monotonic()
    for k, frame in enumerate(frames):
        wait_s = began + k / FRAMES_PER_S - time.monotonic()
        if wait_s > 0.0:
            time.sleep(wait_s)
        sent.append(Sent(frame.position, time.monotonic_ns()))
        connection.sendall(frame.data)
    return sent[int(_WARM_UP_S * FRAMES_PER_S) :]


def _frames(size: Size, after: int, seconds: float) -> Iterator[Frame]:
    count = int((seconds + _WARM_UP_S) * FRAMES_PER_S)
    per_frame = TICKS_PER_S // FRAMES_PER_S
    ticks = make_ticks(
        SHAPES[size].symbols, count * per_frame, volatility=VOLATILITY, per_s=TICKS_PER_S
    )
    trades = _Trades(size)
    for k in range(count):
        places = range(k * per_frame, (k + 1) * per_frame)
        events: list[InputEvent] = [trades.quote(ticks, i) for i in places]
        now = events[-1].ts_event
        events += [trades.deal(now) for _ in range(DEALS_PER_S // FRAMES_PER_S)]
        after += len(events)
        yield Frame.of(EventBatch(after, 0, events))


class _Trades:
    """Clients who open positions and close them some time later."""

    _OPEN: Final = 200

    def __init__(self, size: Size) -> None:
        self._names = [str(i.symbol) for i in market(SHAPES[size].symbols).instruments]
        self._accounts = SHAPES[size].accounts
        self._random = np.random.default_rng(7)
        self._last: dict[int, tuple[float, float]] = {}
        self._symbols: list[int] = []
        self._deals = self._closed = 0

    def quote(self, ticks: QuoteColumns, i: int) -> QuoteReceived:
        symbol, bid, ask = int(ticks.symbol[i]), float(ticks.bid[i]), float(ticks.ask[i])
        self._last[symbol] = bid, ask
        return QuoteReceived(_BEGIN_NS + int(ticks.ts_event[i]), self._names[symbol], bid, ask)

    def deal(self, now: int) -> DealExecuted:
        """Return a client's next deal: every other one closes the oldest open position."""
        self._deals += 1
        closes = self._deals % 2 == 0 and len(self._symbols) > self._OPEN
        if not closes:
            self._symbols.append(int(self._random.choice(list(self._last))))
        self._closed += closes
        number = self._closed if closes else len(self._symbols)
        symbol = self._symbols[number - 1]
        bid, ask = self._last[symbol]
        return DealExecuted(
            now,
            f"L{self._deals}",
            str(number % self._accounts),
            f"L{number}",
            self._names[symbol],
            "sell" if closes else "buy",
            "out" if closes else "in",
            0.01,
            bid if closes else ask,
        )


def _status(position: int) -> PlatformStatus:
    return PlatformStatus(
        label="bench",
        now=_BEGIN_NS,
        position=position,
        speed=1.0,
        effective_speed=1.0,
        quotes_per_s=float(TICKS_PER_S),
        exhausted=False,
    )


def _moments(path: Path) -> Moments:
    return msgspec.json.decode(path.read_bytes(), type=Moments)


def _rows(what: str, size: Size, moments: Moments, sent: list[Sent]) -> list[Row]:
    positions = np.array([frame.position for frame in sent])
    at_ns = np.array([frame.at_ns for frame in sent])
    crossed = np.array([p for p in moments if positions[0] < p <= positions[-1]], np.int64)
    names = [f"tick sent to crossing {what}, {share}" for share in ("p50", "p99")]
    if not len(crossed):
        return [unmeasured(name, size, "us", "nobody crossed") for name in names]
    taken = np.array([moments[p] for p in crossed.tolist()])
    waited_us = (taken - at_ns[np.searchsorted(positions, crossed)]) / 1e3
    note = f"{len(crossed):,} ticks that crossed"
    return [
        row(name, size, float(np.quantile(waited_us, share)), "us", note)
        for name, share in zip(names, (0.5, 0.99), strict=True)
    ]
