"""The stream of crossings: who reached which threshold, when, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from dash import html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.ids import CrossingIds
from dealing.desk.parts import aria, empty_state, panel
from exposure.model.events import MarginLevelCrossed

SHOWN: Final = 200


class Kind(NamedTuple):
    """How a kind of crossing reads and what a dealer does next."""

    label: str
    action: str


KINDS: Final = {
    "margin_call": Kind("Margin call", "Tell the client; look at the largest position"),
    "stop_out": Kind("Stop-out", "Check the closing deals and the hedge left behind"),
    "negative_equity": Kind("Negative equity", "Check balance protection and the credit"),
}


def view(crossings: Sequence[MarginLevelCrossed], day: formats.ServerDay) -> list[dict[str, Any]]:
    """Return crossings as rows with an id that is the same in every frame, oldest first."""
    return [_row(crossing, day) for crossing in crossings[-SHOWN:]]


def layout() -> Component:
    """Return the panel; scripts prepend what is new and drop what is old."""
    rows = html.Ol([], id=CrossingIds.LIST, className="feed", tabIndex=0,
                   **aria(label="Margin calls and stop-outs, newest first"))  # fmt: skip
    return panel(
        "Crossings",
        [rows, empty_state("No account has crossed a threshold yet.", CrossingIds.EMPTY)],
        name="crossings",
        aside=html.Span("", id=CrossingIds.COUNT, className="panel-note"),
    )


def _row(crossing: MarginLevelCrossed, day: formats.ServerDay) -> dict[str, Any]:
    kind = KINDS[crossing.kind]
    return {
        "id": f"{crossing.position}/{crossing.login}/{crossing.kind}",
        "ts_ms": crossing.ts_event // 1_000_000,
        "time": formats.clock(day.local(crossing.ts_event)),
        "kind": crossing.kind,
        "label": kind.label,
        "login": crossing.login,
        "level": crossing.level,
        "action": kind.action,
    }
