"""What people ask and do about alerts on the desk, as use cases over the cases that are kept.

The alerts process is the only one that writes cases: whatever changes one goes through
:class:`CaseActs`, and what was long ago is read from the store. Answers are plain data; times in
them are epoch milliseconds.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from dealing.alerts.asked import ActAsked, HandOverAsked, MuteAsked, UnmuteAsked
from dealing.alerts.delivery_health import DeliveryHealth
from dealing.alerts.errors import UnknownCaseError
from dealing.alerts.grades import RuleGrade, grades_of
from dealing.alerts.handover import HandOver, HouseFacts, as_text, hand_over
from dealing.alerts.model import Act, ActKind, Case, CaseState, Entry, Mute, Severity
from dealing.alerts.policy import AlertPolicy
from dealing.alerts.ports import AlertStore, CasesAsked
from dealing.alerts.sources.registry import BY_NAME, RULES
from dealing.alerts.told import case_told, cases_csv, entry_told, mute_told, note_told, rule_told
from dealing.commands.errors import BadRequestError
from exposure.errors import DeskError

Told = dict[str, Any]

VIA: Final = "desk"
TOP: Final = 12
SHIFT_US: Final = 8 * 3_600 * 1_000_000
LONGEST_SHIFT_US: Final = 7 * 86_400 * 1_000_000

_MINUTE_US: Final = 60_000_000
_DAY_US: Final = 86_400_000_000
_KEYS_KEPT: Final = 1_000
_GRADED_CASES: Final = 20_000
_NOTE_CASES: Final = 5_000
_NOTE_ENTRIES: Final = 50_000
_URGENCY: Final = {CaseState.OPEN: 0, CaseState.ACKNOWLEDGED: 1, CaseState.SNOOZED: 2}


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How alerting itself does; ``problems`` say what it cannot see or do, a sentence each."""

    channels: tuple[DeliveryHealth, ...] = ()
    problems: tuple[str, ...] = ()


class CaseActs(Protocol):
    """What the alerts process knows at this moment, and what it does.

    What is not awaited is answered from memory.
    """

    def open_cases(self) -> Sequence[Case]:
        """Return all cases that are not resolved."""
        ...

    def mutes(self) -> Sequence[Mute]:
        """Return the mutes that have not expired."""
        ...

    def health(self) -> Health:
        """Return how channels and sources do."""
        ...

    def policy(self) -> AlertPolicy:
        """Return the policy in force."""
        ...

    async def act(self, act: Act) -> Case:
        """Do something to a case and return it; DomainError says why it cannot be done."""
        ...

    async def mute(self, mute: Mute) -> None:
        """Mute a rule or a subject of it."""
        ...

    async def unmute(self, mute_id: str, actor: str) -> None:
        """End a mute; DomainError where there is none."""
        ...

    async def house(self) -> HouseFacts:
        """Return exposure, P&L, health and overrides, as a hand-over note says them."""
        ...

    def handed_over_us(self) -> int | None:
        """Return when the last note was handed over."""
        ...

    async def hand_over(self, note: HandOver, text: str, actor: str) -> Sequence[str]:
        """Record a note, say it on the channels, and return the names of those."""
        ...


