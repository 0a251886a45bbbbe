"""The tables of this room.

Times are microseconds UTC; ``first_seen_us`` to ``last_seen_us`` are those that runs are of, the
others the wall clock. Documents are JSON. No row holds personal data: ids only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Float, Index, String, Table

from crm_sync.reconcile.schema import BreakClass, Side
from crm_sync.schema import METADATA, big_column, key_column, text_column


class BreakState(StrEnum):
    """How far a break has come; the last two are ends, and a break may come back from them."""

    OPEN = "open"
    ASSIGNED = "assigned"
    PROPOSED = "proposed"
    RESOLVED = "resolved"
    HEALED = "healed"


class Decision(StrEnum):
    """What became of a proposal; POSTED ones needed no second person."""

    WAITING = ""
    POSTED = "posted"
    APPROVED = "approved"
    REJECTED = "rejected"
    LAPSED = "lapsed"


def _one_of(column: str, choices: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{choice.value}'" for choice in choices)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


RECON_RUNS: Final = Table(
    "recon_runs",
    METADATA,
    key_column(String, "key"),
    text_column("scope"),
    big_column("as_of_us"),
    big_column("recorded_at_us"),
    big_column("opened"),
    big_column("seen_again"),
    big_column("reopened"),
    big_column("healed"),
    Index(None, "scope", "as_of_us"),
)

RECON_BREAKS: Final = Table(
    "recon_breaks",
    METADATA,
    key_column(String, "id"),
    text_column("scope"),
    text_column("break_class"),
    text_column("side"),
    text_column("ref"),
    text_column("client_id"),
    text_column("login"),
    text_column("currency"),
    big_column("amount_minor"),
    Column("usd_at_risk", Float(53)),
    text_column("document"),
    big_column("first_seen_us"),
    big_column("open_since_us"),
    big_column("last_seen_us"),
    text_column("state"),
    text_column("owner"),
    text_column("note"),
    _one_of("break_class", BreakClass),
    _one_of("side", Side),
    _one_of("state", BreakState),
    CheckConstraint("amount_minor >= 0", name="amount_minor"),
    CheckConstraint(
        "first_seen_us <= open_since_us AND open_since_us <= last_seen_us", name="seen"
    ),
    CheckConstraint("state <> 'assigned' OR owner <> ''", name="owner"),
    Index(None, "scope", "state"),
    Index(None, "client_id"),
)
"""One row for each break that was ever seen; ``document`` is what the newest run said of it."""

RECON_PROPOSALS: Final = Table(
    "recon_proposals",
    METADATA,
    key_column(String, "key"),
    text_column("break_id"),
    text_column("postings"),
    text_column("payload_hash"),
    text_column("reason"),
    text_column("proposed_by"),
    big_column("proposed_at_us"),
    big_column("expires_at_us"),
    text_column("decision"),
    text_column("decided_by"),
    Column("decided_at_us", BigInteger),
    text_column("decision_reason"),
    _one_of("decision", Decision),
    CheckConstraint("decision <> 'approved' OR decided_by <> proposed_by", name="four_eyes"),
    CheckConstraint("(decision = '') = (decided_at_us IS NULL)", name="decided"),
    Index(None, "break_id"),
)
"""How people want to resolve breaks, and what became of it."""
