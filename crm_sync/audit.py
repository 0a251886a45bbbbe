"""The audit log: who did what, when and why, in rows that hold on to each other.

Each row's hash covers its own content and the hash of the row before it. Whoever changes, inserts,
removes or swaps rows breaks the chain at that place. Only the end can be cut off unseen, so the
newest hash is worth writing down elsewhere: ``plimsoll audit verify --head`` looks for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

FIRST_HASH: Final = "0" * 64
"""What stands before the first row."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody did; ``detail`` is JSON with keys in order.

    Units: ``at_ns`` wall clock, ns UTC.
    """

    at_ns: int
    actor: str
    via: str
    action: str
    entity: str
    reason: str
    detail: str


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """An entry in its place; ``seq`` counts from 1."""

    seq: int
    entry: AuditEntry
    prev_hash: str
    hash: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the chain holds; ``broken_at`` is the first row that does not, with the reason."""

    rows: int
    head: str
    broken_at: int | None = None
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.reason


def canonical(content: Any) -> str:
    """Return JSON that is the same text for the same content, keys in order."""
    return msgspec.json.encode(content, order="deterministic").decode()


def chained(entry: AuditEntry, last: AuditRow | None) -> AuditRow:
    """Return an entry as the row that follows the last one."""
    seq, previous = (1, FIRST_HASH) if last is None else (last.seq + 1, last.hash)
    return AuditRow(seq=seq, entry=entry, prev_hash=previous, hash=row_hash(previous, seq, entry))


def row_hash(prev_hash: str, seq: int, entry: AuditEntry) -> str:
    """Return the SHA-256 over the hash before and the canonical JSON of a row."""
    content = canonical([seq, *msgspec.structs.astuple(entry)])
    return hashlib.sha256((prev_hash + content).encode()).hexdigest()


def verify(rows: Iterable[AuditRow], head: str | None = None) -> Verdict:
    """Walk the chain from its first row.

    Args:
        rows: All of them, in order of ``seq``.
        head: A hash that was written down once; it has to be in the chain.
    """
    count, last, found = 0, FIRST_HASH, head in {None, FIRST_HASH}
    for row in rows:
        reason = _fault(row, count + 1, last)
        if reason:
            return Verdict(rows=count, head=last, broken_at=count + 1, reason=reason)
        count, last = count + 1, row.hash
        found = found or last == head
    if not found:
        return Verdict(
            rows=count,
            head=last,
            reason=f"no row has the hash {head}: rows after it, and it, were cut off or replaced",
        )
    return Verdict(rows=count, head=last)


def _fault(row: AuditRow, seq: int, previous: str) -> str:
    if row.seq != seq:
        return f"row {seq} is missing: row {row.seq} follows row {seq - 1}"
    if row.prev_hash != previous:
        return f"row {seq} does not follow row {seq - 1}: another one stood there"
    if row.hash != row_hash(previous, seq, row.entry):
        return f"row {seq} was changed after it was written"
    return ""
