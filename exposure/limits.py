"""Limits: how much of something the house may hold, judged soft and hard.

A limit fires once when it is reached and again only after the value fell below 95 % of it, so that
a value that trembles at its limit is one alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from exposure.model.events import LimitBreached, LimitSet

REARM_SHARE: Final = 0.95

NOTHING_ALLOWED: Final = 1_000.0
"""How much of a limit of zero is used by whatever is held."""


class Scope(StrEnum):
    """What a limit is on; values are absolute USD, of a client its gross notional."""

    SYMBOL = "symbol"
    UNDERLYING = "underlying"
    CURRENCY = "currency"
    ASSET_CLASS = "asset_class"
    CLIENT = "client"


class Severity(StrEnum):
    """How far a value is; OK is below every limit."""

    OK = "ok"
    SOFT = "soft"
    HARD = "hard"


class Limit(NamedTuple):
    """USD; None where there is none."""

    soft_usd: float | None
    hard_usd: float | None

    def severity(self, value_usd: float, share: float = 1.0) -> Severity:
        """Return how far a value is against a share of the limits."""
        if self.hard_usd is not None and value_usd >= share * self.hard_usd:
            return Severity.HARD
        if self.soft_usd is not None and value_usd >= share * self.soft_usd:
            return Severity.SOFT
        return Severity.OK


NO_LIMIT: Final = Limit(None, None)


class LimitRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit as a desk configures it."""

    scope: Scope
    name: str
    soft_usd: float | None = None
    hard_usd: float | None = None


Key = tuple[Scope, str]
Values = Mapping[Key, float]

_RANK: Final = {Severity.OK: 0, Severity.SOFT: 1, Severity.HARD: 2}


class LimitBook:
    """All limits: those of instruments, over them the configured ones, over them those set live."""

    def __init__(self, rules: Iterable[LimitRule], soft_share: float) -> None:
        """Take the configured limits, and which share of a hard limit is soft where none is."""
        self._soft_share = soft_share
        self._configured = {
            (rule.scope, rule.name): self._limit(rule.soft_usd, rule.hard_usd) for rule in rules
        }
        self._set: dict[Key, Limit] = {}
        self._fired: dict[Key, Severity] = {}

    def problem(self, event: LimitSet) -> str | None:
        """Return why a limit cannot be set, None if it can."""
        if event.scope not in set(Scope):
            return f"scope must be one of {', '.join(Scope)}, was '{event.scope}'"
        given = [value for value in (event.soft_usd, event.hard_usd) if value is not None]
        if not all(0.0 <= value < float("inf") for value in given):
            return "limits must be USD amounts of at least 0"
        if len(given) > 1 and given[0] > given[1]:
            return f"the soft limit ({given[0]:g}) is above the hard one ({given[1]:g})"
        return None

    def set(self, event: LimitSet) -> None:
        """Take a limit that ``problem`` found nothing wrong with.

        One that is taken away forgets that it fired: whoever sets it again wants to hear of it.
        """
        key = (Scope(event.scope), event.name)
        self._set[key] = self._limit(event.soft_usd, event.hard_usd)
        if self._set[key] == NO_LIMIT:
            self._fired.pop(key, None)

    def rename(self, symbol: str, new_symbol: str) -> None:
        """Let the limit of a symbol follow its name, a configured one as if it were set live."""
        old, new = (Scope.SYMBOL, symbol), (Scope.SYMBOL, new_symbol)
        limit = (self._configured | self._set).get(old)
        self._set.pop(old, None)
        if limit is not None:
            self._set[new] = limit
        if old in self._fired:
            self._fired[new] = self._fired.pop(old)

    def limits(self, of_symbols: Mapping[str, float]) -> dict[Key, Limit]:
        """Return every limit that is in force.

        Args:
            of_symbols: The instruments' own limits in USD, by symbol.
        """
        own = {(Scope.SYMBOL, name): self._limit(None, usd) for name, usd in of_symbols.items()}
        merged = own | self._configured | self._set
        return {key: limit for key, limit in merged.items() if limit != NO_LIMIT}

    def judge(
        self, limits: Mapping[Key, Limit], values: Values, ts_event: int, position: int
    ) -> list[LimitBreached]:
        """Return the breaches that are new, and re-arm what is well below its limit again.

        Args:
            limits: What ``limits`` returned.
            values: Absolute USD of everything that has a limit and a price.
            ts_event: The moment, ns UTC.
            position: That of the event at which it is judged.
        """
        breaches = []
        for key, limit in limits.items():
            value = values.get(key)
            if value is None:
                continue
            now, fired = limit.severity(value), self._fired.get(key, Severity.OK)
            if _RANK[now] > _RANK[fired]:
                self._fired[key] = now
                reached = limit.hard_usd if now is Severity.HARD else limit.soft_usd
                breaches.append(_breach(ts_event, position, key, now, (value, reached or 0.0)))
            elif fired is not Severity.OK:
                self._fired[key] = min(
                    fired, limit.severity(value, REARM_SHARE), key=_RANK.__getitem__
                )
        return breaches

    def export(self) -> dict[str, Any]:
        """Return what was set live and what has fired, as plain values."""
        return {
            "set": [[*key, *limit] for key, limit in self._set.items()],
            "fired": [[*key, severity] for key, severity in self._fired.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``export`` returned."""
        self._set = {
            (Scope(scope), name): Limit(soft, hard) for scope, name, soft, hard in state["set"]
        }
        self._fired = {
            (Scope(scope), name): Severity(severity) for scope, name, severity in state["fired"]
        }

    def _limit(self, soft_usd: float | None, hard_usd: float | None) -> Limit:
        if soft_usd is None and hard_usd is not None:
            soft_usd = self._soft_share * hard_usd
        return Limit(soft_usd, hard_usd)


def _breach(
    ts_event: int, position: int, key: Key, severity: Severity, amounts: tuple[float, float]
) -> LimitBreached:
    scope, name = key
    return LimitBreached(ts_event, position, scope.value, name, severity.value, *amounts)
