"""Commands, approvals and the audit log, which the database itself keeps append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_REFUSAL = "the audit log is append-only"


def upgrade() -> None:
    """Make the tables, and the triggers of the audit log."""
    _commands()
    _approvals()
    _audit_log()
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgres()
    else:
        _guard_on_sqlite()


def _commands() -> None:
    op.create_table(
        "commands",
        _text("key"),
        _big("number"),
        _text("state"),
        sa.Column("due_ns", sa.BigInteger()),
        _big("created_at_ns"),
        _text("document"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_commands")),
        sa.UniqueConstraint("number", name=op.f("uq_commands_number")),
    )
    op.create_index("ix_commands_state", "commands", ["state"])
    op.create_index("ix_commands_due_ns", "commands", ["due_ns"])
    op.create_table(
        "command_logins",
        _text("login"),
        _big("number"),
        sa.PrimaryKeyConstraint("login", "number", name=op.f("pk_command_logins")),
        sqlite_with_rowid=False,
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        *(_text(name) for name in ("command_key", "kind", "payload_hash", "requested_by")),
        _big("requested_at_ns"),
        _big("expires_at_ns"),
        _text("decision"),
        _text("decided_by"),
        sa.Column("decided_at_ns", sa.BigInteger()),
        _text("reason"),
        sa.PrimaryKeyConstraint("command_key", name=op.f("pk_approvals")),
    )


def _audit_log() -> None:
    texts = ("actor", "via", "action", "entity", "reason", "detail", "prev_hash", "hash")
    op.create_table(
        "audit_log",
        _big("seq"),
        _big("at_ns"),
        *(_text(name) for name in texts),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_log")),
    )


def _guard_on_sqlite() -> None:
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_log_no_{what.lower()} BEFORE {what} ON audit_log "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )


def _guard_on_postgres() -> None:
    op.execute(
        "CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()"
    )


def _big(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=False)
