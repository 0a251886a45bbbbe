"""The tables of dealing.alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _cases()
    _entries()
    _deliveries()
    _nonces()
    op.create_table(
        "alert_mutes",
        *(_text(name) for name in ("mute_id", "rule", "subject", "actor", "reason")),
        *(_big(name) for name in ("since_us", "until_us")),
        sa.PrimaryKeyConstraint("mute_id", name=op.f("pk_alert_mutes")),
    )
    op.create_table(
        "alert_cursors",
        *(_text(name) for name in ("stream", "cursor")),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_alert_cursors")),
    )


def _cases() -> None:
    op.create_table(
        "alert_cases",
        _big("number"),
        *(_text(name) for name in ("rule", "state", "severity")),
        _big("changed_us"),
        *(_text(name) for name in ("words", "document")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_alert_cases")),
        _one_of("alert_cases", "state", ("open", "acknowledged", "snoozed", "resolved")),
        _one_of("alert_cases", "severity", ("info", "warning", "critical")),
    )
    op.create_index("ix_alert_cases_changed_us", "alert_cases", ["changed_us"])
    _index("ix_alert_cases_unresolved", "alert_cases", "state <> 'resolved'", "number")


def _entries() -> None:
    op.create_table(
        "alert_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        *(_big(name) for name in ("number", "at_us")),
        *(_text(name) for name in ("kind", "text", "actor", "via")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_entries")),
    )
    op.create_index("ix_alert_entries_number_id", "alert_entries", ["number", "id"])
    op.create_index("ix_alert_entries_at_us", "alert_entries", ["at_us"])


def _deliveries() -> None:
    op.create_table(
        "alert_deliveries",
        _text("channel"),
        _big("number"),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        *(_big(name) for name in ("wanted_version", "sent_version")),
        _text("ref"),
        *(_big(name) for name in ("entries_told", "first_wanted_us", "tries", "next_try_us")),
        _text("last_error"),
        sa.PrimaryKeyConstraint("channel", "number", name=op.f("pk_alert_deliveries")),
    )
    waits = "sent_version < wanted_version"
    order = ("channel", "urgency", "first_wanted_us")
    _index("ix_alert_deliveries_waiting", "alert_deliveries", waits, *order)
    op.create_index("ix_alert_deliveries_channel_ref", "alert_deliveries", ["channel", "ref"])


def _nonces() -> None:
    op.create_table(
        "alert_nonces",
        _text("token_hash"),
        _big("number"),
        *(_text(name) for name in ("channel", "action", "client_id", "symbol")),
        *(_big(name) for name in ("issued_us", "expires_us")),
        sa.Column("used_us", sa.BigInteger()),
        _text("used_by"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_alert_nonces")),
        _check("alert_nonces", "used", "used_by = '' OR used_us IS NOT NULL"),
    )
    op.create_index("ix_alert_nonces_number_channel", "alert_nonces", ["number", "channel"])
    op.create_index("ix_alert_nonces_expires_us", "alert_nonces", ["expires_us"])


def _index(name: str, table: str, condition: str, *columns: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, list(columns), sqlite_where=where, postgresql_where=where)


def _one_of(table: str, column: str, choices: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{choice}'" for choice in choices)
    return _check(table, column, f"{column} IN ({listed})")


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _big(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=False)
