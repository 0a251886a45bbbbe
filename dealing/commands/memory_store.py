"""A CommandStore that forgets: for tests, and for a desk that runs for a moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crm_sync.audit import AuditEntry, AuditRow, chained
from dealing.commands.model import Command, CommandState
from dealing.commands.ports import Change


class MemoryCommandStore:
    """Commands in a dict, in the order in which they came, and rows in a list."""

    def __init__(self) -> None:
        self._commands: dict[str, Command] = {}
        self._rows: list[AuditRow] = []

    def add(self, command: Command, entry: AuditEntry) -> Command:
        """Keep a new command; one whose key is known already stays, and is returned."""
        held = self._commands.setdefault(command.key, command)
        if held is command:
            self.record(entry)
        return held

    def change(self, changes: Sequence[Change], entries: Sequence[AuditEntry]) -> bool:
        """Change commands that are still as they were read; else nothing, and return False."""
        if any(self._commands.get(was.key) != was for was, _ in changes):
            return False
        self._commands.update({now.key: now for _, now in changes})
        for entry in entries:
            self.record(entry)
        return True

    def get(self, key: str) -> Command | None:
        """Return the command of a key."""
        return self._commands.get(key)

    def newest(self, limit: int | None, states: Sequence[CommandState] = ()) -> list[Command]:
        """Return commands, the newest first; without a limit all, without states of every state."""
        wanted = [one for one in self._commands.values() if not states or one.state in states]
        return wanted[::-1][:limit]

    def due(self, now_ns: int) -> list[Command]:
        """Return the commands whose ``due_ns`` has come, the oldest first."""
        return [
            one
            for one in self._commands.values()
            if one.due_ns is not None and one.due_ns <= now_ns
        ]

    def later(self, key: str, logins: Sequence[str]) -> list[Command]:
        """Return the commands that were added after one and move any of the logins."""
        keys, asked = list(self._commands), set(logins)
        after = keys[keys.index(key) + 1 :]
        return [self._commands[one] for one in after if asked & set(self._commands[one].logins)]

    def record(self, entry: AuditEntry) -> None:
        """Write something into the audit log that changes no command."""
        self._rows.append(chained(entry, self._rows[-1] if self._rows else None))

    def audit(self, after: int, limit: int) -> list[AuditRow]:
        """Return the rows that follow a number, oldest first."""
        return self._rows[after : after + limit]

    def audit_newest(self, before: int | None, limit: int) -> list[AuditRow]:
        """Return rows, the newest first; those before a number if there is one."""
        rows = self._rows if before is None else self._rows[: max(0, before - 1)]
        return rows[::-1][:limit]

    def audit_rows(self) -> Iterator[AuditRow]:
        """Yield every row, oldest first, as they are at one moment."""
        yield from list(self._rows)
