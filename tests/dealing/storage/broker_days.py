"""A small broker's day as frames, a directory that an engine left, and what must come out of it."""

from __future__ import annotations

import random
import shutil

import msgspec
import numpy as np

from dealing.runtime import recovered
from dealing.storage.journal import Journal
from dealing.storage.snapshots import SnapshotStore
from exposure.engine import ExposureEngine
from exposure.export import export_state
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    BookAssigned,
    ClockTicked,
    DealExecuted,
    HedgeExecuted,
    InstrumentDefined,
    PositionRestored,
    QuoteReceived,
)
from exposure.settings import EngineSettings
from feeds.event_log import EventLog
from feeds.frames import Frame
from tests.dealing.revenue_keepers import revenue_writer
from tests.exposure.builders import account, instrument
from tests.feeds.event_samples import numbered

SETTINGS = EngineSettings(kept_events=50)
LOGINS = ("1", "2", "3")

OPENING = [
    InstrumentDefined(0, instrument("EURUSD")),
    InstrumentDefined(0, instrument("GBPUSD")),
    *[AccountChanged(0, account(login, balance=900.0)) for login in LOGINS],
    PositionRestored(0, "1", "old", "EURUSD", "sell", 0.5, 1.1),
]


def broker_day(moments, seed=1):
    """Return the frames of a day: quotes, deals in and out, money, hedges and crossings."""
    chance = random.Random(seed)  # noqa: S311 - which day it is, is no secret
    day, open_ids = [OPENING], []
    for t in range(1, moments + 1):
        euro, pound = 1.1 + chance.uniform(-0.02, 0.02), 1.3 + chance.uniform(-0.02, 0.02)
        events = [
            QuoteReceived(t, "EURUSD", euro, euro + 1e-4),
            QuoteReceived(t, "GBPUSD", pound, pound + 2e-4),
        ]
        symbol, price = chance.choice([("EURUSD", euro), ("GBPUSD", pound)])
        match chance.randrange(5):
            case 0 | 1:
                login, lots = chance.choice(LOGINS), chance.choice([0.01, 0.1, 0.3])
                deal = (f"d{t}", login, f"p{t}", symbol, "buy", "in", lots, price, -0.7)
                events.append(DealExecuted(t, *deal))
                open_ids.append((login, f"p{t}", symbol, lots))
            case 2 if open_ids:
                login, held, symbol_held, lots = open_ids.pop(chance.randrange(len(open_ids)))
                out = {"EURUSD": euro, "GBPUSD": pound}[symbol_held]
                deal = (f"d{t}", login, held, symbol_held, "sell", "out", lots, out)
                events.append(DealExecuted(t, *deal))
            case 3:
                events.append(BalanceChanged(t, chance.choice(LOGINS), "deposit", 12.5))
            case _:
                events.append(HedgeExecuted(t, f"h{t}", "lp", symbol, "buy", 0.1, price))
                events.append(BookAssigned(t, chance.choice(LOGINS), chance.choice("AB")))
        day.append([*events, ClockTicked(t)])
    return [Frame.of(batch) for batch in numbered(day)]


def state_of(engine):
    """Return an engine's whole state as bytes: every column bit for bit, and every plain value."""
    state = export_state(engine)
    tables = {
        name: {
            key: column.tobytes() if isinstance(column, np.ndarray) else column
            for key, column in columns.items()
        }
        for name, columns in state.tables.items()
    }
    return msgspec.msgpack.encode([tables, state.meta])


class Truth:
    """What an engine that never stopped knows after each frame of a day."""

    def __init__(self, frames):
        self.frames = frames
        self._states = {0: state_of(ExposureEngine(SETTINGS))}
        engine = ExposureEngine(SETTINGS)
        for frame in frames:
            engine.apply(frame.batch())
            self._states[engine.position] = state_of(engine)
        self.end = engine.position

    def after(self, position):
        """Return the state at a position, which must be the end of a frame."""
        return self._states[position]

    def caught_up(self, engine):
        """Feed an engine what follows its position, as the platform would, and return its state."""
        for frame in self.frames:
            if frame.position > engine.position:
                engine.apply(frame.after(engine.position).batch())
        return state_of(engine)


class Left:
    """The directory of an engine that was killed after a day, to be damaged and recovered."""

    def __init__(self, path, frames, saved_after=(), *, segment_bytes=1 << 20, keep=9):
        self.journal, self.snapshots = path / "journal", path / "snapshots"
        engine, store = ExposureEngine(SETTINGS), SnapshotStore(self.snapshots, keep)
        with Journal(EventLog(self.journal, segment_bytes=segment_bytes)) as journal:
            for number, frame in enumerate(frames):
                journal.append_frame(frame)
                engine.apply(frame.batch())
                if number in saved_after:
                    store.save(export_state(engine))
        self._contents = {file: file.read_bytes() for file in path.rglob("*") if file.suffix != ""}

    @property
    def files(self):
        """The files of the journal and of the snapshots, oldest first."""
        return sorted(self._contents)

    @property
    def segments(self):
        return [file for file in self.files if file.suffix == ".frames"]

    @property
    def saved(self):
        return [file for file in self.files if file.suffix == ".snapshot"]

    def content(self, file):
        return self._contents[file]

    def put_back(self):
        """Make the directory what the engine left."""
        for directory in (self.journal, self.snapshots):
            shutil.rmtree(directory / "set-aside", ignore_errors=True)
            if directory.exists():
                for file in directory.iterdir():
                    file.unlink()
        for file, content in self._contents.items():
            file.write_bytes(content)

    def set_aside(self):
        """Return what was set aside."""
        found = [*self.journal.glob("set-aside/*"), *self.snapshots.glob("set-aside/*")]
        return sorted(found)

    def recovered(self):
        """Return the engine of the next process; the journal must end where it is."""
        with EventLog(self.journal, tolerant=True) as log:
            store, revenue = SnapshotStore(self.snapshots), revenue_writer()
            engine = recovered(store, Journal(log), SETTINGS, revenue)
            assert log.last_position == engine.position or log.is_empty
            return engine


def flipped(content, at, bit=0):
    """Return bytes with one bit changed."""
    changed = bytearray(content)
    changed[at] ^= 1 << bit
    return bytes(changed)
