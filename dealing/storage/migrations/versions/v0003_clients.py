"""The tables of crm_sync.clients: profiles, keys, personal data, search, accounts and KYC."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATUS = ("lead", "active", "dormant", "closed")
_CATEGORY = ("retail", "professional", "eligible_counterparty")
_RISK_CLASS = ("low", "medium", "high")
_HOLDING = ("in_use", "restricted", "erased")
_KYC_STATE = (
    "none", "draft", "submitted", "in_review", "approved", "retry", "rejected_final", "on_hold",
    "expired", "reopened", "suspended",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables."""
    _client()
    _personal()
    _search()
    _field_source()
    _trading_account()
    _kyc()


def _client() -> None:
    op.create_table(
        "client",
        _id("client_id"),
        _id("external_id"),
        *(_text(name) for name in ("status", "category", "risk_class")),
        *(_text(name) for name in ("country", "language", "partner", "kyc_state", "kyc_level")),
        _big("kyc_since_us"),
        sa.Column("kyc_due_at_us", sa.BigInteger()),
        _text("kyc_base_state"),
        _big("kyc_base_at_us"),
        sa.Column("told_close_only", sa.Boolean(), nullable=False),
        _text("holding"),
        sa.Column("erase_at_us", sa.BigInteger()),
        _bytes("row_hash"),
        _text("loaded_source"),
        _big("loaded_at_us"),
        *(_text(name) for name in ("loaded_event", "loaded_fields")),
        *(_big(name) for name in ("created_at_us", "updated_at_us", "version")),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_client")),
        sa.UniqueConstraint("external_id", name=op.f("uq_client_external_id")),
        _one_of("client", "status", _STATUS),
        _one_of("client", "category", _CATEGORY),
        _one_of("client", "risk_class", _RISK_CLASS),
        _one_of("client", "kyc_state", _KYC_STATE),
        _one_of("client", "kyc_base_state", _KYC_STATE),
        _one_of("client", "holding", _HOLDING),
        sa.CheckConstraint("version >= 1", name=op.f("ck_client_version_counts")),
    )
    op.create_index("ix_client_kyc_due_at_us", "client", ["kyc_due_at_us"])
    op.create_index("ix_client_erase_at_us", "client", ["erase_at_us"])


def _personal() -> None:
    op.create_table(
        "client_key",
        _id("client_id"),
        _text("kek_id"),
        sa.Column("wrapped_dek", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_client_key")),
    )
    op.create_index("ix_client_key_kek_id", "client_key", ["kek_id"])
    fields = ("name", "email", "phone", "birth_date", "address", "national_id", "iban")
    found = ("email", "phone", "national_id", "iban")
    op.create_table(
        "client_pii",
        _id("client_id"),
        *(_bytes(f"{name}_ct") for name in fields),
        *(_bytes(f"{name}_bi") for name in found),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_client_pii")),
    )
    for name in found:
        op.create_index(f"ix_client_pii_{name}_bi", "client_pii", [f"{name}_bi"])


def _search() -> None:
    op.create_table(
        "client_search",
        _id("word"),
        _id("client_id"),
        sa.PrimaryKeyConstraint("word", "client_id", name=op.f("pk_client_search")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_client_search_client_id_word", "client_search", ["client_id", "word"])


def _field_source() -> None:
    op.create_table(
        "field_source",
        _id("client_id"),
        _text("field"),
        sa.Column("priority", sa.Integer(), nullable=False),
        _big("occurred_at_us"),
        *(_text(name) for name in ("event_id", "source")),
        sa.PrimaryKeyConstraint("client_id", "field", name=op.f("pk_field_source")),
        sqlite_with_rowid=False,
    )


def _trading_account() -> None:
    op.create_table(
        "trading_account",
        _id("login"),
        _id("client_id"),
        *(_text(name) for name in ("server", "account_group", "currency")),
        sa.Column("leverage", sa.Integer(), nullable=False),
        *(_text(name) for name in ("book", "status")),
        _big("opened_at_us"),
        sa.PrimaryKeyConstraint("login", name=op.f("pk_trading_account")),
        sa.CheckConstraint("leverage >= 1", name=op.f("ck_trading_account_leverage_counts")),
    )
    op.create_index("ix_trading_account_client_id", "trading_account", ["client_id"])


def _kyc() -> None:
    op.create_table(
        "kyc_step",
        *(_text(name) for name in ("provider", "event_id")),
        _id("client_id"),
        *(_text(name) for name in ("applicant_id", "level", "state", "labels")),
        _big("occurred_at_us"),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_kyc_step")),
        _one_of("kyc_step", "state", _KYC_STATE),
    )
    op.create_index("ix_kyc_step_client_id", "kyc_step", ["client_id"])
    op.create_table(
        "kyc_case",
        *(_text(name) for name in ("provider", "applicant_id", "level")),
        _id("client_id"),
        *(_text(name) for name in ("state", "labels")),
        _big("since_us"),
        sa.PrimaryKeyConstraint("provider", "applicant_id", "level", name=op.f("pk_kyc_case")),
        _one_of("kyc_case", "state", _KYC_STATE),
    )
    op.create_index("ix_kyc_case_client_id", "kyc_case", ["client_id"])


def _one_of(table: str, column: str, choices: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{choice}'" for choice in choices)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}_known"))


def _id(name: str) -> sa.Column[object]:
    bytewise = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    return sa.Column(name, bytewise, nullable=False)


def _big(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _bytes(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.LargeBinary())


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=False)
