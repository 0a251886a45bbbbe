"""What people ask for on the screen of alerts, and what is wrong with it, in sentences."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from dealing.alerts.handover import LONGEST_WORDS
from dealing.alerts.model import ActKind, Outcome
from dealing.commands.rules import problem_of_actor, problem_of_reason

MOST_MINUTES: Final = 7 * 24 * 60
LONGEST_NOTE: Final = 500
LONGEST_SUBJECT: Final = 200
MOST_USD: Final = 1e12


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    actor: str
    key: str = ""


class ActAsked(_Asked, frozen=True, kw_only=True):
    """What somebody wants to do to a case; ``minutes`` is for how long it is snoozed.

    A request with the same ``key`` is answered again and done once.
    """

    number: int
    action: ActKind
    note: str = ""
    owner: str = ""
    minutes: int | None = None
    outcome: Outcome | None = None
    outcome_usd: float = 0.0

    def problems(self) -> list[str]:
        """Return everything that is wrong with it, a sentence each."""
        found = [problem_of_actor(self.actor), _problem_of_text("note", self.note, LONGEST_NOTE)]
        match self.action:
            case ActKind.SNOOZE:
                found.append(_problem_of_minutes(self.minutes))
            case ActKind.NOTE if not self.note.strip():
                found.append("note must not be empty")
            case ActKind.OWN if self.owner.strip():
                found.append(problem_of_actor(self.owner).replace("actor", "owner"))
            case ActKind.GRADE if self.outcome is None:
                found.append("outcome must be useful, noise or ungraded")
        if not math.isfinite(self.outcome_usd) or abs(self.outcome_usd) > MOST_USD:
            found.append(f"outcome_usd must be an amount of up to {MOST_USD:,.0f} USD")
        return [problem for problem in found if problem]


class MuteAsked(_Asked, frozen=True, kw_only=True):
    """Somebody wants to mute a rule, or one subject of it, for some minutes."""

    rule: str
    subject: str = ""
    reason: str = ""
    minutes: int | None = None

    def problems(self) -> list[str]:
        """Return everything that is wrong with it, a sentence each."""
        found = [
            problem_of_actor(self.actor),
            problem_of_reason(self.reason),
            _problem_of_minutes(self.minutes),
        ]
        if len(self.subject) > LONGEST_SUBJECT:
            found.append(f"subject must be shorter than {LONGEST_SUBJECT} characters")
        return [problem for problem in found if problem]


class UnmuteAsked(_Asked, frozen=True, kw_only=True):
    """Somebody ends a mute."""

    mute_id: str

    def problems(self) -> list[str]:
        """Return what is wrong with it, a sentence each."""
        problem = problem_of_actor(self.actor)
        return [problem] if problem else []


class HandOverAsked(_Asked, frozen=True, kw_only=True):
    """Somebody hands over; ``words`` are what he adds."""

    since_ms: int | None = None
    words: str = ""

    def problems(self) -> list[str]:
        """Return everything that is wrong with it, a sentence each."""
        found = [
            problem_of_actor(self.actor),
            _problem_of_text("words", self.words, LONGEST_WORDS),
        ]
        return [problem for problem in found if problem]


def _problem_of_text(name: str, text: str, longest: int) -> str:
    plain = text.replace("\n", " ")
    if len(text) > longest or not (plain.isprintable() or not plain):
        return f"{name} must be text of up to {longest} characters"
    return ""


def _problem_of_minutes(minutes: int | None) -> str:
    if minutes is None or not 1 <= minutes <= MOST_MINUTES:
        return f"minutes must be from 1 to {MOST_MINUTES}, which is a week"
    return ""
