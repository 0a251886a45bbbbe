"""What the back office's database says of itself, read in the caller's transaction; ids only."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, Table, and_, func, select

from crm_sync.clients.tables import CLIENT
from crm_sync.events import KycState
from crm_sync.messages.tables import INBOX, OUTBOX, is_dead, waits
from crm_sync.money.ledger import AccountKind
from crm_sync.money.tables import LEDGER_ACCOUNTS
from crm_sync.reconcile.store import LIVING
from crm_sync.reconcile.tables import RECON_BREAKS

MOST_BREAKS: Final = 500
MOST_CLIENTS: Final = 20_000


class OpenBreak(msgspec.Struct, frozen=True, kw_only=True):
    """A break without an end; ``usd_at_risk`` None where its currency has no price."""

    id: str
    break_class: str
    side: str
    client_id: str
    login: str
    currency: str
    amount_minor: int
    usd_at_risk: float | None
    open_since_us: int
    owner: str


class BoxState(msgspec.Struct, frozen=True, kw_only=True):
    """One box of messages.

    ``due_us`` is when the first of those that are overdue was due, ``dead_us`` when the first dead
    one was given up; None where there is none.
    """

    name: str
    waiting: int
    overdue: int
    due_us: int | None
    dead: int
    dead_us: int | None


class ExpiringClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client whose standing changes by time alone at ``due_us``.

    ``wallets`` are what the ledger owes him, by currency, in minor units.
    """

    client_id: str
    state: str
    due_us: int
    wallets: dict[str, int]


def open_breaks(connection: Connection) -> list[OpenBreak]:
    """Return the breaks without an end, those with the most at risk first, unknown ones before."""
    columns = RECON_BREAKS.c
    names = OpenBreak.__struct_fields__
    asked = (
        select(*(columns[name] for name in names))
        .where(columns.state.in_([state.value for state in LIVING]))
        .order_by(columns.usd_at_risk.is_(None).desc(), columns.usd_at_risk.desc(), columns.id)
        .limit(MOST_BREAKS)
    )
    return [OpenBreak(**row._asdict()) for row in connection.execute(asked)]


def boxes(connection: Connection, now_us: int) -> list[BoxState]:
    """Return how far behind both boxes are."""
    named = (("inbox", INBOX), ("outbox", OUTBOX))
    return [_box(connection, name, table, now_us) for name, table in named]


def expiring_clients(connection: Connection, before_us: int) -> list[ExpiringClient]:
    """Return clients whose approval, or the grace after it, ends before a moment; soonest first."""
    columns = CLIENT.c
    states = [KycState.APPROVED.value, KycState.EXPIRED.value]
    asked = (
        select(columns.client_id, columns.kyc_state, columns.kyc_due_at_us)
        .where(columns.kyc_due_at_us <= before_us, columns.kyc_state.in_(states))
        .order_by(columns.kyc_due_at_us, columns.client_id)
        .limit(MOST_CLIENTS)
    )
    rows = connection.execute(asked).all()
    wallets = _wallets(connection, before_us) if rows else {}
    return [
        ExpiringClient(
            client_id=row.client_id,
            state=row.kyc_state,
            due_us=row.kyc_due_at_us,
            wallets=wallets.get(row.client_id, {}),
        )
        for row in rows
    ]


def owed_to_clients(connection: Connection) -> dict[str, int]:
    """Return what is in all wallets and holds, by currency, in minor units."""
    columns = LEDGER_ACCOUNTS.c
    sums = func.sum(columns.credits_posted - columns.debits_posted)
    asked = select(columns.currency, sums).where(columns.no_overdraft == 1)
    return {
        currency: int(total)
        for currency, total in connection.execute(asked.group_by(columns.currency))
    }


def _box(connection: Connection, name: str, table: Table, now_us: int) -> BoxState:
    waiting = connection.scalar(select(func.count()).where(waits(table))) or 0
    overdue = select(func.count(), func.min(table.c.due_at_us)).where(
        waits(table), table.c.due_at_us <= now_us
    )
    late, due_us = connection.execute(overdue).one()
    dead, dead_us = connection.execute(
        select(func.count(), func.min(table.c.finished_at_us)).where(is_dead(table))
    ).one()
    return BoxState(
        name=name, waiting=waiting, overdue=late, due_us=due_us, dead=dead, dead_us=dead_us
    )


def _wallets(connection: Connection, before_us: int) -> dict[str, dict[str, int]]:
    held = LEDGER_ACCOUNTS.c
    mine = and_(held.owner == CLIENT.c.client_id, held.kind == AccountKind.WALLET)
    balance = held.credits_posted - held.debits_posted
    asked = (
        select(held.owner, held.currency, balance)
        .join(CLIENT, mine)
        .where(CLIENT.c.kyc_due_at_us <= before_us, balance > 0)
    )
    found: dict[str, dict[str, int]] = {}
    for owner, currency, minor in connection.execute(asked):
        found.setdefault(owner, {})[currency] = int(minor)
    return found
