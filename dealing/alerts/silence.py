"""What keeps a case from being told: mutes, and an hour that is quiet or has no channel."""

from __future__ import annotations

from collections.abc import Iterable

from dealing.alerts.model import Case, Mute
from dealing.alerts.policy import AlertPolicy
from dealing.alerts.routes import channels_of, is_quiet, next_turn_us


class Mutes:
    """The mutes by their ids."""

    def __init__(self, mutes: Iterable[Mute]) -> None:
        self._mutes = {mute.mute_id: mute for mute in mutes}

    def set(self, mute: Mute) -> None:
        """Take a mute; one of the same id is replaced."""
        self._mutes[mute.mute_id] = mute

    def now(self, now_us: int) -> list[Mute]:
        """Return those that have not expired, and forget the others."""
        self._mutes = {key: one for key, one in self._mutes.items() if one.until_us > now_us}
        return list(self._mutes.values())

    def until_us(self, case: Case, now_us: int) -> int | None:
        """Return until when a case is muted, None if it is not."""
        ends = (mute.until_us for mute in self._mutes.values() if _is_about(mute, case))
        return max((end for end in ends if end > now_us), default=None)


def hearers(policy: AlertPolicy, mutes: Mutes, case: Case, now_us: int) -> tuple[str, ...]:
    """Return the channels that may hear of an open case now."""
    if case.inhibited_by is not None or mutes.until_us(case, now_us) is not None:
        return ()
    if is_quiet(policy, case.severity, now_us):
        return ()
    return channels_of(policy, case, now_us)


def ends_us(policy: AlertPolicy, mutes: Mutes, case: Case, now_us: int) -> int | None:
    """Return when to ask again for a case that nobody may hear of, None if time changes nothing."""
    muted_us = mutes.until_us(case, now_us)
    return next_turn_us(policy, now_us) if muted_us is None else muted_us


def _is_about(mute: Mute, case: Case) -> bool:
    if mute.rule != case.rule:
        return False
    single = {one.subject for one in case.members if not case.is_group}
    return not mute.subject or mute.subject in single
