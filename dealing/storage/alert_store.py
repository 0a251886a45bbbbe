"""Alerts in a SQL database: SQLite and PostgreSQL alike.

What was made of readings, how far they were read and whom to tell change in one transaction. Rows
are written in bulk, and deliveries always in the order of their keys, so that a storm is quick and
two writers never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy import case as either
from sqlalchemy.dialects import postgresql, sqlite

from crm_sync.database import Database
from dealing.alerts.documents import (
    LONGEST_ERROR,
    LONGEST_SEARCH,
    case_of,
    changed_us,
    document_of,
    plain,
    plain_texts,
    searched,
    words_of,
)
from dealing.alerts.model import (
    Case,
    CaseChange,
    CaseState,
    Entry,
    Mute,
    Offer,
    Severity,
)
from dealing.alerts.ports import CasesAsked, Delivery, Kept, Nonce, NotTold, Told
from dealing.alerts.tables import (
    ALERT_CASES,
    ALERT_CURSORS,
    ALERT_DELIVERIES,
    ALERT_ENTRIES,
    ALERT_MUTES,
    ALERT_NONCES,
)
from exposure.errors import StorageError

NONCES_FOR_US: Final = 30 * 86_400 * 1_000_000
"""For how long people are told why a button does nothing any more."""

_Columns = dict[str, Any]
_S = TypeVar("_S", bound=msgspec.Struct)

_IS_LIVING: Final = ALERT_CASES.c.state != literal_column(f"'{CaseState.RESOLVED}'")
_WAITS: Final = ALERT_DELIVERIES.c.sent_version < ALERT_DELIVERIES.c.wanted_version
"""Both written so that partial indexes are used."""

_KEY: Final = itemgetter("channel", "number")
_BOUND_KEY: Final = itemgetter("this_channel", "this_number")
_DELIVERY: Final = frozenset(Delivery.__struct_fields__) - {"case"}
_NONCE: Final = frozenset(Nonce.__struct_fields__) - {"offer"}


class SqlAlertStore:
    """AlertStore in tables."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    def begin(self) -> Kept:
        """Return what was kept."""
        living = select(ALERT_CASES.c.document).where(_IS_LIVING)
        with self._database.reading() as connection:
            documents = connection.scalars(living.order_by(ALERT_CASES.c.number))
            return Kept(
                [case_of(document) for document in documents],
                connection.scalar(select(func.max(ALERT_CASES.c.number))) or 0,
                [Mute(**row._asdict()) for row in connection.execute(select(ALERT_MUTES))],
                {row.stream: row.cursor for row in connection.execute(select(ALERT_CURSORS))},
            )

    def keep(
        self,
        changes: Sequence[CaseChange],
        cursors: dict[str, str],
        channels_of: Sequence[Sequence[str]],
    ) -> None:
        """Keep changes, and how far was read, together or not at all."""
        cases = [_case_row(change) for change in changes]
        entries = [_entry_row(entry) for change in changes for entry in change.entries]
        wanted = [
            _wanted_row(change, channel)
            for change, channels in zip(changes, channels_of, strict=True)
            for channel in (channels if change.tell else ())
        ]
        streams = [{"stream": name, "cursor": cursor} for name, cursor in sorted(cursors.items())]
        with self._database.writing() as connection:
            _upsert(connection, ALERT_CASES, cases, _newer_case)
            if entries:
                connection.execute(ALERT_ENTRIES.insert(), entries)
            _upsert(connection, ALERT_DELIVERIES, sorted(wanted, key=_KEY), _newer_delivery)
            _upsert(connection, ALERT_CURSORS, streams, lambda new: {"cursor": new.cursor})

    def cases(self, asked: CasesAsked) -> list[Case]:
        """Return cases, the last changed first."""
        newest = (ALERT_CASES.c.changed_us.desc(), ALERT_CASES.c.number.desc())
        with self._database.reading() as connection:
            documents = connection.scalars(_asked(asked).order_by(*newest).limit(asked.limit))
            return [case_of(document) for document in documents]

    def case(self, number: int) -> Case | None:
        """Return a case."""
        asked = select(ALERT_CASES.c.document).where(ALERT_CASES.c.number == number)
        with self._database.reading() as connection:
            document = connection.scalar(asked)
            return None if document is None else case_of(document)

    def entries(self, number: int, after: int = 0) -> list[Entry]:
        """Return a case's timeline, oldest first, without its first ``after`` lines."""
        asked = select(ALERT_ENTRIES).where(ALERT_ENTRIES.c.number == number)
        return self._entries(asked.order_by(ALERT_ENTRIES.c.id).offset(after))

    def entries_since(self, since_us: int, limit: int) -> list[Entry]:
        """Return lines of all timelines, oldest first."""
        asked = select(ALERT_ENTRIES).where(ALERT_ENTRIES.c.at_us >= since_us)
        oldest = asked.order_by(ALERT_ENTRIES.c.at_us, ALERT_ENTRIES.c.id)
        return self._entries(oldest.limit(limit))

    def set_mute(self, mute: Mute) -> None:
        """Keep a mute; one with the same id is replaced (so it can be ended)."""
        with self._database.writing() as connection:
            rows = [msgspec.structs.asdict(plain_texts(mute))]
            _upsert(connection, ALERT_MUTES, rows, lambda new: dict(new.items()))

    def mutes(self, now_us: int) -> list[Mute]:
        """Return the mutes that have not expired."""
        asked = select(ALERT_MUTES).where(ALERT_MUTES.c.until_us > now_us)
        with self._database.reading() as connection:
            rows = connection.execute(asked.order_by(ALERT_MUTES.c.since_us))
            return [Mute(**row._asdict()) for row in rows]

    def waiting(self, channel: str, now_us: int, limit: int) -> list[Delivery]:
        """Return what a channel is to be told now: the most severe, then the longest waiting."""
        rows = ALERT_DELIVERIES.join(ALERT_CASES, ALERT_CASES.c.number == ALERT_DELIVERIES.c.number)
        columns = [column for column in ALERT_DELIVERIES.c if column.name in _DELIVERY]
        due = (_lacks(channel), ALERT_DELIVERIES.c.next_try_us <= now_us)
        order = (ALERT_DELIVERIES.c[name] for name in ("urgency", "first_wanted_us", "number"))
        asked = select(*columns, ALERT_CASES.c.document).select_from(rows).where(*due)
        with self._database.reading() as connection:
            found = connection.execute(asked.order_by(*order).limit(limit))
            return [_delivery(row) for row in found]

    def waiting_count(self, channel: str) -> int:
        """Return how many deliveries a channel still lacks, due or not."""
        counted = select(func.count()).select_from(ALERT_DELIVERIES).where(_lacks(channel))
        with self._database.reading() as connection:
            return connection.scalar(counted) or 0

    def waiting_since(self, channel: str) -> int | None:
        """Return since when the longest waiting delivery of a channel waits, due or not."""
        oldest = select(func.min(ALERT_DELIVERIES.c.first_wanted_us)).where(_lacks(channel))
        with self._database.reading() as connection:
            since_us: int | None = connection.scalar(oldest)
            return since_us

    def told(self, told: Sequence[Told]) -> None:
        """Note what channels have; a newer wanted version stays wanted."""
        self._change_deliveries(_TOLD, [_bound(one) for one in told])

    def not_told(self, failures: Sequence[NotTold]) -> None:
        """Note what did not go out."""
        rows = [_bound(plain_texts(one)) for one in failures]
        for row in rows:
            row["this_error"] = row["this_error"][:LONGEST_ERROR]
        self._change_deliveries(_NOT_TOLD, rows)

    def find_ref(self, channel: str, ref: str) -> int | None:
        """Return the case behind a channel's message."""
        if not ref:
            return None
        mine = (ALERT_DELIVERIES.c.channel == channel, ALERT_DELIVERIES.c.ref == ref)
        with self._database.reading() as connection:
            newest = select(func.max(ALERT_DELIVERIES.c.number)).where(*mine)
            number: int | None = connection.scalar(newest)
            return number

    def issue(self, nonces: Sequence[Nonce]) -> None:
        """Keep new buttons; those of the same case and channel that were not used end now.

        Buttons that ended long ago are forgotten.
        """
        if not nonces:
            return
        places = sorted({(one.number, one.channel, one.issued_us) for one in nonces})
        ended = [dict(zip(_PLACE, one, strict=True)) for one in places]
        long_ago = max(one.issued_us for one in nonces) - NONCES_FOR_US
        with self._database.writing() as connection:
            connection.execute(ALERT_NONCES.delete().where(ALERT_NONCES.c.expires_us < long_ago))
            connection.execute(_END, ended)
            connection.execute(ALERT_NONCES.insert(), [_nonce_row(one) for one in nonces])

    def end_buttons(self, number: int, channel: str, now_us: int) -> None:
        """End the buttons of a case and channel that were not used: its message has none now."""
        with self._database.writing() as connection:
            connection.execute(_END, dict(zip(_PLACE, (number, channel, now_us), strict=True)))

    def redeem(self, token_hash: str, by: str, now_us: int) -> Nonce | None:
        """Use up a button, once: return it as it was before, None if nobody knows it."""
        mine = ALERT_NONCES.c.token_hash == token_hash
        with self._database.writing() as connection:
            row = connection.execute(select(ALERT_NONCES).where(mine).with_for_update()).first()
            if row is None:
                return None
            if row.used_us is None and now_us < row.expires_us:
                used = ALERT_NONCES.update().where(mine).values(used_us=now_us, used_by=plain(by))
                connection.execute(used)
            return _nonce(row)

    def nonce(self, token_hash: str) -> Nonce | None:
        """Return a button without using it."""
        asked = select(ALERT_NONCES).where(ALERT_NONCES.c.token_hash == token_hash)
        with self._database.reading() as connection:
            row = connection.execute(asked).first()
            return None if row is None else _nonce(row)

    def _entries(self, asked: Select[Any]) -> list[Entry]:
        with self._database.reading() as connection:
            return [_understood(row, Entry) for row in connection.execute(asked)]

    def _change_deliveries(self, change: Any, rows: list[_Columns]) -> None:
        if rows:
            ordered = sorted(rows, key=_BOUND_KEY)
            with self._database.writing() as connection:
                connection.execute(change, ordered)


