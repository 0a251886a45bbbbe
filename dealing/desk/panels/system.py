"""The state of the machinery: components, event counters, and input that contradicts itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.ids import SystemIds
from dealing.desk.parts import aria, empty_state, panel
from dealing.ports import ComponentStatus
from exposure.model.events import BreakFound

SHOWN: Final = 100
_NUMERIC: Final = {"Age": "num", "Count": "num"}


def components(statuses: Sequence[ComponentStatus]) -> list[dict[str, Any]]:
    """Return components as rows."""
    return [
        {"name": s.name, "state": s.state.value, "detail": s.detail, "age_ms": s.age_ms}
        for s in statuses
    ]


def view(breaks: Sequence[BreakFound], day: formats.ServerDay) -> list[dict[str, Any]]:
    """Return breaks as rows with a lasting id, oldest first."""
    return [_row(found, day) for found in breaks[-SHOWN:]]


def kinds(breaks: Sequence[BreakFound]) -> list[tuple[str, int]]:
    """Return how many breaks of each kind there are, most frequent first."""
    return Counter(found.kind for found in breaks).most_common()


def layout() -> Component:
    """Return the screen."""
    return html.Div(
        [
            panel("Components", [_table(SystemIds.COMPONENTS, "Name", "State", "Age", "Detail"),
                                 empty_state("Nothing has reported yet.")], name="components"),
            panel("Events since the start", [_table(SystemIds.COUNTERS, "Kind", "Count")],
                  name="counters"),
            panel("Breaks",
                  [html.Ul([], id=SystemIds.BREAK_KINDS, className="kinds",
                           **aria(label="Breaks by kind")),
                   _table(SystemIds.BREAKS, "Time", "Kind", "Login", "Deal", "Symbol", "Reason"),
                   empty_state("No break: everything that came in agrees with what is known.")],
                  name="breaks",
                  aside=html.Span("", id=SystemIds.BREAK_COUNT, className="panel-note")),
        ],
        className="system",
    )  # fmt: skip


def _table(identity: str, *headers: str) -> Component:
    cells = [html.Th(name, scope="col", className=_NUMERIC.get(name, "")) for name in headers]
    head = html.Thead(html.Tr(cells))
    table = html.Table([head, html.Tbody(id=identity)], className="plain-table")
    return html.Div(table, className="table-scroll", tabIndex=0)


def _row(found: BreakFound, day: formats.ServerDay) -> dict[str, Any]:
    time = formats.NOTHING if found.ts_event < 0 else formats.clock(day.local(found.ts_event))
    return {
        "id": f"{found.position}/{found.kind}",
        "time": time,
        "kind": found.kind,
        "login": found.login,
        "deal": found.deal_id,
        "symbol": found.symbol,
        "reason": found.reason,
    }
