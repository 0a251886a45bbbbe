"""How fast clients are loaded and found, on a database of its own.

``python -m crm_sync.clients.bench --clients 1200000`` measures SQLite in a temporary directory,
``--postgres URL`` an empty PostgreSQL database. The clients are invented.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from crm_sync.clients.accounts import Account, keep_accounts
from crm_sync.clients.fields import Field, default_policy
from crm_sync.clients.kyc import KycPolicy
from crm_sync.clients.loading import FIRST_LOAD_PARTS, ClientLoader
from crm_sync.clients.marks import Load
from crm_sync.clients.pii import Keyring
from crm_sync.clients.ports import NoOtherRooms
from crm_sync.clients.profile_rows import in_parts
from crm_sync.clients.roles import Reader, Role
from crm_sync.clients.sample_clients import sample_row, sample_rows
from crm_sync.clients.search import ClientSearch
from crm_sync.clients.views import ClientViews
from crm_sync.database import Database, database_at
from crm_sync.schema import METADATA, SCHEMA_VERSION_TABLE, SCHEMA_VERSIONS

CLIENTS: Final = 1_200_000
CHANGED_EVERY: Final = 10
REPEATS: Final = 30
READER: Final = Reader(actor="bench", role=Role.COMPLIANCE, reason="a measurement")

Say = Callable[[str], None]
Answer = TypeVar("Answer")


def new_keyring() -> Keyring:
    """Return keys for a database that is thrown away."""
    return Keyring({"bench": os.urandom(32)}, "bench", os.urandom(32), os.urandom)


def measure(database: Database, clients: int, say: Say) -> dict[str, float]:
    """Load clients, load them again, change some, search, and say what each took.

    Args:
        database: With this version's tables, empty.
        clients: How many.
        say: Takes one line at a time.

    Returns:
        The median of each kind of search in ms.
    """
    keyring = new_keyring()
    policies = (default_policy(), KycPolicy())
    first, loader = (
        ClientLoader(database, keyring, policies, lambda: time.time_ns() // 1_000, together)
        for together in (FIRST_LOAD_PARTS, 1)
    )
    _say_load(first, clients, 0, ("first load", say))
    _say_load(loader, clients, 0, ("the same again", say))
    _say_load(loader, clients, CHANGED_EVERY, ("every 10th changed", say))
    took_s, _ = _timed(lambda: _add_accounts(database, clients))
    say(_rate("accounts", clients, took_s))
    search = ClientSearch(keyring, ClientViews(keyring, NoOtherRooms()))
    return {
        what: _say_search(database, search, (what, text), say)
        for what, text in _searches(clients).items()
    }


def empty_sqlite(directory: Path) -> Database:
    """Return a new database in a directory."""
    file = directory / "bench.db"
    file.touch(exist_ok=False)
    return database_at(None, file)


def make_tables(database: Database) -> None:
    """Make this version's tables of this package in an empty database."""
    with database.migrating() as connection:
        METADATA.create_all(connection)
        SCHEMA_VERSION_TABLE.create(connection)
        connection.execute(SCHEMA_VERSION_TABLE.insert(), {"version_num": SCHEMA_VERSIONS[-1]})


def main(arguments: list[str] | None = None) -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--postgres", help="the address of an empty database")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        at = Path(directory)
        database = database_at(asked.postgres, at) if asked.postgres else empty_sqlite(at)
        make_tables(database)
        measure(database, asked.clients, tell)
        database.close()


def _say_load(loader: ClientLoader, clients: int, changed_every: int, so: tuple[str, Say]) -> None:
    what, say = so
    load = Load("crm", 1 + changed_every, what)
    took_s, done = _timed(lambda: loader.load(sample_rows(clients, changed_every), load))
    say(f"{_rate(what, clients, took_s)}; new {done.new:,}, changed {done.changed:,}")


def _searches(clients: int) -> Mapping[str, str]:
    one = sample_row(clients // 2 + 1)
    first, _, last = one.values[Field.NAME].partition(" ")
    email = one.values[Field.EMAIL]
    return {
        "two letters": "ma",
        "first name": first,
        "last name": last,
        "first letters of both names": f"{first[:2]} {last[:3]}",
        "both names": f"{first} {last}",
        "a name and one that nobody has": f"{last} qqqq",
        "two common words": "petr ma",
        "two common words that never meet": "boris greta",
        "masked e-mail": f"{email[0]}***@exa",
        "exact e-mail": email,
        "exact phone": one.values[Field.PHONE],
        "login": f"9{clients // 2:08d}"[:6],
        "external id": one.external_id,
    }


def _say_search(
    database: Database, search: ClientSearch, asked: tuple[str, str], say: Say
) -> float:
    what, text = asked
    took_ms, found = [], 0
    with database.reading() as connection:
        for _ in range(REPEATS):
            took_s, hits = _timed(lambda: search.search(connection, text, READER))
            took_ms.append(took_s * 1_000)
            found = len(hits)
    median = statistics.median(took_ms)
    say(f"search {what}: {found} hits, median {median:.2f} ms, slowest {max(took_ms):.2f} ms")
    return median


def _add_accounts(database: Database, clients: int) -> None:
    for part in in_parts(range(clients), 20_000):
        accounts = [
            Account(login=f"9{number:08d}", client_id=f"C{number:09d}", currency="EUR")
            for number in part
        ]
        with database.writing() as connection:
            keep_accounts(connection, accounts)


def _timed(do: Callable[[], Answer]) -> tuple[float, Answer]:
    begin = time.perf_counter()
    answer = do()
    return time.perf_counter() - begin, answer


def _rate(what: str, count: int, took_s: float) -> str:
    return f"{what}: {took_s:.1f} s, {count / took_s:,.0f} per second"


def tell(line: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
