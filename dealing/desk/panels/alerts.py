"""The alerts screen: cases and what people do about them, grades, mutes and the hand-over note.

Its scripts ask ``/api/v1/alerts`` themselves, so that a case is on the screen within two seconds
whatever callbacks do, and build rows of plain text: what a client wrote stays text.
"""

from __future__ import annotations

from typing import Final

from dash import ClientsideFunction, Dash, Input, html
from dash.development.base_component import Component

from dealing.desk.fields import choice, field, text_button
from dealing.desk.ids import AlertIds
from dealing.desk.parts import (
    action_button,
    aria,
    data,
    empty_state,
    figure_tile,
    icon,
    listed_tabs,
    panel,
    switch,
)

TILES: Final = (
    ("critical", "Critical", "Critical cases that are neither snoozed nor explained by another one",
     "critical"),
    ("warning", "Warning", "Cases of severity warning, counted likewise", "warning"),
    ("info", "Info", "Cases of severity info, counted likewise", ""),
    ("unacknowledged", "To acknowledge", "Cases that nobody has taken note of yet", "warning"),
    ("oldest", "Oldest", "For how long the oldest of those waits", ""),
    ("snoozed", "Snoozed", "Cases that come back by themselves, and those that others explain", ""),
    ("muted", "Mutes", "Rules or subjects of which no messages go out", ""),
    ("channels", "Channels", "Where messages go out, and whether they do", "critical"),
)  # fmt: skip
STATES: Final = (
    ("open", "Open"), ("new", "To acknowledge"), ("snoozed", "Snoozed"), ("resolved", "Resolved"),
    ("all", "All"),
)  # fmt: skip
SEVERITIES: Final = (
    ("", "Every severity"), ("critical", "Critical"), ("warning", "Warning"), ("info", "Info"),
)  # fmt: skip
SPANS: Final = (
    ("", "At any time"), ("60", "Within 1 h"), ("480", "Within 8 h"), ("1440", "Within 24 h"),
    ("10080", "Within 7 days"),
)  # fmt: skip
SNOOZES: Final = (
    ("15", "15 min"), ("60", "1 h"), ("240", "4 h"), ("720", "12 h"), ("1440", "1 day"),
    ("10080", "1 week"),
)  # fmt: skip
OUTCOMES: Final = (("", "Not graded"), ("useful", "Useful"), ("noise", "Noise"))
GRADED_DAYS: Final = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"))
SHIFTS: Final = (
    ("last", "Since the last one"), ("240", "Last 4 h"), ("480", "Last 8 h"), ("720", "Last 12 h"),
    ("1440", "Last 24 h"),
)  # fmt: skip

CASE_HEADS: Final = (
    ("Case", "How bad it is, and its name", ""),
    ("What", "What happened, and what to do", ""),
    ("USD at stake", "What the house may lose or has to look after", "num"),
    ("Age", "Since it was opened", "num"),
    ("Whose", "Who looks after it, and how far it is", ""),
    ("Do", "Each is written into the case's timeline", ""),
)
GRADE_HEADS: Final = (
    ("Rule", "Its name, and what it looks at", ""),
    ("Fires at", "From where on it fires, and where it clears", ""),
    ("Severity from", "USD at stake from which it warns, and is critical", ""),
    ("Cases", "Cases that ended, and how many of those were graded", "num"),
    ("Precision", "Share of the graded ones that were useful, with its 95 % interval", "num"),
    ("Time to ack", "Median time until somebody took note", "num"),
    ("USD saved", "What acting saved (+) or cost (−), as people graded it", "num"),  # noqa: RUF001
    ("Ignored", "Share that ended without anybody taking note", "num"),
    ("Proposal", "What the grades say about its threshold; a person changes the policy", ""),
)
MUTE_HEADS: Final = (
    ("Rule", "Cases are kept all the same", ""),
    ("Subject", "Of what; all, where it says so", ""),
    ("Until, UTC", "When messages go out again", ""),
    ("Left", "For how long it still runs", "num"),
    ("By", "Who muted it", ""),
    ("Reason", "Why", ""),
    ("End", "Messages go out again at once", ""),
)

