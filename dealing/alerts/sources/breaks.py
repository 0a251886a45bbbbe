"""What the engine quarantined, told once per kind and look: a bad file is one message."""

from __future__ import annotations

from typing import Final

from dealing.alerts.model import Reading
from dealing.alerts.sources.newest import Newest
from dealing.alerts.sources.wording import counted, facts
from exposure.model.events import NO_TIME, BreakFound
from exposure.snapshot import Snapshot

_LONGEST: Final = 200


class Breaks:
    """Reads breaks from frame to frame."""

    def __init__(self, cursor: str, kept: int) -> None:
        """Take how far an earlier process read, and how many breaks a frame holds."""
        self._newest = Newest[BreakFound](cursor, kept)

    @property
    def cursor(self) -> str:
        """How far they were read."""
        return self._newest.cursor

    def look(self, snapshot: Snapshot) -> list[Reading]:
        """Return what nobody has read yet, one reading for each kind."""
        new = self._newest.new(snapshot.breaks, snapshot.as_of)
        by_kind: dict[str, list[BreakFound]] = {}
        for one in new.events:
            by_kind.setdefault(one.kind, []).append(one)
        return [_reading(found, snapshot, gap=new.gap) for found in by_kind.values()]


def _reading(found: list[BreakFound], snapshot: Snapshot, *, gap: bool) -> Reading:
    last = found[-1]
    at_least = "at least " if gap else ""
    at_ns = snapshot.as_of if last.ts_event == NO_TIME else last.ts_event
    return Reading(
        rule="engine_break",
        subject=last.kind,
        value=float(len(found)),
        at_stake_usd=0.0,
        happened_at_ns=at_ns,
        headline=f"The engine set {at_least}{counted(len(found), 'event')} apart as {last.kind}, "
        f"the last one because {last.reason[:_LONGEST]}",
        advice="Find out what sent it: until it is mended, positions and money may lack it.",
        facts=facts(
            ("Last at event", f"{last.position:,}"),
            ("Login", last.login),
            ("Deal", last.deal_id),
            ("Symbol", last.symbol),
        ),
        key=f"{last.kind}:{last.position}",
    )
