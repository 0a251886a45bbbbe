"""The back office in a live run: money arrives at the platform once, whatever process dies."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
from sqlalchemy import func, select

from crm_sync.clients.tables import CLIENT
from crm_sync.database import database_at
from crm_sync.events import KycState
from crm_sync.messages.tables import INBOX
from crm_sync.money.invariants import broken
from crm_sync.money.tables import PLATFORM_ORDERS
from crm_sync.reconcile.store import LIVING
from crm_sync.reconcile.tables import RECON_BREAKS, RECON_RUNS
from dealing.directory import DataDirectory, Role
from exposure.model.events import AccountChanged, BalanceChanged
from feeds.event_log import EventLog
from tests.dealing.processes import end, running, until

pytestmark = pytest.mark.slow

BUSY = """
sync:
  payments_per_min: 240
  quarantine_s: 2
  reconcile_every_min: 0.05
"""


def kill(directory, role):
    """Kill a process and wait until its successor has its place."""
    pid = until(lambda: directory.owner(role))
    os.kill(pid, signal.SIGKILL)
    until(lambda: directory.owner(role) not in {None, pid})


@pytest.fixture
def busy(tmp_path):
    """A configuration with many payments."""
    file = tmp_path / "busy.yaml"
    file.write_text(BUSY)
    return file


def confirmed(database):
    with database.reading() as connection:
        asked = select(PLATFORM_ORDERS.c.token, PLATFORM_ORDERS.c.amount_minor).where(
            PLATFORM_ORDERS.c.state == "confirmed"
        )
        return {row.token: row.amount_minor for row in connection.execute(asked)}


def agreed_runs(database):
    """How often provider, ledger and platform were compared, 0 while anything differs."""
    with database.reading() as connection:
        living = select(func.count()).where(RECON_BREAKS.c.state.in_([*LIVING]))
        runs = select(func.count()).select_from(RECON_RUNS)
        return 0 if connection.scalar(living) else connection.scalar(runs)


def test_every_deposit_reaches_the_platform_once_through_crashes(tmp_path, busy):
    directory = DataDirectory(tmp_path / "data")
    database = database_at(None, directory.database)
    options = ("--clients", 60, "--speed", 5, "--config", busy)
    with running(directory, *options, back_office=True) as run:
        for role in (Role.SYNC, Role.PLATFORM):
            held = len(until(lambda: confirmed(database)))
            until(lambda more=held + 2: len(confirmed(database)) >= more)
            kill(directory, role)
        held = len(confirmed(database))
        until(lambda: len(confirmed(database)) >= held + 2)
        until(lambda: agreed_runs(database) >= 2)
        end(run.process)
    with EventLog(directory.platform / "log") as log:
        events = [event for batch in log.read(0) for event in batch.events]
    booked = [e for e in events if isinstance(e, BalanceChanged) and e.comment]
    tokens = Counter(event.comment for event in booked)
    assert set(tokens.values()) == {1}
    kept = confirmed(database)
    assert kept.keys() <= tokens.keys()
    amounts = {event.comment: round(event.amount * 100) for event in booked}
    assert {token: amounts[token] for token in kept} == kept
    with database.reading() as connection:
        known = set(connection.scalars(select(PLATFORM_ORDERS.c.token)))
        assert tokens.keys() <= known
        assert broken(connection, 0) == []
        dead = select(func.count()).where(INBOX.c.state == "dead")
        assert connection.scalar(dead) == 0
        unidentified = set(
            connection.scalars(
                select(CLIENT.c.client_id).where(CLIENT.c.kyc_state != KycState.APPROVED.value)
            )
        )
    restricted = {e.account.client_id for e in events if isinstance(e, AccountChanged)
                  and e.account.close_only}  # fmt: skip
    assert unidentified <= restricted
    database.close()