Heads = tuple[tuple[str, str, str], ...]


def layout() -> Component:
    """Return the screen; scripts fill it."""
    tiles = html.Section(
        [
            figure_tile(label, tip, **data(alerts=name, tone=tone))
            for name, label, tip, tone in TILES
        ],
        id=AlertIds.TILES,
        className="tiles",
        **aria(label="Open alerts, and how alerting does"),
    )
    problems = html.Div(html.Ul([], id=AlertIds.PROBLEMS, className="screen-notes"), role="status")
    columns = html.Div(
        [
            html.Div([_work()], className="left"),
            html.Aside([_case()], className="right", **aria(label="The case that is open")),
        ],
        className="columns",
    )
    return html.Div([tiles, problems, _bar(), columns], className="alerts", **data(tab="cases"))


def now() -> Component:
    """Return the few most urgent cases for the desk screen; hidden until there is one."""
    more = html.Button(
        "", id=AlertIds.NOW_MORE, className="crumb", type="button", **data(action="screen:alerts")
    )
    return html.Section(
        [
            html.Div([html.H2("Open cases", id="now-title", className="panel-title"), more],
                     className="panel-head"),
            html.Ol([], id=AlertIds.NOW_LIST, className="now-list"),
        ],
        id=AlertIds.NOW,
        className="panel panel-now",
        hidden=True,
        **aria(labelledby="now-title"),
    )  # fmt: skip


def register(app: Dash) -> None:
    """Let the switches act in the browser."""
    for name, identity in (("tab", AlertIds.TABS), ("state", AlertIds.STATE)):
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("alerts", name), Input(identity, "value")
        )


def _bar() -> Component:
    search = html.Span(
        [
            icon("search"),
            field(AlertIds.SEARCH, "Search cases", width=150, maxlength="100", type="search"),
            html.Kbd("/"),
        ],
        className="search-box",
    )
    filters = html.Span(
        [
            switch(AlertIds.STATE, STATES, "open", "Which cases", remembered=False),
            choice(AlertIds.SEVERITY, "Severity", SEVERITIES),
            choice(AlertIds.RULE, "Rule", (("", "Every rule"),)),
            choice(AlertIds.SINCE, "Changed", SPANS),
            search,
        ],
        className="alerts-filters",
    )
    return html.Div(
        [
            filters,
            html.Span(className="spring"),
            html.Span("", id=AlertIds.NOTE, className="panel-note", role="status"),
            action_button("export", "Export the cases as CSV", "download", "E"),
            action_button("alert:askNow", "Ask again", "refresh-cw"),
        ],
        className="screen-bar",
    )


def _work() -> Component:
    tabs = (
        ("cases", _counted("Cases"), [_table(CASE_HEADS, AlertIds.LIST, "Cases"),
                                      _empty("cases")]),
        ("grades", "Rules and grades", _grades()),
        ("mutes", "Mutes", _mutes()),
        ("shift", "Hand-over", _shift()),
    )  # fmt: skip
    return html.Section(
        [
            html.H2("Alerts", id="alerts-title", className="sr-only"),
            _do(),
            _done(),
            listed_tabs(AlertIds.TABS, tabs, "cases"),
        ],
        className="panel panel-alerts",
        **aria(labelledby="alerts-title"),
    )  # fmt: skip


def _counted(label: str) -> Component:
    return html.Span([label, html.B("", id=AlertIds.COUNT, className="tab-count")])


def _table(heads: Heads, place: AlertIds, label: str) -> Component:
    cells = [
        html.Th(text, scope="col", title=tip, className=kind or None) for text, tip, kind in heads
    ]
    return html.Table(
        [html.Thead(html.Tr(cells)), html.Tbody(id=place)],
        className="plain-table",
        hidden=True,
        **aria(label=label),
    )


def _empty(name: str) -> Component:
    return html.P("Asking for alerts.", className="tab-empty", **data(empty=name))


