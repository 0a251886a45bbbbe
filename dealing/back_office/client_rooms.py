"""What the other rooms know of a client, in lines, and which of them a role may see.

A dealer or risk sees how much there is, and what the house earned with it. Why money does not move
(a hold, a freeze, the reason of a refusal) may tell of an investigation, so only payments and
compliance see that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from crm_sync.clients.accounts import accounts_of
from crm_sync.clients.ports import Lines
from crm_sync.clients.roles import Role
from crm_sync.money import overview
from crm_sync.money.ledger import Account, AccountKind, Transfer
from crm_sync.money.ledger_store import statement
from dealing.back_office.client_revenue import revenue_of
from exposure.model.ids import Currency
from exposure.model.money import Money, minor_digits

SHOWN: Final = 12
"""Lines of a section."""

_SUMS: Final = frozenset(Role)
_WHY: Final = frozenset({Role.PAYMENTS, Role.COMPLIANCE})
_EARNS: Final = frozenset({Role.DEALER, Role.RISK})

Line = dict[str, str]


class ClientRooms:
    """OtherRooms: money of the ledger, and what the engine said of exposure a moment ago."""

    def __init__(self, exposure_usd: Mapping[str, float | None]) -> None:
        """Take gross notionals by client, those that are known."""
        self._exposure_usd = exposure_usd

    def exposure_usd(self, client_id: str, /) -> float | None:
        """Return the gross notional, None where nobody knows it."""
        return self._exposure_usd.get(client_id)

    def sections(
        self, connection: Connection, client_id: str, role: Role, /
    ) -> Mapping[str, Lines]:
        """Return lines by section, as the role may see them."""
        return {
            name: lines(connection, client_id, role)
            for name, (roles, lines) in _SECTIONS.items()
            if role in roles
        }


def amount_text(amount_minor: int, currency: str) -> str:
    """Return an amount as people write it, without a rounding: 1,234.50."""
    digits = minor_digits(Currency(currency))
    return f"{Money(amount_minor, Currency(currency)).amount:,.{digits}f}"


def utc_text(at_us: int) -> str:
    """Return a moment of the wall clock, UTC."""
    return f"{datetime.fromtimestamp(at_us // 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def _balances(connection: Connection, client_id: str, _role: Role) -> list[Line]:
    logins = [one.login for one in accounts_of(connection, [client_id])[client_id]]
    return [
        {
            "what": account.kind.value,
            "of": account.owner if account.kind is AccountKind.PLATFORM else "",
            "currency": account.currency,
            "balance": amount_text(balance.posted_minor, account.currency),
            "free": amount_text(balance.available_minor, account.currency),
        }
        for account, balance in overview.balances(connection, client_id, logins)
    ]


def _deposits(connection: Connection, client_id: str, _role: Role) -> list[Line]:
    return [
        {
            "at": utc_text(one.updated_at_us),
            "amount": amount_text(one.amount_minor, one.currency),
            "currency": one.currency,
            "state": one.stage.value,
            "provider": one.provider,
            "login": one.login,
        }
        for one in overview.deposits(connection, SHOWN, client_id)
    ]


def _withdrawals(connection: Connection, client_id: str, role: Role) -> list[Line]:
    return [
        {
            "at": utc_text(one.requested_at_us),
            "amount": amount_text(one.amount_minor, one.currency),
            "currency": one.currency,
            "state": one.state.value,
            "by": one.requested_by,
            "reason": one.reason if role in _WHY else "",
        }
        for one in overview.withdrawals_of(connection, client_id, SHOWN)
    ]


def _ledger(connection: Connection, client_id: str, _role: Role) -> list[Line]:
    accounts = [account for account, _ in overview.balances(connection, client_id, [])]
    wallets = [account for account in accounts if account.kind is AccountKind.WALLET]
    found = [
        (transfer, account)
        for account in wallets
        for transfer in statement(connection, account, SHOWN)
    ]
    found.sort(key=lambda pair: -pair[0].at_us)
    return [_ledger_line(transfer, account) for transfer, account in found[:SHOWN]]


def _ledger_line(transfer: Transfer, account: Account) -> Line:
    takes = transfer.debit == account
    other = transfer.credit if takes else transfer.debit
    amount = -transfer.amount_minor if takes else transfer.amount_minor
    return {
        "at": utc_text(transfer.at_us),
        "amount": amount_text(amount, transfer.currency),
        "currency": transfer.currency,
        "what": transfer.code,
        "flow": transfer.flow.value,
        "with": other.key,
    }


def _holds(connection: Connection, client_id: str, _role: Role) -> list[Line]:
    return [
        {
            "at": utc_text(one.at_us),
            "amount": amount_text(one.amount_minor, one.currency),
            "currency": one.currency,
            "hold": one.id,
        }
        for one in overview.holds(connection, SHOWN, client_id)
    ]


def _freezes(connection: Connection, client_id: str, _role: Role) -> list[Line]:
    return [
        {"at": utc_text(one.placed_at_us), "cause": one.cause}
        for one in overview.freezes(connection, SHOWN, client_id)
    ]


def _revenue(connection: Connection, client_id: str, _role: Role) -> list[Line]:
    return [
        {"what": name, "usd": f"{usd:,.2f}"}
        for name, usd in revenue_of(connection, client_id).items()
    ]


Section = Callable[[Connection, str, Role], list[Line]]

_SECTIONS: Final[Mapping[str, tuple[frozenset[Role], Section]]] = {
    "balances": (_SUMS, _balances),
    "deposits": (_SUMS, _deposits),
    "withdrawals": (_SUMS, _withdrawals),
    "holds": (_WHY, _holds),
    "freezes": (_WHY, _freezes),
    "ledger": (_WHY, _ledger),
    "revenue": (_EARNS, _revenue),
}
