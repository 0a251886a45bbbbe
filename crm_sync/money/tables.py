"""The tables of this room: the ledger, payments, and what is on its way to a platform.

Amounts are whole minor units of their currency, times are microseconds UTC. Transfers are refused
an update or a deletion by triggers, which the migration makes.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from crm_sync.schema import METADATA, big_column, key_column, text_column

LARGEST_SUM: Final = 4 * 10**18
"""Sums stay far below 64 bits, where SQLite would go on with floats."""

LEDGER_ACCOUNTS: Final = Table(
    "ledger_accounts",
    METADATA,
    key_column(String, "key"),
    text_column("kind"),
    text_column("owner"),
    text_column("currency"),
    Column("no_overdraft", SmallInteger, nullable=False),
    big_column("debits_posted"),
    big_column("credits_posted"),
    big_column("debits_pending"),
    big_column("credits_pending"),
    CheckConstraint(
        "no_overdraft = 0 OR debits_posted + debits_pending <= credits_posted", name="no_overdraft"
    ),
    CheckConstraint(
        "no_overdraft = 1 OR (debits_posted = 0 AND credits_posted = 0 "
        "AND debits_pending = 0 AND credits_pending = 0)",
        name="only_needed_balances",
    ),
    CheckConstraint(
        f"debits_posted BETWEEN 0 AND {LARGEST_SUM} AND credits_posted BETWEEN 0 AND {LARGEST_SUM} "
        f"AND debits_pending BETWEEN 0 AND {LARGEST_SUM} "
        f"AND credits_pending BETWEEN 0 AND {LARGEST_SUM}",
        name="sums",
    ),
    Index(None, "owner"),
)
"""Accounts; only those that may not go below zero keep their balance."""

LEDGER_TRANSFERS: Final = Table(
    "ledger_transfers",
    METADATA,
    key_column(String, "id"),
    text_column("debit"),
    text_column("credit"),
    big_column("amount_minor"),
    text_column("currency"),
    text_column("flow"),
    Column("pending_id", String),
    Column("timeout_us", BigInteger),
    text_column("source"),
    text_column("ext_ref"),
    text_column("code"),
    big_column("at_us"),
    big_column("audit_seq"),
    UniqueConstraint("source", "ext_ref", "code", name="uq_ledger_transfers_source"),
    UniqueConstraint("pending_id", name="uq_ledger_transfers_pending_id"),
    CheckConstraint("debit <> credit", name="two_accounts"),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("flow IN ('posted', 'pending', 'post', 'void')", name="flow"),
    CheckConstraint("(flow IN ('post', 'void')) = (pending_id IS NOT NULL)", name="resolution"),
    Index(None, "debit"),
    Index(None, "credit"),
)
"""Every movement of money; ``audit_seq`` is the row of the audit log that tells why."""

LEDGER_CONVERSIONS: Final = Table(
    "ledger_conversions",
    METADATA,
    key_column(String, "id"),
    text_column("sold_id", unique=True),
    text_column("bought_id", unique=True),
    text_column("rate"),
    text_column("rate_source"),
    big_column("at_us"),
)
"""Two transfers that belong together, and the rate (bought per sold, a decimal) between them."""

PAYMENTS: Final = Table(
    "payments",
    METADATA,
    key_column(String, "id"),
    text_column("provider"),
    text_column("provider_ref"),
    text_column("client_id"),
    text_column("login"),
    text_column("reference"),
    text_column("stage"),
    big_column("amount_minor"),
    text_column("currency"),
    text_column("method"),
    text_column("instrument"),
    text_column("country"),
    big_column("captured_at_us"),
    big_column("updated_at_us"),
    UniqueConstraint("provider", "provider_ref", name="uq_payments_provider"),
    CheckConstraint("stage IN ('created', 'pending', 'failed', 'captured')", name="stage"),
    CheckConstraint("amount_minor >= 0", name="amounts"),
    CheckConstraint("stage <> 'captured' OR amount_minor > 0", name="captured"),
    Index(None, "client_id"),
)
"""Deposits at providers, as far as they have come."""

PAYMENT_PARTS: Final = Table(
    "payment_parts",
    METADATA,
    key_column(String, "payment_id"),
    key_column(String, "kind"),
    key_column(String, "ref"),
    text_column("state"),
    big_column("amount_minor"),
    Column("from_wallet_minor", BigInteger),
    CheckConstraint("kind IN ('refund', 'dispute')", name="kind"),
    CheckConstraint("state IN ('taken', 'lost', 'won')", name="state"),
    CheckConstraint("amount_minor > 0", name="amounts"),
    CheckConstraint("from_wallet_minor BETWEEN 0 AND amount_minor", name="from_wallet"),
)
"""Refunds and disputes of deposits; what the wallet did not have, the client owes."""

PAYMENT_EVENTS: Final = Table(
    "payment_events",
    METADATA,
    key_column(String, "provider"),
    key_column(String, "event_id"),
    text_column("kind"),
    text_column("provider_ref"),
    text_column("step"),
    big_column("amount_minor"),
    text_column("currency"),
    big_column("occurred_at_us"),
    big_column("taken_at_us"),
    text_column("outcome"),
    Index(None, "provider_ref"),
)
"""What was reported, each event once."""

CLIENT_FREEZES: Final = Table(
    "client_freezes",
    METADATA,
    key_column(String, "client_id"),
    key_column(String, "cause"),
    big_column("placed_at_us"),
    Column("lifted_at_us", BigInteger),
    text_column("lifted_by"),
)
"""Why a client may not take money out; one that is lifted stays as history."""

PLATFORM_ORDERS: Final = Table(
    "platform_orders",
    METADATA,
    key_column(String, "token"),
    text_column("platform"),
    text_column("client_id"),
    text_column("login"),
    text_column("side"),
    text_column("what"),
    big_column("amount_minor"),
    text_column("currency"),
    text_column("source"),
    text_column("ext_ref"),
    text_column("then_login"),
    text_column("state"),
    text_column("reason"),
    text_column("ticket"),
    big_column("fence"),
    big_column("attempts"),
    Column("first_sent_at_us", BigInteger),
    Column("sent_at_us", BigInteger),
    Column("due_us", BigInteger),
    big_column("created_at_us"),
    UniqueConstraint("source", "ext_ref", "side", name="uq_platform_orders_source"),
    CheckConstraint("side IN ('in', 'out')", name="side"),
    CheckConstraint("what IN ('balance', 'credit', 'bonus')", name="what"),
    CheckConstraint(
        "state IN ('waiting', 'intent', 'sent', 'confirmed', 'rejected', 'unclear')", name="state"
    ),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("state <> 'sent' OR sent_at_us IS NOT NULL", name="sent"),
    CheckConstraint("state <> 'confirmed' OR ticket <> ''", name="confirmed"),
    Index(None, "due_us"),
)
"""What a trading platform is to be told, kept before it is told; the token finds it there again."""

PLATFORM_SENDERS: Final = Table(
    "platform_senders",
    METADATA,
    key_column(String, "platform"),
    text_column("holder"),
    big_column("fence"),
    big_column("until_us"),
)
"""Which process sends to a platform; a higher fence takes the right from a lower one."""

WITHDRAWALS: Final = Table(
    "withdrawals",
    METADATA,
    key_column(String, "id"),
    text_column("client_id"),
    text_column("login"),
    big_column("amount_minor"),
    text_column("currency"),
    text_column("provider"),
    text_column("method"),
    text_column("instrument"),
    text_column("requested_by"),
    text_column("state"),
    text_column("reason"),
    big_column("requested_at_us"),
    big_column("updated_at_us"),
    CheckConstraint(
        "state IN ('taking', 'waiting', 'paying', 'paid', 'partly', 'failed', 'refused')",
        name="state",
    ),
    CheckConstraint("amount_minor > 0", name="amount"),
    Index(None, "client_id"),
    Index(None, "state"),
)
"""What clients asked to have paid out."""

PAYOUTS: Final = Table(
    "payouts",
    METADATA,
    key_column(String, "id"),
    text_column("withdrawal_id"),
    text_column("client_id"),
    big_column("amount_minor"),
    text_column("currency"),
    text_column("provider"),
    text_column("method"),
    text_column("instrument"),
    text_column("payment_ref"),
    text_column("state"),
    text_column("provider_ref"),
    CheckConstraint(
        "state IN ('held', 'sent', 'pending', 'paid', 'failed', 'returned', 'void')", name="state"
    ),
    CheckConstraint("amount_minor > 0", name="amounts"),
    Index(None, "withdrawal_id"),
    Index(None, "client_id"),
)
"""Parts of a withdrawal, each to one instrument; the id is the reference that providers get."""

MONEY_APPROVALS: Final = Table(
    "money_approvals",
    METADATA,
    key_column(String, "kind"),
    key_column(String, "subject"),
    text_column("payload_hash"),
    text_column("requested_by"),
    big_column("requested_at_us"),
    big_column("expires_at_us"),
    text_column("decision"),
    text_column("decided_by"),
    Column("decided_at_us", BigInteger),
    text_column("reason"),
    CheckConstraint("decision IN ('', 'approved', 'rejected', 'lapsed')", name="decision"),
    CheckConstraint("decided_by <> requested_by", name="two_people"),
    CheckConstraint("(decision = '') = (decided_at_us IS NULL)", name="decided"),
)
"""What a second person decides about; ``decision`` is empty until then, and never changes after."""