def _do() -> Component:
    """Return the line in which somebody says what he does about a case."""
    return html.Div(
        [
            html.B("", id=AlertIds.DO_WHAT),
            field(AlertIds.DO_OWNER, "Whose it is", width=112, maxlength="64"),
            choice(AlertIds.DO_FOR, "For how long", SNOOZES),
            choice(AlertIds.DO_OUTCOME, "What it was worth", OUTCOMES),
            field(AlertIds.DO_USD, "USD saved, − lost", width=112, inputmode="decimal",  # noqa: RUF001
                  maxlength="20"),
            field(AlertIds.DO_NOTE, "Note (Enter sends)", width=260, maxlength="500"),
            field(AlertIds.DO_ACTOR, "Your name", width=112, maxlength="64"),
            text_button("alert:send", "Send"),
            text_button("alert:leave", "Not now"),
            html.P("", id=AlertIds.DO_SAID, className="decide-note", role="status"),
        ],
        id=AlertIds.DO,
        className="form decide",
        hidden=True,
        **data(form="alert"),
    )  # fmt: skip


def _done() -> Component:
    undo = text_button("alert:undo", "Undo", title="Puts it back as it was (U)")
    return html.Div(
        [html.Span("", id=AlertIds.DONE_TEXT, role="status"), undo],
        id=AlertIds.DONE,
        className="alerts-done",
        hidden=True,
    )


def _grades() -> list[Component]:
    bar = html.Div(
        [
            html.Span("Cases that ended within", className="bar-label"),
            choice(AlertIds.GRADES_DAYS, "Graded over", GRADED_DAYS),
            html.Span("", id=AlertIds.GRADES_SAID, className="card-text", role="status"),
        ],
        className="form",
    )
    return [bar, _table(GRADE_HEADS, AlertIds.GRADES, "Rules and grades"), _empty("grades")]


def _mutes() -> list[Component]:
    form = html.Div(
        [
            choice(AlertIds.MUTE_RULE, "Rule to mute", ()),
            field(AlertIds.MUTE_SUBJECT, "Subject, or all", width=120, maxlength="200"),
            choice(AlertIds.MUTE_FOR, "Mute for", SNOOZES),
            field(AlertIds.MUTE_REASON, "Reason", width=200, maxlength="500"),
            field(AlertIds.MUTE_ACTOR, "Your name", width=112, maxlength="64"),
            text_button("alert:mute", "Mute", title="No messages until it ends; cases are kept"),
            html.P("", id=AlertIds.MUTE_SAID, className="decide-note", role="status"),
        ],
        className="form",
        **data(form="mute"),
    )
    return [form, _table(MUTE_HEADS, AlertIds.MUTES, "Mutes"), _empty("mutes")]


def _shift() -> list[Component]:
    form = html.Div(
        [
            choice(AlertIds.SHIFT, "Which shift", SHIFTS),
            field(AlertIds.SHIFT_WORDS, "What the next shift should know", width=280,
                  maxlength="500"),
            field(AlertIds.SHIFT_ACTOR, "Your name", width=112, maxlength="64"),
            text_button("alert:post", "Post to channels", title="Says the note on every channel, "
                        "and writes it down"),
            text_button("alert:copy", "Copy", title="Copies the note as text"),
            html.P("", id=AlertIds.SHIFT_SAID, className="decide-note", role="status"),
        ],
        className="form",
        **data(form="shift"),
    )  # fmt: skip
    text = html.Details(
        [
            html.Summary("As text"),
            html.Pre("", id=AlertIds.SHIFT_TEXT, className="letter", tabIndex=0,
                     **aria(label="The note as text")),
        ],
        className="shift-text",
    )  # fmt: skip
    return [form, html.Div([], id=AlertIds.SHIFT_BODY, className="shift"), text, _empty("shift")]


def _case() -> Component:
    return panel(
        "Case",
        [
            html.Div([], id=AlertIds.CASE, className="card-body"),
            empty_state("Choose a case: press a row, or J and K.", AlertIds.CASE_EMPTY),
        ],
        name="case",
        aside=html.Span("", id=AlertIds.CASE_NOTE, className="panel-note", role="status"),
    )
