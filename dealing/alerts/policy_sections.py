"""What an alert policy's file may hold, section by section, each checked as a whole."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from dealing.alerts.model import Severity
from dealing.alerts.policy import (
    AlertPolicy,
    Burst,
    DayHours,
    Escalation,
    Figures,
    Flap,
    Hours,
    Inhibitor,
    Route,
    RulePolicy,
    Worse,
)
from dealing.alerts.sources.registry import BY_NAME, Kind
from dealing.layers import KeyPath

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_TIME: Final = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
_MINUTES_PER_DAY: Final = 1_440

Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Names = Annotated[tuple[Name, ...], Field(strict=False)]
Number = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
Usd = Annotated[float, Field(ge=0.0, le=1e15, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0.0, le=31 * 86_400.0, allow_inf_nan=False)]
Some = Annotated[float, Field(gt=0.0, le=31 * 86_400.0, allow_inf_nan=False)]


def _minute(value: object) -> object:
    """Return the minute of a time of day; YAML reads 22:00 without quotes as that number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MINUTES_PER_DAY:
        return value
    told = _TIME.fullmatch(value) if isinstance(value, str) else None
    minute = int(told[1]) * 60 + int(told[2]) if told else -1
    if not 0 <= minute <= _MINUTES_PER_DAY:
        raise ValueError(f"must be a time of day such as '22:00', was {str(value)[:80]!r}")
    return minute


Minute = Annotated[int, BeforeValidator(_minute)]


def _listed(value: object) -> object:
    """Return no items where a key has none: a layer has an empty section for that."""
    return () if value == {} else value


Listed = BeforeValidator(_listed)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FiguresSection(_Section):
    """Other figures for one symbol; what is left out is the rule's."""

    fires_at: Number | None = None
    clears_at: Number | None = None
    warning_usd: Usd | None = None
    critical_usd: Usd | None = None
    critical_at: Number | None = None


class BurstSection(_Section):
    """From how many new subjects on others join one case."""

    above: Annotated[int, Field(ge=1, le=1_000)]
    within_s: Some

    def plain(self) -> Burst:
        """Return it as the policy computes with it."""
        return Burst(above=self.above, within_s=self.within_s)


class InhibitorSection(_Section):
    """A rule that makes this one beside the point: a name, or more than that."""

    rule: str
    subject: str = ""
    same_subject: bool = False

    @field_validator("rule")
    @classmethod
    def _is_known(cls, rule: str) -> str:
        if rule not in BY_NAME:
            raise ValueError(f"there is no rule {rule[:64]}{meant(rule, BY_NAME)}")
        return rule

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> InhibitorSection:
        if self.subject and self.same_subject:
            raise ValueError("is about a subject or about the same_subject, not both")
        return self


def _inhibitor(value: object) -> object:
    return {"rule": value} if isinstance(value, str) else value


class RuleSection(_Section):
    """One rule; its name is the validation's context."""

    enabled: bool = True
    team: Name
    worse: Annotated[Worse, Field(strict=False)] = Worse.ABOVE
    fires_at: Number
    clears_at: Number | None = None
    for_s: Seconds = 0.0
    floor: Annotated[Severity, Field(strict=False)] = Severity.INFO
    warning_usd: Usd
    critical_usd: Usd
    critical_at: Number | None = None
    by_symbol: dict[Name, FiguresSection] = {}
    hours: Annotated[Hours, Field(strict=False)] = Hours.ALWAYS
    inhibited_by: Annotated[
        tuple[Annotated[InhibitorSection, BeforeValidator(_inhibitor)], ...], Field(strict=False)
    ] = ()
    burst: BurstSection
    quiet_s: Some
    repeat_s: Seconds = 0.0
    escalates: bool = False

    @model_validator(mode="after")
    def _makes_sense(self, info: ValidationInfo) -> RuleSection:
        name = (info.context or {}).get("rule", "")
        problems = list(self._problems(name))
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def plain(self, name: str) -> RulePolicy:
        """Return it as the policy computes with it."""
        return RulePolicy(
            name=name,
            enabled=self.enabled,
            team=self.team,
            worse=self.worse,
            for_s=self.for_s,
            by_symbol={symbol: self._of(more) for symbol, more in self.by_symbol.items()},
            floor=self.floor,
            hours=self.hours,
            inhibited_by=tuple(Inhibitor(**one.model_dump()) for one in self.inhibited_by),
            burst=self.burst.plain(),
            quiet_s=self.quiet_s,
            repeat_s=self.repeat_s,
            escalates=self.escalates,
            **msgspec.structs.asdict(self._of(FiguresSection())),
        )

    def _of(self, more: FiguresSection) -> Figures:
        """Return the figures of a symbol."""
        told = {name: value for name, value in more.model_dump().items() if value is not None}
        held = {name: getattr(self, name) for name in FiguresSection.model_fields} | told
        if held["clears_at"] is None:
            held["clears_at"] = held["fires_at"]
        return Figures(**held)

    def _problems(self, name: str) -> Iterator[str]:
        if any(one.rule == name for one in self.inhibited_by):
            yield "a rule cannot be inhibited by itself"
        lasts = name in BY_NAME and BY_NAME[name].kind is Kind.STATE
        if not lasts and (self.clears_at is not None or self.for_s):
            yield "it happens once, so it has no clears_at and no for_s"
        if lasts and self.clears_at is None:
            yield "it lasts, so it needs a clears_at, from where on it is over"
        for symbol, more in {"": FiguresSection(), **self.by_symbol}.items():
            figures = self._of(more)
            where = f"by_symbol {symbol}: " if symbol else ""
            if lasts and self.clears_at is not None and not self._has_room(figures):
                side = "below" if self.worse is Worse.ABOVE else "above"
                yield (
                    f"{where}clears_at ({figures.clears_at:g}) must be {side} fires_at "
                    f"({figures.fires_at:g}), or it comes and goes"
                )
            if figures.warning_usd > figures.critical_usd:
                yield (
                    f"{where}warning_usd ({figures.warning_usd:g}) must not be above "
                    f"critical_usd ({figures.critical_usd:g})"
                )

    def _has_room(self, figures: Figures) -> bool:
        if self.worse is Worse.ABOVE:
            return figures.clears_at < figures.fires_at
        return figures.clears_at > figures.fires_at


