"""What a reader sees of clients: made here, at the query, and never more than the role may see.

Compliance sees everything of one client at a time, says why, and every such read is a row of the
audit log. Management sees numbers of clients; groups so small that they point at persons are added
together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never

import msgspec
from sqlalchemy import Connection, Row, func, select

from crm_sync.audit import AuditEntry, canonical
from crm_sync.audit_log import alone, append
from crm_sync.clients.accounts import Account, accounts_of
from crm_sync.clients.fields import PERSONAL, Field, Holding
from crm_sync.clients.kyc import KycStep, cases
from crm_sync.clients.kyc_reports import kyc_steps
from crm_sync.clients.personal import personal_of
from crm_sync.clients.pii import Keyring
from crm_sync.clients.ports import Lines, OtherRooms
from crm_sync.clients.roles import (
    ComplianceHit,
    ComplianceView,
    DealerView,
    Hit,
    PaymentsView,
    Reader,
    RiskView,
    Role,
    View,
)
from crm_sync.clients.tables import CLIENT
from crm_sync.clients.wording import initials, masked_email
from crm_sync.events import KycState
from exposure.errors import DomainError

SMALLEST_GROUP: Final = 5
OTHERS: Final = "others"

_NEEDS: Final[Mapping[Role, tuple[Field, ...]]] = {
    Role.DEALER: (Field.NAME,),
    Role.RISK: (Field.NAME,),
    Role.PAYMENTS: (Field.NAME, Field.EMAIL, Field.IBAN),
    Role.COMPLIANCE: PERSONAL,
}
_NO_VALUES: Final = dict.fromkeys(PERSONAL, "")


class KycCaseView(msgspec.Struct, frozen=True, kw_only=True):
    """How far one applicant is at one level."""

    provider: str
    applicant_id: str
    level: str
    state: KycState
    since_us: int
    labels: tuple[str, ...]


class KycView(msgspec.Struct, frozen=True, kw_only=True):
    """Where identification stands; cases and their labels are for compliance only."""

    close_only: bool
    verified: bool
    cases: tuple[KycCaseView, ...] = ()


class Client360(msgspec.Struct, frozen=True, kw_only=True):
    """One client from every side, as a role may see it."""

    profile: View
    kyc: KycView
    accounts: tuple[Account, ...]
    sections: Mapping[str, Lines]

    def __repr__(self) -> str:
        """Return whose it is, without its content."""
        return f"<Client360 {self.profile.client_id}>"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """How many clients have a value of a field."""

    value: str
    clients: int


class ClientViews:
    """Reads clients for people."""

    def __init__(self, keyring: Keyring, others: OtherRooms) -> None:
        """Take the keys of personal data, and who knows the rest."""
        self._keyring = keyring
        self._others = others

    def client_360(
        self, connection: Connection, client_id: str, reader: Reader, now_us: int
    ) -> Client360:
        """Return one client; for compliance in a transaction that may write the audit log.

        Raises:
            DomainError: There is no such client, or the reader may not see one.
        """
        _refuse(reader)
        if reader.role is Role.COMPLIANCE:
            alone(connection)
        row = connection.execute(select(CLIENT).where(CLIENT.c.client_id == client_id)).first()
        if row is None:
            raise DomainError(f"there is no client {client_id}")
        if reader.role is Role.COMPLIANCE:
            append(connection, _read_entry(client_id, reader, now_us))
        accounts = accounts_of(connection, [client_id])[client_id]
        values = self._values(connection, [row], reader.role)[client_id]
        steps = kyc_steps(connection, client_id) if reader.role is Role.COMPLIANCE else []
        return Client360(
            profile=self._view(row, values, accounts, reader.role),
            kyc=_kyc(row, steps),
            accounts=tuple(accounts),
            sections=self._others.sections(connection, client_id, reader.role),
        )

    def hits(self, connection: Connection, client_ids: Sequence[str], role: Role) -> list[Hit]:
        """Return clients as they stand in a list, in the order of their ids here."""
        asked = select(CLIENT).where(CLIENT.c.client_id.in_(client_ids))
        rows = {row.client_id: row for row in connection.execute(asked)}
        values = self._values(connection, list(rows.values()), role)
        accounts = accounts_of(connection, client_ids)
        found = [client_id for client_id in client_ids if client_id in rows]
        return [self._hit(rows[one], values[one], accounts[one], role) for one in found]

    def _values(
        self, connection: Connection, rows: Sequence[Row[Any]], role: Role
    ) -> dict[str, Mapping[Field, str]]:
        """Return what a role may read in clear; nothing that is restricted, but to compliance."""
        readable = [
            row.client_id
            for row in rows
            if row.holding == Holding.IN_USE or role is Role.COMPLIANCE
        ]
        held = personal_of(connection, self._keyring, readable, _NEEDS[role])
        return {row.client_id: _NO_VALUES | held.get(row.client_id, {}) for row in rows}

    def _hit(
        self, row: Row[Any], values: Mapping[Field, str], accounts: Sequence[Account], role: Role
    ) -> Hit:
        if role is not Role.COMPLIANCE:
            view = self._view(row, values, accounts, role)
            if not isinstance(view, ComplianceView):
                return view
        return ComplianceHit(
            **_shown(row),
            logins=_logins(accounts),
            name=values[Field.NAME],
            masked_email=masked_email(values[Field.EMAIL]),
            kyc_state=KycState(row.kyc_state),
        )

    def _view(
        self, row: Row[Any], values: Mapping[Field, str], accounts: Sequence[Account], role: Role
    ) -> View:
        shown = {**_shown(row), "logins": _logins(accounts)}
        match role:
            case Role.DEALER:
                return DealerView(**shown, **_dealt(row, values))
            case Role.RISK:
                exposure_usd = self._others.exposure_usd(row.client_id)
                dealt = _dealt(row, values)
                return RiskView(**shown, **dealt, category=row.category, exposure_usd=exposure_usd)
            case Role.PAYMENTS:
                return PaymentsView(**shown, **_paid(row, values))
            case Role.COMPLIANCE:
                return ComplianceView(**shown, **_all(row, values))
            case Role.MANAGEMENT:
                raise _sums_only()
            case _:
                assert_never(role)


def groups(connection: Connection, field: Field) -> list[Group]:
    """Return how many clients have each value of a plain field, the most first.

    Groups of fewer than SMALLEST_GROUP are added together.
    """
    if field in PERSONAL:
        raise DomainError(f"clients are not counted by {field}")
    return _counted(connection, CLIENT.c[field.value])


def kyc_groups(connection: Connection) -> list[Group]:
    """Return how many clients stand in each state of identification; otherwise as ``groups``."""
    return _counted(connection, CLIENT.c.kyc_state)


def _counted(connection: Connection, column: Any) -> list[Group]:
    counted = connection.execute(select(column, func.count()).group_by(column)).all()
    large = [Group(value=value, clients=n) for value, n in counted if n >= SMALLEST_GROUP]
    rest = sum(n for _, n in counted if n < SMALLEST_GROUP)
    others = [Group(value=OTHERS, clients=rest)] if rest else []
    return [*sorted(large, key=lambda group: (-group.clients, group.value)), *others]


def _refuse(reader: Reader) -> None:
    if reader.role is Role.MANAGEMENT:
        raise _sums_only()
    if reader.role is Role.COMPLIANCE and not (reader.actor and reader.reason.strip()):
        raise DomainError("to read everything of a client, say who reads it and why")


def _sums_only() -> DomainError:
    return DomainError("management sees numbers of clients, and no single client")


def _shown(row: Row[Any]) -> dict[str, Any]:
    return {
        "client_id": row.client_id,
        "external_id": row.external_id,
        "country": row.country,
        "in_use": row.holding == Holding.IN_USE,
    }


def _logins(accounts: Sequence[Account]) -> tuple[str, ...]:
    return tuple(account.login for account in accounts)


def _dealt(row: Row[Any], values: Mapping[Field, str]) -> dict[str, Any]:
    verified = row.kyc_state == KycState.APPROVED
    return {"initials": initials(values[Field.NAME]), "verified": verified}


def _paid(row: Row[Any], values: Mapping[Field, str]) -> dict[str, Any]:
    return {
        "name": values[Field.NAME],
        "masked_email": masked_email(values[Field.EMAIL]),
        "iban": values[Field.IBAN],
        "kyc_state": KycState(row.kyc_state),
    }


def _all(row: Row[Any], values: Mapping[Field, str]) -> dict[str, Any]:
    plain = ("language", "category", "status", "partner", "risk_class", "kyc_level", "holding")
    return {
        **{field.value: value for field, value in values.items()},
        **{name: getattr(row, name) for name in plain},
        "kyc_state": KycState(row.kyc_state),
    }


def _kyc(row: Row[Any], steps: Sequence[KycStep]) -> KycView:
    found = [
        KycCaseView(
            provider=provider,
            applicant_id=applicant_id,
            level=level,
            state=at.state,
            since_us=at.since_us,
            labels=at.labels,
        )
        for (provider, applicant_id, level), at in cases(steps).items()
    ]
    return KycView(
        close_only=row.told_close_only,
        verified=row.kyc_state == KycState.APPROVED,
        cases=tuple(found),
    )


def _read_entry(client_id: str, reader: Reader, now_us: int) -> AuditEntry:
    return AuditEntry(
        at_ns=now_us * 1_000,
        actor=reader.actor,
        via="view",
        action="personal_data.read",
        entity=f"client {client_id}",
        reason=reader.reason,
        detail=canonical({"role": reader.role.value}),
    )
