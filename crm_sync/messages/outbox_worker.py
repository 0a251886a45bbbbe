"""Sending what other systems are to be told, until they have accepted it, each thing in its order.

A message is sent outside of any transaction: a worker claims it for a while, sends it, and writes
the answer. A worker that dies leaves a claim that ends, and the message goes out again with the
same key, which its target has to know as a repetition. Whether a message went out is a state of
its own and never a place in the numbers, which are not given in the order of commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, exists, select

from crm_sync.database import Database
from crm_sync.messages.errors import DeliveryError
from crm_sync.messages.inbox import Inbox
from crm_sync.messages.model import Item, MessageState, OutMessage
from crm_sync.messages.outbox import Outbox
from crm_sync.messages.ports import Answer, Provider, Sender
from crm_sync.messages.retries import US_PER_S, Pace
from crm_sync.messages.rows import Standing, after_failure, stand
from crm_sync.messages.tables import OUTBOX, waits
from exposure.errors import ConfigError, MalformedMessageError, StorageError

CLAIM_S: Final = 60
"""How long one worker has for a message; far longer than a request may take."""

LONGEST_REST_S: Final = 3_600.0
"""The longest time that a target may ask to be left alone."""

_GONE: Final = 410
_NOT_FOUND: Final = 404


class Boxes(NamedTuple):
    """Where messages come from, and where answers go: providers read them into the inbox."""

    outbox: Outbox
    inbox: Inbox
    providers: Mapping[str, Provider]


class _Attempt(NamedTuple):
    row: Row[Any]
    number: int


class OutboxWorker:
    """Sends messages that are due; several may work side by side."""

    def __init__(self, database: Database, boxes: Boxes, sender: Sender, pace: Pace) -> None:
        """Take everything that it connects."""
        self._database = database
        self._boxes = boxes
        self._sender = sender
        self._pace = pace

    def step(self) -> bool:
        """Send one message that is due and write what became of it; False if none is.

        Raises:
            StorageError: The database cannot be used; what may have been sent is sent again.
        """
        attempt = self._claim()
        if attempt is None:
            return False
        try:
            message = self._boxes.outbox.message(attempt.row)
            answer = self._sender.send(message)
        except DeliveryError as e:
            self._failed(attempt, str(e), rest_s=0.0)
        except (ConfigError, StorageError) as e:
            self._end(attempt, MessageState.DEAD, str(e))
        else:
            self._answered(attempt, message, answer)
        return True

    def _claim(self) -> _Attempt | None:
        with self._database.writing() as connection:
            now_us = self._pace.now_us()
            row = _next_due(connection, now_us)
            if row is None:
                return None
            claimed = Standing(
                state=MessageState.WAITING,
                attempts=row.attempts + 1,
                reason=row.reason,
                due_at_us=now_us + CLAIM_S * US_PER_S,
            )
            stand(connection, OUTBOX, row.id, claimed, now_us)
            return _Attempt(row, row.attempts + 1)

    def _answered(self, attempt: _Attempt, message: OutMessage, answer: Answer) -> None:
        if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
            self._accepted(attempt, message, answer)
        elif _is_final(answer.status, message):
            self._end(attempt, MessageState.DEAD, f"the target answered {answer.status}")
        else:
            rest_s = min(answer.retry_after_s, LONGEST_REST_S)
            self._failed(attempt, f"the target answered {answer.status}", rest_s)

    def _accepted(self, attempt: _Attempt, message: OutMessage, answer: Answer) -> None:
        """Write that it went out, and keep the answer if somebody waits for it."""
        try:
            items = self._items(message, answer)
        except MalformedMessageError as e:
            self._end(attempt, MessageState.DEAD, f"the answer cannot be read: {e}")
            return
        with self._database.writing() as connection:
            self._boxes.inbox.put(connection, message.answer_to, items)
            self._stand(connection, attempt, _ended(attempt, MessageState.DONE))

    def _items(self, message: OutMessage, answer: Answer) -> list[Item]:
        if not message.answer_to:
            return []
        return self._boxes.providers[message.answer_to].items(answer.body)

    def _end(self, attempt: _Attempt, state: MessageState, reason: str) -> None:
        with self._database.writing() as connection:
            self._stand(connection, attempt, _ended(attempt, state, reason))

    def _failed(self, attempt: _Attempt, reason: str, rest_s: float) -> None:
        """Try again later; a target that asks for rest gets it from all messages."""
        with self._database.writing() as connection:
            standing = after_failure(attempt.number, reason, self._pace, rest_s)
            self._stand(connection, attempt, standing)
            if rest_s > 0:
                until_us = self._pace.now_us() + round(rest_s * US_PER_S)
                _let_rest(connection, attempt.row.target, until_us)

    def _stand(self, connection: Connection, attempt: _Attempt, standing: Standing) -> None:
        """Write the end of an attempt, unless a later one has begun and this one failed."""
        asked = select(OUTBOX.c.attempts).where(OUTBOX.c.id == attempt.row.id).with_for_update()
        newest = connection.scalar(asked) == attempt.number
        if newest or standing.state is MessageState.DONE:
            stand(connection, OUTBOX, attempt.row.id, standing, self._pace.now_us())


def _ended(attempt: _Attempt, state: MessageState, reason: str = "") -> Standing:
    return Standing(state=state, attempts=attempt.number, reason=reason)


def _is_final(status: int, message: OutMessage) -> bool:
    """Return whether asking again is no use: the target is gone, or what was asked for."""
    return status == _GONE or (status == _NOT_FOUND and bool(message.answer_to))


def _next_due(connection: Connection, now_us: int) -> Row[Any] | None:
    """Return the oldest message that is due and is the next of its aggregate for its target.

    On PostgreSQL it is locked, and one that another worker has locked is passed over.
    """
    earlier = OUTBOX.alias("earlier")
    behind = exists().where(
        earlier.c.aggregate == OUTBOX.c.aggregate,
        earlier.c.target == OUTBOX.c.target,
        earlier.c.id < OUTBOX.c.id,
        waits(earlier),
    )
    asked = select(OUTBOX).where(waits(OUTBOX), OUTBOX.c.due_at_us <= now_us, ~behind)
    ordered = asked.order_by(OUTBOX.c.id).limit(1).with_for_update(skip_locked=True, of=OUTBOX)
    return connection.execute(ordered).first()


def _let_rest(connection: Connection, target: str, until_us: int) -> None:
    mine = OUTBOX.update().where(
        OUTBOX.c.target == target, waits(OUTBOX), OUTBOX.c.due_at_us < until_us
    )
    connection.execute(mine.values(due_at_us=until_us))
