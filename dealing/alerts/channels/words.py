"""A case in plain words, the same in every channel, and texts made fit to be shown anywhere.

Names of clients and notes of people come from outside. ``clean`` takes from a text what hides,
reorders or breaks it; what a channel's own markup would make of the rest is that channel's matter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from dealing.alerts.model import (
    Case,
    CaseState,
    Entry,
    EntryKind,
    Fact,
    Member,
    Outcome,
    Severity,
)
from dealing.alerts.ports import CaseMessage
from dealing.alerts.sources.registry import lasts
from dealing.alerts.sources.wording import usd

MOST_FACTS: Final = 10
MOST_MEMBERS: Final = 5
MOST_ENTRIES: Final = 5
LONGEST_TITLE: Final = 120
LONGEST_SENTENCE: Final = 1_000
LONGEST_NAME: Final = 60
LONGEST_FACT: Final = 200
LONGEST_ENTRY: Final = 400
LONGEST_SAID: Final = 12_000

_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs"})
"""Controls, marks that turn the direction of reading, private characters, halves of pairs."""

_BREAKS: Final = str.maketrans({"\t": " ", "\r": "\n", "\u2028": "\n", "\u2029": "\n"})

_AFTER_AT: Final = "\u200b"
"""Stands between an @ and a name, so that nobody is called by a text."""

_LOOKED_AT: Final = 8
"""Of a text that is many times too long, the end is not even cleaned."""

_US_PER_S: Final = 1_000_000
_MINUTE_S: Final = 60
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400

_SEVERITY_MARKS: Final = {
    Severity.INFO: "\N{LARGE BLUE CIRCLE}",
    Severity.WARNING: "\N{LARGE ORANGE CIRCLE}",
    Severity.CRITICAL: "\N{LARGE RED CIRCLE}",
}
_STATE_MARKS: Final = {
    CaseState.ACKNOWLEDGED: "\N{EYES}",
    CaseState.SNOOZED: "\N{SLEEPING SYMBOL}",
    CaseState.RESOLVED: "\N{WHITE HEAVY CHECK MARK}",
}


def clean(text: str) -> str:
    """Return a text without what cannot be seen, or what makes the rest look like another text."""
    if text.isprintable():
        return text
    plain = text.replace("\r\n", "\n").translate(_BREAKS)
    return "".join(c for c in plain if c == "\n" or unicodedata.category(c) not in _UNSEEN)


def one_line(text: str, limit: int) -> str:
    """Return a clean text on one line, at most ``limit`` long."""
    return shortened(" ".join(clean(text[: _LOOKED_AT * limit]).split()), limit)


def shortened(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` UTF-16 units, which is how Slack and others count."""
    units = text.encode("utf-16-le", "ignore")
    if len(units) <= 2 * limit:
        return text
    return units[: 2 * (limit - 1)].decode("utf-16-le", "ignore") + "\u2026"


def without_pings(text: str) -> str:
    """Return a text in which no @name is a call to anybody."""
    return text.replace("@", f"@{_AFTER_AT}")


def lasting(us: int) -> str:
    """Return how long something took.

    >>> lasting(7_500_000_000)
    '2 h 5 min'
    """
    s = max(0, us) // _US_PER_S
    if s < _MINUTE_S:
        return f"{s} s"
    if s < _HOUR_S:
        return f"{s // _MINUTE_S} min"
    if s < _DAY_S:
        return f"{s // _HOUR_S} h {s % _HOUR_S // _MINUTE_S} min"
    return f"{s // _DAY_S} d {s % _DAY_S // _HOUR_S} h"


