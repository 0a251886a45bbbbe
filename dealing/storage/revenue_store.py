"""Revenue in a SQL database: a RevenueStore for SQLite and PostgreSQL alike.

One process writes. Facts, their totals and the newest mark change in one transaction, so whoever
reads sees figures that belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec
import polars as pl
from sqlalchemy import ColumnElement, Connection, Row, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from crm_sync.database import Database
from dealing.revenue.facts import (
    CONTROL_KEY,
    CONTROL_SCHEMA,
    FACT_KEY,
    FACT_SCHEMA,
    Booking,
    Control,
    Dimension,
    Entry,
    Fact,
    Mark,
    control_key,
    fact_key,
    placed,
)
from dealing.revenue.frames import frame_of, totals_frame
from dealing.revenue.ports import DayBooks, DayState, KeptMark, Period, Seal, Summary
from dealing.revenue.totals import summed
from dealing.storage.tables import (
    REVENUE_CONTROLS,
    REVENUE_DAYS,
    REVENUE_FACTS,
    REVENUE_MARKS,
    REVENUE_NOW,
    REVENUE_TOTALS,
)

READ_AT_ONCE: Final = 20_000
"""Rows that are turned into a frame together."""

ASKED_AT_ONCE: Final = 500
"""Positions in one question; old SQLites take 999 values."""

_THE_ROW: Final = 1
_MARK_COLUMNS: Final = (
    "position",
    "ts_event",
    "floating_usd",
    "booked_usd",
    "facts_micro_usd",
    "kept_at",
)


class SqlRevenueStore:
    """Facts, controls, totals, marks and closed days in tables."""

    def __init__(self, database: Database, now_ns: Callable[[], int]) -> None:
        """Take the database and the wall clock, ns UTC."""
        self._database = database
        self._now_ns = now_ns

    def add(self, booking: Booking) -> None:
        """Keep a booking, all of it or nothing."""
        with self._database.writing() as connection:
            closed_until = connection.scalar(select(func.max(REVENUE_DAYS.c.day)))
            by_key = {fact_key(fact): fact for fact in reversed(booking.facts)}
            new = _new(connection, REVENUE_FACTS, by_key)
            facts = [placed(fact, closed_until, booking.now) for fact in new]
            of_event = {control_key(control): control for control in reversed(booking.controls)}
            unheard = _new(connection, REVENUE_CONTROLS, of_event)
            controls = [placed(control, closed_until, booking.now) for control in unheard]
            _insert(connection, REVENUE_FACTS, facts)
            _insert(connection, REVENUE_CONTROLS, controls)
            _add_to_totals(connection, facts)
            for opening in booking.openings:
                self._open(connection, opening.day, opening.mark)
            if booking.mark is not None:
                self._set_now(connection, booking.mark)

    def now(self) -> KeptMark | None:
        """Return the newest mark."""
        with self._database.reading() as connection:
            return _now(connection)

    def summary(self, period: Period, dimension: Dimension) -> Summary:
        """Return a period's totals by one dimension, and what the house was worth around it."""
        with self._database.reading() as connection:
            day = REVENUE_MARKS.c.day
            return Summary(
                totals=_totals(connection, period, dimension),
                opening=_first_mark(connection, day.between(period.first, period.last)),
                closing=_first_mark(connection, day > period.last),
                now=_now(connection),
            )

    def days(self) -> list[DayState]:
        """Return every day that has a fact, a control or a seal, oldest first."""
        with self._database.reading() as connection:
            return _days(connection)

    def books(self, day: date) -> DayBooks:
        """Return everything of a day as it is at one moment."""
        with self._database.reading() as connection:
            return DayBooks(
                facts=_entries(connection, REVENUE_FACTS, day, FACT_SCHEMA, FACT_KEY),
                controls=_entries(connection, REVENUE_CONTROLS, day, CONTROL_SCHEMA, CONTROL_KEY),
                totals=_day_totals(connection, day),
            )

    def openings(self) -> list[tuple[date, KeptMark]]:
        """Return the opening of every day that has one, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(REVENUE_MARKS).order_by(REVENUE_MARKS.c.day))
            return [(row.day, _mark(row)) for row in rows]

    def begin_closing(self, before: date) -> list[date]:
        """Let every earlier day take no more, and return those without a seal."""
        with self._database.writing() as connection:
            states = [state for state in _days(connection) if state.day < before or state.closing]
            rows = [{"day": state.day} for state in states if not state.closing]
            if rows:
                connection.execute(REVENUE_DAYS.insert(), rows)
            return [state.day for state in states if state.seal is None]

    def seal(self, day: date, seal: Seal) -> None:
        """Say what a day held that takes no more; a sealed day keeps its first seal."""
        with self._database.writing() as connection:
            connection.execute(
                REVENUE_DAYS.update()
                .where(REVENUE_DAYS.c.day == day, REVENUE_DAYS.c.sealed_at.is_(None))
                .values(**seal._asdict(), sealed_at=self._now_ns())
            )

    def _open(self, connection: Connection, day: date, mark: Mark) -> None:
        row = {"day": day, **self._mark_row(connection, mark)}
        insert = _into(connection, REVENUE_MARKS)
        connection.execute(insert.on_conflict_do_nothing(), row)

    def _set_now(self, connection: Connection, mark: Mark) -> None:
        row = {"id": _THE_ROW, **self._mark_row(connection, mark)}
        insert = _into(connection, REVENUE_NOW)
        newest = {name: insert.excluded[name] for name in _MARK_COLUMNS}
        connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=newest), row)

    def _mark_row(self, connection: Connection, mark: Mark) -> dict[str, Any]:
        facts = _facts_until(connection, mark.position)
        return {
            **msgspec.structs.asdict(mark),
            "facts_micro_usd": facts,
            "kept_at": self._now_ns(),
        }


def _new(
    connection: Connection, table: Table, entries: Mapping[tuple[Any, ...], Entry]
) -> list[Entry]:
    """Return the entries that a table does not hold yet; nothing in it is newer than its newest."""
    newest = connection.scalar(select(func.max(table.c.position)))
    positions = {key[0] for key in entries}
    known = [] if newest is None else sorted(p for p in positions if p <= newest)
    held: set[tuple[Any, ...]] = set()
    for begin in range(0, len(known), ASKED_AT_ONCE):
        asked = table.c.position.in_(known[begin : begin + ASKED_AT_ONCE])
        rows = connection.execute(select(*table.primary_key.columns).where(asked))
        held.update(tuple(row) for row in rows)
    return [entry for key, entry in entries.items() if key not in held]


def _insert(connection: Connection, table: Table, entries: Sequence[Fact | Control]) -> None:
    if entries:
        rows = [msgspec.structs.asdict(entry) for entry in entries]
        connection.execute(table.insert(), rows)


def _into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert that knows what to do where a row is already."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def _add_to_totals(connection: Connection, facts: Sequence[Fact]) -> None:
    rows = [
        {**key._asdict(), "amount_micro_usd": usd} for key, usd in sorted(summed(facts).items())
    ]
    if rows:
        insert = _into(connection, REVENUE_TOTALS)
        amount = REVENUE_TOTALS.c.amount_micro_usd
        more = insert.on_conflict_do_update(
            index_elements=[column.name for column in REVENUE_TOTALS.primary_key],
            set_={"amount_micro_usd": amount + insert.excluded.amount_micro_usd},
        )
        connection.execute(more, rows)


def _facts_until(connection: Connection, position: int) -> int:
    """Return the sum of all facts up to a position: everything, less the few behind it."""
    total, fact = REVENUE_TOTALS.c, REVENUE_FACTS.c
    everything = select(func.sum(total.amount_micro_usd)).where(total.dimension == Dimension.DAY)
    behind = select(func.sum(fact.amount_micro_usd)).where(fact.position > position)
    return int(connection.scalar(everything) or 0) - int(connection.scalar(behind) or 0)


def _totals(connection: Connection, period: Period, dimension: Dimension) -> pl.DataFrame:
    table = REVENUE_TOTALS.c
    wanted = (
        select(table.name, table.component, func.sum(table.amount_micro_usd))
        .where(table.dimension == dimension, table.day.between(period.first, period.last))
        .group_by(table.name, table.component)
    )
    rows = [(dimension, name, part, int(usd)) for name, part, usd in connection.execute(wanted)]
    return totals_frame(rows).drop("dimension")


def _day_totals(connection: Connection, day: date) -> pl.DataFrame:
    table = REVENUE_TOTALS.c
    wanted = select(table.dimension, table.name, table.component, table.amount_micro_usd)
    # the day is the second part of the key: asked for by dimension, it is found at once
    asked = wanted.where(table.dimension.in_(list(Dimension)), table.day == day)
    return totals_frame([tuple(row) for row in connection.execute(asked)])


def _first_mark(connection: Connection, wanted: ColumnElement[bool]) -> KeptMark | None:
    columns = [REVENUE_MARKS.c[name] for name in _MARK_COLUMNS]
    asked = select(*columns).where(wanted).order_by(REVENUE_MARKS.c.day).limit(1)
    row = connection.execute(asked).first()
    return None if row is None else _mark(row)


def _now(connection: Connection) -> KeptMark | None:
    row = connection.execute(select(*(REVENUE_NOW.c[name] for name in _MARK_COLUMNS))).first()
    return None if row is None else _mark(row)


def _mark(row: Row[Any]) -> KeptMark:
    mark = Mark(
        position=row.position,
        ts_event=row.ts_event,
        floating_usd=row.floating_usd,
        booked_usd=row.booked_usd,
    )
    return KeptMark(mark, row.facts_micro_usd, row.kept_at)


def _days(connection: Connection) -> list[DayState]:
    known = {*_days_in(connection, REVENUE_FACTS), *_days_in(connection, REVENUE_CONTROLS)}
    closing = {row.day: _seal(row) for row in connection.execute(select(REVENUE_DAYS))}
    return [DayState(day, day in closing, closing.get(day)) for day in sorted(known | set(closing))]


def _days_in(connection: Connection, table: Table) -> Iterator[date]:
    """Yield a table's days, each found at once in the index that begins with it."""
    asked = select(func.min(table.c.day))
    day = connection.scalar(asked)
    while day is not None:
        yield day
        day = connection.scalar(asked.where(table.c.day > day))


def _seal(row: Row[Any]) -> Seal | None:
    if row.sealed_at is None:
        return None
    return Seal(
        facts=row.facts,
        controls=row.controls,
        amount_micro_usd=row.amount_micro_usd,
        facts_digest=row.facts_digest,
        controls_digest=row.controls_digest,
    )


def _entries(
    connection: Connection,
    table: Table,
    day: date,
    schema: dict[str, Any],
    order: Sequence[str],
) -> pl.DataFrame:
    columns = [table.c[name] for name in schema]
    found = connection.execution_options(stream_results=True).execute(
        select(*columns).where(table.c.day == day)
    )
    chunks = ([tuple(row) for row in chunk] for chunk in found.partitions(READ_AT_ONCE))
    return frame_of(chunks, schema, order)
