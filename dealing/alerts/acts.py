"""What people do to a case, each act checked before it counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from dealing.alerts.drafts import Draft
from dealing.alerts.errors import ActRefusedError
from dealing.alerts.model import Act, ActKind, CaseState, EntryKind, Outcome
from dealing.alerts.policy import US_PER_S
from dealing.alerts.sources.wording import usd
from dealing.commands.rules import problem_of_actor

LONGEST_NOTE: Final = 2_000
LONGEST_SNOOZE_S: Final = 7 * 86_400
MOST_USD: Final = 1e12


def do(draft: Draft, act: Act) -> None:
    """Do an act to a draft of its case.

    Raises:
        ActRefusedError: It cannot be meant, or not for a case in this state.
    """
    problem = problem_of_actor(act.actor) or _problem_of_text(act) or _problem_of_usd(act)
    if problem:
        raise ActRefusedError(problem)
    _ACTS[act.kind](draft, act)


def _acknowledge(draft: Draft, act: Act) -> None:
    case = draft.case
    if case.state is CaseState.ACKNOWLEDGED:
        owner = f" by {case.owner}" if case.owner else ""
        raise ActRefusedError(f"{case.name} was acknowledged already{owner}")
    _refuse_resolved(draft)
    draft.set(state=CaseState.ACKNOWLEDGED, snoozed_until_us=None)
    _answer(draft, act)
    draft.remember(untold=False, calling_us=None, acknowledged_count=case.count)
    draft.say(EntryKind.ACKNOWLEDGED, _with_note("Acknowledged", act), act.actor, act.via)


def _snooze(draft: Draft, act: Act) -> None:
    _refuse_resolved(draft)
    until_us = act.until_us
    if until_us is None or until_us <= draft.now_us:
        raise ActRefusedError("a snooze needs a moment in the future at which it ends")
    if until_us > draft.now_us + LONGEST_SNOOZE_S * US_PER_S:
        raise ActRefusedError("a snooze ends within a week: resolve the case, or mute its rule")
    draft.set(state=CaseState.SNOOZED, snoozed_until_us=until_us)
    _answer(draft, act)
    draft.remember(calling_us=None)
    until = f"{datetime.fromtimestamp(until_us // US_PER_S, UTC):%Y-%m-%d %H:%M} UTC"
    draft.say(EntryKind.SNOOZED, _with_note(f"Snoozed until {until}", act), act.actor, act.via)


def _own(draft: Draft, act: Act) -> None:
    _refuse_resolved(draft)
    owner = act.owner.strip()
    if owner and problem_of_actor(owner):
        raise ActRefusedError(problem_of_actor(owner).replace("actor", "owner"))
    draft.set(owner=owner)
    what = f"It is {owner}'s now" if owner else "It is nobody's now"
    draft.say(EntryKind.OWNED, _with_note(what, act), act.actor, act.via)


def _note(draft: Draft, act: Act) -> None:
    if not act.note.strip():
        raise ActRefusedError("a note needs a text")
    draft.say(EntryKind.NOTED, act.note.strip(), act.actor, act.via)


def _resolve(draft: Draft, act: Act) -> None:
    _refuse_resolved(draft)
    _answer(draft, act)
    if act.outcome is not None:
        _keep_outcome(draft, act)
    draft.resolve(_with_note(f"Resolved{_outcome_words(act)}", act), act.actor, act.via)


def _grade(draft: Draft, act: Act) -> None:
    if act.outcome is None:
        raise ActRefusedError("a grade is useful, noise or ungraded")
    _keep_outcome(draft, act)
    draft.say(EntryKind.GRADED, _with_note(f"Graded{_outcome_words(act)}", act), act.actor, act.via)


def _reopen(draft: Draft, act: Act) -> None:
    """Let a case be open again, whatever was done to it: an acknowledgement and a snooze too."""
    if draft.case.state is CaseState.OPEN:
        raise ActRefusedError(f"{draft.case.name} is open")
    was_over = draft.is_over
    draft.call()
    draft.set(last_us=draft.now_us)
    if was_over:
        draft.remember(kept_open=True)
    draft.say(EntryKind.OPENED, _with_note("Reopened", act), act.actor, act.via)


_ACTS: Final[dict[ActKind, Callable[[Draft, Act], None]]] = {
    ActKind.ACKNOWLEDGE: _acknowledge,
    ActKind.SNOOZE: _snooze,
    ActKind.OWN: _own,
    ActKind.NOTE: _note,
    ActKind.RESOLVE: _resolve,
    ActKind.GRADE: _grade,
    ActKind.REOPEN: _reopen,
}


def _answer(draft: Draft, act: Act) -> None:
    """Note that somebody looked, and whose case it is from then on."""
    case = draft.case
    first_us = draft.now_us if case.acknowledged_us is None else case.acknowledged_us
    draft.set(acknowledged_us=first_us, owner=case.owner or act.actor)


def _keep_outcome(draft: Draft, act: Act) -> None:
    draft.set(outcome=act.outcome, outcome_usd=act.outcome_usd)


def _refuse_resolved(draft: Draft) -> None:
    if draft.is_over:
        raise ActRefusedError(f"{draft.case.name} is resolved already: reopen it first")


def _problem_of_text(act: Act) -> str:
    plain = act.note.replace("\n", " ").replace("\t", " ")
    if len(act.note) > LONGEST_NOTE or not (plain.isprintable() or not plain):
        return f"a note is text of up to {LONGEST_NOTE:,} characters"
    return ""


def _problem_of_usd(act: Act) -> str:
    if not math.isfinite(act.outcome_usd) or abs(act.outcome_usd) > MOST_USD:
        return f"outcome_usd must be an amount of up to {MOST_USD:,.0f} USD"
    return ""


def _with_note(text: str, act: Act) -> str:
    note = act.note.strip()
    return f"{text}: {note}" if note else f"{text}."


def _outcome_words(act: Act) -> str:
    if act.outcome is None or act.outcome is Outcome.UNGRADED:
        return ""
    words = f", {act.outcome.value}"
    if not act.outcome_usd:
        return words
    return f"{words}, {usd(abs(act.outcome_usd))} {'saved' if act.outcome_usd > 0 else 'lost'}"
