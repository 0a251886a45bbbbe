"""Commands, approvals and the audit log in a SQL database: SQLite and PostgreSQL alike.

A command and the audit rows about it change in one transaction. Rows get their numbers and their
place in the chain under a lock, so that two writers cannot take the same place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, func, select

from crm_sync.audit import AuditEntry, AuditRow
from crm_sync.audit_log import alone, append, audit_row
from crm_sync.database import Database
from crm_sync.schema import AUDIT_LOG
from dealing.commands.model import Approval, Command, CommandState
from dealing.commands.ports import Change
from dealing.storage.tables import APPROVALS, COMMAND_LOGINS, COMMANDS
from exposure.errors import UNDECODABLE, StorageError

ROWS_AT_ONCE: Final = 5_000

_KIND: Final = "reassign_book"
_COMMAND: Final = msgspec.json.Decoder(Command)


class SqlCommandStore:
    """CommandStore in tables."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def add(self, command: Command, entry: AuditEntry) -> Command:
        """Keep a new command; one whose key is known already stays, and is returned."""
        with self._database.writing() as connection:
            alone(connection)
            held = _first(connection, _commands().where(COMMANDS.c.key == command.key))
            if held is not None:
                return held
            number = int(connection.scalar(select(func.max(COMMANDS.c.number))) or 0) + 1
            row = {"key": command.key, "number": number, "created_at_ns": command.created_at_ns}
            connection.execute(COMMANDS.insert(), {**row, **_changing(command)})
            logins = [{"login": login, "number": number} for login in command.logins]
            connection.execute(COMMAND_LOGINS.insert(), logins)
            _keep_approval(connection, command)
            append(connection, entry)
            return command

    def change(self, changes: Sequence[Change], entries: Sequence[AuditEntry]) -> bool:
        """Change commands that are still as they were read; else nothing, and return False."""
        with self._database.writing() as connection:
            alone(connection)
            for was, _ in changes:
                if _first(connection, _commands().where(COMMANDS.c.key == was.key)) != was:
                    return False
            for _, now in changes:
                change = COMMANDS.update().where(COMMANDS.c.key == now.key)
                connection.execute(change.values(**_changing(now)))
                _keep_approval(connection, now)
            for entry in entries:
                append(connection, entry)
            return True

    def get(self, key: str) -> Command | None:
        """Return the command of a key."""
        with self._database.reading() as connection:
            return _first(connection, _commands().where(COMMANDS.c.key == key))

    def newest(self, limit: int | None, states: Sequence[CommandState] = ()) -> list[Command]:
        """Return commands, the newest first; without a limit all, without states of every state."""
        asked = _commands().order_by(COMMANDS.c.number.desc())
        if states:
            asked = asked.where(COMMANDS.c.state.in_(states))
        return self._all(asked.limit(limit))

    def due(self, now_ns: int) -> list[Command]:
        """Return the commands whose ``due_ns`` has come, the oldest first."""
        return self._all(_commands().where(COMMANDS.c.due_ns <= now_ns).order_by(COMMANDS.c.number))

    def later(self, key: str, logins: Sequence[str]) -> list[Command]:
        """Return the commands that were added after one and move any of the logins."""
        place = select(COMMANDS.c.number).where(COMMANDS.c.key == key).scalar_subquery()
        numbers: set[int] = set()
        with self._database.reading() as connection:
            for begin in range(0, len(logins), ROWS_AT_ONCE // 10):
                some = logins[begin : begin + ROWS_AT_ONCE // 10]
                moved = select(COMMAND_LOGINS.c.number).where(
                    COMMAND_LOGINS.c.login.in_(some), COMMAND_LOGINS.c.number > place
                )
                numbers.update(connection.scalars(moved))
            asked = (_commands().where(COMMANDS.c.number == number) for number in sorted(numbers))
            found = (_first(connection, one) for one in asked)
            return [command for command in found if command is not None]

    def record(self, entry: AuditEntry) -> None:
        """Write something into the audit log that changes no command."""
        with self._database.writing() as connection:
            alone(connection)
            append(connection, entry)

    def audit(self, after: int, limit: int) -> list[AuditRow]:
        """Return the rows that follow a number, oldest first."""
        asked = select(AUDIT_LOG).where(AUDIT_LOG.c.seq > after).order_by(AUDIT_LOG.c.seq)
        with self._database.reading() as connection:
            return [audit_row(row) for row in connection.execute(asked.limit(limit))]

    def audit_newest(self, before: int | None, limit: int) -> list[AuditRow]:
        """Return rows, the newest first; those before a number if there is one."""
        asked = select(AUDIT_LOG).order_by(AUDIT_LOG.c.seq.desc()).limit(limit)
        if before is not None:
            asked = asked.where(AUDIT_LOG.c.seq < before)
        with self._database.reading() as connection:
            return [audit_row(row) for row in connection.execute(asked)]

    def audit_rows(self) -> Iterator[AuditRow]:
        """Yield every row, oldest first, as they are at one moment."""
        asked = select(AUDIT_LOG).order_by(AUDIT_LOG.c.seq)
        with self._database.reading() as connection:
            rows = connection.execution_options(stream_results=True).execute(asked)
            for chunk in rows.partitions(ROWS_AT_ONCE):
                yield from map(audit_row, chunk)

    def _all(self, asked: Select[Any]) -> list[Command]:
        with self._database.reading() as connection:
            return [_command(row) for row in connection.execute(asked)]


def _commands() -> Select[Any]:
    approval = [column for column in APPROVALS.c if column.name not in {"command_key", "kind"}]
    joined = COMMANDS.outerjoin(APPROVALS, APPROVALS.c.command_key == COMMANDS.c.key)
    return select(COMMANDS.c.document, *approval).select_from(joined)


def _first(connection: Connection, asked: Select[Any]) -> Command | None:
    row = connection.execute(asked).first()
    return None if row is None else _command(row)


def _command(row: Row[Any]) -> Command:
    try:
        command = _COMMAND.decode(row.document)
    except UNDECODABLE as e:
        raise StorageError(
            f"a command in the database cannot be read ({e}): restore the database from a copy, or "
            "use the newer Plimsoll that wrote it"
        ) from e
    if row.payload_hash is None:
        return command
    kept = {name: value for name, value in row._asdict().items() if name != "document"}
    return msgspec.structs.replace(command, approval=Approval(**kept))


def _changing(command: Command) -> dict[str, Any]:
    bare = msgspec.structs.replace(command, approval=None)
    return {
        "state": command.state.value,
        "due_ns": command.due_ns,
        "document": msgspec.json.encode(bare).decode(),
    }


def _keep_approval(connection: Connection, command: Command) -> None:
    if command.approval is None:
        return
    row = msgspec.structs.asdict(command.approval)
    mine = APPROVALS.c.command_key == command.key
    if connection.execute(APPROVALS.update().where(mine).values(**row)).rowcount == 0:
        connection.execute(APPROVALS.insert(), {"command_key": command.key, "kind": _KIND, **row})
