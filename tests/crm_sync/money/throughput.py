"""How many reports become money in a second: ``python tests/crm_sync/money/throughput.py [N]``.

Every report is a transaction of its own, on the disk when it ends: state, double entry and audit
row. SQLite waits for the disk; the throw-away PostgreSQL of the tests does not (fsync is off).
"""

import sys
import tempfile
import time
from pathlib import Path

from crm_sync.database import database_at
from dealing.storage.migrate import upgrade
from tests.crm_sync.money.fakes import House, post_alone, reported
from tests.crm_sync.money.test_ledger import moves
from tests.crm_sync.postgres_server import PostgresServer


def measure(name, database, count):
    upgrade(database)
    house = House(database)
    events = [
        reported("captured", 1_000, provider_ref=f"p{n}", client_id=f"c{n % 100}", fee_minor=29)
        for n in range(count)
    ]
    took = timed(lambda: [house.pay(event) for event in events])
    tell(f"{name}: {count / took:,.0f} captures with fee/s ({2 * count / took:,.0f} postings/s)")
    again = timed(lambda: [house.pay(event) for event in events])
    tell(f"{name}: {count / again:,.0f} duplicates/s")
    took = timed(lambda: post_in_one(database, count))
    tell(f"{name}: {count / took:,.0f} postings/s in one transaction")
    took = timed(lambda: tell(f"{name}: {house.broken() or 'nothing is broken'}"))
    tell(f"{name}: {took:.2f} s to check every invariant of {3 * count} transfers")
    database.close()


def post_in_one(database, count):
    with database.writing() as connection:
        post_alone(connection, [moves(1, f"bulk{n}") for n in range(count)])


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def tell(sentence):
    sys.stdout.write(f"{sentence}\n")


def main(count=2_000):
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "desk.db"
        file.touch()
        measure("SQLite", database_at(None, file), count)
        server = PostgresServer()
        server.start()
        try:
            measure("PostgreSQL", database_at(server.new_database(), file), count)
        finally:
            server.remove()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
