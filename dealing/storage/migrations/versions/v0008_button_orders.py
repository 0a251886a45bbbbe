"""Buttons know their limit, and which command they vote about.

A button lives for minutes, so the table is made anew: messages get new ones with their next change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TEXTS = ("channel", "action", "client_id", "symbol", "command", "asked_by", "used_by")
_NUMBERS = ("number", "issued_us", "expires_us")


def upgrade() -> None:
    """Make the table anew."""
    op.drop_table("alert_nonces")
    op.create_table(
        "alert_nonces",
        sa.Column("token_hash", sa.String(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _NUMBERS),
        *(sa.Column(name, sa.String(), nullable=False) for name in _TEXTS),
        sa.Column("within_usd", sa.Float(53)),
        sa.Column("used_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_alert_nonces")),
        sa.CheckConstraint(
            "used_by = '' OR used_us IS NOT NULL", name=op.f("ck_alert_nonces_used")
        ),
    )
    op.create_index("ix_alert_nonces_number_channel", "alert_nonces", ["number", "channel"])
    op.create_index("ix_alert_nonces_expires_us", "alert_nonces", ["expires_us"])
