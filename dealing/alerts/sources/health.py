"""How the engine process says it does: the platform that it hears, its parts, its delays.

What the house may lose while nobody sees it is at stake: its value at risk of one hour.
"""

from __future__ import annotations

from typing import Final

from dealing.alerts.model import Reading
from dealing.alerts.sources.registry import BY_NAME
from dealing.alerts.sources.wording import facts, known, span, usd
from dealing.components import ComponentState, ComponentStatus
from dealing.ports import EngineFrame
from exposure.snapshot import RiskFigures

PLATFORM: Final = "platform"
HEDGING: Final = "hedging"
"""Told symbol by symbol by whoever asks hedging itself."""

ENGINE: Final = "engine"
HEARD_WITHIN_S: Final = 3.0
"""A platform that was heard within this is there; if it is degraded, it is only late."""

DEGRADED: Final = 1.0
DOWN: Final = 2.0
VALUE_OF: Final = {
    ComponentState.DEGRADED: DEGRADED,
    ComponentState.FAULTED: DOWN,
    ComponentState.STOPPED: DOWN,
}
"""What a component's state is worth to the rule component_down; other states are nothing."""

_LEAST_LAG_MS: Final = BY_NAME["engine_lag"].least
_NS_PER_MS: Final = 1e6
_US_PER_S: Final = 1e6
_US_PER_MS: Final = 1e3


def component_readings(frame: EngineFrame) -> list[Reading]:
    """Return the parts of the engine process that do not run as they should."""
    told = [one for one in frame.components if one.state in VALUE_OF and one.name != HEDGING]
    return [
        component_reading(one.name, VALUE_OF[one.state], one.detail, frame.snapshot.as_of)
        for one in told
        if one.name != PLATFORM or _is_late(one)
    ]


def component_reading(
    name: str, value: float, detail: str, at_ns: int, at_stake_usd: float = 0.0
) -> Reading:
    """Return that a component does not run as it should."""
    state = "is degraded" if value < DOWN else "has stopped"
    return Reading(
        rule="component_down",
        subject=name,
        value=value,
        at_stake_usd=at_stake_usd,
        happened_at_ns=at_ns,
        headline=f"{name[:1].upper()}{name[1:]} {state}: {detail}",
        advice="Look at its log and at what it needs: disk, network, the process before it.",
        facts=facts(("Component", name), ("State", detail)),
    )


def lag_readings(frame: EngineFrame, now_us: int) -> list[Reading]:
    """Return how far behind the engine is: by its own delays, or by the age of its frame."""
    age_ms = max(0.0, now_us / _US_PER_MS - frame.sent_at / _NS_PER_MS)
    p99_ms = known(None if frame.delays is None else frame.delays.p99_ms)
    value = max(age_ms, p99_ms)
    if value < _LEAST_LAG_MS:
        return []
    risk, seconds = frame.snapshot.risk, value / 1e3
    if age_ms >= p99_ms:
        headline = f"The engine has said nothing for {span(seconds)}: every figure is that old"
        advice = "Look whether the engine process runs; do not deal on these figures."
    else:
        headline = f"One event in a hundred waits {span(seconds)} until the engine applies it"
        advice = "Look at the machine's load and at the engine's log."
    return [
        Reading(
            rule="engine_lag",
            subject=ENGINE,
            value=value,
            at_stake_usd=hour_at_stake_usd(risk),
            happened_at_ns=frame.snapshot.as_of,
            headline=headline,
            advice=advice,
            facts=facts(
                ("Frame's age", span(age_ms / 1e3)),
                ("99 in 100 within", span(p99_ms / 1e3)),
                ("Value at risk, one hour", usd(risk.hour_var_usd)),
            ),
        )
    ]


def hour_at_stake_usd(risk: RiskFigures) -> float:
    """Return what the house may lose in an hour in which nobody looks."""
    return max(0.0, known(risk.hour_var_usd))


def _is_late(one: ComponentStatus) -> bool:
    return one.age_ms is not None and one.age_ms < HEARD_WITHIN_S * 1e3


class PlatformSilence:
    """Whether the engine hears its platform, and since when it does not."""

    def __init__(self) -> None:
        self._missed_us: int | None = None

    def look(self, frame: EngineFrame, now_us: int) -> list[Reading]:
        """Return that the platform is away, nothing while it is heard."""
        one = next((part for part in frame.components if part.name == PLATFORM), None)
        if one is None or one.state is ComponentState.RUNNING or _is_late(one):
            self._missed_us = None
            return []
        if self._missed_us is None:
            # one that was never heard is away since we look
            self._missed_us = now_us - round(known(one.age_ms) * _US_PER_MS)
        silent_s = max(0.0, (now_us - self._missed_us) / _US_PER_S)
        risk = frame.snapshot.risk
        return [
            Reading(
                rule="feed_gap",
                subject=PLATFORM,
                value=silent_s,
                at_stake_usd=hour_at_stake_usd(risk),
                happened_at_ns=frame.snapshot.as_of,
                headline=f"The platform has been away for {span(silent_s)}: prices and deals are "
                f"missing ({one.detail})",
                advice="Call the platform's operator; hedge by telephone if the market moves.",
                facts=facts(
                    ("Silent for", span(silent_s)),
                    ("Value at risk, one hour", usd(risk.hour_var_usd)),
                ),
            )
        ]
