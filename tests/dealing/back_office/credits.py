"""Credits that a platform books in a second: ``python -m tests.dealing.back_office.credits [N]``.

A real platform process, over its own socket, books N captured deposits of sixty accounts, as the
worker of the back office tells it: each order on the disk, marked, told, listed and confirmed.
"""

import sys
import tempfile
import time
from pathlib import Path

from crm_sync.database import database_at
from crm_sync.money.platform_order_store import open_orders
from crm_sync.money.platform_worker import Timing
from dealing.back_office.outside import PartySender
from dealing.back_office.platform import SocketBalancePlatform
from dealing.back_office.secrets import of_simulation
from dealing.back_office.serving import address_in
from dealing.directory import DataDirectory, Role
from dealing.storage.migrate import upgrade
from tests.crm_sync.money.fakes import LEASE, House, reported
from tests.dealing.processes import alone, until

STILL = """
market: {clients: 60, speed: 5}
sync: {payments_per_min: 0, quarantine_s: 1, reconcile_every_min: 0}
"""
TIMING = Timing(quarantine_us=1_000_000)


def now_us():
    return time.time_ns() // 1_000


def logins_of(directory):
    """Return the logins that the simulated CRM exports."""
    secret = of_simulation(directory.secrets_file).parties
    parties = PartySender(address_in(directory.parties_file), secret, now_us)
    return [
        line.partition(",")[0] for line in parties.exported("accounts.csv").decode().split()[1:]
    ]


def waiting(house):
    with house.database.reading() as connection:
        return len(open_orders(connection, LEASE.platform))


def measure(directory, database, count):
    logins = logins_of(directory)
    house = House(database, now_us, timing=TIMING)
    house.platform = SocketBalancePlatform(directory.socket(Role.PLATFORM), lambda _: "USD")
    house.worker = house.new_worker()
    for n in range(count):
        login = logins[n % len(logins)]
        event = reported("captured", 1_000, provider_ref=f"p{n}", login=login, client_id=login)
        house.pay(event)
    begin = time.perf_counter()
    while waiting(house):
        house.worker.step()
    took = time.perf_counter() - begin
    found = house.broken() or "nothing is broken"
    sys.stdout.write(f"{count / took:,.0f} credits a second ({took:.1f} s), {found}\n")


def main(count=600):
    with tempfile.TemporaryDirectory() as scratch:
        directory, config = DataDirectory(Path(scratch) / "data"), Path(scratch) / "still.yaml"
        config.write_text(STILL)
        file = Path(scratch) / "desk.db"
        file.touch()
        database = database_at(None, file)
        upgrade(database)
        with alone("feed", directory, "--config", config, back_office=True):
            until(directory.parties_file.exists)
            until(directory.socket(Role.PLATFORM).exists)
            measure(directory, database, count)
        database.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
