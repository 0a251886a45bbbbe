"""Taking what other systems said: in order, once, and never stopped by one that cannot be taken.

A message and everything that follows from it change in one transaction, so a process that dies
takes both or neither. One that cannot be taken is tried again later and ends among the dead
letters; the others do not wait for it, because reports may come in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from sqlalchemy import Connection, Row, exists, select
from sqlalchemy.exc import DataError, IntegrityError

from crm_sync.database import Database
from crm_sync.events import Outcome, ProfileReported, Reported, ReportHandler
from crm_sync.messages.inbox import Inbox
from crm_sync.messages.model import Meaning, MessageState
from crm_sync.messages.outbox import Outbox
from crm_sync.messages.ports import Provider
from crm_sync.messages.retries import Pace
from crm_sync.messages.rows import Standing, after_failure, stand
from crm_sync.messages.tables import INBOX, waits
from exposure.errors import DomainError, MalformedMessageError

AT_ONCE: Final = 100

_REFUSED: Final = (DomainError, IntegrityError, DataError)
"""It cannot be taken as things stand; the database is well."""


class Rooms(NamedTuple):
    """Who reads the messages of which provider, and who takes which kind of report.

    ``origin`` is our own name: a profile that comes back with it changes nothing.
    """

    providers: Mapping[str, Provider]
    handlers: Mapping[type[Reported], ReportHandler]
    origin: str


class InboxWorker:
    """Takes messages that are due and hands what they say to the rooms."""

    def __init__(
        self, database: Database, inbox: Inbox, outbox: Outbox, rooms: Rooms, pace: Pace
    ) -> None:
        """Take everything that it connects."""
        self._database = database
        self._inbox = inbox
        self._outbox = outbox
        self._rooms = rooms
        self._pace = pace

    def step(self, at_most: int = AT_ONCE) -> int:
        """Take messages that are due, each in its own transaction, and return how many.

        Raises:
            StorageError: The database cannot be used; what is due stays due.
        """
        for taken in range(at_most):
            if not self._take_one():
                return taken
        return at_most

    def _take_one(self) -> bool:
        with _Attempt(self._failed) as attempt, self._database.writing() as connection:
            now_us = self._pace.now_us()
            row = attempt.row = _next_due(connection, now_us)
            if row is None:
                return False
            stand(connection, INBOX, row.id, self._after(connection, row, now_us), now_us)
            return True

    def _after(self, connection: Connection, row: Row[Any], now_us: int) -> Standing:
        """Take a message, or undo what it wrote and say why it could not be taken."""
        try:
            with connection.begin_nested():
                meaning = self._meaning(row)
                outcomes = self._apply(connection, meaning, now_us)
        except MalformedMessageError as e:
            return Standing(state=MessageState.DEAD, attempts=row.attempts + 1, reason=str(e))
        except _REFUSED as e:
            return after_failure(row.attempts + 1, _reason(e), self._pace)
        return _taken(row, meaning, outcomes)

    def _meaning(self, row: Row[Any]) -> Meaning:
        provider = self._rooms.providers.get(row.provider)
        if provider is None:
            raise MalformedMessageError(f"nobody reads the messages of {row.provider}")
        return provider.meaning(self._inbox.text(row))

    def _apply(self, connection: Connection, meaning: Meaning, now_us: int) -> list[Outcome]:
        for ask in meaning.asks:
            self._outbox.tell(connection, ask)
        return [self._hand_over(connection, report, now_us) for report in meaning.reports]

    def _hand_over(self, connection: Connection, report: Reported, now_us: int) -> Outcome:
        if isinstance(report, ProfileReported) and report.origin == self._rooms.origin != "":
            return Outcome.IGNORED
        handler = self._rooms.handlers.get(type(report))
        if handler is None:
            raise MalformedMessageError(f"nobody takes a {type(report).__name__}")
        return handler(connection, report, now_us)

    def _failed(self, row: Row[Any], error: Exception) -> None:
        """Count an attempt that ended the process, so that the next one begins with others."""
        words = f"taking it ended with {type(error).__name__}"
        standing = after_failure(row.attempts + 1, words, self._pace)
        with self._database.writing() as connection:
            stand(connection, INBOX, row.id, standing, self._pace.now_us())


class _Attempt:
    """Remembers which message is being taken; an error that nobody expected is counted for it."""

    def __init__(self, failed: Callable[[Row[Any], Exception], None]) -> None:
        self.row: Row[Any] | None = None
        self._failed = failed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _: type[BaseException] | None,
        error: BaseException | None,
        __: TracebackType | None,
    ) -> None:
        if self.row is not None and isinstance(error, Exception):
            self._failed(self.row, error)


def _next_due(connection: Connection, now_us: int) -> Row[Any] | None:
    """Return the oldest message that is due and is the first due one of its aggregate.

    On PostgreSQL it is locked, and one that another worker has locked is passed over together
    with those that follow it in its aggregate.
    """
    earlier = INBOX.alias("earlier")
    behind = exists().where(
        earlier.c.aggregate == INBOX.c.aggregate,
        earlier.c.provider == INBOX.c.provider,
        earlier.c.id < INBOX.c.id,
        earlier.c.due_at_us <= now_us,
        waits(earlier),
    )
    asked = select(INBOX).where(waits(INBOX), INBOX.c.due_at_us <= now_us, ~behind)
    ordered = asked.order_by(INBOX.c.id).limit(1).with_for_update(skip_locked=True, of=INBOX)
    return connection.execute(ordered).first()


def _taken(row: Row[Any], meaning: Meaning, outcomes: Sequence[Outcome]) -> Standing:
    attempts = row.attempts + 1
    if meaning.ignored:
        return Standing(state=MessageState.IGNORED, attempts=attempts, reason=meaning.ignored)
    if meaning.asks:
        return Standing(state=MessageState.DONE, attempts=attempts, reason="asked")
    words = ",".join(sorted({outcome.value for outcome in outcomes}))
    changed = any(outcome is Outcome.APPLIED for outcome in outcomes)
    state = MessageState.DONE if changed else MessageState.IGNORED
    return Standing(state=state, attempts=attempts, reason=words)


def _reason(error: Exception) -> str:
    """Return a sentence without what the database would quote."""
    if isinstance(error, DomainError):
        return str(error)
    return f"the database refuses it: {type(error).__name__}"
