"""What commands need from their surroundings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from crm_sync.audit import AuditEntry, AuditRow
from dealing.commands.model import Command, CommandState
from exposure.account_books import AccountBooks
from feeds.platform_commands import CommandAnswer, PlatformCommand


class Change(NamedTuple):
    """A command as it was read, and as it is from now on."""

    was: Command
    now: Command


class CommandGateway(Protocol):
    """The way to the trading platform."""

    async def send(self, commands: Sequence[PlatformCommand]) -> list[CommandAnswer]:
        """Let the platform obey commands, each key once, and return its answers in order.

        Raises FeedError where no answer comes: it may have obeyed, so send the same again.
        """
        ...


class BooksQuery(Protocol):
    """Who knows where new deals of accounts go now."""

    async def books_of(self, logins: Sequence[str], clients: Sequence[str]) -> list[AccountBooks]:
        """Return the accounts that are known among logins and of clients, in order of login.

        Raises DisconnectedError while nobody can say.
        """
        ...


class CommandStore(Protocol):
    """Commands, their approvals and the audit log: changed together or not at all.

    All raise StorageError while they cannot be read or written.
    """

    def add(self, command: Command, entry: AuditEntry) -> Command:
        """Keep a new command; one whose key is known already stays, and is returned."""
        ...

    def change(self, changes: Sequence[Change], entries: Sequence[AuditEntry]) -> bool:
        """Change commands that are still as they were read; else nothing, and return False."""
        ...

    def get(self, key: str) -> Command | None:
        """Return the command of a key."""
        ...

    def newest(self, limit: int | None, states: Sequence[CommandState] = ()) -> list[Command]:
        """Return commands, the newest first; without a limit all, without states of every state."""
        ...

    def due(self, now_ns: int) -> list[Command]:
        """Return the commands whose ``due_ns`` has come, the oldest first."""
        ...

    def later(self, key: str, logins: Sequence[str]) -> list[Command]:
        """Return the commands that were added after one and move any of the logins."""
        ...

    def record(self, entry: AuditEntry) -> None:
        """Write something into the audit log that changes no command."""
        ...

    def audit(self, after: int, limit: int) -> list[AuditRow]:
        """Return the rows that follow a number, oldest first."""
        ...

    def audit_newest(self, before: int | None, limit: int) -> list[AuditRow]:
        """Return rows, the newest first; those before a number if there is one."""
        ...

    def audit_rows(self) -> Iterator[AuditRow]:
        """Yield every row, oldest first, as they are at one moment."""
        ...
