"""A storm of webhooks over HTTP: doubled, shuffled, some broken, into a process that keeps dying.

The short form is a shower; PLIMSOLL_LONG_TESTS=1 is 10,000 requests and 200 kills, or as many as
PLIMSOLL_KILLS says.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from functools import partial

import httpx2
import pytest
from sqlalchemy import func, select

from crm_sync.clients.tables import TRADING_ACCOUNT
from crm_sync.database import database_at
from crm_sync.messages.tables import INBOX
from crm_sync.money.invariants import broken
from crm_sync.money.tables import PAYMENTS, PLATFORM_ORDERS
from dealing.back_office.secrets import of_simulation
from dealing.directory import DataDirectory, Role
from exposure.errors import StorageError
from exposure.model.events import BalanceChanged
from feeds.event_log import EventLog
from feeds.simulator.parties.letters import Letter, PartySecrets, payment_letter, signed
from tests.dealing.processes import alone, start, until
from tests.thorough import LONG

pytestmark = pytest.mark.slow

REQUESTS = 10_000 if LONG else 300
KILLS = int(os.environ.get("PLIMSOLL_KILLS", "200" if LONG else "3"))
MALFORMED = 0.05
S = 1_000_000
STILL = """
market: {clients: 60, speed: 5}
sync: {payments_per_min: 0, quarantine_s: 1, reconcile_every_min: 0}
"""


def about(number, account):
    return {
        "id": f"pi_{number}", "amount": 1_000 + number, "amount_received": 1_000 + number,
        "currency": account.currency.lower(), "latest_charge": None,
        "metadata": {"client_id": account.client_id, "login": account.login},
    }  # fmt: skip


def storm(accounts, chance):
    """Return requests: payments begin and are captured, some twice, in any order, some broken."""
    letters, broken_ones = [], 0
    number = 0
    while len(letters) < REQUESTS:
        number += 1
        payment = about(number, chance.choice(accounts))
        for kind in ("payment_intent.processing", "payment_intent.succeeded"):
            one = payment_letter(f"{number}_{kind[15:]}", kind, payment, now_us())
            letters += [one] * chance.choice((1, 1, 2))
        if chance.random() < 3 * MALFORMED:
            broken_ones += 1
            event = json.loads(letters[-1].body)
            event["id"], event["data"]["object"]["amount_received"] = f"evt_bad{number}", "a lot"
            body = json.dumps(event).encode()
            letters.append(Letter(number=f"bad{number}", provider="stripe", body=body))
    chance.shuffle(letters)
    return letters, number, broken_ones


def now_us():
    return time.time_ns() // 1_000


class Sender(threading.Thread):
    """Posts letters until they are accepted, wherever the back office listens just now.

    It may post as many as it was allowed to, so that there is something to do in every life.
    """

    def __init__(self, directory, letters, secrets):
        super().__init__(daemon=True)
        self._directory, self._left, self._secrets = directory, list(letters), secrets
        self._allowed = threading.Semaphore(0)
        self.sent = 0

    def allow(self, count):
        self._allowed.release(count)

    def run(self):
        with httpx2.Client(trust_env=False, timeout=5.0) as client:
            while self._left:
                self._allowed.acquire()
                while not self._posted(client, self._left[-1]):
                    threading.Event().wait(0.02)
                self._left.pop()
                self.sent += 1

    def _posted(self, client, letter):
        try:
            address = self._directory.webhooks_file.read_text()
            answer = client.post(
                f"{address}/webhooks/stripe",
                content=letter.body,
                headers=signed(letter, self._secrets, now_us()),
            )
        except (OSError, httpx2.HTTPError):
            return False
        return answer.is_success


def rows(database, asked):
    try:
        with database.reading() as connection:
            return connection.execute(asked).all()
    except StorageError:
        return []


def has_begun(directory, process):
    """Whether a back office listens, or has ended already."""
    return directory.webhooks_file.exists() or process.poll() is not None


def killed_again_and_again(directory, config, sender, chance, each):
    """Start the back office and kill it, so often; each life is allowed some more letters."""
    for _ in range(KILLS):
        directory.webhooks_file.unlink(missing_ok=True)
        process = start("sync", "--data", directory.root, "--config", config, back_office=True)
        sender.allow(each)
        until(partial(has_begun, directory, process))
        assert process.poll() is None, process.communicate()[0]
        process_ends = threading.Event()
        process_ends.wait(chance.uniform(0.0, 2.0))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        until(lambda: directory.owner(Role.SYNC) is None)


def test_a_storm_into_a_dying_process_leaves_ledger_and_platform_exact(tmp_path):
    chance = random.Random(6)  # noqa: S311
    directory, config = DataDirectory(tmp_path / "data"), tmp_path / "still.yaml"
    config.write_text(STILL)
    with alone("feed", directory, "--config", config, back_office=True):
        until(directory.parties_file.exists)
        with alone("sync", directory, "--config", config, back_office=True):
            database = database_at(None, directory.database)
            accounts = until(lambda: rows(database, select(TRADING_ACCOUNT)))
            until(lambda: len(rows(database, select(TRADING_ACCOUNT))) >= 60)
        letters, payments, malformed = storm(accounts, chance)
        given = of_simulation(directory.secrets_file).webhooks
        secrets = PartySecrets(
            stripe=given["stripe"][0], sumsub=given["sumsub"][0], payouts=given["payouts"][0]
        )
        sender = Sender(directory, letters, secrets)
        sender.start()
        killed_again_and_again(directory, config, sender, chance, len(letters) // (KILLS + 1))
        sender.allow(len(letters))
        with alone("sync", directory, "--config", config, back_office=True):
            until(lambda: not sender.is_alive(), patience_s=1_800.0)
            left = select(func.count()).where(INBOX.c.state == "waiting")
            until(lambda: rows(database, left) == [(0,)], patience_s=1_800.0)
            going = select(func.count()).where(PLATFORM_ORDERS.c.state.in_(("intent", "sent")))
            until(lambda: rows(database, going) == [(0,)], patience_s=1_800.0)
    assert sender.sent == len(letters)
    assert rows(database, select(func.count()).where(PAYMENTS.c.stage == "captured")) == [
        (payments,)
    ]
    dead = rows(database, select(INBOX.c.reason).where(INBOX.c.state == "dead"))
    assert len(dead) == malformed > 0
    assert all(reason for (reason,) in dead)
    with database.reading() as connection:
        assert broken(connection, 0) == []
    with EventLog(directory.platform / "log") as log:
        events = [event for batch in log.read(0) for event in batch.events]
    booked = [e for e in events if isinstance(e, BalanceChanged) and e.comment]
    assert set(Counter(event.comment for event in booked).values()) == {1}
    confirmed = select(PLATFORM_ORDERS.c.token).where(PLATFORM_ORDERS.c.state == "confirmed")
    assert {event.comment for event in booked} == {one.token for one in rows(database, confirmed)}
    assert len(booked) == payments
    database.close()
