"""Taking what other systems report of profiles: field by field, whoever owns it, in any order."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from crm_sync.audit import AuditEntry, canonical
from crm_sync.audit_log import alone, append
from crm_sync.clients.fields import Field, FieldPolicy, known, problem, problem_of_id
from crm_sync.clients.marks import Merge, merge
from crm_sync.clients.pii import Keyring
from crm_sync.clients.profile_rows import (
    Change,
    Held,
    NewClient,
    add_clients,
    change_clients,
    held_clients,
)
from crm_sync.events import Outcome, ProfileReported, Reported
from exposure.errors import DomainError, InvariantError

OURSELVES = "plimsoll"
"""What we are called where a system says who told it something."""


class ProfileReports:
    """Takes reports of profiles inside transactions of others; ``apply_profile`` handles them."""

    def __init__(self, keyring: Keyring, policy: FieldPolicy, ourselves: str = OURSELVES) -> None:
        """Take the keys of personal data, who owns which field, and the origin of echoes."""
        self._keyring = keyring
        self._policy = policy
        self._ourselves = ourselves

    def apply_profile(self, connection: Connection, report: Reported, now_us: int) -> Outcome:
        """Take a report of a profile once, however often it comes, in whatever order.

        Raises:
            DomainError: A value cannot be; the sentence names the field and not the value.
        """
        if not isinstance(report, ProfileReported):
            raise InvariantError(f"{type(report).__name__} is no report of a profile")
        values = known(report.fields)
        said = self._policy.marks(values, report.source, report.occurred_at_us, report.event_id)
        if report.origin == self._ourselves or not said:
            return Outcome.IGNORED
        _refuse_impossible(report.external_id, {field: values[field] for field in said})
        alone(connection)
        held = self._held_or_new(connection, report.external_id, now_us)
        if not held.in_use:
            return Outcome.IGNORED
        merged = merge(held.marks, said, self._policy, None)
        if not merged.won:
            before = held.marks.all(self._policy)
            again = any(before[field] == mark for field, mark in said.items())
            return Outcome.DUPLICATE if again else Outcome.STALE
        won = {field: values[field] for field in merged.won}
        change = Change(held, won, merged.marks, held.row.row_hash)
        change_clients(connection, self._keyring, [change], now_us)
        append(connection, _entry(report, merged, now_us))
        return Outcome.APPLIED

    def _held_or_new(self, connection: Connection, external_id: str, now_us: int) -> Held:
        held = held_clients(connection, [external_id]).get(external_id)
        if held is None:
            add_clients(connection, self._keyring, [NewClient(external_id, {})], now_us)
            held = held_clients(connection, [external_id]).get(external_id)
        if held is None:
            raise DomainError(f"another client has the id {external_id} already")
        return held


def _refuse_impossible(external_id: str, values: Mapping[Field, str]) -> None:
    wrong_id = problem_of_id(external_id)
    if wrong_id:
        raise DomainError(f"a profile was reported whose external id {wrong_id}")
    wrong = [f"{field} {why}" for field, value in values.items() if (why := problem(field, value))]
    if wrong:
        raise DomainError(f"the profile of {external_id} cannot be: {'; '.join(wrong)}")


def _entry(report: ProfileReported, merged: Merge, now_us: int) -> AuditEntry:
    told = {"event_id": report.event_id, "fields": sorted(merged.won)}
    return AuditEntry(
        at_ns=now_us * 1_000,
        actor=report.source,
        via="sync",
        action="profile.changed",
        entity=f"client {report.external_id}",
        reason="",
        detail=canonical(told),
    )