class HoursSection(_Section):
    """Hours of the day, on some days or all."""

    start: Minute = Field(alias="from")
    end: Minute = Field(alias="to")
    days: Names = DAYS

    @field_validator("days")
    @classmethod
    def _are_days(cls, days: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [day for day in days if day not in DAYS]
        if wrong or not days:
            raise ValueError(f"days are {', '.join(DAYS)}")
        return days

    @model_validator(mode="after")
    def _lasts(self) -> HoursSection:
        if self.start % _MINUTES_PER_DAY == self.end % _MINUTES_PER_DAY:
            raise ValueError("from and to must differ: leave hours out where it is always")
        return self

    def plain(self) -> DayHours:
        """Return it as the policy computes with it."""
        days = tuple(DAYS.index(day) for day in self.days)
        return DayHours(from_minute=self.start, to_minute=self.end, days=days)


class QuietSection(HoursSection):
    """When channels hear of critical cases only."""

    enabled: bool


class RouteSection(_Section):
    """Which channels hear of which cases."""

    channels: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]
    severities: Annotated[
        tuple[Annotated[Severity, Field(strict=False)], ...], Field(strict=False)
    ] = ()
    teams: Names = ()
    hours: HoursSection | None = None
    level: Annotated[int, Field(ge=0, le=100)] = 0

    def plain(self) -> Route:
        """Return it as the policy computes with it."""
        return Route(
            channels=self.channels,
            severities=self.severities,
            teams=self.teams,
            hours=None if self.hours is None else self.hours.plain(),
            level=self.level,
        )


class EscalationSection(_Section):
    """To which level a critical case goes that nobody acknowledged for so long."""

    after_min: Annotated[float, Field(gt=0.0, le=10_080.0, allow_inf_nan=False)]
    level: Annotated[int, Field(ge=1, le=100)]

    def plain(self) -> Escalation:
        """Return it as the policy computes with it."""
        return Escalation(after_s=60.0 * self.after_min, level=self.level)


class FlapSection(_Section):
    """When a state comes and goes."""

    toggles: Annotated[int, Field(ge=3, le=100)]
    within_s: Some


class PolicyFile(_Section):
    """A policy without its rules."""

    name: Name
    version: Annotated[int, Field(ge=1)]
    zone: str
    quiet_hours: QuietSection
    routes: Annotated[tuple[RouteSection, ...], Field(strict=False), Listed]
    on_call: Annotated[Names, Listed]
    escalation: Annotated[tuple[EscalationSection, ...], Field(strict=False), Listed]
    flap: FlapSection
    update_s: Some
    settle_s: Seconds

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as e:
            raise ValueError(f"there is no time zone {zone[:80]}") from e
        return zone

    @field_validator("escalation")
    @classmethod
    def _rises(cls, steps: tuple[EscalationSection, ...]) -> tuple[EscalationSection, ...]:
        for one, other in pairwise(steps):
            if not (one.after_min < other.after_min and one.level < other.level):
                raise ValueError("each step must come later than the one before, and go further")
        return steps

    def plain(self, rules: dict[str, RulePolicy]) -> AlertPolicy:
        """Return it as alerts compute with it."""
        return AlertPolicy(
            name=self.name,
            version=self.version,
            rules=rules,
            zone=self.zone,
            routes=tuple(route.plain() for route in self.routes),
            quiet_hours=self.quiet_hours.plain() if self.quiet_hours.enabled else None,
            on_call=self.on_call,
            escalation=tuple(step.plain() for step in self.escalation),
            flap=Flap(toggles=self.flap.toggles, within_s=self.flap.within_s),
            update_s=self.update_s,
            settle_s=self.settle_s,
        )


def known_keys(key: KeyPath) -> list[str]:
    """Return the keys that could stand in a key's place."""
    section: type[BaseModel] = PolicyFile
    match key:
        case (str(), _, "by_symbol", _, _):
            section = FiguresSection
        case (str(), _, "burst", _):
            section = BurstSection
        case (str(), _, "inhibited_by", _, _):
            section = InhibitorSection
        case ("rules", _, _):
            section = RuleSection
        case ("routes", _, "hours", _):
            section = HoursSection
        case ("routes", _, _):
            section = RouteSection
        case ("escalation", _, _):
            section = EscalationSection
        case ("quiet_hours", _):
            section = QuietSection
        case ("flap", _):
            section = FlapSection
    names = [field.alias or name for name, field in section.model_fields.items()]
    return [*names, "rules"] if section is PolicyFile else names


def meant(word: str, known: Mapping[str, object] | Sequence[str]) -> str:
    """Return the likeliest of known words as a question, or all of them."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f": did you mean {close[0]}?" if close else f", only {', '.join(known)}"
