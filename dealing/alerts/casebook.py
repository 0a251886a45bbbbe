"""The case book: what rules see becomes cases, and cases do what time and people make them do.

It holds every case that is not resolved, and for a while those that ended, because they may come
again. Whatever it returns is kept by whoever asked; a new book that begins with what was kept goes
on as this one would have. At every moment each subject whose state holds is a member of exactly one
open case of its rule, unless a person resolved that case although the state held: then the state is
dismissed until it is over, or more severe than the case ever was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from dealing.alerts import acts, timing
from dealing.alerts.bursts import Bursts
from dealing.alerts.drafts import Draft
from dealing.alerts.errors import ActRefusedError, UnknownCaseError
from dealing.alerts.inhibiting import Inhibition
from dealing.alerts.model import (
    Act,
    ActKind,
    Case,
    CaseChange,
    CaseState,
    Change,
    ChangeKind,
    EntryKind,
    Mute,
    Press,
    Reading,
)
from dealing.alerts.policy import AlertPolicy, us
from dealing.alerts.ports import Kept
from dealing.alerts.roll import Roll, known_usd
from dealing.alerts.shelf import Held, Shelf, single_key
from dealing.alerts.silence import Mutes, ends_us, hearers
from dealing.alerts.works import Work, title_of

NOTHING_KEPT: Final = Kept((), 0, (), {})

_CALM: Final = frozenset({ActKind.RESOLVE, ActKind.REOPEN})
"""Acts after which a case is told, or not, as any other. The others go to whoever has the case."""


class CaseBook:
    """All cases, and what becomes of them."""

    def __init__(
        self, policy: AlertPolicy, kept: Kept = NOTHING_KEPT, ended: Iterable[Case] = ()
    ) -> None:
        """Take the policy and what was kept.

        Args:
            policy: What decides.
            kept: The open cases, the highest number and the mutes.
            ended: Cases that are resolved: those of the last ``policy.remembers_us``, which may
                come again, and those whose state holds all the same. Others do no harm.
        """
        self._policy = policy
        self._shelf = Shelf()
        self._mutes = Mutes(kept.mutes)
        self._due: dict[int, int] = {}
        self._inhibition = Inhibition(policy, self._shelf)
        cases = {case.number: case for case in [*ended, *kept.cases]}
        for case in sorted(cases.values(), key=_resolved_us):
            self._begin_with(Held(case))
        self._bursts = Bursts(policy, cases.values())
        self._last_number = max([kept.last_number, *cases])

    def take(self, changes: Iterable[Change], now_us: int) -> list[CaseChange]:
        """Make cases of what one pass saw, and return those that changed."""
        self._shelf.forget(now_us - self._policy.remembers_us)
        works: dict[int, Work] = {}
        for change in changes:
            self._sort(change, works, now_us)
        for work in works.values():
            work.finish()
        found = [self._conclude(work.draft, work.roll) for work in works.values()]
        return [*(one for one in found if one is not None), *self._do_due(now_us)]

    def tick(self, now_us: int) -> list[CaseChange]:
        """Do what is due by itself: call again, escalate, wake, end what is quiet."""
        self._shelf.forget(now_us - self._policy.remembers_us)
        return self._do_due(now_us)

    def due_us(self) -> int | None:
        """Return when ``tick`` has something to do, None if only news can change anything."""
        if self._inhibition.concerned(self._shelf.changed_rules):
            return 0
        return min(self._due.values(), default=None)

    def act(self, act: Act, now_us: int, kept: Case | None = None) -> CaseChange:
        """Do what a person wants to a case.

        Args:
            act: Who wants what.
            now_us: The wall clock.
            kept: The case as the store has it, for one that ended so long ago that the book does
                not hold it (``holds``).

        Raises:
            UnknownCaseError: There is no such case.
            ActRefusedError: It cannot be meant, or not for this case now.
        """
        held = self._find(act.number, kept)
        draft = Draft(held.case, now_us)
        comes_back = act.kind is ActKind.REOPEN and draft.is_over
        if comes_back:
            self._refuse_second(held.case)
        acts.do(draft, act)
        if comes_back:
            held = self._reopened(held, draft)
        return self._after_act(draft, held.roll, is_calm=act.kind in _CALM)

    def record(self, number: int, press: Press, now_us: int) -> CaseChange:
        """Add to an open case what came of a button that somebody pressed.

        Raises:
            UnknownCaseError: There is no such case.
        """
        held = self._find(number, None)
        draft = Draft(held.case, now_us)
        draft.say(EntryKind.ACTED, press.text, press.actor, press.via)
        if not draft.is_over:  # whoever votes about a case that ended does so on the desk
            left = (vote for vote in held.case.votes if vote.command != press.decided)
            draft.set(votes=(*left, *press.votes))
        return self._after_act(draft, held.roll, is_calm=False)

    def set_mute(self, mute: Mute, now_us: int) -> list[CaseChange]:
        """Take a mute, or end one by its id; return the cases that may be told now.

        Raises:
            ActRefusedError: There is no such rule.
        """
        if mute.rule not in self._policy.rules and mute.until_us > now_us:
            raise ActRefusedError(f"there is no rule {mute.rule[:64]}, so it cannot be muted")
        self._mutes.set(mute)
        self._due.update(dict.fromkeys(self._shelf.open_of(mute.rule), now_us))
        return self._do_due(now_us)

    def mutes(self, now_us: int) -> list[Mute]:
        """Return the mutes that have not expired."""
        return self._mutes.now(now_us)

    def open_cases(self) -> list[Case]:
        """Return the cases that are not resolved, in order of their numbers."""
        return self._shelf.open_cases()

    def holds(self, number: int) -> bool:
        """Whether the book has a case: all that are open, and those that ended lately."""
        return self._shelf.get(number) is not None

    def holding(self) -> list[Reading]:
        """Return what holds by the cases, for a ``Watch`` that begins."""
        return [
            _reading(held.case, one.subject, one.at_stake_usd)
            for held in self._shelf
            for one in held.roll
            if one.active
        ]

    def channels(self, change: CaseChange) -> tuple[str, ...]:
        """Return the channels that hear of a change: by the routes, and all that heard before."""
        return change.case.memory.channels if change.tell else ()

    def _begin_with(self, held: Held) -> None:
        case = held.case
        if case.state is CaseState.RESOLVED:
            self._shelf.lay_down(held, _resolved_us(case))
        else:
            self._shelf.stand(held, case.last_us)
            self._due[case.number] = 0

    # What rules saw

    def _sort(self, change: Change, works: dict[int, Work], now_us: int) -> None:
        rule, subject = change.reading.rule, change.reading.subject
        dismissed = self._shelf.dismissed(rule, subject)
        if change.kind is ChangeKind.CLEARED:
            number = self._shelf.about(rule, subject) if dismissed is None else dismissed
            if number is not None:
                self._end(self._work(number, works, now_us), subject)
            return
        if dismissed is not None and self._stays_away(change, dismissed, works, now_us):
            return
        number = self._shelf.about(rule, subject)
        if number is None:
            number = self._place(change, works, now_us)
        self._work(number, works, now_us).take(change)

    def _end(self, work: Work, subject: str) -> None:
        was_over = work.draft.is_over
        work.end(subject)
        case = work.draft.case
        if was_over:
            self._shelf.undismiss(case.rule, subject, work.draft.now_us)
        elif work.draft.is_over:
            self._shelf.lay_down(Held(case, work.roll), work.draft.now_us)

    def _place(self, change: Change, works: dict[int, Work], now_us: int) -> int:
        """Return the case for a subject that has none."""
        reading, shelf = change.reading, self._shelf
        lately = self._ended_lately(_key(reading), now_us)
        if lately is not None:
            return self._begin_again(self._work(lately, works, now_us), "Raised again.")
        rule, usd = self._policy.rule(reading.rule), known_usd(reading.at_stake_usd)
        joins = self._bursts.joins(rule, usd, reading.symbol, now_us)
        self._bursts.count(reading.rule, now_us, alone=not joins)
        if not joins:
            return self._open(change, works, now_us, is_group=False)
        number = self._group(change, works, now_us)
        self._work(number, works, now_us).join()
        shelf.join(reading.rule, reading.subject, number)
        return number

    def _stays_away(
        self, change: Change, dismissed: int, works: dict[int, Work], now_us: int
    ) -> bool:
        """Whether a state that a person dismissed stays that: as long as it is no worse."""
        work = self._work(dismissed, works, now_us)
        case = work.draft.case
        if change.severity.rank <= case.severity.rank:
            return True
        if self._shelf.open_by(case.dedupe_key) is None:
            self._begin_again(work, "Worse than when it was resolved.")
        else:
            self._end(work, change.reading.subject)
        return False

    def _group(self, change: Change, works: dict[int, Work], now_us: int) -> int:
        rule = change.reading.rule
        number = self._shelf.open_by(rule)
        if number is not None:
            return number
        lately = self._ended_lately(rule, now_us)
        if lately is not None:
            work = self._work(lately, works, now_us)
            if work.roll.active_count == 0:
                return self._begin_again(work, "Many again.")
        return self._open(change, works, now_us, is_group=True)

    def _open(self, change: Change, works: dict[int, Work], now_us: int, *, is_group: bool) -> int:
        reading = change.reading
        self._last_number += 1
        case = Case(
            number=self._last_number,
            rule=reading.rule,
            dedupe_key=reading.rule if is_group else _key(reading),
            title=f"{title_of(reading.rule)}: {reading.subject}",
            severity=change.severity,
            state=CaseState.OPEN,
            team=self._policy.rule(reading.rule).team,
            opened_us=now_us,
            last_us=now_us,
            happened_at_ns=reading.happened_at_ns,
            at_stake_usd=0.0,
            worst_usd=0.0,
            headline=reading.headline,
            advice=reading.advice,
            count=0,
            is_group=is_group,
        )
        held = Held(case)
        self._shelf.stand(held, now_us)
        self._shelf.join(reading.rule, reading.subject, case.number)
        self._work(case.number, works, now_us)
        return case.number

    def _begin_again(self, work: Work, why: str) -> int:
        work.reopen(why)
        held = Held(work.draft.case, work.roll)
        self._shelf.stand(held, work.draft.now_us)
        return held.case.number

    def _ended_lately(self, dedupe_key: str, now_us: int) -> int | None:
        number = self._shelf.ended_by(dedupe_key)
        held = None if number is None else self._shelf.get(number)
        if held is None or self._shelf.open_by(dedupe_key) is not None:
            return None
        is_late = now_us - _resolved_us(held.case) > us(self._policy.flap.within_s)
        return None if is_late else number

    def _work(self, number: int, works: dict[int, Work], now_us: int) -> Work:
        work = works.get(number)
        if work is None:
            held = self._shelf.get(number)
            if held is None:
                raise UnknownCaseError(number)
            work = works[number] = Work(Draft(held.case, now_us), held.roll, self._policy)
        return work

    # What people do

    def _find(self, number: int, kept: Case | None) -> Held:
        held = self._shelf.get(number)
        if held is not None:
            return held
        if kept is None or kept.number != number:
            raise UnknownCaseError(number)
        return Held(kept)

    def _refuse_second(self, case: Case) -> None:
        names = [one.subject for one in Held(case).roll]
        others = {self._shelf.dismissed(case.rule, subject) for subject in names}
        others.add(self._shelf.open_by(case.dedupe_key))
        newer = [number for number in others if number not in {None, case.number}]
        if newer:
            raise ActRefusedError(
                f"{case.name} cannot be reopened: A-{newer[0]} is newer and about the same"
            )

    def _reopened(self, held: Held, draft: Draft) -> Held:
        """Put a case that was resolved among the open ones, and return it."""
        if not self.holds(held.case.number):
            # nobody looked after it since: what still holds will be seen again
            for one in list(held.roll):
                held.roll.end(one.subject, draft.now_us)
        self._shelf.stand(Held(draft.case, held.roll), draft.now_us)
        draft.set(
            members=held.roll.settle(),
            active_count=held.roll.active_count,
            at_stake_usd=held.roll.total_usd,
        )
        draft.remember(others=held.roll.others())
        draft.note_figures()
        return held

    def _after_act(self, draft: Draft, roll: Roll, *, is_calm: bool) -> CaseChange:
        channels = draft.case.memory.channels
        if is_calm or not channels:
            tell = self._go_on(draft)
        else:
            draft.tell(channels)
            tell = True
        return self._keep(draft, roll, tell=tell)

    # What time does

    def _do_due(self, now_us: int) -> list[CaseChange]:
        found = []
        while due := self._now_due(now_us):
            for number in due:
                held = self._shelf.get(number)
                if held is None or held.case.state is CaseState.RESOLVED:
                    self._due.pop(number, None)
                    continue
                change = self._conclude(Draft(held.case, now_us), held.roll)
                found += [] if change is None else [change]
        return found

    def _now_due(self, now_us: int) -> list[int]:
        """Return the cases to look at, also those that others made beside the point, or no more."""
        changed, self._shelf.changed_rules = self._shelf.changed_rules, set()
        for rule in self._inhibition.concerned(changed):
            self._due.update(dict.fromkeys(self._shelf.open_of(rule), now_us))
        return sorted(number for number, due_us in self._due.items() if due_us <= now_us)

    def _conclude(self, draft: Draft, roll: Roll) -> CaseChange | None:
        """Do what the clock makes of a case, and return it if anything is new."""
        tell = self._go_on(draft)
        if draft.is_changed:
            return self._keep(draft, roll, tell=tell)
        if not draft.is_over:
            self._set_due(draft.case, draft.now_us)
        return None

    def _go_on(self, draft: Draft) -> bool:
        """Let a case do what is due, and return whether channels hear of it."""
        if not draft.is_over:
            self._pass_time(draft)
        case = draft.case
        if draft.is_over:
            return draft.speak(case.memory.channels)
        return draft.speak(self._hearers(case, draft.now_us))

    def _pass_time(self, draft: Draft) -> None:
        rule = self._policy.rule(draft.case.rule)
        timing.wake(draft)
        self._inhibit(draft)
        timing.settle(draft, self._policy)
        timing.rest(draft, rule)
        if draft.is_over:
            return
        timing.worsen(draft, rule)
        timing.tell_news(draft, self._policy)
        silent = not self._hearers(draft.case, draft.now_us)
        timing.call_again(draft, rule, self._policy, silent=silent)

    def _keep(self, draft: Draft, roll: Roll, *, tell: bool) -> CaseChange:
        """Take a draft as the case that there is from now on."""
        number = draft.case.number
        if not draft.is_over:
            draft.set(due_us=self._set_due(draft.case, draft.now_us))
        elif number in self._shelf.open_of(draft.case.rule):
            self._shelf.lay_down(Held(draft.case, roll), draft.now_us)
        if draft.is_over:
            self._due.pop(number, None)
        held = self._shelf.get(number)
        if held is not None:
            held.case, held.roll = draft.case, roll
        return draft.change(tell=tell)

    def _set_due(self, case: Case, now_us: int) -> int | None:
        due_us = timing.due_us(case, self._policy, self._free_us(case, now_us))
        if due_us is None:
            self._due.pop(case.number, None)
            return None
        # never now: what could be done now is done
        self._due[case.number] = max(due_us, now_us + 1)
        return self._due[case.number]

    def _hearers(self, case: Case, now_us: int) -> Sequence[str]:
        if case.state is CaseState.SNOOZED:
            return ()
        return hearers(self._policy, self._mutes, case, now_us)

    def _free_us(self, case: Case, now_us: int) -> int | None:
        if case.inhibited_by is not None:
            return self._inhibition.released_us(case.inhibited_by)
        if not case.memory.untold or case.state is CaseState.SNOOZED:
            return None
        return ends_us(self._policy, self._mutes, case, now_us)

    # What makes a case beside the point

    def _inhibit(self, draft: Draft) -> None:
        case = draft.case
        number = self._inhibition.of(case, draft.now_us)
        if number == case.inhibited_by:
            return
        draft.set(inhibited_by=number)
        if number is not None:
            draft.say(EntryKind.NOTED, f"Beside the point while A-{number} is open.")
        else:
            draft.say(EntryKind.WOKEN, f"A-{case.inhibited_by} is over, this one is not.")


def _key(reading: Reading) -> str:
    return single_key(reading.rule, reading.subject)


def _resolved_us(case: Case) -> int:
    return 0 if case.resolved_us is None else case.resolved_us


def _reading(case: Case, subject: str, at_stake_usd: float) -> Reading:
    """Return what is known of a member whose state holds."""
    shown = next((one for one in case.members if one.subject == subject), None)
    return Reading(
        rule=case.rule,
        subject=subject,
        value=0.0 if shown is None else shown.value,
        at_stake_usd=at_stake_usd,
        happened_at_ns=case.happened_at_ns,
        headline=case.headline if shown is None else shown.headline,
        advice=case.advice,
        symbol=case.symbol,
    )
