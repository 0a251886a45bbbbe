"""The hedging screen: how far each symbol is from its band, who hedges it, and the ticket."""

from __future__ import annotations

from typing import Final

from dash import html
from dash.development.base_component import Component

from dealing.desk.fields import choice, field, text_button
from dealing.desk.ids import HedgingIds
from dealing.desk.parts import action_button, aria, data, empty_state, panel

HEADS: Final = (
    ("Symbol", "What is hedged", ""),
    ("House net", "What the house holds, in lots: + is long", "num"),
    ("To bring back", "The part of it that hedging looks after, in lots: what is uncovered, or all",
     "num"),
    ("Band", "Where that lies inside what it may hold", ""),
    ("Mode", "Who orders", ""),
    ("State", "What the hedger decided last, or what holds it back", ""),
    ("On its way", "The order that is not known to be over", ""),
    ("Lots today", "Hedged since the server day began", "num"),
    ("Cost today", "What fills were worse than the mid they were decided at, with commission, USD",
     "num"),
)  # fmt: skip

SIDES: Final = (("", "As suggested"), ("buy", "Buy"), ("sell", "Sell"))
MODES: Final = (("off", "Off"), ("manual", "Manual"), ("automatic", "Automatic"))


def layout() -> Component:
    """Return the screen; scripts fill it."""
    side = html.Aside(
        [_ticket(), _answers()], className="right", **aria(label="The ticket and last answers")
    )
    return html.Div(
        [html.Div([html.Div([_symbols()], className="left"), side], className="columns")],
        className="hedging",
    )


def _symbols() -> Component:
    heads = [
        html.Th(text, scope="col", title=tip, className=kind or None) for text, tip, kind in HEADS
    ]
    table = html.Table(
        [html.Thead(html.Tr(heads)), html.Tbody(id=HedgingIds.ROWS)],
        className="plain-table",
        **aria(label="Symbols and how they are hedged"),
    )
    tools = html.Div(
        [
            html.Span("", id=HedgingIds.NOTE, className="panel-note", role="status"),
            action_button("hedge:export", "Export the symbols as CSV", "download"),
        ],
        className="panel-tools",
    )
    return panel(
        "Hedging by symbol",
        [
            html.Div(table, className="table-scroll", tabIndex=0),
            empty_state("Asking the engine what it hedges.", HedgingIds.EMPTY),
        ],
        name="hedging",
        aside=tools,
    )


def _ticket() -> Component:
    who = html.Div(
        [
            field(HedgingIds.ACTOR, "Your name", width=110, maxlength="64"),
            field(HedgingIds.REASON, "Reason", width=210, maxlength="500"),
        ],
        className="form",
    )
    what = html.Div(
        [
            field(HedgingIds.SYMBOL, "Symbol", width=110, list=HedgingIds.NAMES, maxlength="64"),
            html.Datalist([], id=HedgingIds.NAMES),
            choice(HedgingIds.SIDE, "Side", SIDES),
            field(HedgingIds.LOTS, "Lots", width=76, inputmode="decimal"),
            text_button("hedge:price", "Price it", title="What it costs now and what it saves"),
            text_button("hedge:order", "Order", title="Asks once more before it is sent"),
        ],
        className="form",
        **data(form="hedge"),
    )
    mode = html.Div(
        [
            choice(HedgingIds.MODE, "Mode", MODES),
            text_button("hedge:mode", "Set mode"),
            text_button("hedge:resume", "Resume", title="Let a paused symbol go on"),
        ],
        className="form",
    )
    confirm = html.Div(
        [
            html.Span("", id=HedgingIds.QUESTION),
            text_button("hedge:confirm", "Confirm"),
            text_button("hedge:cancel", "Cancel"),
        ],
        id=HedgingIds.CONFIRM,
        className="form confirm",
        hidden=True,
        role="alertdialog",
        **aria(labelledby=HedgingIds.QUESTION),
    )
    return panel(
        "Ticket",
        [
            who,
            what,
            html.P("", id=HedgingIds.TICKET, className="inline-note", role="status"),
            html.Dl([], id=HedgingIds.FIGURES, className="figures"),
            mode,
            confirm,
            html.P("", id=HedgingIds.RESULT, className="inline-note", role="status"),
        ],
        name="ticket",
    )


def _answers() -> Component:
    return panel(
        "Last answers",
        [
            html.Ul([], id=HedgingIds.ANSWERS, className="moves"),
            empty_state("No order of this desk was answered yet."),
        ],
        name="answers",
    )
