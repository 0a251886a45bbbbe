"""The hand-over note at the end of a shift: what the next one has to know, made from the log.

Everything comes in as plain data, so that the same log makes the same note. As text it is plain and
stays below 3000 characters however much happened: what is left out is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from dealing.alerts.channels.words import lasting, one_line, shortened
from dealing.alerts.model import (
    Case,
    CaseState,
    Entry,
    Fact,
    Mute,
    Outcome,
    Severity,
)
from dealing.alerts.sources.wording import usd

LONGEST_TEXT: Final = 2_999
LONGEST_WORDS: Final = 500

_MOST_LINES: Final = 10
_FEWEST_FACTS: Final = 3
_LONGEST_LINE: Final = 110
_S: Final = 1_000_000


class Temporary(msgspec.Struct, frozen=True, kw_only=True):
    """Something in force that ends by itself: an override, a command that expires."""

    what: str
    actor: str
    until_us: int


class HouseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a note says of the house beside its cases, in words."""

    exposure: tuple[Fact, ...] = ()
    pnl: tuple[Fact, ...] = ()
    health: tuple[Fact, ...] = ()
    temporary: tuple[Temporary, ...] = ()


class OpenLine(msgspec.Struct, frozen=True, kw_only=True):
    """A case that the next shift takes over; ``owner`` is "" where it is nobody's."""

    name: str
    number: int
    severity: Severity
    state: CaseState
    headline: str
    owner: str
    opened_us: int
    at_stake_usd: float
    snoozed_until_us: int | None = None


class ResolvedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A case that came to its end; ``outcome_usd`` is what acting saved (+) or cost (-)."""

    name: str
    number: int
    severity: Severity
    headline: str
    owner: str
    resolved_us: int
    outcome: Outcome
    outcome_usd: float


class Acted(msgspec.Struct, frozen=True, kw_only=True):
    """How often somebody did something, by what it was, the most frequent first."""

    actor: str
    times: int
    kinds: dict[str, int]


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """A shift, from ``since_us`` to ``until_us``.

    ``open`` has the worst first, ``resolved`` the last first, ``opened`` is how many cases began in
    the shift, and ``words`` what the person who hands over adds.
    """

    since_us: int
    until_us: int
    opened: int
    open: tuple[OpenLine, ...]
    resolved: tuple[ResolvedLine, ...]
    mutes: tuple[Mute, ...]
    acted: tuple[Acted, ...]
    house: HouseFacts
    words: str = ""

    @property
    def unacknowledged_criticals(self) -> tuple[OpenLine, ...]:
        """Critical cases that nobody has taken note of."""
        return tuple(
            line
            for line in self.open
            if line.severity is Severity.CRITICAL and line.state is CaseState.OPEN
        )


def hand_over(
    since_us: int,
    until_us: int,
    cases: Sequence[Case],
    entries: Sequence[Entry],
    mutes: Sequence[Mute],
    house: HouseFacts,
    words: str = "",
) -> HandOver:
    """Return the note of a shift.

    Args:
        since_us: When the shift began.
        until_us: When it ends: usually now.
        cases: All that are not resolved, and all that began or ended in the shift; a case may be
            given twice.
        entries: Lines of timelines; those outside the shift do not count.
        mutes: Mutes; those that have ended are left out.
        house: What is known beside the cases.
        words: What the person who hands over adds.
    """
    known = {case.number: case for case in cases}.values()
    return HandOver(
        since_us=since_us,
        until_us=until_us,
        opened=sum(since_us <= case.opened_us <= until_us for case in known),
        open=_open_lines([case for case in known if case.state is not CaseState.RESOLVED]),
        resolved=_resolved_lines(list(known), since_us, until_us),
        mutes=tuple(sorted(_running(mutes, until_us), key=lambda mute: mute.until_us)),
        acted=_acted([one for one in entries if since_us <= one.at_us <= until_us]),
        house=msgspec.structs.replace(house, temporary=_temporary(house, until_us)),
        words=" ".join(words.split())[:LONGEST_WORDS],
    )


def as_text(note: HandOver) -> str:
    """Return a note as plain text for a chat or a mail, always shorter than 3000 characters."""
    for most in range(_MOST_LINES, -1, -1):
        text = "\n".join(_lines(note, most))
        if _units(text) <= LONGEST_TEXT:
            return text
    return shortened(text, LONGEST_TEXT)


def _open_lines(cases: Sequence[Case]) -> tuple[OpenLine, ...]:
    ranked = sorted(cases, key=lambda case: (-case.severity.rank, -case.at_stake_usd, case.number))
    return tuple(
        OpenLine(
            name=case.name,
            number=case.number,
            severity=case.severity,
            state=case.state,
            headline=case.headline,
            owner=case.owner,
            opened_us=case.opened_us,
            at_stake_usd=case.at_stake_usd,
            snoozed_until_us=case.snoozed_until_us,
        )
        for case in ranked
    )


def _resolved_lines(
    cases: Sequence[Case], since_us: int, until_us: int
) -> tuple[ResolvedLine, ...]:
    lines = [
        ResolvedLine(
            name=case.name,
            number=case.number,
            severity=case.severity,
            headline=case.headline,
            owner=case.owner,
            resolved_us=case.resolved_us,
            outcome=case.outcome,
            outcome_usd=case.outcome_usd,
        )
        for case in cases
        if case.state is CaseState.RESOLVED
        and case.resolved_us is not None
        and since_us <= case.resolved_us <= until_us
    ]
    return tuple(sorted(lines, key=lambda line: (-line.resolved_us, line.number)))


def _running(mutes: Sequence[Mute], now_us: int) -> Iterator[Mute]:
    return (mute for mute in mutes if mute.until_us > now_us)


def _temporary(house: HouseFacts, now_us: int) -> tuple[Temporary, ...]:
    left = [one for one in house.temporary if one.until_us > now_us]
    return tuple(sorted(left, key=lambda one: one.until_us))


def _acted(entries: Sequence[Entry]) -> tuple[Acted, ...]:
    by_actor: dict[str, Counter[str]] = {}
    for entry in entries:
        if entry.actor:
            by_actor.setdefault(entry.actor, Counter())[entry.kind.value] += 1
    acted = [
        Acted(actor=actor, times=kinds.total(), kinds=dict(kinds.most_common()))
        for actor, kinds in by_actor.items()
    ]
    return tuple(sorted(acted, key=lambda one: (-one.times, one.actor)))


def _lines(note: HandOver, most: int) -> Iterator[str]:
    """Yield the lines of the text; ``most`` bounds each of its lists, that of open cases twice."""
    yield f"Hand-over {_moment(note.since_us)} to {_moment(note.until_us)} UTC"
    if note.words:
        yield f'"{one_line(note.words, LONGEST_WORDS)}"'
    yield from _urgent(note, most)
    yield from _listed(_open_head(note), [_open_text(one, note.until_us) for one in note.open],
                       2 * most)  # fmt: skip
    yield from _listed(_resolved_head(note), [_resolved_text(one) for one in note.resolved], most)
    if note.mutes:
        yield from _listed(f"MUTED {len(note.mutes)}", [_mute_text(m) for m in note.mutes], most)
    left = note.house.temporary
    if left:
        yield from _listed(f"TEMPORARY {len(left)}", [_temporary_text(one) for one in left], most)
    for head, facts in (
        ("EXPOSURE", note.house.exposure),
        ("P&L", note.house.pnl),
        ("SYSTEMS", note.house.health),
    ):
        if facts:
            told = [f"{fact.name}: {fact.text}" for fact in facts]
            yield from _listed(head, told, max(most, _FEWEST_FACTS))
    if note.acted:
        yield from _listed("WHO ACTED", [_acted_text(one) for one in note.acted], most)


def _listed(head: str, lines: Sequence[str], most: int) -> Iterator[str]:
    yield ""
    yield head
    yield from (f"- {one_line(line, _LONGEST_LINE)}" for line in lines[:most])
    if len(lines) > most > 0:
        yield f"- and {len(lines) - most} more"


def _urgent(note: HandOver, most: int) -> Iterator[str]:
    urgent = note.unacknowledged_criticals
    if urgent:
        named = ", ".join(line.name for line in urgent[:most])
        rest = len(urgent) - most
        more = f" and {rest} more" if 0 < rest < len(urgent) else ""
        yield ""
        yield f"NOT ACKNOWLEDGED: {len(urgent)} critical{': ' if named else ''}{named}{more}"


def _open_head(note: HandOver) -> str:
    if not note.open:
        return f"OPEN: nothing ({note.opened} began in the shift)"
    counts = Counter(line.severity for line in note.open)
    parts = [f"{counts[one]} {one}" for one in reversed(Severity) if counts[one]]
    return f"OPEN {len(note.open)}: {', '.join(parts)} ({note.opened} began in the shift)"


def _open_text(line: OpenLine, now_us: int) -> str:
    state = "" if line.state is CaseState.OPEN else f", {line.state}"
    if line.snoozed_until_us is not None and line.state is CaseState.SNOOZED:
        state = f", snoozed until {_moment(line.snoozed_until_us)}"
    owner = line.owner or "nobody's"
    age, stake = lasting(now_us - line.opened_us), usd(line.at_stake_usd)
    return f"{line.name} {line.severity}, {owner}{state}, {age}, {stake}: {line.headline}"


def _resolved_head(note: HandOver) -> str:
    if not note.resolved:
        return "RESOLVED: nothing"
    counts = Counter(line.outcome for line in note.resolved)
    words = {Outcome.USEFUL: "useful", Outcome.NOISE: "noise", Outcome.UNGRADED: "not graded"}
    parts = [f"{counts[one]} {word}" for one, word in words.items() if counts[one]]
    earned = sum(line.outcome_usd for line in note.resolved)
    money = f"; {usd(abs(earned))} {'saved' if earned > 0 else 'lost'}" if earned else ""
    return f"RESOLVED {len(note.resolved)}: {', '.join(parts)}{money}"


def _resolved_text(line: ResolvedLine) -> str:
    graded = "not graded" if line.outcome is Outcome.UNGRADED else line.outcome.value
    money = f" {usd(line.outcome_usd, sign=True)}" if line.outcome_usd else ""
    owner = f", {line.owner}" if line.owner else ""
    return f"{line.name} {graded}{money}{owner}: {line.headline}"


def _mute_text(mute: Mute) -> str:
    about = f"{mute.rule} {mute.subject}".strip()
    return f"{about} until {_moment(mute.until_us)}, {mute.actor}: {mute.reason}"


def _temporary_text(one: Temporary) -> str:
    return f"until {_moment(one.until_us)}, {one.actor}: {one.what}"


def _acted_text(one: Acted) -> str:
    return f"{one.actor} {one.times}: {', '.join(f'{n} {kind}' for kind, n in one.kinds.items())}"


def _moment(us: int) -> str:
    return f"{datetime.fromtimestamp(us // _S, UTC):%d %b %H:%M}"


def _units(text: str) -> int:
    # as chats count: some letters are two
    return len(text.encode("utf-16-le")) // 2
