"""Many random ``kill -9`` of an engine with deals under way: none lost, none doubled.

``make kills`` does it 200 times. The engines are real processes that work for a real platform; they
are forked from one that has loaded everything, so that a life takes a second and not five.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from decimal import Decimal

import pytest

from dealing.directory import DataDirectory, Role
from dealing.snapshot_json import snapshot_json
from exposure.model.accounts import BalanceKind
from exposure.model.events import AccountChanged, BalanceChanged, DealExecuted
from feeds.event_log import EventLog
from tests.dealing.moments import MOMENTS, until_any_time
from tests.dealing.processes import (
    PATIENCE_S,
    ROOT,
    alone,
    caught_up,
    end,
    kept_engine,
    stored_bytes,
    uninterrupted_engine,
    until,
)

KILLS = int(os.environ.get("PLIMSOLL_KILLS", "6"))
HALF_A_CENT = Decimal("0.005")

pytestmark = pytest.mark.slow


@pytest.fixture
def directory(tmp_path):
    return DataDirectory(tmp_path / "data")


@pytest.fixture
def options(tmp_path):
    path = tmp_path / "often.yaml"
    path.write_text(
        "engine: {snapshot_every_s: 1}\n"
        "market: {clients: 1000, speed: 8}\n"
        "storage: {file_mb: 1, journal_keep_mb: 2}\n"
    )
    return "--config", path


class Nursery:
    """Gives life to one engine process after the other."""

    def __init__(self, process):
        self._process = process
        self._alive = None

    def engine(self):
        """Fork an engine."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._alive = self._number()

    def end_engine(self, number):
        """Send the engine a signal, wait until it is gone and return how it ended."""
        os.kill(self._alive, number)
        ended = self._number()
        self._alive = None
        return ended

    def close(self):
        """Leave no engine behind."""
        if self._alive is not None:
            os.kill(self._alive, signal.SIGKILL)

    def _number(self):
        return int(self._process.stdout.readline())


@contextmanager
def nursery(directory, options, words):
    """Yield a Nursery whose engines write what they say to a file."""
    command = [sys.executable, "-m", "tests.dealing.engine_nursery", "--data", directory.root]
    with words.open("w") as said:
        process = subprocess.Popen(
            [*map(str, (*command, *options))],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        with process, closing(Nursery(process)) as engines:
            yield engines


def test_engines_killed_at_random_lose_no_deal_and_double_none(directory, options, tmp_path):
    seed = random.randrange(2**32)  # noqa: S311 - which moments is no secret
    chance = random.Random(seed)  # noqa: S311
    began_s, words, moments = time.monotonic(), tmp_path / "words", Counter()
    with alone("feed", directory, *options) as platform:
        until(directory.socket(Role.PLATFORM).exists)
        with nursery(directory, options, words) as engines:
            for _ in range(KILLS):
                moment = chance.choice([*MOMENTS, until_any_time])
                moments[moment.__name__] += 1
                directory.socket(Role.ENGINE).unlink(missing_ok=True)
                engines.engine()
                moment(directory, chance)
                assert engines.end_engine(signal.SIGKILL) == -signal.SIGKILL, words.read_text()
            engines.engine()
            asyncio.run(caught_up(directory, patience_s=10 * PATIENCE_S))
            assert engines.end_engine(signal.SIGTERM) == 0, words.read_text()
        assert end(platform)[0] == 0
    kept = kept_engine(directory)
    tell(
        f"{KILLS} kills in {time.monotonic() - began_s:.0f} s (seed {seed}), "
        f"{kept.counters['deals']} deals, {kept.position} events, {dict(moments)}"
    )
    assert_every_deal_is_there_once(kept, directory)
    assert_balances_are_what_the_platform_paid(kept, directory)
    assert_journal_is_the_platforms_log(directory)
    fresh = uninterrupted_engine(directory, kept.position)
    assert snapshot_json(kept.snapshot()) == snapshot_json(fresh.snapshot())
    assert stored_bytes(kept, tmp_path / "kept") == stored_bytes(fresh, tmp_path / "fresh")


def tell(figures):
    """Show with ``-s`` what happened."""
    sys.stdout.write(f"\n{figures}\n")


def events_of(directory, up_to):
    """Yield the platform's own events, one by one."""
    position = 0
    with EventLog(directory.platform / "log") as log:
        for batch in log.read(0):
            for event in batch.events:
                position += 1
                if position > up_to:
                    return
                yield event


def assert_every_deal_is_there_once(kept, directory):
    deals = [e for e in events_of(directory, kept.position) if isinstance(e, DealExecuted)]
    assert {deal.server for deal in deals} == {""}
    ids = [deal.deal_id for deal in deals]
    assert len(set(ids)) == len(ids) > 0
    assert len(kept.trades.deal_ids) == len(ids)
    assert set(kept.trades.deal_ids) == {("", one) for one in ids}
    assert kept.counters["deals"] == len(ids)
    assert kept.counters["duplicates"] == kept.counters["quarantined"] == 0


def assert_balances_are_what_the_platform_paid(kept, directory):
    owed = {}
    for event in events_of(directory, kept.position):
        match event:
            case AccountChanged(_, terms) if terms.login not in owed:
                owed[terms.login] = Decimal(repr(terms.balance))
            case DealExecuted(_):
                cash = (event.profit or 0.0, event.commission, event.swap)
                owed[event.login] += sum(Decimal(repr(part)) for part in cash)
            case BalanceChanged(_, login, kind, amount):
                if not BalanceKind(kind).changes_credit:
                    owed[login] += Decimal(repr(amount))
    assert owed
    for login, balance in owed.items():
        assert abs(Decimal(kept.account(login).balance) - balance) < HALF_A_CENT, login


def assert_journal_is_the_platforms_log(directory):
    with EventLog(directory.journal) as journal, EventLog(directory.platform / "log") as log:
        after = journal.first_position - 1
        kept = (event for batch in journal.read(after) for event in batch.events)
        sent = (event for batch in log.read(after) for event in batch.events)
        count = 0
        for ours, theirs in zip(kept, sent, strict=False):
            assert ours == theirs
            count += 1
        assert count == journal.last_position - after
