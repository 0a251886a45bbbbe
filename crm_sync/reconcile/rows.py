"""Breaks and proposals to and from rows of the tables."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, select

from crm_sync.audit import AuditEntry, canonical
from crm_sync.audit_log import append
from crm_sync.reconcile.breaks import Break
from crm_sync.reconcile.kept import KeptBreak, Proposal
from crm_sync.reconcile.ports import Posting
from crm_sync.reconcile.tables import RECON_BREAKS, RECON_PROPOSALS, BreakState, Decision
from exposure.errors import UNDECODABLE, DomainError, StorageError

NS_PER_US: Final = 1_000

_BREAK: Final = msgspec.json.Decoder(Break)
_POSTINGS: Final = msgspec.json.Decoder(tuple[Posting, ...])
_SHOWN: Final = (
    "break_class", "side", "ref", "client_id", "login", "currency", "amount_minor", "usd_at_risk",
)  # fmt: skip


def break_columns(told: Break) -> dict[str, Any]:
    """Return the columns that a run's word for a break fills."""
    return {name: getattr(told, name) for name in _SHOWN} | {"document": document(told)}


def document(content: Break | tuple[Posting, ...]) -> str:
    """Return JSON that is the same text for the same content."""
    return canonical(msgspec.to_builtins(content))


def kept_break(row: Row[Any]) -> KeptBreak:
    """Return a row of breaks."""
    return KeptBreak(
        told=_decoded(_BREAK, row.document),
        state=BreakState(row.state),
        first_seen_us=row.first_seen_us,
        open_since_us=row.open_since_us,
        last_seen_us=row.last_seen_us,
        owner=row.owner,
        note=row.note,
    )


def proposal_row(proposal: Proposal) -> dict[str, Any]:
    """Return the columns of a proposal."""
    return msgspec.structs.asdict(proposal) | {"postings": document(proposal.postings)}


def proposal(row: Row[Any]) -> Proposal:
    """Return a row of proposals."""
    held = row._asdict()
    postings = _decoded(_POSTINGS, held.pop("postings"))
    return Proposal(**held | {"postings": postings, "decision": Decision(row.decision)})


def break_of(connection: Connection, break_id: str) -> KeptBreak:
    """Return a break, kept from others until the transaction ends.

    Raises:
        DomainError: There is none.
    """
    found = first(connection, select(RECON_BREAKS).where(RECON_BREAKS.c.id == break_id))
    if found is None:
        raise DomainError(f"there is no break {break_id}: look for it in the newest run")
    return kept_break(found)


def proposal_of(connection: Connection, key: str) -> Proposal | None:
    """Return a proposal, kept from others until the transaction ends."""
    row = first(connection, select(RECON_PROPOSALS).where(RECON_PROPOSALS.c.key == key))
    return None if row is None else proposal(row)


def first(connection: Connection, asked: Select[Any]) -> Row[Any] | None:
    """Return the first row, locked where the database has locks."""
    return connection.execute(asked.with_for_update()).first()


def change_break(connection: Connection, break_id: str, **columns: Any) -> None:
    """Change a break."""
    change = RECON_BREAKS.update().where(RECON_BREAKS.c.id == break_id)
    connection.execute(change.values(**columns))


def told_to_audit(
    connection: Connection, at_us: int, actor: str, action: str, entity: str, **more: Any
) -> None:
    """Write who did what into the audit log; ``reason`` and what else is known go along."""
    reason = str(more.pop("reason", ""))
    entry = AuditEntry(
        at_ns=at_us * NS_PER_US,
        actor=actor,
        via="desk",
        action=action,
        entity=entity,
        reason=reason,
        detail=canonical(more),
    )
    append(connection, entry)


def _decoded(decoder: msgspec.json.Decoder[Any], text: str) -> Any:
    try:
        return decoder.decode(text)
    except UNDECODABLE as e:
        raise StorageError(
            f"a break in the database cannot be read ({e}): restore the database from a copy, or "
            "use the newer Plimsoll that wrote it"
        ) from e
