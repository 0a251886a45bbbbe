"""Revenue: facts, controls, totals, closed days and marks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _facts()
    _controls()
    _totals()
    _days()
    _mark_table("revenue_marks", sa.Column("day", sa.Date(), nullable=False), "day")
    _mark_table("revenue_now", sa.Column("id", sa.Integer(), nullable=False), "id")
    op.create_table(
        "database_owner",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_database_owner")),
    )


def _facts() -> None:
    keys = ("position", "component", "login", "symbol", "book")
    texts = ("client_id", "underlying", "asset_class", "ib", "desk", "region", "deal_id")
    op.create_table(
        "revenue_facts",
        _big("position"),
        *(_text(name) for name in keys[1:]),
        *_when(),
        _big("amount_micro_usd"),
        *(_text(name) for name in texts),
        sa.Column("corrects_day", sa.Date()),
        sa.PrimaryKeyConstraint(*keys, name=op.f("pk_revenue_facts")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_revenue_facts_day_position", "revenue_facts", ["day", "position"])


def _controls() -> None:
    amounts = ("client_net", "lp_net", "bonus", "adjustments")
    op.create_table(
        "revenue_controls",
        _big("position"),
        _text("currency"),
        *_when(),
        *(_big(f"{name}_micro_usd") for name in amounts),
        sa.Column("corrects_day", sa.Date()),
        sa.PrimaryKeyConstraint("position", "currency", name=op.f("pk_revenue_controls")),
    )
    op.create_index("ix_revenue_controls_day_position", "revenue_controls", ["day", "position"])


def _totals() -> None:
    op.create_table(
        "revenue_totals",
        _text("dimension"),
        sa.Column("day", sa.Date(), nullable=False),
        _text("name"),
        _text("component"),
        _big("amount_micro_usd"),
        sa.PrimaryKeyConstraint(
            "dimension", "day", "name", "component", name=op.f("pk_revenue_totals")
        ),
        sqlite_with_rowid=False,
    )


def _days() -> None:
    op.create_table(
        "revenue_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("facts", sa.BigInteger()),
        sa.Column("controls", sa.BigInteger()),
        sa.Column("amount_micro_usd", sa.BigInteger()),
        sa.Column("facts_digest", sa.String()),
        sa.Column("controls_digest", sa.String()),
        sa.Column("sealed_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_revenue_days")),
    )


def _mark_table(name: str, key: sa.Column[object], key_name: str) -> None:
    op.create_table(
        name,
        key,
        _big("position"),
        _big("ts_event"),
        sa.Column("floating_usd", sa.Float(53), nullable=False),
        sa.Column("booked_usd", sa.Float(53), nullable=False),
        _big("facts_micro_usd"),
        _big("kept_at"),
        sa.PrimaryKeyConstraint(key_name, name=op.f(f"pk_{name}")),
    )


def _when() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        _big("ts_event"),
    )


def _big(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=False)
