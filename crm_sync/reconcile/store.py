"""Breaks from run to run: seen first, seen again, healed by themselves, come back.

A run is of one scope and one moment, and speaks for its scope alone: what it does not see any more
has healed. What is inside its grace is no break yet and is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from crm_sync.audit_log import alone
from crm_sync.database import Database
from crm_sync.reconcile.breaks import Break
from crm_sync.reconcile.kept import KeptBreak
from crm_sync.reconcile.rows import break_columns, document, kept_break, told_to_audit
from crm_sync.reconcile.schema import BreakClass
from crm_sync.reconcile.tables import (
    RECON_BREAKS,
    RECON_PROPOSALS,
    RECON_RUNS,
    BreakState,
    Decision,
)
from exposure.errors import DomainError

HOUSE: Final = "plimsoll"
"""Who acts where no person does."""

LIVING: Final = (BreakState.OPEN, BreakState.ASSIGNED, BreakState.PROPOSED)
_ENDED: Final = (BreakState.HEALED,)
"""From where a break that is seen again is opened; what people resolved stays resolved."""

_AT_ONCE: Final = 500


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One reconciliation: ``key`` is its own, ``as_of_us`` the moment that it is of."""

    key: str
    scope: str
    as_of_us: int


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """How many breaks a run opened, saw again, reopened, and found healed."""

    opened: int = 0
    seen_again: int = 0
    reopened: int = 0
    healed: int = 0


class BreakStore:
    """The breaks of a run's database."""

    def __init__(self, database: Database, now_us: Callable[[], int]) -> None:
        """Take the database and the wall clock."""
        self._database = database
        self._now_us = now_us

    def record(self, run: Run, breaks: Sequence[Break]) -> Changes:
        """Keep what a run found; the same run again changes nothing.

        Raises:
            DomainError: A later run of the scope is kept already.
            StorageError: It cannot be kept; nothing was.
        """
        real = {one.id: one for one in breaks if one.break_class is not BreakClass.TIMING}
        with self._database.writing() as connection:
            alone(connection)
            held = _recorded(connection, run.key)
            if held is not None:
                return held
            _refuse_older(connection, run)
            changes = _Recording(connection, run, self._now_us()).take(real)
            row = msgspec.structs.asdict(run) | msgspec.structs.asdict(changes)
            connection.execute(RECON_RUNS.insert(), row | {"recorded_at_us": self._now_us()})
            counts = msgspec.structs.asdict(changes)
            told_to_audit(
                connection, self._now_us(), HOUSE, "recon.run", run.scope, run=run.key, **counts
            )
            return changes

    def breaks(self, scope: str, states: Sequence[BreakState] = LIVING) -> list[KeptBreak]:
        """Return the breaks of a scope in these states, the longest open first."""
        asked = select(RECON_BREAKS).where(
            RECON_BREAKS.c.scope == scope, RECON_BREAKS.c.state.in_(states)
        )
        with self._database.reading() as connection:
            rows = connection.execute(asked.order_by(RECON_BREAKS.c.open_since_us, "id"))
            return [kept_break(row) for row in rows]

    def living(self, limit: int) -> list[KeptBreak]:
        """Return the breaks of every scope that have no end, the longest open first."""
        asked = select(RECON_BREAKS).where(RECON_BREAKS.c.state.in_(LIVING))
        oldest = asked.order_by(RECON_BREAKS.c.open_since_us, RECON_BREAKS.c.id).limit(limit)
        with self._database.reading() as connection:
            return [kept_break(row) for row in connection.execute(oldest)]

    def get(self, break_id: str) -> KeptBreak | None:
        """Return the break of an id."""
        asked = select(RECON_BREAKS).where(RECON_BREAKS.c.id == break_id)
        with self._database.reading() as connection:
            row = connection.execute(asked).first()
            return None if row is None else kept_break(row)


def living_count(connection: Connection) -> int:
    """Return how many breaks have no end."""
    living = select(func.count()).where(RECON_BREAKS.c.state.in_(LIVING))
    return connection.scalar(living) or 0