# Writing ------------------------------------------------------------------------------------------


def _upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[_Columns],
    newer: Callable[[Any], _Columns],
) -> None:
    """Write rows; ``newer`` says what changes in one whose key is known, from the row that came."""
    if not rows:
        return
    is_postgres = connection.dialect.name == "postgresql"
    insert: Any = postgresql.insert(table) if is_postgres else sqlite.insert(table)
    key = list(table.primary_key.columns)
    connection.execute(
        insert.on_conflict_do_update(index_elements=key, set_=newer(insert.excluded)), rows
    )


def _case_row(change: CaseChange) -> _Columns:
    case = change.case
    return {
        "number": case.number,
        "rule": case.rule,
        "state": case.state.value,
        "severity": case.severity.value,
        "changed_us": changed_us(change),
        "words": words_of(case),
        "document": document_of(case),
    }


def _newer_case(new: Any) -> _Columns:
    held = ALERT_CASES.c.changed_us
    same = ("rule", "state", "severity", "words", "document")
    return {name: new[name] for name in same} | {"changed_us": _larger(held, new.changed_us)}


def _entry_row(entry: Entry) -> _Columns:
    return msgspec.structs.asdict(plain_texts(entry)) | {"kind": entry.kind.value}


def _wanted_row(change: CaseChange, channel: str) -> _Columns:
    case = change.case
    return {
        "channel": channel,
        "number": case.number,
        "urgency": Severity.CRITICAL.rank - case.severity.rank,
        "wanted_version": case.version,
        "sent_version": 0,
        "ref": "",
        "entries_told": 0,
        "first_wanted_us": changed_us(change),
        "tries": 0,
        "next_try_us": 0,
        "last_error": "",
    }


