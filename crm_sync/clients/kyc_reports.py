"""Taking what KYC providers report, and telling the platform where it changes what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from crm_sync.audit import AuditEntry, canonical
from crm_sync.audit_log import alone, append
from crm_sync.clients.fields import Holding, RiskClass
from crm_sync.clients.gates import GateLimits, close_only
from crm_sync.clients.kyc import KycPolicy, KycStep, Standing, reached, standing
from crm_sync.clients.new_rows import upsert
from crm_sync.clients.ports import TellPlatform
from crm_sync.clients.tables import CLIENT, KYC_CASE, KYC_STEP, TRADING_ACCOUNT
from crm_sync.events import KycReported, KycState, Outcome, Reported
from exposure.errors import DomainError, InvariantError

IMPORTED = "import"
"""The provider of what the first file said."""

_LABELS = msgspec.json.Decoder(tuple[str, ...])


class KycReports:
    """Takes reports of identification inside transactions of others."""

    def __init__(self, policy: KycPolicy, tell_platform: TellPlatform) -> None:
        """Take what is asked of identification, and who tells the platform."""
        self._policy = policy
        self._tell = tell_platform
        self._limits = GateLimits(grace_us=policy.grace_us)

    def apply_kyc(self, connection: Connection, report: Reported, now_us: int) -> Outcome:
        """Take a report once, however often it comes, in whatever order.

        Raises:
            DomainError: It is of a client or an applicant that cannot be.
        """
        if not isinstance(report, KycReported):
            raise InvariantError(f"{type(report).__name__} is no report of identification")
        if report.state is KycState.NONE:
            raise DomainError(f"{report.provider} event {report.event_id} says no state")
        alone(connection)
        client = self._client(connection, report.client_id)
        if client.holding == Holding.ERASED:
            return Outcome.IGNORED
        if _is_known(connection, report):
            return Outcome.DUPLICATE
        _refuse_other_client(connection, report)
        before = self._steps(connection, client)
        step = _step(report)
        connection.execute(KYC_STEP.insert(), _step_row(report))
        outcome = _outcome(before, step)
        if outcome is Outcome.APPLIED:
            _keep_case(connection, report.client_id, [*before, step], step)
        self._settle(connection, client, [*before, step], now_us, report.provider)
        return outcome

    def refresh(self, connection: Connection, client_id: str, now_us: int) -> Standing:
        """Compute a client's standing anew, after its risk class or its accounts have changed.

        Raises:
            DomainError: There is no such client.
        """
        alone(connection)
        client = self._client(connection, client_id)
        return self._settle(connection, client, self._steps(connection, client), now_us, "clock")

    def refresh_due(self, connection: Connection, now_us: int, limit: int = 1_000) -> int:
        """Let identifications expire, and grace periods end; return how many clients it touched."""
        due = select(CLIENT.c.client_id).where(CLIENT.c.kyc_due_at_us <= now_us)
        found = connection.scalars(due.order_by(CLIENT.c.client_id).limit(limit)).all()
        for client_id in found:
            self.refresh(connection, client_id, now_us)
        return len(found)

    def _client(self, connection: Connection, client_id: str) -> Row[Any]:
        asked = select(CLIENT).where(CLIENT.c.client_id == client_id)
        row = connection.execute(asked.with_for_update()).first()
        if row is None:
            raise DomainError(f"there is no client {client_id}")
        return row

    def _steps(self, connection: Connection, client: Row[Any]) -> list[KycStep]:
        steps = kyc_steps(connection, client.client_id)
        if client.kyc_base_state != KycState.NONE:
            steps.append(base_step(client.kyc_base_state, client.kyc_base_at_us, self._policy))
        return steps

    def _settle(
        self,
        connection: Connection,
        client: Row[Any],
        steps: Sequence[KycStep],
        now_us: int,
        cause: str,
    ) -> Standing:
        now = standing(steps, self._policy, RiskClass(client.risk_class), now_us)
        closed = close_only(now.state, now.since_us, now_us, self._limits)
        told = self._told(connection, client, closed=closed)
        after = {**_columns(now), "told_close_only": told}
        before = {name: getattr(client, name) for name in after}
        if after == before:
            return now
        meta = {"updated_at_us": now_us, "version": client.version + 1}
        mine = CLIENT.c.client_id == client.client_id
        connection.execute(CLIENT.update().where(mine).values(**after, **meta))
        change = {
            name: [before[name], after[name]] for name in after if before[name] != after[name]
        }
        append(connection, _entry(client.client_id, cause, change, now_us))
        return now

    def _told(self, connection: Connection, client: Row[Any], *, closed: bool) -> bool:
        """Return what the platform was told last, after telling it what is new."""
        if closed == client.told_close_only:
            return closed
        logins = logins_of(connection, client.client_id)
        if not logins:
            return bool(client.told_close_only)
        self._tell(connection, logins, close_only=closed)
        return closed


def base_step(state: str, at_us: int, policy: KycPolicy) -> KycStep:
    """Return what the first file said as a step, at the required level."""
    return KycStep(KycState(state), at_us, IMPORTED, IMPORTED, policy.required, IMPORTED)


def kyc_steps(connection: Connection, client_id: str) -> list[KycStep]:
    """Return all that providers reported of a client."""
    asked = select(KYC_STEP).where(KYC_STEP.c.client_id == client_id)
    return [_kept_step(row) for row in connection.execute(asked)]


def logins_of(connection: Connection, client_id: str) -> list[str]:
    """Return the logins of a client."""
    mine = TRADING_ACCOUNT.c.client_id == client_id
    asked = select(TRADING_ACCOUNT.c.login).where(mine).order_by(TRADING_ACCOUNT.c.login)
    return list(connection.scalars(asked))


def _is_known(connection: Connection, report: KycReported) -> bool:
    same = (KYC_STEP.c.provider == report.provider) & (KYC_STEP.c.event_id == report.event_id)
    return connection.scalar(select(KYC_STEP.c.event_id).where(same)) is not None


def _refuse_other_client(connection: Connection, report: KycReported) -> None:
    case = KYC_CASE.c
    same = (case.provider == report.provider) & (case.applicant_id == report.applicant_id)
    other = select(case.client_id).where(same, case.client_id != report.client_id).limit(1)
    if connection.scalar(other) is not None:
        raise DomainError(
            f"applicant {report.applicant_id} of {report.provider} is another client than "
            f"{report.client_id}"
        )


def _step(report: KycReported) -> KycStep:
    return KycStep(
        report.state,
        report.occurred_at_us,
        report.provider,
        report.applicant_id,
        report.level,
        report.event_id,
        report.labels,
    )


def _kept_step(row: Row[Any]) -> KycStep:
    return KycStep(
        KycState(row.state),
        row.occurred_at_us,
        row.provider,
        row.applicant_id,
        row.level,
        row.event_id,
        _LABELS.decode(row.labels),
    )


def _step_row(report: KycReported) -> dict[str, Any]:
    row = msgspec.structs.asdict(report)
    return {**row, "state": report.state.value, "labels": canonical(report.labels)}


def _outcome(before: Sequence[KycStep], step: KycStep) -> Outcome:
    mine = [one for one in before if one.case == step.case]
    was, now = reached(mine), reached([*mine, step])
    if now != was:
        return Outcome.APPLIED
    return Outcome.STALE if step.occurred_at_us < was.since_us else Outcome.IGNORED


def _keep_case(
    connection: Connection, client_id: str, steps: Sequence[KycStep], step: KycStep
) -> None:
    mine = [one for one in steps if one.case == step.case]
    now = reached(mine)
    key = dict(zip(("provider", "applicant_id", "level"), step.case, strict=True))
    row = {
        "client_id": client_id,
        "state": now.state.value,
        "labels": canonical(now.labels),
        "since_us": now.since_us,
    }
    upsert(connection, KYC_CASE, [{**key, **row}])


def _columns(now: Standing) -> dict[str, Any]:
    return {
        "kyc_state": now.state.value,
        "kyc_level": now.level,
        "kyc_since_us": now.since_us,
        "kyc_due_at_us": now.due_at_us,
    }


def _entry(client_id: str, cause: str, change: dict[str, Any], now_us: int) -> AuditEntry:
    return AuditEntry(
        at_ns=now_us * 1_000,
        actor=cause,
        via="sync",
        action="kyc.changed",
        entity=f"client {client_id}",
        reason="",
        detail=canonical(change),
    )
