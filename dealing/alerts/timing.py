"""What a case does by itself as time goes by: wakes, settles, ends, says its news, calls again.

Every function looks at the case and the clock alone, so it does not matter how often it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dealing.alerts.drafts import Draft
from dealing.alerts.model import Case, CaseState, EntryKind, Severity
from dealing.alerts.policy import US_PER_S, AlertPolicy, RulePolicy, us
from dealing.alerts.sources.wording import counted, span, usd

_DOUBLED: Final = 2.0
_AWAKE: Final = (CaseState.OPEN, CaseState.ACKNOWLEDGED)


def wake(draft: Draft) -> None:
    """End a snooze whose time has come."""
    case = draft.case
    until_us = case.snoozed_until_us
    if case.state is CaseState.SNOOZED and until_us is not None and until_us <= draft.now_us:
        draft.call()
        draft.say(EntryKind.WOKEN, "The snooze is over, the case is not.")


def settle(draft: Draft, policy: AlertPolicy) -> None:
    """End flapping that has stopped: the case goes on as what it is by now."""
    case = draft.case
    if not case.flapping or _settles_us(case, policy) > draft.now_us:
        return
    steady = f"Steady for {span(policy.flap.within_s)}"
    if case.active_count == 0:
        draft.resolve(f"{steady}: it is over.")
        return
    draft.set(flapping=False)
    draft.remember(untold=True)
    draft.note_figures()
    draft.say(EntryKind.FLAPPING, f"{steady}: it holds.")


def rest(draft: Draft, rule: RulePolicy) -> None:
    """End a case that holds nothing and has been quiet for long enough."""
    if _is_quieting(draft.case) and _quiet_us(draft.case, rule) <= draft.now_us:
        draft.resolve(f"Nothing new for {span(rule.quiet_s)}.")


def worsen(draft: Draft, rule: RulePolicy) -> None:
    """Say that there is twice as much at stake as when the timeline spoke of it last."""
    case = draft.case
    least_usd = rule.figures_of(case.symbol).warning_usd
    if 0.0 < _DOUBLED * max(case.memory.noted_usd, least_usd) <= case.at_stake_usd:
        members = f"{_so_many(case)}. " if case.is_group else ""
        draft.say(EntryKind.WORSE, f"{members}Now {usd(case.at_stake_usd)} at stake.")
        draft.remember(untold=True)
        draft.note_figures()


def tell_news(draft: Draft, policy: AlertPolicy) -> None:
    """Say how many came and went, when that is enough or has waited long enough."""
    case = draft.case
    if not _has_news(case):
        return
    memory = case.memory
    has_grown = case.count >= _DOUBLED * memory.noted_count
    if not has_grown and memory.noted_us + us(policy.update_s) > draft.now_us:
        return
    came = case.count - memory.noted_count
    kind = EntryKind.JOINED if came else EntryKind.CLEARED
    begin = f"{came:,} more" if came else "Some are over"
    draft.say(kind, f"{begin}. {_so_many(case)}, {usd(case.at_stake_usd)} at stake.")
    draft.remember(untold=True)
    draft.note_figures()


def call_again(draft: Draft, rule: RulePolicy, policy: AlertPolicy, *, silent: bool) -> None:
    """Go up the on-call order, or call once more, for a case that nobody acknowledges.

    What is due while nobody may be told is told as soon as somebody may, and the time to answer
    begins then.
    """
    case = draft.case
    if case.state is not CaseState.OPEN or case.memory.calling_us is None:
        return
    level = _level(case, rule, policy, draft.now_us)
    is_due = any(due <= draft.now_us for due in _repeats(case, rule))
    if level <= case.level and not is_due:
        return
    if silent:
        draft.remember(untold=True, calling_us=None, called_us=None)
        return
    waited = span((draft.now_us - case.memory.calling_us) / US_PER_S)
    if level > case.level:
        draft.set(level=level)
        draft.say(EntryKind.ESCALATED, f"Not acknowledged for {waited}: level {level}.")
    else:
        draft.say(EntryKind.REPEATED, f"Not acknowledged for {waited}.")
    draft.remember(untold=True, called_us=draft.now_us)


def due_us(case: Case, policy: AlertPolicy, free_us: int | None) -> int | None:
    """Return when a case has to be looked at again, None if only news can change it.

    ``free_us`` is when what keeps it from being told may end.
    """
    if case.state is CaseState.RESOLVED:
        return None
    return min(_dues(case, policy, free_us), default=None)


def _dues(case: Case, policy: AlertPolicy, free_us: int | None) -> Iterator[int]:
    rule, memory = policy.rule(case.rule), case.memory
    if case.state is CaseState.SNOOZED and case.snoozed_until_us is not None:
        yield case.snoozed_until_us
    if case.flapping:
        yield _settles_us(case, policy)
    if _is_quieting(case):
        yield _quiet_us(case, rule)
    if _has_news(case):
        yield memory.noted_us + us(policy.update_s)
    if free_us is not None:
        yield free_us
    if case.state is CaseState.OPEN and memory.calling_us is not None:
        yield from _repeats(case, rule)
        steps = policy.escalation if _escalates(case, rule) else ()
        yield from (memory.calling_us + us(one.after_s) for one in steps if one.level > case.level)


def _settles_us(case: Case, policy: AlertPolicy) -> int:
    newest_us = case.toggles_us[-1] if case.toggles_us else case.last_us
    return newest_us + us(policy.flap.within_s)


def _is_quieting(case: Case) -> bool:
    holds_on = case.active_count > 0 or case.flapping or case.memory.kept_open
    return case.state in _AWAKE and not holds_on


def _quiet_us(case: Case, rule: RulePolicy) -> int:
    return case.last_us + us(rule.quiet_s)


def _has_news(case: Case) -> bool:
    memory = case.memory
    is_new = case.count > memory.noted_count or case.active_count != memory.noted_active
    return is_new and not case.flapping and case.state is not CaseState.RESOLVED


def _repeats(case: Case, rule: RulePolicy) -> Iterator[int]:
    called_us = case.memory.called_us
    if called_us is not None and rule.repeat_s > 0.0 and case.severity is not Severity.INFO:
        yield called_us + us(rule.repeat_s)


def _escalates(case: Case, rule: RulePolicy) -> bool:
    return rule.escalates and case.severity is Severity.CRITICAL


def _level(case: Case, rule: RulePolicy, policy: AlertPolicy, now_us: int) -> int:
    if not _escalates(case, rule) or case.memory.calling_us is None:
        return 0
    waited_us = now_us - case.memory.calling_us
    reached = (step.level for step in policy.escalation if us(step.after_s) <= waited_us)
    return max(reached, default=0)


def _so_many(case: Case) -> str:
    if not case.is_group:
        return f"{counted(case.count, 'time')} by now"
    members = f"{case.member_count:,} by now"
    return f"{members}, {case.active_count:,} still hold" if case.active_count else members
