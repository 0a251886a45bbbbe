"""A case while something is done to it: what it becomes, and what its timeline says of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dealing.alerts.model import Case, CaseChange, CaseState, Entry, EntryKind


class Draft:
    """One case at one moment; nothing counts before the draft is taken."""

    def __init__(self, case: Case, now_us: int) -> None:
        """Take the case as it is, and the wall clock."""
        self.case = case
        self.now_us = now_us
        self.entries: list[Entry] = []
        self._was = case

    @property
    def is_changed(self) -> bool:
        """Whether anything is different now."""
        return bool(self.entries) or self.case is not self._was

    @property
    def is_over(self) -> bool:
        """Whether the case is resolved."""
        return self.case.state is CaseState.RESOLVED

    def change(self, *, tell: bool) -> CaseChange:
        """Return the draft as a change."""
        return CaseChange(case=self.case, entries=tuple(self.entries), tell=tell)

    def set(self, **fields: Any) -> None:
        """Change fields of the case."""
        self.case = msgspec.structs.replace(self.case, **fields)

    def remember(self, **fields: Any) -> None:
        """Change fields of the case's memory."""
        self.set(memory=msgspec.structs.replace(self.case.memory, **fields))

    def say(self, kind: EntryKind, text: str, actor: str = "", via: str = "") -> None:
        """Add a line to the timeline."""
        self.entries.append(
            Entry(
                number=self.case.number, at_us=self.now_us, kind=kind, text=text, actor=actor,
                via=via,
            )
        )  # fmt: skip

    def note_figures(self) -> None:
        """Remember the figures of which the timeline speaks now."""
        case = self.case
        self.remember(
            noted_us=self.now_us,
            noted_count=case.count,
            noted_active=case.active_count,
            noted_usd=case.at_stake_usd,
        )

    def call(self) -> None:
        """Make it a case that waits for somebody, as if it were new: it calls from the start."""
        self.set(state=CaseState.OPEN, level=0, snoozed_until_us=None, resolved_us=None)
        self.remember(untold=True, calling_us=None, called_us=None, acknowledged_count=0)

    def resolve(self, text: str, actor: str = "", via: str = "") -> None:
        """End it."""
        self.set(
            state=CaseState.RESOLVED,
            resolved_us=self.now_us,
            snoozed_until_us=None,
            inhibited_by=None,
            flapping=False,
            due_us=None,
            votes=(),
        )
        self.remember(untold=True, kept_open=False, calling_us=None)
        self.say(EntryKind.RESOLVED, text, actor, via)

    def speak(self, channels: Sequence[str]) -> bool:
        """Tell channels what they do not know, and return whether there is anything to tell."""
        if not channels or not self.case.memory.untold:
            return False
        self.tell(channels)
        self.remember(untold=False)
        if self.case.state is CaseState.OPEN and self.case.memory.calling_us is None:
            self.remember(calling_us=self.now_us, called_us=self.now_us)
        return True

    def tell(self, channels: Sequence[str]) -> None:
        """Make a new version for channels, and for those that had an earlier one."""
        case = self.case
        told = dict.fromkeys([*case.memory.channels, *channels])
        self.remember(channels=tuple(told))
        version = case.version if case.told_us is None else case.version + 1
        self.set(version=version, told_us=self.now_us)
