"""The tables of crm_sync.messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _messages(
        "inbox",
        *(_text(name) for name in ("provider", "dedupe_key", "aggregate", "sha256")),
        _big("received_at_us"),
        sa.UniqueConstraint("provider", "dedupe_key", name=op.f("uq_inbox_provider_dedupe_key")),
    )
    _messages(
        "outbox",
        *(_text(name) for name in ("key", "aggregate", "target", "method", "path", "answer_to")),
        _big("created_at_us"),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_table(
        "cursors",
        *(_text(name) for name in ("provider", "stream", "cursor")),
        *(_big(name) for name in ("high_watermark_us", "seen_us", "updated_at_us")),
        sa.PrimaryKeyConstraint("provider", "stream", name=op.f("pk_cursors")),
        sa.CheckConstraint("high_watermark_us >= 0", name=op.f("ck_cursors_high_watermark")),
    )


def _messages(table: str, *columns: sa.schema.SchemaItem) -> None:
    checks = {
        "state": "state IN ('waiting', 'done', 'ignored', 'dead', 'dropped')",
        "attempts": "attempts >= 0",
        "finished": "(state = 'waiting') = (finished_at_us IS NULL)",
        "reason": "state <> 'dead' OR reason <> ''",
    }
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        *columns,
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("mended", sa.LargeBinary()),
        *(_text(name) for name in ("state", "reason")),
        *(_big(name) for name in ("attempts", "due_at_us")),
        sa.Column("finished_at_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *(
            sa.CheckConstraint(check, name=op.f(f"ck_{table}_{name}"))
            for name, check in checks.items()
        ),
    )
    _index(f"ix_{table}_waiting", table, "waiting", "id")
    _index(f"ix_{table}_waiting_aggregate", table, "waiting", "aggregate", "id")
    _index(f"ix_{table}_dead", table, "dead", "id")


def _index(name: str, table: str, state: str, *columns: str) -> None:
    where = sa.text(f"state = '{state}'")
    op.create_index(name, table, [*columns], sqlite_where=where, postgresql_where=where)


def _big(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=False)
