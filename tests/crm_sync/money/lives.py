"""A process that is killed while it moves money: ``lives.py DATABASE PLATFORM DEPOSITS SEED``.

For every line it reads it forks a life, prints its number, waits for its end and prints how it
ended. A life takes all reports, shuffled and twice, and works off what the platform has to book.
DATABASE is an SQLite file or a PostgreSQL address, PLATFORM the file that stands for the platform.
"""

import os
import random
import sqlite3
import sys
import threading
import time
from pathlib import Path

from crm_sync.database import database_at
from crm_sync.money.errors import NotSoleSenderError
from crm_sync.money.platform_order_store import open_orders
from crm_sync.money.platform_worker import Timing
from crm_sync.money.ports import BalanceDeal, BalanceTicket, NotBooked
from crm_sync.money.sole_sender import Lease
from tests.crm_sync.money.fakes import House, asks, reported

LATE_US = 60_000
TIMING = Timing(quarantine_us=150_000, lease_us=30_000, idle_us=10_000, orders_per_step=5)


def now_us():
    return time.time_ns() // 1_000


class FilePlatform:
    """A platform in a file of its own: no key, answers that get lost, bookings that come late."""

    def __init__(self, file, seed):
        self._file = sqlite3.connect(file, isolation_level=None, timeout=10)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS deals (ticket INTEGER PRIMARY KEY, login, side, what, "
            "amount_minor, currency, comment, at_us)"
        )
        self._random = random.Random(seed)  # noqa: S311 - a seed makes the life the same again

    def change_balances(self, orders):
        return [self._change_balance(order) for order in orders]

    def _change_balance(self, order):
        word = self._random.choice(["ok", "ok", "ok", "lost", "late", "dropped"])
        if word == "dropped":
            return NotBooked(reason="no answer", is_certain=False)
        after_us = self._random.randrange(LATE_US) if word == "late" else 0
        done = self._file.execute(
            "INSERT INTO deals (login, side, what, amount_minor, currency, comment, at_us) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (order.login, order.side, order.what, order.amount_minor, order.currency,
             order.comment, now_us() + after_us),
        )  # fmt: skip
        if word != "ok":
            return NotBooked(reason="no answer", is_certain=False)
        return BalanceTicket(ticket=str(done.lastrowid))

    def balance_deals(self, login, since_us, until_us):
        return [
            deal for deal in self.all_deals()
            if deal.login == login and since_us <= deal.at_us <= min(until_us, now_us())
        ]  # fmt: skip

    def all_deals(self):
        rows = self._file.execute("SELECT * FROM deals").fetchall()
        names = BalanceDeal.__struct_fields__
        values = ((str(ticket), *rest) for ticket, *rest in rows)
        return [BalanceDeal(**dict(zip(names, one, strict=True))) for one in values]

    def close(self):
        self._file.close()


def reports(deposits):
    """Return everything that ever is reported: the money it leaves is known beforehand."""
    some = []
    for n in range(1, deposits + 1):
        about = {"provider_ref": f"p{n}", "login": f"anna-{n % 3}"}
        some.append(reported("pending", 1_000 + n, **about))
        some.append(reported("captured", 1_000 + n, fee_minor=n, **about))
        if n % 10 == 0:
            some.append(reported("refunded", 10, **about))
    return some


def opened(address):
    if address.startswith("postgresql"):
        return database_at(address, Path("none"), lambda: "run-1")
    return database_at(None, Path(address), lambda: "run-1")


def live(address, platform_file, deposits, seed):
    """Do everything that is left to do; the one withdrawal asks for money of a trading account."""
    choices = random.Random(seed)  # noqa: S311 - a seed makes the life the same again
    platform = FilePlatform(platform_file, seed)
    lease = Lease("mt", f"life-{os.getpid()}-{seed}", TIMING.lease_us)
    house = House(opened(address), now_us, platform, timing=TIMING, lease=lease)
    events = reports(deposits) * 2
    choices.shuffle(events)
    house.ask_out(asks("w1", 500, login="anna-0"))
    while events or is_open(house):
        for event in events[:7]:
            house.pay(event)
        del events[:7]
        try:
            house.worker.step()
        except NotSoleSenderError:
            threading.Event().wait(0.005)
        if not events:
            threading.Event().wait(0.005)


def is_open(house):
    with house.database.reading() as connection:
        return bool(open_orders(connection, "mt"))


def main(address, platform_file, deposits, seed):
    for number, _ in enumerate(sys.stdin):
        child = os.fork()
        if child == 0:
            live(address, platform_file, int(deposits), int(seed) + number)
            os._exit(0)
        say(child)
        say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def say(number):
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