class _Recording:
    """What one run changes, inside its transaction."""

    def __init__(self, connection: Connection, run: Run, now_us: int) -> None:
        self._connection = connection
        self._run = run
        self._now_us = now_us

    def take(self, seen: dict[str, Break]) -> Changes:
        held = self._states(seen)
        new = [one for key, one in seen.items() if key not in held]
        back = [seen[key] for key, state in held.items() if key in seen and state in _ENDED]
        again = [seen[key] for key, state in held.items() if key in seen and state in LIVING]
        gone = [key for key, state in held.items() if key not in seen and state in LIVING]
        reopened = self._reopen(back)
        self._insert(new)
        self._see_again(again)
        self._heal(gone)
        return Changes(opened=len(new), seen_again=len(again), reopened=reopened, healed=len(gone))

    def _states(self, seen: dict[str, Break]) -> dict[str, BreakState]:
        """Return the state of every break; one that was resolved is open if the sides say more."""
        mine = RECON_BREAKS.c.scope == self._run.scope
        columns = (RECON_BREAKS.c.id, RECON_BREAKS.c.state, RECON_BREAKS.c.document)
        rows = self._connection.execute(select(*columns).where(mine))
        return {
            row.id: _state_beside(BreakState(row.state), row.document, seen.get(row.id))
            for row in rows
        }

    def _insert(self, breaks: Iterable[Break]) -> None:
        now = self._run.as_of_us
        ages = {"first_seen_us": now, "open_since_us": now, "last_seen_us": now}
        common = ages | {"scope": self._run.scope, "state": BreakState.OPEN.value}
        blank = {"owner": "", "note": ""}
        rows = [{"id": one.id} | break_columns(one) | common | blank for one in breaks]
        self._many(RECON_BREAKS.insert(), rows)

    def _see_again(self, breaks: Iterable[Break], **more: Any) -> None:
        columns = {"last_seen_us": self._run.as_of_us} | more
        rows = [{"this": one.id} | break_columns(one) | columns for one in breaks]
        self._many(RECON_BREAKS.update().where(RECON_BREAKS.c.id == bindparam("this")), rows)

    def _reopen(self, breaks: Iterable[Break]) -> int:
        """Open again what ended before the moment of this run, and return how many that is."""
        ended = self._ended_later()
        back = [one for one in breaks if one.id not in ended]
        since = {"open_since_us": self._run.as_of_us, "state": BreakState.OPEN.value}
        self._see_again(back, **since, owner="")
        return len(back)

    def _ended_later(self) -> set[str]:
        """Return breaks that people resolved after the moment that this run is of."""
        posted = RECON_PROPOSALS.c.decision.in_([Decision.POSTED, Decision.APPROVED])
        later = RECON_PROPOSALS.c.decided_at_us >= self._run.as_of_us
        return set(
            self._connection.scalars(select(RECON_PROPOSALS.c.break_id).where(posted, later))
        )

    def _heal(self, ids: Sequence[str]) -> None:
        for begin in range(0, len(ids), _AT_ONCE):
            some = ids[begin : begin + _AT_ONCE]
            mine = RECON_BREAKS.c.id.in_(some)
            self._connection.execute(
                RECON_BREAKS.update().where(mine).values(state=BreakState.HEALED.value)
            )
            waiting = RECON_PROPOSALS.c.decision == Decision.WAITING.value
            lapse = RECON_PROPOSALS.update().where(waiting, RECON_PROPOSALS.c.break_id.in_(some))
            self._connection.execute(
                lapse.values(
                    decision=Decision.LAPSED.value,
                    decided_by=HOUSE,
                    decided_at_us=self._now_us,
                    decision_reason="the break has healed",
                )
            )

    def _many(self, statement: Any, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(statement, rows)


def _state_beside(state: BreakState, held: str, seen: Break | None) -> BreakState:
    """Return the state of a kept break, HEALED for one that was resolved and is another one now.

    What was posted to resolve a break stands in the ledger beside what the sides went on saying, so
    the same words again are no news.
    """
    differs = seen is not None and document(seen) != held
    return BreakState.HEALED if state is BreakState.RESOLVED and differs else state


def _recorded(connection: Connection, key: str) -> Changes | None:
    names = [RECON_RUNS.c[name] for name in Changes.__struct_fields__]
    row = connection.execute(select(*names).where(RECON_RUNS.c.key == key)).first()
    return None if row is None else Changes(**row._asdict())


def _refuse_older(connection: Connection, run: Run) -> None:
    newest = connection.scalar(
        select(func.max(RECON_RUNS.c.as_of_us)).where(RECON_RUNS.c.scope == run.scope)
    )
    if newest is not None and newest > run.as_of_us:
        raise DomainError(
            f"a later run of {run.scope} is kept already: what run {run.key} found is history"
        )
