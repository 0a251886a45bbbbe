"""Cases and what belongs to them as JSON and CSV: times in epoch milliseconds, plain text.

Text may come from clients: whoever shows it treats it as text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from crm_sync.clients.csv_export import neutral
from dealing.alerts.handover import HandOver
from dealing.alerts.model import Case, Entry, Mute
from dealing.alerts.policy import RulePolicy
from dealing.alerts.sources.registry import RuleWords, lasts

Told = dict[str, Any]

_SHOWN: Final = tuple(
    name
    for name in Case.__struct_fields__
    if name not in {"dedupe_key", "toggles_us", "told_us", "due_us", "members", "facts", "memory"}
)
"""What a list shows; the rest is for the case book, or for whoever opens a case."""

_CSV_FIELDS: Final = (
    "name", "rule", "title", "severity", "state", "team", "owner", "opened_us", "last_us",
    "acknowledged_us", "resolved_us", "at_stake_usd", "worst_usd", "count", "member_count", "level",
    "outcome", "outcome_usd", "headline", "advice",
)  # fmt: skip


def case_told(case: Case, *, with_members: bool = False) -> Told:
    """Return a case; ``with_members`` for whoever opens it."""
    told = {"name": case.name, "lasts": lasts(case.rule), **_fields(case, _SHOWN)}
    told["happened_at_ms"] = told.pop("happened_at_ns") // 1_000_000
    if with_members:
        told |= _fields(case, ("facts",))
        told["members"] = [_in_ms(msgspec.to_builtins(member)) for member in case.members]
    return _in_ms(told)


def rule_told(words: RuleWords, policy: RulePolicy | None) -> Told:
    """Return a rule: what it means, and its figures; those are None where it has no policy."""
    return {**msgspec.to_builtins(words), "policy": policy and msgspec.to_builtins(policy)}


def entry_told(entry: Entry) -> Told:
    """Return a line of a timeline."""
    return _in_ms(msgspec.to_builtins(entry))


def mute_told(mute: Mute) -> Told:
    """Return a mute."""
    return _in_ms(msgspec.to_builtins(mute))


def note_told(note: HandOver) -> Told:
    """Return a hand-over note."""
    fields = msgspec.to_builtins(note)
    for name in ("open", "resolved", "mutes"):
        fields[name] = [_in_ms(line) for line in fields[name]]
    house = fields["house"]
    house["temporary"] = [_in_ms(one) for one in house["temporary"]]
    fields["unacknowledged_criticals"] = [line.name for line in note.unacknowledged_criticals]
    return _in_ms(fields)


def cases_csv(cases: Sequence[Case]) -> str:
    """Return cases as CSV for a spreadsheet, in which nothing is a formula; times are UTC."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([re.sub("_us$", "_utc", name) for name in _CSV_FIELDS])
    for case in cases:
        writer.writerow([_cell(name, getattr(case, name)) for name in _CSV_FIELDS])
    return "\ufeff" + text.getvalue()


def _fields(case: Case, names: Iterable[str]) -> Told:
    return {name: msgspec.to_builtins(getattr(case, name)) for name in names}


def _cell(name: str, value: object) -> object:
    if name.endswith("_us") and isinstance(value, int):
        return f"{datetime.fromtimestamp(value / 1e6, UTC):%Y-%m-%d %H:%M:%S}"
    return neutral(str(value)) if isinstance(value, str) else value


def _in_ms(fields: Told) -> Told:
    return {
        f"{name.removesuffix('_us')}_ms" if name.endswith("_us") else name: (
            value // 1_000 if name.endswith("_us") and value is not None else value
        )
        for name, value in fields.items()
    }