def _newer_delivery(new: Any) -> _Columns:
    """What waits goes on waiting since it began; a newer version is tried at once."""
    held = ALERT_DELIVERIES.c
    is_newer = new.wanted_version > held.wanted_version
    return {
        "urgency": new.urgency,
        "wanted_version": _larger(held.wanted_version, new.wanted_version),
        "first_wanted_us": either((_WAITS, held.first_wanted_us), else_=new.first_wanted_us),
        "next_try_us": either((is_newer, 0), else_=held.next_try_us),
    }


def _nonce_row(nonce: Nonce) -> _Columns:
    row = msgspec.structs.asdict(nonce)
    offer = msgspec.structs.asdict(row.pop("offer"))
    return row | offer | {"action": nonce.offer.action.value}


def _larger(left: Any, right: Any) -> ColumnElement[int]:
    """Return the larger one in SQL that both databases know."""
    return either((left < right, right), else_=left)


def _bound(one: Told | NotTold) -> _Columns:
    return {f"this_{name}": value for name, value in msgspec.structs.asdict(one).items()}


def _big(name: str) -> Any:
    return bindparam(name, type_=BigInteger)


_MINE: Final = (
    ALERT_DELIVERIES.c.channel == bindparam("this_channel"),
    ALERT_DELIVERIES.c.number == bindparam("this_number"),
)

