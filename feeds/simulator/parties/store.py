"""What the simulated parties know, in a small database of their own; nothing of it is ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from feeds.simulator.parties.letters import Letter

_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS payments (
        ref TEXT PRIMARY KEY, client_id TEXT, login TEXT, direction TEXT, currency TEXT,
        amount_minor INTEGER, fee_minor INTEGER, state TEXT, method TEXT, instrument TEXT,
        country TEXT, reference TEXT, at_us INTEGER, due_us INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS payments_due ON payments (due_us) WHERE due_us IS NOT NULL;
    CREATE INDEX IF NOT EXISTS payments_at ON payments (at_us);
    CREATE TABLE IF NOT EXISTS letters (
        number TEXT PRIMARY KEY, provider TEXT, body BLOB, attempts INTEGER, due_us INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS letters_due ON letters (due_us);
    CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
"""


class Payment(NamedTuple):
    """A deposit or a payout at the provider; ``due_us`` is when its next step comes, if any.

    Units: amounts whole minor units; times us UTC.
    """

    ref: str
    client_id: str
    login: str
    direction: str
    currency: str
    amount_minor: int
    fee_minor: int
    state: str
    method: str
    instrument: str
    country: str
    reference: str
    at_us: int
    due_us: int | None


class Outgoing(NamedTuple):
    """A letter that has not arrived yet."""

    letter: Letter
    attempts: int


class PartyStore:
    """Payments, letters on their way, and a few counters."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        self._connection.executescript("PRAGMA journal_mode = WAL;" + _TABLES)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep all that the block writes, or nothing of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:  # commits, or rolls back if the block fails
            yield

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def mark(self, name: str) -> int:
        """Return a counter, 0 before it was ever set."""
        row = self._connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def set_mark(self, name: str, value: int) -> None:
        """Set a counter."""
        self._connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))

    def keep(self, payment: Payment) -> None:
        """Add a payment, or keep what has become of it."""
        holes = ", ".join("?" * len(payment))
        self._connection.execute(f"INSERT OR REPLACE INTO payments VALUES ({holes})", payment)  # noqa: S608 (question marks)

    def payment(self, ref: str) -> Payment | None:
        """Return a payment."""
        found = self._payments("WHERE ref = ?", ref)
        return found[0] if found else None

    def due(self, now_us: int) -> list[Payment]:
        """Return the payments whose next step has come."""
        return self._payments("WHERE due_us <= ? ORDER BY due_us LIMIT 100", now_us)

    def since(self, at_us: int) -> list[Payment]:
        """Return the payments since a moment, oldest first."""
        return self._payments("WHERE at_us >= ? ORDER BY at_us, ref", at_us)

    def post(self, letter: Letter, due_us: int) -> None:
        """Put a letter on its way."""
        row = (letter.number, letter.provider, letter.body, 0, due_us)
        self._connection.execute("INSERT OR IGNORE INTO letters VALUES (?, ?, ?, ?, ?)", row)

    def outgoing(self, now_us: int, limit: int) -> list[Outgoing]:
        """Return letters that are due, oldest first."""
        rows = self._connection.execute(
            "SELECT number, provider, body, attempts FROM letters WHERE due_us <= ? "
            "ORDER BY due_us LIMIT ?",
            (now_us, limit),
        )
        return [
            Outgoing(Letter(number=number, provider=provider, body=body), attempts)
            for number, provider, body, attempts in rows
        ]

    def arrived(self, letter: Letter) -> None:
        """Forget a letter: the other side has it."""
        self._connection.execute("DELETE FROM letters WHERE number = ?", (letter.number,))

    def again(self, letter: Letter, due_us: int) -> None:
        """Try a letter once more later."""
        self._connection.execute(
            "UPDATE letters SET attempts = attempts + 1, due_us = ? WHERE number = ?",
            (due_us, letter.number),
        )

    def _payments(self, where: str, *values: object) -> list[Payment]:
        rows = self._connection.execute(f"SELECT * FROM payments {where}", values)  # noqa: S608 (ours)
        return [Payment(*row) for row in rows]
