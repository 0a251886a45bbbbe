"""The strip of key figures: value, change over a minute and a micro-trend.

A tile's figure may depend on the side switch and the book filter; ``{side}`` and ``{book}`` in its
key stand for them. The figures come from the same total as the grid's pinned row.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple

import numpy as np
from dash import html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.ids import TileIds
from dealing.desk.parts import aria, data
from dealing.desk.rows import FILTERS, Book
from exposure.limits import Severity
from exposure.snapshot import HouseRow, Snapshot

Figures = dict[str, float | None]


class Tile(NamedTuple):
    """One tile: ``figure`` is the large number, ``parts`` are the small ones below it."""

    label: str
    figure: str
    tip: str
    parts: tuple[tuple[str, str], ...] = ()
    money: bool = True
    signed: bool = False
    tone: str = ""


TILES: Final = (
    Tile(
        "Net exposure",
        "net_{side}_{book}",
        "Sum of net values of all symbols; NOP is the larger of all net longs and all net shorts "
        "by currency, the reporting base left out. Limits over are hard limits that are reached.",
        (("NOP", "nop"), ("limits over", "limits_over")),
        signed=True,
    ),
    Tile("Gross", "gross_{book}", "Client lots, long and short, valued at mid."),
    Tile(
        "Uncovered",
        "uncovered",
        "What book A and C clients hold and no provider covers, added up over underlyings.",
        (("coverage", "coverage"),),
    ),
    Tile(
        "House floating",
        "house_floating",
        "Open profit of the house: A is passed on to providers, B is kept.",
        (("A", "house_floating_a"), ("B", "house_floating_b")),
        signed=True,
        tone="profit",
    ),
    Tile(
        "House realised",
        "realised",
        "Closed profit of the house since the book was opened, provider costs included.",
        signed=True,
        tone="profit",
    ),
    Tile(
        "Client floating",
        "client_floating",
        "Open profit of all clients.",
        signed=True,
        tone="profit",
    ),
    Tile(
        "Margin calls",
        "margin_calls",
        "Margin calls since the server day began; below 100 % are accounts right now.",
        (("below 100 %", "below_100"),),
        money=False,
        tone="warning",
    ),
    Tile(
        "Stop-outs",
        "stop_outs",
        "Stop-outs since the server day began; negative are accounts whose equity is below zero.",
        (("negative", "negative"),),
        money=False,
        tone="critical",
    ),
)


def view(snapshot: Snapshot, book: Book, day_start: int) -> Figures:
    """Return every figure a tile can show, None where it has no meaning.

    Args:
        snapshot: The engine's state.
        book: The same state as rows.
        day_start: Beginning of the server day, ns UTC.
    """
    return (
        _exposure(book)
        | _profit(snapshot.house, book)
        | _accounts(snapshot)
        | _today(snapshot, day_start)
        | _limits(snapshot)
    )


def layout() -> Component:
    """Return the strip; scripts fill it."""
    return html.Section([_tile(tile) for tile in TILES], id=TileIds.STRIP, className="tiles",
                        **aria(label="Key figures"))  # fmt: skip


def _exposure(book: Book) -> Figures:
    columns = book.total.columns
    figures: Figures = {"nop": book.nop}
    for chosen in FILTERS:
        for side in ("client", "house"):
            figures[f"net_{side}_{chosen}"] = _first(columns[f"{side}_value_{chosen}"])
        figures[f"gross_{chosen}"] = _first(columns[f"gross_value_{chosen}"])
    figures["uncovered"] = _first(columns["uncovered_value"])
    figures["coverage"] = _first(columns["coverage"])
    return figures


def _profit(house: HouseRow, book: Book) -> Figures:
    per_usd = book.display.per_usd
    return {
        "house_floating": house.floating_usd * per_usd,
        "house_floating_a": house.floating_a_usd * per_usd,
        "house_floating_b": house.floating_b_usd * per_usd,
        "realised": house.realised_usd * per_usd,
        "client_floating": _first(book.total.columns["client_floating_all"]),
    }


def _accounts(snapshot: Snapshot) -> Figures:
    accounts = snapshot.accounts
    return {
        "below_100": float((accounts["margin_level"] < 100.0).sum()),  # noqa: PLR2004 (percent)
        "negative": float((accounts["equity"] < 0.0).sum()),
        "accounts": float(accounts.height),
    }


def _today(snapshot: Snapshot, day_start: int) -> Figures:
    crossed = Counter(one.kind for one in snapshot.crossings if one.ts_event >= day_start)
    breached = sum(one.ts_event >= day_start for one in snapshot.breaches)
    return {
        "margin_calls": float(crossed["margin_call"]),
        "stop_outs": float(crossed["stop_out"]),
        "breaches": float(breached),
    }


def _limits(snapshot: Snapshot) -> Figures:
    reached = Counter(snapshot.limits["severity"].to_list())
    return {"limits_over": float(reached[Severity.HARD])}


def _first(column: Any) -> float | None:
    if len(column) == 0:
        return 0.0
    value = float(column[0])
    return None if np.isnan(value) else value


def _tile(tile: Tile) -> Component:
    unit = "" if tile.money else "today"
    head = [html.H2(tile.label, className="tile-label"), html.Span(unit, className="tile-unit")]
    value = html.Span(formats.NOTHING, className="tile-value")
    return html.Article(
        [
            html.Div(head, className="tile-head"),
            html.Div([value, html.Span("", className="tile-delta")], className="tile-main"),
            html.Div([_part(name, key) for name, key in tile.parts], className="tile-parts"),
            html.Div(className="tile-trend", **aria(hidden="true")),
        ],
        className="tile",
        title=tile.tip,
        **data(
            figure=tile.figure,
            money=str(tile.money).lower(),
            signed=str(tile.signed).lower(),
            tone=tile.tone,
        ),
    )


def _part(name: str, key: str) -> Component:
    figure = html.B(formats.NOTHING, **data(part=key))
    return html.Span([html.Span(name), figure], className="tile-part")
