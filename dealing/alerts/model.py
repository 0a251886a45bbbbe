"""What alerts are made of: what a source read, the case that people work on, what became of it.

A *reading* is what a source saw of one subject, in the unit of its rule. A rule that fires makes a
*case*, or joins one. A case has one message per channel, which is changed as the case changes.

Units: ``*_us`` are wall-clock microseconds UTC, ``*_ns`` ns UTC of the events (the market's clock),
``at_stake_usd`` what the house may lose or has to look after, in USD.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Severity(StrEnum):
    """How bad it is; from USD at stake, never better than the rule's own."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return _SEVERITIES.index(self)


_SEVERITIES: Final = tuple(Severity)


class Action(StrEnum):
    """What a person can do about a case with one press."""

    ACKNOWLEDGE = "acknowledge"
    MOVE_TO_A = "move_to_a"
    HEDGE = "hedge"
    APPROVE = "approve"
    REJECT = "reject"
    SNOOZE = "snooze"


class Offer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An action that makes sense here: MOVE_TO_A of a client, HEDGE of a symbol.

    A hedge brings the symbol into its band; with ``within_usd`` it brings what the house holds net
    to that many USD, which is what an alert about a limit asks for. APPROVE and REJECT are the
    second vote about the ``command`` that moves a client, ``asked_by`` somebody else.
    """

    action: Action
    client_id: str = ""
    symbol: str = ""
    within_usd: float | None = None
    command: str = ""
    asked_by: str = ""


class Fact(msgspec.Struct, frozen=True):
    """A figure beside a case, in words: ("House net", "-12.4 M USD")."""

    name: str
    text: str


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a source saw of one subject.

    ``value`` is in the rule's unit; the policy says from where on it fires. ``subject`` is who or
    what it is about (a symbol, login, client, provider, component ...), the same text every time.
    ``key`` is given for what happened once (a deal, a crossing): the same happening has the same
    key, however often it is read. ``headline`` is one sentence with the numbers, ``advice`` what
    to do. ``symbol`` chooses the policy's figures for that symbol. Text may come from clients: it
    is plain text, and whoever shows it escapes it.
    """

    rule: str
    subject: str
    value: float
    at_stake_usd: float
    happened_at_ns: int
    headline: str
    advice: str
    facts: tuple[Fact, ...] = ()
    offers: tuple[Offer, ...] = ()
    symbol: str = ""
    key: str = ""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What one source saw at one moment.

    ``measured`` are the rules of lasting states that were looked at in full: a subject that is no
    longer mentioned is over. ``cursors`` say from where each stream of happenings is read on, and
    are kept together with what was made of the readings.
    """

    source: str
    at_us: int
    readings: tuple[Reading, ...]
    measured: frozenset[str] = frozenset()
    cursors: dict[str, str] = {}


class ChangeKind(StrEnum):
    """What a reading means to its rule."""

    RAISED = "raised"
    """A state that begins to hold."""
    GOES_ON = "goes_on"
    """A state that still holds; the reading has its newest figures."""
    CLEARED = "cleared"
    """A state that is over."""
    HAPPENED = "happened"
    """Something that took place once."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One subject of one rule, and what is new about it."""

    kind: ChangeKind
    reading: Reading
    severity: Severity


class CaseState(StrEnum):
    """How far a case is."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class Outcome(StrEnum):
    """What a case was worth, by whoever ended it; nobody said: UNGRADED."""

    UNGRADED = "ungraded"
    USEFUL = "useful"
    NOISE = "noise"


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One subject of a case; a case of a group has many.

    ``active`` while its state holds; a happening is never active.
    """

    subject: str
    severity: Severity
    value: float
    at_stake_usd: float
    headline: str
    first_us: int
    last_us: int
    active: bool = False
    client_id: str = ""


class Brief(msgspec.Struct, frozen=True, array_like=True):
    """A member of a large case that is not shown: enough to count it, to sum it and to end it."""

    subject: str
    at_stake_usd: float
    active: bool
    first_us: int