def moment(us: int, now_us: int) -> str:
    """Return a time of day, with its date if that is not today's.

    >>> moment(0, 0)
    '00:00:00 UTC'
    """
    at, now = (datetime.fromtimestamp(t // _US_PER_S, UTC) for t in (us, now_us))
    day = "" if at.date() == now.date() else f"{at.day} {at:%b} "
    return f"{day}{at:%H:%M:%S} UTC"


def heading(case: Case) -> str:
    """Return what a case is, with its mark: the severity while it is open, else its state."""
    return f"{_mark(case)} {plain_heading(case)}"


def plain_heading(case: Case) -> str:
    """Return what a case is, without a mark."""
    return f"{_status(case).upper()} {case.name} {one_line(case.title, LONGEST_TITLE)}"


def summary(case: Case) -> str:
    """Return a case in one line, for a notification on a telephone."""
    stake = f"{usd(case.at_stake_usd)} at stake"
    return f"{heading(case)}: {one_line(case.headline, 200)} ({stake})"


def numbers(case: Case, now_us: int) -> tuple[Fact, ...]:
    """Return how much, how often, and for how long."""
    is_over = case.resolved_us is not None
    until_us = now_us if case.resolved_us is None else case.resolved_us
    found = [Fact("At stake", usd(case.at_stake_usd))]
    if usd(case.worst_usd) != usd(case.at_stake_usd):
        found.append(Fact("At worst", usd(case.worst_usd)))
    age = f"{lasting(until_us - case.opened_us)}, since {moment(case.opened_us, now_us)}"
    found += [Fact("Count", f"{case.count:,}"), Fact("Lasted" if is_over else "Age", age)]
    if case.member_count > 1:
        still = f" ({case.active_count:,} still active)" if lasts(case.rule) else ""
        found.append(Fact("Affected", f"{case.member_count:,}{still}"))
    return tuple(found)


def facts(case: Case) -> tuple[Fact, ...]:
    """Return the figures beside a case, fit to be shown."""
    return tuple(
        Fact(one_line(fact.name, LONGEST_NAME), one_line(fact.text, LONGEST_FACT))
        for fact in case.facts[:MOST_FACTS]
    )


def members(case: Case) -> tuple[tuple[Member, ...], int]:
    """Return the largest of a group, and how many more there are."""
    if case.member_count <= 1:
        return (), 0
    largest = case.members[:MOST_MEMBERS]
    return largest, case.member_count - len(largest)


def member_line(case: Case, member: Member) -> str:
    """Return what is said of a member after its name; what took place once is never over."""
    words = f"{usd(member.at_stake_usd)} at stake, {one_line(member.headline, 150)}"
    return f"{words} (over)" if lasts(case.rule) and not member.active else words


def standing(case: Case, now_us: int) -> tuple[str, ...]:
    """Return whose case it is and how far it is, in short sentences."""
    owner = one_line(case.owner, LONGEST_NAME)
    found = [_state(case, owner, now_us)]
    if owner and case.state is not CaseState.ACKNOWLEDGED:
        found.append(f"owner {owner}")
    found.append(f"team {one_line(case.team, LONGEST_NAME)}" if case.team else "")
    found.append("comes and goes (flapping)" if case.flapping else "")
    found.append(f"escalated {case.level}\N{MULTIPLICATION SIGN}" if case.level else "")
    found.append(f"follows from A-{case.inhibited_by}" if case.inhibited_by else "")
    found.append(_outcome(case))
    return tuple(words for words in found if words)


def entry_line(entry: Entry, now_us: int) -> str:
    """Return a line of a timeline."""
    by = one_line(entry.actor, LONGEST_NAME)
    said = one_line(entry.text, LONGEST_ENTRY)
    what = said or entry.kind.value
    if by and by.casefold() not in what.casefold():
        what = f"{what} ({by})"
    return f"{moment(entry.at_us, now_us)} {what}"


def entry_lines(entries: Sequence[Entry], now_us: int) -> tuple[str, ...]:
    """Return the newest lines of a timeline, and how many came before them."""
    left_out = len(entries) - MOST_ENTRIES
    before = (f"({left_out} earlier lines are on the desk)",) if left_out > 0 else ()
    return (*before, *(entry_line(entry, now_us) for entry in entries[-MOST_ENTRIES:]))


def news(message: CaseMessage) -> tuple[Entry, ...]:
    """Return what is new beside that the case was opened, which the message itself says."""
    return tuple(entry for entry in message.new_entries if entry.kind is not EntryKind.OPENED)


def paragraphs(message: CaseMessage) -> list[str]:
    """Return a whole case as plain text; each paragraph may have several lines."""
    case, now_us = message.case, message.now_us
    shown = (*numbers(case, now_us), *facts(case))
    found = [
        one_line(case.headline, LONGEST_SENTENCE),
        "\n".join(f"{fact.name}: {fact.text}" for fact in shown),
        _members_text(case),
        _advice_text(case),
        "; ".join(standing(case, now_us)),
        "\n".join(entry_lines(news(message), now_us)),
        message.link,
    ]
    return [paragraph for paragraph in found if paragraph]


def said(text: str) -> str:
    """Return something that is no case, fit to be shown; its lines are kept."""
    return shortened(clean(text).strip(), LONGEST_SAID)


def _mark(case: Case) -> str:
    return _STATE_MARKS.get(case.state, _SEVERITY_MARKS[case.severity])


def _status(case: Case) -> str:
    return case.severity.value if case.state is CaseState.OPEN else case.state.value


def _state(case: Case, owner: str, now_us: int) -> str:
    match case.state:
        case CaseState.ACKNOWLEDGED:
            at = "" if case.acknowledged_us is None else f", {moment(case.acknowledged_us, now_us)}"
            return f"{case.severity.value}, acknowledged by {owner or 'somebody'}{at}"
        case CaseState.SNOOZED:
            until_us = case.snoozed_until_us
            until = "" if until_us is None else f" until {moment(until_us, now_us)}"
            return f"{case.severity.value}, snoozed{until}"
        case CaseState.RESOLVED:
            at = "" if case.resolved_us is None else f" at {moment(case.resolved_us, now_us)}"
            return f"was {case.severity.value}, resolved{at}"
        case _:
            return "open, not acknowledged"


def _outcome(case: Case) -> str:
    if case.outcome is Outcome.UNGRADED:
        return ""
    if not case.outcome_usd:
        return f"graded {case.outcome.value}"
    kind = "saved" if case.outcome_usd > 0 else "lost"
    return f"graded {case.outcome.value}, {usd(abs(case.outcome_usd))} {kind}"


def _members_text(case: Case) -> str:
    largest, more = members(case)
    lines = [f"- {one_line(m.subject, LONGEST_NAME)}: {member_line(case, m)}" for m in largest]
    return "\n".join([*lines, f"- and {more:,} more"] if more > 0 and largest else lines)


def _advice_text(case: Case) -> str:
    advice = one_line(case.advice, LONGEST_SENTENCE)
    return f"What to do: {advice}" if advice else ""
