"""Automatic hedging in a live run while its engine and its platform are killed at random.

``PLIMSOLL_KILLS`` says how often; the short form is for everybody. Afterwards the platform's own
log is the witness: every key once, nothing that the desk does not know of, and the house back in
its band without ever having gone through it.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections import Counter

import pytest

from dealing.directory import DataDirectory, Role
from dealing.hedging.keeping import HedgeFiles
from exposure.engine import ExposureEngine
from exposure.model.deals import Side
from exposure.model.events import HedgeAnswered, HedgeExecuted
from exposure.reading import symbol_columns
from feeds.event_log import EventLog
from tests.dealing.processes import end, running, until
from tests.thorough import LONG

KILLS = int(os.environ.get("PLIMSOLL_KILLS", "3" if LONG else "2"))
SYMBOL, BAND, CLIP = "EURUSD", 0.2, 3.0
PATIENCE_S = 240.0
RULES = f"""
hedging:
  cool_down_ms: 200
  rules:
    - symbol: {SYMBOL}
      mode: automatic
      hedges: house_net
      band_lots: {BAND}
      max_clip_lots: {CLIP}
      news_pause_s: 0
"""

pytestmark = pytest.mark.slow


def row(run):
    """Return what the desk says of the symbol, None while nobody knows."""
    status, told = run.get("/api/v1/hedging")
    if status != 200:
        return None
    return next((one for one in told["symbols"] if one["symbol"] == SYMBOL), None)


def fills(run):
    """Return how many fills the desk counts."""
    told = row(run)
    return 0 if told is None else told["today"]["fills"]


def is_quiet(run):
    """Return the symbol's row when it is inside its band and nothing is on its way."""
    told = row(run)
    quiet = told is not None and told["open"] is None and told["verdict"] == "inside"
    return told if quiet else None


def kill(directory, role):
    """Kill a process and wait until its successor has its place."""
    pid = until(lambda: directory.owner(role))
    os.kill(pid, signal.SIGKILL)
    until(lambda: directory.owner(role) not in {None, pid})


def test_engine_and_platform_killed_at_random_hedge_nothing_twice(tmp_path):
    seed = random.randrange(2**32)  # noqa: S311 - which moments is no secret
    chance = random.Random(seed)  # noqa: S311
    rules, directory = tmp_path / "rules.yaml", DataDirectory(tmp_path / "data")
    rules.write_text(RULES)
    with running(directory, "--clients", 2_000, "--speed", 10, "--config", rules) as run:
        for number in range(KILLS):
            seen = fills(run)
            until(
                lambda seen=seen: fills(run) > seen,
                patience_s=PATIENCE_S,
                pause_s=chance.uniform(0.01, 0.4),
            )
            kill(directory, Role.ENGINE if number % 2 == 0 else Role.PLATFORM)
        seen = fills(run)
        until(lambda: fills(run) > seen, PATIENCE_S)
        told = until(lambda: is_quiet(run), PATIENCE_S)
        assert abs(told["net_lots"]) <= BAND + 1e-6
        assert told["pause"] is None
        end(run.process)
    memory = HedgeFiles(directory.hedging).find().memory
    witness = Witness(directory, memory.position)
    sys.stdout.write(f"\n{KILLS} kills (seed {seed}): {witness.figures}\n")
    assert witness.executed
    assert max(Counter(witness.executed).values()) == 1
    assert max(Counter(witness.answered).values()) == 1
    assert witness.worst_step <= CLIP
    assert witness.wrong_way == []
    known = memory.symbols[SYMBOL].today
    assert known.fills == len(witness.executed)
    assert known.lots == pytest.approx(sum(witness.lots))
    assert memory.symbols[SYMBOL].bridge.on is False


class Witness:
    """The platform's log, looked at fill by fill beside an engine that nobody killed."""

    def __init__(self, directory, up_to):
        """Look at the events up to a position: the desk ended there."""
        self.executed, self.answered, self.lots, self.wrong_way = [], [], [], []
        self.worst_step = 0.0
        self._engine = ExposureEngine()
        with EventLog(directory.platform / "log") as log:
            for frame in log.read_encoded(0):
                batch = frame.batch()
                if batch.position > up_to:
                    return
                self._engine.apply(batch)
                for event in batch.events:
                    self._look(event)

    @property
    def figures(self):
        return f"{len(self.executed)} fills, {sum(self.lots):.2f} lots"

    def _look(self, event):
        if isinstance(event, HedgeAnswered):
            self.answered.append(event.key)
        if not isinstance(event, HedgeExecuted) or not event.deal_id.startswith("hedge:"):
            return
        self.executed.append(event.deal_id)
        self.lots.append(event.lots)
        columns = symbol_columns(self._engine)
        index = self._engine.symbol_index(event.symbol)
        after = float(columns["house_net_lots"][index])
        moved = Side(event.side).sign * event.lots
        self.worst_step = max(self.worst_step, event.lots)
        # it went through the band and out on the other side: a hedge of what was hedged already
        if after * moved > 0.0 and abs(after) > BAND + CLIP:
            self.wrong_way.append((event.deal_id, after))