class CaseMemory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the case book needs to go on with a case after a restart; it is nobody else's.

    ``others`` are the members beside those of the case, ``joined_us`` when the newest joined a
    group. ``peak`` is the furthest value that it had. ``channels`` were told of it, ``untold`` is
    whether they still have to hear something. ``calling_us`` is since when it waits for somebody,
    None while nobody was called; ``called_us`` when it called last. ``noted_*`` are the figures
    when its timeline last spoke of them, ``acknowledged_count`` the count when it was
    acknowledged. Who reopens a case keeps it open (``kept_open``) until somebody resolves it.
    """

    others: tuple[Brief, ...] = ()
    joined_us: tuple[int, ...] = ()
    peak: float | None = None
    channels: tuple[str, ...] = ()
    untold: bool = False
    calling_us: int | None = None
    called_us: int | None = None
    noted_us: int = 0
    noted_count: int = 0
    noted_active: int = 0
    noted_usd: float = 0.0
    acknowledged_count: int = 0
    kept_open: bool = False


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to look after.

    ``number`` counts up and is what people call it: A-17. ``dedupe_key`` is of the rule and its
    subject, or of its group; only one case of a key is not resolved. ``count`` is how often it was
    raised or happened, ``toggles_us`` when it began or ended lately (flapping), ``members`` the
    largest by USD at stake, of ``member_count``, of whom ``active_count`` still hold.
    ``at_stake_usd`` is the sum over members now, ``worst_usd`` the most it ever was. ``level`` is
    how far it was escalated, ``due_us`` when something has to happen by itself (repeat, escalate,
    end of a snooze, of a group's quiet). ``inhibited_by`` is the number of the case that makes this
    one beside the point. ``version`` counts what is worth telling. ``votes`` is what a second
    person may do about what was asked for here. ``outcome_usd`` is what acting saved (+) or cost
    (-).
    """

    number: int
    rule: str
    dedupe_key: str
    title: str
    severity: Severity
    state: CaseState
    team: str
    opened_us: int
    last_us: int
    happened_at_ns: int
    at_stake_usd: float
    worst_usd: float
    headline: str
    advice: str
    version: int = 1
    count: int = 1
    members: tuple[Member, ...] = ()
    member_count: int = 1
    active_count: int = 0
    facts: tuple[Fact, ...] = ()
    offers: tuple[Offer, ...] = ()
    votes: tuple[Offer, ...] = ()
    symbol: str = ""
    is_group: bool = False
    flapping: bool = False
    toggles_us: tuple[int, ...] = ()
    owner: str = ""
    acknowledged_us: int | None = None
    snoozed_until_us: int | None = None
    resolved_us: int | None = None
    told_us: int | None = None
    level: int = 0
    due_us: int | None = None
    inhibited_by: int | None = None
    outcome: Outcome = Outcome.UNGRADED
    outcome_usd: float = 0.0
    memory: CaseMemory = CaseMemory()

    @property
    def name(self) -> str:
        """What people call it."""
        return f"A-{self.number}"


class EntryKind(StrEnum):
    """What a line of a case's timeline is about."""

    OPENED = "opened"
    JOINED = "joined"
    WORSE = "worse"
    CLEARED = "cleared"
    FLAPPING = "flapping"
    REPEATED = "repeated"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    WOKEN = "woken"
    OWNED = "owned"
    NOTED = "noted"
    ACTED = "acted"
    RESOLVED = "resolved"
    GRADED = "graded"
    REFUSED = "refused"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a case's timeline; ``actor`` is "" where nobody did it."""

    number: int
    at_us: int
    kind: EntryKind
    text: str
    actor: str = ""
    via: str = ""


class CaseChange(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it is from now on, what its timeline gets, and whether channels hear of it."""

    case: Case
    entries: tuple[Entry, ...] = ()
    tell: bool = False


class ActKind(StrEnum):
    """What people do to a case."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    OWN = "own"
    NOTE = "note"
    RESOLVE = "resolve"
    GRADE = "grade"
    REOPEN = "reopen"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody does something to a case.

    A snooze has ``until_us``; a grade, and a resolution if one likes, has ``outcome`` and
    ``outcome_usd``; OWN has ``owner``.
    """

    number: int
    kind: ActKind
    actor: str
    via: str
    note: str = ""
    owner: str = ""
    until_us: int | None = None
    outcome: Outcome | None = None
    outcome_usd: float = 0.0


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a button: a line of the timeline, and the votes that it asks for or settles.

    ``decided`` is the command that nobody has to vote about any more.
    """

    text: str
    actor: str
    via: str
    votes: tuple[Offer, ...] = ()
    decided: str = ""


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """No messages about a rule, or one subject of it ("" is all), until it expires.

    Cases are kept all the same.
    """

    mute_id: str
    rule: str
    subject: str
    actor: str
    reason: str
    since_us: int
    until_us: int
