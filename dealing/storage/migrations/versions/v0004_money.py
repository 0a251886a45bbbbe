"""The tables of crm_sync.money, and the triggers that keep transfers as they were posted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_REFUSAL = "transfers are never changed or deleted: post a correcting one"
_LARGEST = 4 * 10**18


def upgrade() -> None:
    """Make the tables, and the triggers of the ledger."""
    _accounts()
    _transfers()
    _conversions()
    _payments()
    _payment_parts()
    _payment_events()
    _freezes()
    _platform_orders()
    _platform_senders()
    _withdrawals()
    _payouts()
    _approvals()
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgres()
    else:
        _guard_on_sqlite()


def _accounts() -> None:
    sums = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
    op.create_table(
        "ledger_accounts",
        *(_text(name) for name in ("key", "kind", "owner", "currency")),
        sa.Column("no_overdraft", sa.SmallInteger(), nullable=False),
        *(_big(name) for name in sums),
        _key("ledger_accounts", "key"),
        _check(
            "ledger_accounts",
            "no_overdraft",
            "no_overdraft = 0 OR debits_posted + debits_pending <= credits_posted",
        ),
        _check(
            "ledger_accounts",
            "only_needed_balances",
            "no_overdraft = 1 OR (debits_posted = 0 AND credits_posted = 0 "
            "AND debits_pending = 0 AND credits_pending = 0)",
        ),
        _check(
            "ledger_accounts",
            "sums",
            " AND ".join(f"{name} BETWEEN 0 AND {_LARGEST}" for name in sums),
        ),
    )
    _index("ledger_accounts", "owner")


def _transfers() -> None:
    op.create_table(
        "ledger_transfers",
        *(_text(name) for name in ("id", "debit", "credit")),
        _big("amount_minor"),
        *(_text(name) for name in ("currency", "flow")),
        sa.Column("pending_id", sa.String()),
        sa.Column("timeout_us", sa.BigInteger()),
        *(_text(name) for name in ("source", "ext_ref", "code")),
        *(_big(name) for name in ("at_us", "audit_seq")),
        _key("ledger_transfers", "id"),
        _unique("ledger_transfers", "source", "ext_ref", "code"),
        _unique("ledger_transfers", "pending_id"),
        _check("ledger_transfers", "two_accounts", "debit <> credit"),
        _check("ledger_transfers", "amount", "amount_minor > 0"),
        _check("ledger_transfers", "flow", "flow IN ('posted', 'pending', 'post', 'void')"),
        _check(
            "ledger_transfers",
            "resolution",
            "(flow IN ('post', 'void')) = (pending_id IS NOT NULL)",
        ),
    )
    _index("ledger_transfers", "debit")
    _index("ledger_transfers", "credit")


def _conversions() -> None:
    op.create_table(
        "ledger_conversions",
        *(_text(name) for name in ("id", "sold_id", "bought_id", "rate", "rate_source")),
        _big("at_us"),
        _key("ledger_conversions", "id"),
        _unique("ledger_conversions", "sold_id"),
        _unique("ledger_conversions", "bought_id"),
    )


def _payments() -> None:
    names = ("id", "provider", "provider_ref", "client_id", "login", "reference", "stage")
    op.create_table(
        "payments",
        *(_text(name) for name in names),
        _big("amount_minor"),
        *(_text(name) for name in ("currency", "method", "instrument", "country")),
        *(_big(name) for name in ("captured_at_us", "updated_at_us")),
        _key("payments", "id"),
        _unique("payments", "provider", "provider_ref"),
        _check("payments", "stage", "stage IN ('created', 'pending', 'failed', 'captured')"),
        _check("payments", "amounts", "amount_minor >= 0"),
        _check("payments", "captured", "stage <> 'captured' OR amount_minor > 0"),
    )
    _index("payments", "client_id")


def _payment_parts() -> None:
    op.create_table(
        "payment_parts",
        *(_text(name) for name in ("payment_id", "kind", "ref", "state")),
        _big("amount_minor"),
        sa.Column("from_wallet_minor", sa.BigInteger()),
        _key("payment_parts", "payment_id", "kind", "ref"),
        _check("payment_parts", "kind", "kind IN ('refund', 'dispute')"),
        _check("payment_parts", "state", "state IN ('taken', 'lost', 'won')"),
        _check("payment_parts", "amounts", "amount_minor > 0"),
        _check("payment_parts", "from_wallet", "from_wallet_minor BETWEEN 0 AND amount_minor"),
    )


def _payment_events() -> None:
    op.create_table(
        "payment_events",
        *(_text(name) for name in ("provider", "event_id", "kind", "provider_ref", "step")),
        _big("amount_minor"),
        _text("currency"),
        *(_big(name) for name in ("occurred_at_us", "taken_at_us")),
        _text("outcome"),
        _key("payment_events", "provider", "event_id"),
    )
    _index("payment_events", "provider_ref")


def _freezes() -> None:
    op.create_table(
        "client_freezes",
        *(_text(name) for name in ("client_id", "cause")),
        _big("placed_at_us"),
        sa.Column("lifted_at_us", sa.BigInteger()),
        _text("lifted_by"),
        _key("client_freezes", "client_id", "cause"),
    )


def _platform_orders() -> None:
    table = "platform_orders"
    op.create_table(
        table,
        *(_text(name) for name in ("token", "platform", "client_id", "login", "side", "what")),
        _big("amount_minor"),
        *(_text(name) for name in ("currency", "source", "ext_ref", "then_login")),
        *(_text(name) for name in ("state", "reason", "ticket")),
        *(_big(name) for name in ("fence", "attempts")),
        *(
            sa.Column(name, sa.BigInteger())
            for name in ("first_sent_at_us", "sent_at_us", "due_us")
        ),
        _big("created_at_us"),
        _key(table, "token"),
        _unique(table, "source", "ext_ref", "side"),
        _check(table, "side", "side IN ('in', 'out')"),
        _check(table, "what", "what IN ('balance', 'credit', 'bonus')"),
        _check(
            table,
            "state",
            "state IN ('waiting', 'intent', 'sent', 'confirmed', 'rejected', 'unclear')",
        ),
        _check(table, "amount", "amount_minor > 0"),
        _check(table, "sent", "state <> 'sent' OR sent_at_us IS NOT NULL"),
        _check(table, "confirmed", "state <> 'confirmed' OR ticket <> ''"),
    )
    _index(table, "due_us")


def _platform_senders() -> None:
    op.create_table(
        "platform_senders",
        *(_text(name) for name in ("platform", "holder")),
        *(_big(name) for name in ("fence", "until_us")),
        _key("platform_senders", "platform"),
    )


def _withdrawals() -> None:
    texts = ("currency", "provider", "method", "instrument", "requested_by", "state", "reason")
    op.create_table(
        "withdrawals",
        *(_text(name) for name in ("id", "client_id", "login")),
        _big("amount_minor"),
        *(_text(name) for name in texts),
        *(_big(name) for name in ("requested_at_us", "updated_at_us")),
        _key("withdrawals", "id"),
        _check(
            "withdrawals",
            "state",
            "state IN ('taking', 'waiting', 'paying', 'paid', 'partly', 'failed', 'refused')",
        ),
        _check("withdrawals", "amount", "amount_minor > 0"),
    )
    _index("withdrawals", "client_id")
    _index("withdrawals", "state")


def _payouts() -> None:
    texts = ("currency", "provider", "method", "instrument", "payment_ref", "state", "provider_ref")
    op.create_table(
        "payouts",
        *(_text(name) for name in ("id", "withdrawal_id", "client_id")),
        _big("amount_minor"),
        *(_text(name) for name in texts),
        _key("payouts", "id"),
        _check(
            "payouts",
            "state",
            "state IN ('held', 'sent', 'pending', 'paid', 'failed', 'returned', 'void')",
        ),
        _check("payouts", "amounts", "amount_minor > 0"),
    )
    _index("payouts", "withdrawal_id")
    _index("payouts", "client_id")


def _approvals() -> None:
    table = "money_approvals"
    op.create_table(
        table,
        *(_text(name) for name in ("kind", "subject", "payload_hash", "requested_by")),
        *(_big(name) for name in ("requested_at_us", "expires_at_us")),
        *(_text(name) for name in ("decision", "decided_by")),
        sa.Column("decided_at_us", sa.BigInteger()),
        _text("reason"),
        _key(table, "kind", "subject"),
        _check(table, "decision", "decision IN ('', 'approved', 'rejected', 'lapsed')"),
        _check(table, "two_people", "decided_by <> requested_by"),
        _check(table, "decided", "(decision = '') = (decided_at_us IS NULL)"),
    )


def _guard_on_sqlite() -> None:
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_transfers_no_{what.lower()} BEFORE {what} ON ledger_transfers "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )


def _guard_on_postgres() -> None:
    op.execute(
        "CREATE FUNCTION ledger_transfers_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_transfers_stay BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON ledger_transfers FOR EACH STATEMENT EXECUTE FUNCTION ledger_transfers_refuse()"
    )


def _big(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=False)


def _key(table: str, *names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*names, name=op.f(f"pk_{table}"))


def _unique(table: str, *names: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*names, name=op.f(f"uq_{table}_{names[0]}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _index(table: str, name: str) -> None:
    op.create_index(f"ix_{table}_{name}", table, [name])
