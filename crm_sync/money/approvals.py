"""A second person's yes or no, given once, about exactly what was asked for."""

from __future__ import annotations

import hashlib
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, select

from crm_sync.audit import canonical
from crm_sync.money.errors import MoneyConflictError
from crm_sync.money.recording import Deed, record
from crm_sync.money.rows import locked
from crm_sync.money.tables import MONEY_APPROVALS
from crm_sync.people import plain_name, same_person

APPROVED: Final = "approved"
REJECTED: Final = "rejected"
LAPSED: Final = "lapsed"
_CLOCK: Final = "plimsoll"
_COLUMNS: Final = MONEY_APPROVALS.c


class Matter(NamedTuple):
    """What is decided about: its kind, its id there, and everything that the decision is about."""

    kind: str
    subject: str
    payload: Any

    def payload_hash(self) -> str:
        """Return what changes when anything that is decided about changes."""
        content = canonical(msgspec.to_builtins([self.kind, self.subject, self.payload]))
        return hashlib.sha256(content.encode()).hexdigest()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a second person says, and why."""

    actor: str
    via: str
    approve: bool
    reason: str


def ask(
    connection: Connection, matter: Matter, requested_by: str, now_us: int, within_us: int
) -> None:
    """Keep that a matter waits for a second person; asking again about the same changes nothing."""
    if _held(connection, matter) is not None:
        return
    row = {
        "kind": matter.kind,
        "subject": matter.subject,
        "payload_hash": matter.payload_hash(),
        "requested_by": requested_by,
        "requested_at_us": now_us,
        "expires_at_us": now_us + within_us,
        **dict.fromkeys(("decision", "decided_by", "reason"), ""),
    }
    connection.execute(MONEY_APPROVALS.insert(), row)


def decide(connection: Connection, matter: Matter, decision: Decision, now_us: int) -> None:
    """Keep a decision, which is the only one ever; call ``alone`` earlier in the transaction.

    Raises:
        MoneyConflictError: Nothing waits, it was decided or is too late, the same person asked, or
            what is decided about is not what was asked for.
    """
    held = _held(connection, matter)
    problem = _problem(held, matter, decision, now_us)
    if problem:
        raise MoneyConflictError(f"{matter.kind} {matter.subject} {problem}")
    _end(connection, matter, APPROVED if decision.approve else REJECTED, decision, now_us)


def lapsing(connection: Connection, kind: str, now_us: int, limit: int) -> list[str]:
    """Return the subjects that have waited too long, the oldest first."""
    late = (_COLUMNS.kind == kind) & (_COLUMNS.decision == "") & (_COLUMNS.expires_at_us <= now_us)
    asked = select(_COLUMNS.subject).where(late).order_by(_COLUMNS.expires_at_us, _COLUMNS.subject)
    return list(connection.scalars(asked.limit(limit)))


def lapse(connection: Connection, matter: Matter, now_us: int) -> None:
    """Keep that nobody decided in time; call ``alone`` earlier in the transaction."""
    late = Decision(actor=_CLOCK, via="clock", approve=False, reason="nobody decided in time")
    _end(connection, matter, LAPSED, late, now_us)


def _problem(held: Any, matter: Matter, decision: Decision, now_us: int) -> str:
    if held is None:
        return "waits for nobody"
    changed = held.payload_hash != matter.payload_hash()
    problems = {
        f"was {held.decision} before": bool(held.decision),
        "has waited too long: ask anew": held.expires_at_us <= now_us,
        "is decided by a person with a name and a reason": not (
            plain_name(decision.actor) and decision.reason.strip()
        ),
        "was asked for by the same person: another one has to decide": same_person(
            decision.actor, held.requested_by
        ),
        "is not what was asked for any more: reject it and ask anew": decision.approve and changed,
    }
    return next((problem for problem, is_so in problems.items() if is_so), "")


def _end(
    connection: Connection, matter: Matter, word: str, decision: Decision, now_us: int
) -> None:
    update = MONEY_APPROVALS.update().where(_is(matter), _COLUMNS.decision == "")
    ended = connection.execute(
        update.values(
            decision=word,
            decided_by=decision.actor,
            decided_at_us=now_us,
            reason=decision.reason,
        )
    )
    if ended.rowcount != 1:
        raise MoneyConflictError(f"{matter.kind} {matter.subject} waits for nobody")
    deed = Deed(
        actor=decision.actor,
        via=decision.via,
        action=f"{matter.kind}.{word}",
        entity=f"{matter.kind} {matter.subject}",
        at_us=now_us,
        reason=decision.reason,
        detail=matter.payload_hash(),
    )
    record(connection, deed)


def _held(connection: Connection, matter: Matter) -> Any:
    return connection.execute(
        locked(connection, select(MONEY_APPROVALS).where(_is(matter)))
    ).first()


def _is(matter: Matter) -> ColumnElement[bool]:
    return and_(_COLUMNS.kind == matter.kind, _COLUMNS.subject == matter.subject)
