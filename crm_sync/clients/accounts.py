"""Trading accounts: the logins of a client and how each is set up on its platform."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from sqlalchemy import Connection, select

from crm_sync.clients.new_rows import upsert
from crm_sync.clients.profile_rows import in_parts
from crm_sync.clients.tables import CLIENT, TRADING_ACCOUNT


class AccountStatus(StrEnum):
    """Whether an account may be used."""

    OPEN = "open"
    CLOSED = "closed"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A trading account; ``leverage`` 30 is 30:1."""

    login: str
    client_id: str
    currency: str
    server: str = ""
    account_group: str = ""
    leverage: int = 1
    book: str = ""
    status: AccountStatus = AccountStatus.OPEN
    opened_at_us: int = 0


_COLUMNS = [TRADING_ACCOUNT.c[name] for name in Account.__struct_fields__]


def client_ids_of(connection: Connection, external_ids: Sequence[str]) -> dict[str, str]:
    """Return the client ids of external ids; those of nobody are left out."""
    found: dict[str, str] = {}
    asked = select(CLIENT.c.external_id, CLIENT.c.client_id)
    for part in in_parts(external_ids):
        rows = connection.execute(asked.where(CLIENT.c.external_id.in_(part)))
        found.update((external_id, client_id) for external_id, client_id in rows)
    return found


def keep_accounts(connection: Connection, accounts: Sequence[Account]) -> int:
    """Add accounts or write those that have changed; return how many were written."""
    held: dict[str, Account] = {}
    for part in in_parts([account.login for account in accounts]):
        asked = select(*_COLUMNS).where(TRADING_ACCOUNT.c.login.in_(part))
        held.update((row.login, _account(*row)) for row in connection.execute(asked))
    changed = [account for account in accounts if held.get(account.login) != account]
    upsert(connection, TRADING_ACCOUNT, [msgspec.structs.asdict(one) for one in changed])
    return len(changed)


def accounts_of(connection: Connection, client_ids: Sequence[str]) -> dict[str, list[Account]]:
    """Return the accounts of clients, in the order of their logins."""
    found: dict[str, list[Account]] = {client_id: [] for client_id in client_ids}
    for part in in_parts(client_ids):
        asked = select(*_COLUMNS).where(TRADING_ACCOUNT.c.client_id.in_(part))
        for row in connection.execute(asked.order_by(TRADING_ACCOUNT.c.login)):
            account = _account(*row)
            found[account.client_id].append(account)
    return found


def _account(*values: object) -> Account:
    fields = dict(zip(Account.__struct_fields__, values, strict=True))
    return msgspec.convert(fields, Account)
