"""An alert policy: from where on a rule fires, how bad it is, who hears of it and when; plain data.

Whoever reads a policy from a file checks it there (``policy_file.py``); what is here can be
computed with. What each rule's value means is in ``sources/registry.py``.

Units: a rule's figures are in the unit of its value, ``*_usd`` in USD at stake, ``*_s`` seconds,
``*_minute`` minutes of the day on the desk's clock (``zone``).
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final

import msgspec

from dealing.alerts.model import Severity

US_PER_S: Final = 1_000_000

OWN_CASE_TIMES: Final = 10.0
"""Who has so many times the critical USD at stake gets a case of its own in the largest burst."""

SEVERITIES: Final = tuple(Severity)


def us(seconds: float) -> int:
    """Return microseconds."""
    return round(seconds * US_PER_S)


def worst_of(*severities: Severity) -> Severity:
    """Return the most severe."""
    return max(severities, key=SEVERITIES.index)


class Worse(StrEnum):
    """On which side of its figures a value is bad."""

    ABOVE = "above"
    BELOW = "below"


class Hours(StrEnum):
    """When a rule looks: always, or only while the market of the reading's symbol is open."""

    ALWAYS = "always"
    MARKET = "market"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """From where on a rule fires, from where on it is over, and which USD make it worse.

    What fires reaches ``fires_at``; what lasts is over once it is back at ``clears_at``, which is
    on the better side of it. What happens once has no use for ``clears_at``. A value that reaches
    ``critical_at`` is critical whatever the USD.
    """

    fires_at: float
    clears_at: float
    warning_usd: float
    critical_usd: float
    critical_at: float | None = None


class Inhibitor(msgspec.Struct, frozen=True, kw_only=True):
    """A rule whose open case makes cases of another rule beside the point.

    With a ``subject`` only its case about that; ``same_subject`` only that about the same one.
    """

    rule: str
    subject: str = ""
    same_subject: bool = False


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """After ``above`` new subjects within ``within_s`` all further ones join one case."""

    above: int
    within_s: float


class RulePolicy(Figures, frozen=True, kw_only=True):
    """One rule.

    ``by_symbol`` has other figures for some symbols. ``for_s`` is how long a state must hold before
    it fires. ``floor`` is how severe it is at least. A case of what happens, and the case of a
    group, ends by itself after ``quiet_s`` in which nothing was new. A case that is worth a warning
    calls again every ``repeat_s`` (0: never) until it is acknowledged; a critical one goes up the
    on-call order where the rule ``escalates``.
    """

    name: str
    enabled: bool = True
    team: str = ""
    worse: Worse = Worse.ABOVE
    for_s: float = 0.0
    by_symbol: dict[str, Figures] = {}
    floor: Severity = Severity.INFO
    hours: Hours = Hours.ALWAYS
    inhibited_by: tuple[Inhibitor, ...] = ()
    burst: Burst = Burst(above=5, within_s=60.0)
    quiet_s: float = 900.0
    repeat_s: float = 0.0
    escalates: bool = False

    def figures_of(self, symbol: str) -> Figures:
        """Return the figures that count for a symbol."""
        return self.by_symbol.get(symbol, self)

    def fires(self, value: float, symbol: str = "") -> bool:
        """Whether a value is bad enough to begin; what is no number never is."""
        return self._reaches(value, self.figures_of(symbol).fires_at)

    def holds(self, value: float, symbol: str = "") -> bool:
        """Whether what has begun goes on; what is no number says nothing, so it does."""
        if not math.isfinite(value):
            return True
        clears_at = self.figures_of(symbol).clears_at
        return value > clears_at if self.worse is Worse.ABOVE else value < clears_at

    def is_critical(self, value: float, symbol: str = "") -> bool:
        """Whether a value is critical by itself."""
        critical_at = self.figures_of(symbol).critical_at
        return critical_at is not None and self._reaches(value, critical_at)

    def further(self, one: float, other: float) -> float:
        """Return the worse of two values."""
        return max(one, other) if self.worse is Worse.ABOVE else min(one, other)

    def _reaches(self, value: float, figure: float) -> bool:
        if not math.isfinite(value):
            return False
        return value >= figure if self.worse is Worse.ABOVE else value <= figure


def severity_of(
    rule: RulePolicy, at_stake_usd: float, symbol: str = "", value: float = math.nan
) -> Severity:
    """Return how bad it is: by USD at stake or the value, never milder than the rule's floor."""
    figures = rule.figures_of(symbol)
    if at_stake_usd >= figures.critical_usd or rule.is_critical(value, symbol):
        return Severity.CRITICAL
    by_money = Severity.WARNING if at_stake_usd >= figures.warning_usd else Severity.INFO
    return worst_of(rule.floor, by_money)


class DayHours(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of the day, on days that are counted from Monday (0).

    Hours that end before they begin go over midnight, and belong to the day on which they begin.
    """

    from_minute: int
    to_minute: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Which channels hear of which cases; what is left out means all.

    ``level`` is how far a case must have been escalated.
    """

    channels: tuple[str, ...]
    severities: tuple[Severity, ...] = ()
    teams: tuple[str, ...] = ()
    hours: DayHours | None = None
    level: int = 0


class Escalation(msgspec.Struct, frozen=True, kw_only=True):
    """To which level a case goes that nobody acknowledged for so long."""

    after_s: float
    level: int


class Flap(msgspec.Struct, frozen=True, kw_only=True):
    """A state that began or ended ``toggles`` times within ``within_s`` comes and goes.

    What ended is also raised again as the same case within that time.
    """

    toggles: int = 3
    within_s: float = 600.0


class AlertPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what becomes a case and who hears of it when.

    Every route that fits adds its channels. Within ``quiet_hours`` channels hear of critical cases
    only. ``on_call`` are desk users: the first is called at level 1, the second too at level 2, and
    so on. News of a case is told at most every ``update_s``, unless the case got worse or doubled.
    A case that another one made beside the point gets ``settle_s`` to end by itself when that
    one is over.
    """

    name: str
    version: int
    rules: dict[str, RulePolicy]
    zone: str = "UTC"
    routes: tuple[Route, ...] = ()
    quiet_hours: DayHours | None = None
    on_call: tuple[str, ...] = ()
    escalation: tuple[Escalation, ...] = ()
    flap: Flap = Flap()
    update_s: float = 60.0
    settle_s: float = 30.0

    @property
    def label(self) -> str:
        """What it is called."""
        return f"{self.name} v{self.version}"

    @property
    def remembers_us(self) -> int:
        """For how long what ended still counts: it may come again, or be part of a burst."""
        bursts = (rule.burst.within_s for rule in self.rules.values())
        return us(max(self.flap.within_s, self.settle_s, *bursts, 0.0))

    def rule(self, name: str) -> RulePolicy:
        """Return a rule; an old case may be of one that there is no more."""
        return self.rules.get(name) or _GONE


_GONE: Final = RulePolicy(
    name="", fires_at=math.inf, clears_at=math.inf, warning_usd=math.inf, critical_usd=math.inf
)
