"""The tables of crm_sync.reconcile."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CLASSES = (
    "MISSING_PSP", "MISSING_LEDGER", "MISSING_PLATFORM", "DUPLICATE_PSP", "DUPLICATE_LEDGER",
    "DUPLICATE_PLATFORM", "AMOUNT", "CURRENCY", "WRONG_ACCOUNT", "WRONG_TYPE", "TIMING", "FEE",
    "FX_RATE", "STATUS", "ORPHAN_MANUAL", "STALE_PENDING",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables."""
    _runs()
    _breaks()
    _proposals()


def _runs() -> None:
    op.create_table(
        "recon_runs",
        *(_text(name) for name in ("key", "scope")),
        *(_big(name) for name in ("as_of_us", "recorded_at_us")),
        *(_big(name) for name in ("opened", "seen_again", "reopened", "healed")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_recon_runs")),
    )
    op.create_index("ix_recon_runs_scope_as_of_us", "recon_runs", ["scope", "as_of_us"])


def _breaks() -> None:
    texts = ("id", "scope", "break_class", "side", "ref", "client_id", "login", "currency")
    op.create_table(
        "recon_breaks",
        *(_text(name) for name in texts),
        _big("amount_minor"),
        sa.Column("usd_at_risk", sa.Float(53)),
        _text("document"),
        *(_big(name) for name in ("first_seen_us", "open_since_us", "last_seen_us")),
        *(_text(name) for name in ("state", "owner", "note")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recon_breaks")),
        _one_of("recon_breaks", "break_class", _CLASSES),
        _one_of("recon_breaks", "side", ("provider", "ledger", "platform")),
        _one_of("recon_breaks", "state", ("open", "assigned", "proposed", "resolved", "healed")),
        _check("recon_breaks", "amount_minor", "amount_minor >= 0"),
        _check(
            "recon_breaks",
            "seen",
            "first_seen_us <= open_since_us AND open_since_us <= last_seen_us",
        ),
        _check("recon_breaks", "owner", "state <> 'assigned' OR owner <> ''"),
    )
    op.create_index("ix_recon_breaks_scope_state", "recon_breaks", ["scope", "state"])
    op.create_index("ix_recon_breaks_client_id", "recon_breaks", ["client_id"])


def _proposals() -> None:
    texts = ("key", "break_id", "postings", "payload_hash", "reason", "proposed_by")
    op.create_table(
        "recon_proposals",
        *(_text(name) for name in texts),
        *(_big(name) for name in ("proposed_at_us", "expires_at_us")),
        *(_text(name) for name in ("decision", "decided_by")),
        sa.Column("decided_at_us", sa.BigInteger()),
        _text("decision_reason"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_recon_proposals")),
        _one_of("recon_proposals", "decision", ("", "posted", "approved", "rejected", "lapsed")),
        _check(
            "recon_proposals", "four_eyes", "decision <> 'approved' OR decided_by <> proposed_by"
        ),
        _check("recon_proposals", "decided", "(decision = '') = (decided_at_us IS NULL)"),
    )
    op.create_index("ix_recon_proposals_break_id", "recon_proposals", ["break_id"])


def _one_of(table: str, column: str, choices: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{choice}'" for choice in choices)
    return _check(table, column, f"{column} IN ({listed})")


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _big(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=False)