class AlertService:
    """The use cases behind the screen of alerts."""

    def __init__(
        self,
        store: AlertStore,
        acts: CaseActs,
        now_us: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        """Take where cases are kept, who changes them, the wall clock, and names for mutes."""
        self._store = store
        self._acts = acts
        self._now_us = now_us
        self._new_id = new_id
        self._once = _Once()

    def summary(self) -> Told:
        """Return how many cases need people, how alerting does, and the most urgent cases.

        Every screen asks this every other second: it is answered from memory. ``stamp`` changes
        when any open case does.
        """
        now_us = self._now_us()
        cases = self._acts.open_cases()
        urgent = sorted(cases, key=_urgency)[:TOP]
        return {
            **self._counted(cases, now_us),
            "stamp": _stamp(cases),
            "top": [case_told(case) for case in urgent],
        }

    async def listed(self, asked: CasesAsked) -> Told:
        """Return cases, those that changed last first, with the counts of the open ones.

        Raises:
            StorageError: The cases cannot be read.
        """
        cases = self._acts.open_cases()
        found = _in_memory(cases, asked)
        if found is None:
            found = await asyncio.to_thread(self._store.cases, asked)
        return {
            **self._counted(cases, self._now_us()),
            "stamp": _stamp(cases),
            "cases": [case_told(case) for case in found],
            "more": len(found) == asked.limit,
        }

    async def exported(self, asked: CasesAsked) -> str:
        """Return the same cases as CSV, nothing in it that a spreadsheet would compute."""
        return cases_csv(await asyncio.to_thread(self._store.cases, asked))

    async def case(self, number: int) -> Told:
        """Return a case with its timeline and members.

        Raises:
            UnknownCaseError: There is none.
            StorageError: It cannot be read.
        """
        case, entries = await asyncio.to_thread(self._read, number)
        mutes = [mute for mute in self._acts.mutes() if _is_about(mute, case)]
        return {
            "now_ms": self._now_us() // 1_000,
            "case": case_told(case, with_members=True),
            "timeline": [entry_told(entry) for entry in entries],
            "mutes": [mute_told(mute) for mute in mutes],
        }

    async def act(self, asked: ActAsked) -> Told:
        """Do something to a case and return it as it is now.

        Raises:
            BadRequestError: The request cannot be meant.
            DomainError: It cannot be done to this case.
            UnknownCaseError: There is no such case.
            StorageError: It cannot be kept.
        """
        _check(asked.problems())
        return await self._once.do(asked.key, lambda: self._act(asked))

    def muted(self) -> Told:
        """Return the mutes that have not expired, the first to end first."""
        mutes = sorted(self._acts.mutes(), key=lambda mute: mute.until_us)
        return {"now_ms": self._now_us() // 1_000, "mutes": [mute_told(mute) for mute in mutes]}

    async def mute(self, asked: MuteAsked) -> Told:
        """Mute a rule, or one subject of it, until a moment.

        Raises:
            BadRequestError: The request cannot be meant.
            StorageError: It cannot be kept.
        """
        unknown = [] if asked.rule in BY_NAME else [f"there is no rule {asked.rule[:40]}"]
        _check([*unknown, *asked.problems()])
        return await self._once.do(asked.key, lambda: self._mute(asked))

    async def unmute(self, asked: UnmuteAsked) -> Told:
        """End a mute.

        Raises:
            BadRequestError: The request cannot be meant.
            DomainError: There is no such mute.
            StorageError: It cannot be kept.
        """
        _check(asked.problems())
        return await self._once.do(asked.key, lambda: self._unmute(asked))

    def rules(self) -> Told:
        """Return the rules and the policy's figures."""
        policy = self._acts.policy()
        rules = [rule_told(words, policy.rules.get(words.name)) for words in RULES]
        return {"policy": policy.label, "rules": rules}

    async def grades(self, days: int) -> Told:
        """Return the grades of each rule, from cases that ended in the last days.

        Raises:
            StorageError: The cases cannot be read.
        """
        since_us = self._now_us() - days * _DAY_US
        grades = await asyncio.to_thread(self._grades, since_us)
        told = [msgspec.to_builtins(grade) for grade in grades]
        return {"since_ms": since_us // 1_000, "grades": told}

    async def note(self, since_ms: int | None) -> Told:
        """Return the hand-over note from a moment until now; without one, since the last note.

        Raises:
            StorageError: The log cannot be read.
        """
        note = await self._noted(since_ms, "")
        return {**note_told(note), "text": as_text(note), "since_last": self._since_last()}

    async def hand_over(self, asked: HandOverAsked) -> Told:
        """Record a hand-over note and say it on the channels.

        Raises:
            BadRequestError: The request cannot be meant.
            StorageError: It cannot be kept.
        """
        _check(asked.problems())
        return await self._once.do(asked.key, lambda: self._hand_over(asked))

    def _counted(self, cases: Sequence[Case], now_us: int) -> Told:
        awake = [case for case in cases if case.state is not CaseState.SNOOZED and _counts(case)]
        waiting = [case for case in awake if case.state is CaseState.OPEN]
        oldest_us = min((case.opened_us for case in waiting), default=None)
        health = self._acts.health()
        return {
            "now_ms": now_us // 1_000,
            "counts": {
                **{one.value: sum(case.severity is one for case in awake) for one in Severity},
                "unacknowledged": len(waiting),
                "unacknowledged_critical": sum(
                    case.severity is Severity.CRITICAL for case in waiting
                ),
                "snoozed": sum(case.state is CaseState.SNOOZED for case in cases),
                "inhibited": sum(not _counts(case) for case in cases),
                "open": len(cases),
            },
            "oldest_unacknowledged_ms": None if oldest_us is None else oldest_us // 1_000,
            "muted": len(self._acts.mutes()),
            "channels": [_channel_told(one) for one in health.channels],
            "problems": list(health.problems),
        }

    def _grades(self, since_us: int) -> list[RuleGrade]:
        asked = CasesAsked(states=(CaseState.RESOLVED,), since_us=since_us, limit=_GRADED_CASES)
        return grades_of(self._store.cases(asked), self._acts.policy())

    def _read(self, number: int) -> tuple[Case, Sequence[Entry]]:
        case = self._store.case(number)
        if case is None:
            raise UnknownCaseError(number)
        return case, self._store.entries(number)

    async def _before(self, number: int) -> Case:
        for case in self._acts.open_cases():
            if case.number == number:
                return case
        return (await asyncio.to_thread(self._read, number))[0]

    async def _act(self, asked: ActAsked) -> Told:
        before = await self._before(asked.number)
        until_us = None
        if asked.action is ActKind.SNOOZE and asked.minutes is not None:
            until_us = self._now_us() + asked.minutes * _MINUTE_US
        done = await self._acts.act(
            Act(
                number=asked.number,
                kind=asked.action,
                actor=asked.actor.strip(),
                via=VIA,
                note=asked.note.strip(),
                owner=asked.owner.strip(),
                until_us=until_us,
                outcome=asked.outcome,
                outcome_usd=asked.outcome_usd,
            )
        )
        return {"case": case_told(done, with_members=True), "before": case_told(before)}

    async def _mute(self, asked: MuteAsked) -> Told:
        now_us = self._now_us()
        mute = Mute(
            mute_id=self._new_id(),
            rule=asked.rule,
            subject=asked.subject.strip(),
            actor=asked.actor.strip(),
            reason=asked.reason.strip(),
            since_us=now_us,
            until_us=now_us + (asked.minutes or 0) * _MINUTE_US,
        )
        await self._acts.mute(mute)
        return {"mute": mute_told(mute)}

    async def _unmute(self, asked: UnmuteAsked) -> Told:
        await self._acts.unmute(asked.mute_id, asked.actor.strip())
        return {"ended": asked.mute_id}

    def _since_last(self) -> int | None:
        last_us = self._acts.handed_over_us()
        return None if last_us is None else last_us // 1_000

    async def _noted(self, since_ms: int | None, words: str) -> HandOver:
        now_us = self._now_us()
        since_us = self._begin(since_ms, now_us)
        asked = CasesAsked(since_us=since_us, limit=_NOTE_CASES)
        changed = await asyncio.to_thread(self._store.cases, asked)
        entries = await asyncio.to_thread(self._store.entries_since, since_us, _NOTE_ENTRIES)
        cases = [*changed, *self._acts.open_cases()]
        house = await self._acts.house()
        return hand_over(since_us, now_us, cases, entries, self._acts.mutes(), house, words)

    def _begin(self, since_ms: int | None, now_us: int) -> int:
        last_us = self._acts.handed_over_us()
        if since_ms is not None:
            wanted = since_ms * 1_000
        elif last_us is not None:
            wanted = last_us
        else:
            wanted = now_us - SHIFT_US
        return min(now_us, max(wanted, now_us - LONGEST_SHIFT_US))

    async def _hand_over(self, asked: HandOverAsked) -> Told:
        note = await self._noted(asked.since_ms, asked.words)
        text = as_text(note)
        channels = await self._acts.hand_over(note, text, asked.actor.strip())
        return {"text": text, "channels": list(channels), "posted_ms": note.until_us // 1_000}


class _Once:
    """Answers a request with a known key as before, without doing it again.

    It forgets when the process ends: the oldest keys first, of those that are answered.
    """

    def __init__(self) -> None:
        self._held: dict[str, asyncio.Task[Told]] = {}

    async def do(self, key: str, work: Callable[[], Awaitable[Told]]) -> Told:
        if not key:
            return await work()
        task = self._held.get(key)
        if task is None:
            task = self._held[key] = asyncio.ensure_future(_awaited(work))
            self._forget_oldest()
        try:
            # whoever asked may go away: what was begun is finished
            return await asyncio.shield(task)
        except DeskError:
            self._held.pop(key, None)
            raise

    def _forget_oldest(self) -> None:
        if len(self._held) > _KEYS_KEPT:
            oldest = next((key for key, task in self._held.items() if task.done()), None)
            if oldest is not None:
                del self._held[oldest]


async def _awaited(work: Callable[[], Awaitable[Told]]) -> Told:
    return await work()


def _check(problems: list[str]) -> None:
    if problems:
        raise BadRequestError(problems)


def _in_memory(cases: Sequence[Case], asked: CasesAsked) -> list[Case] | None:
    """Return the cases that are asked for if those that are open say it all, else None."""
    over = not asked.states or CaseState.RESOLVED in asked.states
    if over or asked.search or asked.since_us is not None:
        return None
    found = [
        case
        for case in cases
        if case.state in asked.states
        and asked.rule in {"", case.rule}
        and asked.severity in {None, case.severity}
    ]
    return sorted(found, key=lambda case: (-case.last_us, -case.number))[: asked.limit]


def _counts(case: Case) -> bool:
    # a case that another one explains does not ask for anybody
    return case.inhibited_by is None


def _urgency(case: Case) -> tuple[int, int, int, float, int]:
    state = _URGENCY.get(case.state, len(_URGENCY))
    return (not _counts(case), state, -case.severity.rank, -case.at_stake_usd, -case.number)


def _stamp(cases: Sequence[Case]) -> int:
    seen = sorted(
        (case.number, case.version, case.state, case.owner, case.count, case.level)
        for case in cases
    )
    return zlib.crc32(repr(seen).encode())


def _is_about(mute: Mute, case: Case) -> bool:
    subjects = {member.subject for member in case.members}
    return mute.rule == case.rule and (not mute.subject or mute.subject in subjects)


def _channel_told(one: DeliveryHealth) -> Told:
    delays = one.wait_delays  # the events' own clock need not be ours
    return {
        "name": one.channel,
        "works": one.failing_since_us is None,
        "waiting": one.waiting,
        "oldest_s": one.oldest_s,
        "problem": "" if one.failing_since_us is None else one.last_error,
        "told_p99_ms": None if delays is None else delays.p99_ms,
    }
