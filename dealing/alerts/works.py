"""What one pass does to one case: readings come in, one by one; figures and words come out once.

A storm brings ten thousand readings for one case in one pass. Each costs the same, and the timeline
gets a line for all of them together.
"""

from __future__ import annotations

from typing import Final

from dealing.alerts.drafts import Draft
from dealing.alerts.model import (
    Action,
    CaseState,
    Change,
    ChangeKind,
    EntryKind,
    Member,
    Offer,
    Severity,
)
from dealing.alerts.policy import US_PER_S, AlertPolicy, severity_of, us, worst_of
from dealing.alerts.roll import Roll, known_value
from dealing.alerts.sources.registry import BY_NAME
from dealing.alerts.sources.wording import span, usd

MOST_OFFERS: Final = 3
RENEWED_EVERY_US: Final = US_PER_S
"""How often the figures of what goes on are renewed: sources look more often than people do."""

_DOUBLED: Final = 2


class Work:
    """One case in one pass."""

    def __init__(self, draft: Draft, roll: Roll, policy: AlertPolicy) -> None:
        """Take the case, its members, and the policy."""
        self.draft = draft
        self.roll = roll
        self._policy = policy
        self._rule = policy.rule(draft.case.rule)
        self._begins = draft.case.count == 0
        self._is_touched = False
        self._came = 0
        self._joined = 0
        self._peak = draft.case.memory.peak
        self._newest: Change | None = None
        self._worst: Change | None = None
        self._hedges: dict[str, Offer] = {}

    def reopen(self, why: str) -> None:
        """Begin again with a case that was resolved."""
        self._begins = True
        self.draft.call()
        self.draft.remember(kept_open=False)
        self.draft.say(EntryKind.OPENED, why)

    def join(self) -> None:
        """Note that the next reading is of a subject that joins because so many are new."""
        self._joined += 1

    def take(self, change: Change) -> None:
        """Take a reading of something that holds or happened."""
        reading, draft = change.reading, self.draft
        happened = change.kind is ChangeKind.HAPPENED
        begins = happened or not self.roll.is_active(reading.subject)
        if not begins and self._is_fresh(change):
            return
        is_new = self.roll.put(reading, change.severity, draft.now_us, active=not happened)
        if not is_new and not begins:
            return
        self._is_touched = True
        self._came += begins
        self._note(change)
        if begins and not happened and not draft.case.is_group:
            self._toggle()

    def end(self, subject: str) -> None:
        """Note that a state is over; with its last one a case ends, unless it comes and goes."""
        draft = self.draft
        if not self.roll.end(subject, draft.now_us):
            return
        self._is_touched = True
        if draft.case.is_group or draft.is_over:
            return
        self._toggle()
        if not draft.case.flapping:
            lasted = span((draft.now_us - draft.case.opened_us) / US_PER_S)
            draft.resolve(f"Over, {lasted} after it began.")

    def finish(self) -> None:
        """Put figures and words into the case."""
        if not self._is_touched:
            return
        self._count()
        self._put_words()
        if not self.draft.is_over:
            self._judge()

    def _is_fresh(self, change: Change) -> bool:
        """Whether figures were renewed a moment ago, and this is no worse than the case is."""
        case = self.draft.case
        is_worse = change.severity.rank > case.severity.rank
        return not is_worse and 0 <= self.draft.now_us - case.last_us < RENEWED_EVERY_US

    def _note(self, change: Change) -> None:
        self._newest = change
        if self._worst is None or _badness(change) > _badness(self._worst):
            self._worst = change
        peak, value = self._peak, known_value(change.reading.value)
        self._peak = value if peak is None else self._rule.further(peak, value)
        for offer in change.reading.offers:
            if offer.action is Action.HEDGE:
                self._hedges.setdefault(offer.symbol, offer)

    def _toggle(self) -> None:
        draft, flap = self.draft, self._policy.flap
        since_us = draft.now_us - us(flap.within_s)
        lately = [at_us for at_us in draft.case.toggles_us if at_us >= since_us]
        draft.set(toggles_us=(*lately, draft.now_us)[-flap.toggles :])
        if len(draft.case.toggles_us) < flap.toggles or draft.case.flapping:
            return
        draft.set(flapping=True)
        draft.remember(untold=True)
        draft.say(
            EntryKind.FLAPPING,
            f"It began or ended {flap.toggles} times within {span(flap.within_s)}: it stays open "
            "until it is steady.",
        )

    def _count(self) -> None:
        draft, case = self.draft, self.draft.case
        members, total_usd = self.roll.settle(), self.roll.total_usd
        draft.set(
            members=members,
            member_count=len(self.roll),
            active_count=self.roll.active_count,
            count=case.count + self._came,
            at_stake_usd=total_usd,
            worst_usd=max(case.worst_usd, total_usd),
            last_us=case.last_us if draft.is_over else draft.now_us,
        )
        above = self._rule.burst.above
        joined_us = (*case.memory.joined_us, *[draft.now_us] * min(self._joined, above))
        draft.remember(
            others=self.roll.others(),
            joined_us=joined_us[-above:],
            peak=self._peak,
            kept_open=case.memory.kept_open and not self._came,
        )

    def _put_words(self) -> None:
        draft, case = self.draft, self.draft.case
        title = title_of(case.rule)
        if case.is_group:
            draft.set(
                title=f"{title}: {case.member_count:,} together",
                headline=_group_headline(case.members, case.member_count, case.at_stake_usd),
                advice=case.advice if self._worst is None else self._worst.reading.advice,
                offers=self._offers(case.offers),
            )
        elif self._newest is not None:
            reading = self._newest.reading
            draft.set(
                headline=reading.headline,
                advice=reading.advice,
                facts=reading.facts,
                offers=reading.offers,
                symbol=reading.symbol,
            )

    def _offers(self, held: tuple[Offer, ...]) -> tuple[Offer, ...]:
        """Return what makes sense for a whole group: to hedge the symbols that it is about."""
        known = {offer.symbol: offer for offer in held}
        return tuple((known | self._hedges).values())[:MOST_OFFERS]

    def _judge(self) -> None:
        """Say that a case begins, or is worse than it was, or is much larger than when it was seen.

        A case is as severe as it ever was until it is resolved: who was called to a critical one
        hears how it ends. When it gets more severe it calls again, whoever acknowledged or snoozed
        it: they did so for less.
        """
        draft, case = self.draft, self.draft.case
        severity = severity_of(self._rule, case.at_stake_usd, case.symbol)
        if self._worst is not None:
            severity = worst_of(severity, self._worst.severity)
        if self._begins:
            self._begin(severity)
        elif severity.rank > case.severity.rank:
            draft.set(severity=severity)
            draft.call()
            draft.say(EntryKind.WORSE, f"It is {severity} now: {usd(case.at_stake_usd)} at stake.")
            draft.note_figures()
        elif self._outgrew():
            draft.call()
            draft.say(
                EntryKind.WORSE,
                f"{case.count:,} by now, twice as many as when it was acknowledged.",
            )
            draft.note_figures()

    def _begin(self, severity: Severity) -> None:
        draft, case = self.draft, self.draft.case
        draft.set(severity=severity)
        if not draft.entries:
            draft.say(EntryKind.OPENED, case.headline)
        draft.remember(untold=True)
        draft.note_figures()

    def _outgrew(self) -> bool:
        case = self.draft.case
        is_seen = case.is_group and case.state is CaseState.ACKNOWLEDGED
        return is_seen and 0 < _DOUBLED * case.memory.acknowledged_count <= case.count


def title_of(rule: str) -> str:
    """Return what people call a rule."""
    words = BY_NAME.get(rule)
    return rule if words is None else words.title


def _badness(change: Change) -> tuple[int, float]:
    return (change.severity.rank, change.reading.at_stake_usd)


def _group_headline(members: tuple[Member, ...], count: int, total_usd: float) -> str:
    largest = members[0]
    words = f": {largest.headline}" if largest.headline else ""
    return f"{count:,} together, {usd(total_usd)} at stake. The largest is {largest.subject}{words}"
