"""The stream of alerts: who reached which threshold or limit, when, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from dash import html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.ids import CrossingIds
from dealing.desk.panels.limits import subject
from dealing.desk.parts import aria, empty_state, panel
from dealing.desk.rows import Display
from exposure.limits import Scope, Severity
from exposure.model.events import LimitBreached, MarginLevelCrossed

Alert = MarginLevelCrossed | LimitBreached

SHOWN: Final = 200


class Kind(NamedTuple):
    """How a kind of alert reads and what a dealer does next."""

    label: str
    action: str


KINDS: Final = {
    "margin_call": Kind("Margin call", "Tell the client; look at the largest position"),
    "stop_out": Kind("Stop-out", "Check the closing deals and the hedge left behind"),
    "negative_equity": Kind("Negative equity", "Check balance protection and the credit"),
}

LIMIT_KINDS: Final = {
    Severity.SOFT: Kind("Soft limit", "hedge in time"),
    Severity.HARD: Kind("Hard limit", "hedge back now"),
}
CLIENT_LIMIT_ACTION: Final = "look at its positions"


def view(alerts: Sequence[Alert], day: formats.ServerDay, display: Display) -> list[dict[str, Any]]:
    """Return alerts as rows with an id that is the same in every frame, oldest first."""
    return [_row(alert, day, display) for alert in alerts[-SHOWN:]]


def layout() -> Component:
    """Return the panel; scripts prepend what is new and drop what is old."""
    rows = html.Ol([], id=CrossingIds.LIST, className="feed", tabIndex=0,
                   **aria(label="Margin calls, stop-outs and limits, newest first"))  # fmt: skip
    nothing = "No account has crossed a threshold and no limit was reached yet."
    return panel(
        "Alerts",
        [rows, empty_state(nothing, CrossingIds.EMPTY)],
        name="crossings",
        aside=html.Span("", id=CrossingIds.COUNT, className="panel-note"),
    )


def _row(alert: Alert, day: formats.ServerDay, display: Display) -> dict[str, Any]:
    moment = {
        "ts_ms": alert.ts_event // 1_000_000,
        "time": formats.clock(day.local(alert.ts_event)),
    }
    if isinstance(alert, MarginLevelCrossed):
        return moment | _crossing(alert)
    return moment | _breach(alert, display)


def _crossing(crossing: MarginLevelCrossed) -> dict[str, Any]:
    kind = KINDS[crossing.kind]
    return {
        "id": f"{crossing.position}/{crossing.login}/{crossing.kind}",
        "kind": crossing.kind,
        "label": kind.label,
        "subject": crossing.login,
        "opens": {"scope": "login", "key": crossing.login},
        "level": crossing.level,
        "action": kind.action,
    }


def _breach(breach: LimitBreached, display: Display) -> dict[str, Any]:
    kind = LIMIT_KINDS[Severity(breach.severity)]
    client = breach.scope == Scope.CLIENT
    held, most = (
        formats.compact(usd * display.per_usd) for usd in (breach.value_usd, breach.limit_usd)
    )
    what = CLIENT_LIMIT_ACTION if client else kind.action
    return {
        "id": f"{breach.position}/{breach.scope}/{breach.name}/{breach.severity}",
        "kind": f"limit_{breach.severity}",
        "label": kind.label,
        "subject": subject(breach.scope, breach.name),
        "opens": {"scope": breach.scope, "key": breach.name},
        "level": 100.0 * breach.value_usd / breach.limit_usd if breach.limit_usd > 0.0 else None,
        "action": f"{held} of {most} {display.currency}: {what}",
    }