_TOLD: Final = (
    ALERT_DELIVERIES.update()
    .where(*_MINE)
    .values(
        sent_version=_larger(ALERT_DELIVERIES.c.sent_version, _big("this_version")),
        entries_told=_larger(ALERT_DELIVERIES.c.entries_told, _big("this_entries")),
        first_wanted_us=either(
            (ALERT_DELIVERIES.c.wanted_version > _big("this_version"), _big("this_at_us")),
            else_=ALERT_DELIVERIES.c.first_wanted_us,
        ),
        ref=bindparam("this_ref"),
        tries=0,
        next_try_us=0,
        last_error="",
    )
)

_NOT_TOLD: Final = (
    ALERT_DELIVERIES.update()
    .where(*_MINE)
    .values(
        tries=ALERT_DELIVERIES.c.tries + 1,
        next_try_us=bindparam("this_next_try_us"),
        last_error=bindparam("this_error"),
    )
)

_PLACE: Final = ("this_number", "this_channel", "ends_us")
_END: Final = (
    ALERT_NONCES.update()
    .where(
        ALERT_NONCES.c.number == bindparam("this_number"),
        ALERT_NONCES.c.channel == bindparam("this_channel"),
        ALERT_NONCES.c.used_us.is_(None),
        ALERT_NONCES.c.expires_us > _big("ends_us"),
    )
    .values(expires_us=_big("ends_us"))
)


# Reading ------------------------------------------------------------------------------------------


def _lacks(channel: str) -> ColumnElement[bool]:
    return (ALERT_DELIVERIES.c.channel == channel) & _WAITS


def _asked(asked: CasesAsked) -> Select[Any]:
    chosen = select(ALERT_CASES.c.document)
    if asked.states:
        chosen = chosen.where(ALERT_CASES.c.state.in_(asked.states))
    if asked.rule:
        chosen = chosen.where(ALERT_CASES.c.rule == asked.rule)
    if asked.severity is not None:
        chosen = chosen.where(ALERT_CASES.c.severity == asked.severity)
    if asked.since_us is not None:
        chosen = chosen.where(ALERT_CASES.c.changed_us >= asked.since_us)
    if asked.search:
        part = searched(asked.search[:LONGEST_SEARCH])
        chosen = chosen.where(ALERT_CASES.c.words.contains(part, autoescape=True))
    return chosen


def _delivery(row: Row[*tuple[Any, ...]]) -> Delivery:
    held = {name: getattr(row, name) for name in _DELIVERY}
    return Delivery(case=case_of(row.document), **held)


def _nonce(row: Row[Any]) -> Nonce:
    held = {name: getattr(row, name) for name in _NONCE}
    return Nonce(offer=_understood(row, Offer), **held)


def _understood(row: Row[Any], kind: type[_S]) -> _S:
    try:
        return msgspec.convert(row, kind, from_attributes=True)
    except msgspec.ValidationError as e:
        raise StorageError(
            f"what is kept about alerts cannot be read ({e}): use the newer Plimsoll that wrote it"
        ) from e
