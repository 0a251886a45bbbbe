"""Which processes of the run died, keep dying or ended, as their supervisor writes down.

A process that died is back within a second, so that alone would be seen by chance: the supervisor's
count of restarts says it, and it is told for a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from dealing.alerts.model import Look, Reading
from dealing.alerts.sources.health import DEGRADED, VALUE_OF, component_reading
from dealing.alerts.sources.wording import counted
from dealing.launch import RunStatus
from dealing.supervisor import ChildStatus

SOURCE: Final = "system"
CURSOR: Final = "system.restarts"
TOLD_FOR_US: Final = 60_000_000
"""For how long a restart is told."""

_NS_PER_US: Final = 1_000


class _Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How often each process was started again, in the run that began at ``started_at``."""

    started_at: int
    restarts: dict[str, int]


def read_status(file: Path) -> RunStatus | None:
    """Return what the supervisor wrote, None where it wrote nothing that can be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=RunStatus)
    except (OSError, msgspec.DecodeError):
        return None


class SystemSource:
    """Looks at the processes of a run."""

    def __init__(self, cursors: Mapping[str, str]) -> None:
        """Take how many restarts an earlier process knew of."""
        self._known = _decoded(cursors.get(CURSOR, ""))
        self._until_us: dict[str, int] = {}

    def look(self, status: RunStatus | None, now_us: int) -> Look:
        """Return what a supervisor says; without one there is nothing to say."""
        children = [] if status is None else status.children
        if status is not None:
            self._count(status, now_us)
        readings = [reading for one in children for reading in self._of(one, now_us)]
        known = self._known
        return Look(
            source=SOURCE,
            at_us=now_us,
            readings=tuple(readings),
            measured=frozenset({"component_down"}),
            cursors={} if known is None else {CURSOR: msgspec.json.encode(known).decode()},
        )

    def _count(self, status: RunStatus, now_us: int) -> None:
        restarts = {one.role.value: one.restarts for one in status.children}
        known = self._known
        if known is not None and known.started_at == status.started_at:
            for role, count in restarts.items():
                if count > known.restarts.get(role, 0):
                    self._until_us[role] = now_us + TOLD_FOR_US
        self._known = _Counts(started_at=status.started_at, restarts=restarts)

    def _of(self, one: ChildStatus, now_us: int) -> list[Reading]:
        role, at_ns = one.role.value, now_us * _NS_PER_US
        value = VALUE_OF.get(one.state)
        if value is not None:
            return [component_reading(f"process {role}", value, one.detail, at_ns)]
        if now_us >= self._until_us.get(role, 0):
            return []
        reading = component_reading(f"process {role}", DEGRADED, one.detail, at_ns)
        times = counted(one.restarts, "time")
        headline = f"The {role} process died and was started again ({times} in this run)"
        return [msgspec.structs.replace(reading, headline=f"{headline}: {one.detail}")]


def _decoded(cursor: str) -> _Counts | None:
    if not cursor:
        return None
    try:
        return msgspec.json.decode(cursor, type=_Counts)
    except msgspec.DecodeError:
        return None
