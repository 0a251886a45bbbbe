"""The drawer that explains one row: its positions and biggest clients, or one account.

The row a person chose is a small mapping in a store: ``{"kind": "symbol", "name": "EURUSD",
"symbols": ["EURUSD"]}`` or ``{"kind": "login", "login": "10023"}``. It comes from a browser, so it
is parsed, never trusted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import dash_mantine_components as dmc
import polars as pl
from dash import Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from dealing.desk import formats
from dealing.desk.columns import CLIENT_COLUMNS, POSITION_COLUMNS, live_grid
from dealing.desk.ids import DrillIds
from dealing.desk.parts import action_button, aria, data, icon
from dealing.ports import BookQueries, EngineFrame, SnapshotSource
from exposure.errors import DisconnectedError, DomainError

LISTED: Final = 2_000
MAX_SYMBOLS: Final = 20
MAX_NAME: Final = 64

Rows = list[dict[str, Any]]


class Selection(NamedTuple):
    """What a person looks at: the symbols of one row, or one login."""

    title: str
    symbols: tuple[str, ...] = ()
    login: str = ""


class DrillView(NamedTuple):
    """What the drawer shows; ``note`` is a sentence when something is missing."""

    title: str
    summary: str
    note: str
    positions: Rows
    clients: Rows


def parse_selection(data: object) -> Selection | None:
    """Return what a browser says was chosen, None for nothing or nonsense."""
    if not isinstance(data, dict):
        return None
    if data.get("kind") == "login" and _is_name(data.get("login")):
        return Selection(f"Account {data['login']}", login=data["login"])
    symbols = data.get("symbols")
    if data.get("kind") != "symbol" or not _is_name(data.get("name")):
        return None
    if not isinstance(symbols, list) or not 0 < len(symbols) <= MAX_SYMBOLS:
        return None
    if not all(_is_name(symbol) for symbol in symbols):
        return None
    return Selection(data["name"], symbols=tuple(symbols))


def view(selection: Selection, positions: pl.DataFrame, frame: EngineFrame | None) -> DrillView:
    """Return the drawer for what the engine answered.

    Args:
        selection: What was asked for.
        positions: The answer (columns POSITION_COLUMNS).
        frame: The newest frame, for account figures and digits.
    """
    digits = _digits(frame)
    rows = [
        {
            **row,
            "id": f"{row['login']}/{row['position_id']}",
            "digits": digits.get(row["symbol"], 5),
        }
        for row in positions.iter_rows(named=True)
    ]
    account = _account_line(selection.login, frame)
    cut = len(selection.symbols) > 0 and positions.height >= LISTED
    note = f"The {LISTED:,} largest positions of each symbol are listed." if cut else ""
    summary = account or _position_line(positions)
    return DrillView(selection.title, summary, note, rows, biggest_clients(positions))


def biggest_clients(positions: pl.DataFrame) -> Rows:
    """Return clients by gross lots, largest first."""
    signed = pl.col("lots") * pl.when(pl.col("side") == "buy").then(1.0).otherwise(-1.0)
    clients = positions.group_by("client_id").agg(
        pl.col("login").unique().sort().str.join(", ").alias("logins"),
        pl.col("book").unique().sort().str.join(" ").alias("books"),
        signed.sum().alias("net_lots"),
        pl.col("lots").sum().alias("gross_lots"),
        pl.col("profit_usd").sum(),
        pl.len().alias("positions"),
    )
    whole = pl.col("gross_lots") / pl.col("gross_lots").sum()
    ranked = clients.with_columns(whole.alias("share"), pl.col("client_id").alias("id"))
    return ranked.sort("gross_lots", "client_id", descending=[True, False]).to_dicts()


def layout() -> Component:
    """Return the closed drawer."""
    head = html.Div(
        [
            html.Nav(
                [
                    html.Button("Exposure", type="button", className="crumb",
                                **data(action="exposure")),
                    icon("chevron-right"),
                    html.Button("", id=DrillIds.BEFORE, type="button", className="crumb",
                                hidden=True, **data(action="close")),
                    html.H2("", id=DrillIds.TITLE, className="panel-title"),
                ],
                className="crumbs",
                **aria(label="Where you are"),
            ),
            html.P("", id=DrillIds.SUMMARY, className="panel-note"),
            action_button("close", "Close", "x", "Esc"),
        ],
        className="panel-head",
    )  # fmt: skip
    tabs = dmc.Tabs(
        [
            dmc.TabsList(
                [dmc.TabsTab("Positions", value="positions"),
                 dmc.TabsTab("Biggest clients", value="clients")]
            ),
            dmc.TabsPanel(live_grid(DrillIds.POSITIONS, POSITION_COLUMNS, "Positions"),
                          value="positions"),
            dmc.TabsPanel(live_grid(DrillIds.CLIENTS, CLIENT_COLUMNS, "Clients"), value="clients"),
        ],
        id=DrillIds.TABS,
        value="positions",
        className="drill-tabs",
    )  # fmt: skip
    note = html.P("", id=DrillIds.NOTE, className="inline-note", role="status")
    return html.Section(
        [
            head,
            note,
            tabs,
            dcc.Store(id=DrillIds.SELECTION),
        ],
        id=DrillIds.PANEL,
        className="panel panel-drill",
        hidden=True,
        **aria(labelledby=DrillIds.TITLE),
    )


def register(app: Dash, source: SnapshotSource, queries: BookQueries) -> None:
    """Fill the drawer when a row is chosen and whenever the browser asks again."""

    @app.callback(
        Output(DrillIds.TITLE, "children"),
        Output(DrillIds.SUMMARY, "children"),
        Output(DrillIds.NOTE, "children"),
        Output(DrillIds.POSITIONS, "rowData"),
        Output(DrillIds.CLIENTS, "rowData"),
        Input(DrillIds.SELECTION, "data"),
        prevent_initial_call=True,
    )
    async def fill(chosen: object) -> tuple[Any, ...]:
        selection = parse_selection(chosen)
        if selection is None:
            return DrillView("", "", "", [], [])
        return await answer(selection, source, queries)


async def answer(selection: Selection, source: SnapshotSource, queries: BookQueries) -> DrillView:
    """Ask the engine and return the drawer, with a sentence where it cannot answer."""
    try:
        positions = await _positions(selection, queries)
    except DisconnectedError:
        note = "The engine is not answering; this list returns when it does."
        return DrillView(selection.title, "", note, [], [])
    except DomainError as e:
        return DrillView(selection.title, "", f"{e}.", [], [])
    return view(selection, positions, source.latest())


async def _positions(selection: Selection, queries: BookQueries) -> pl.DataFrame:
    if selection.login:
        return await queries.positions_of_account(selection.login)
    asked = (queries.positions_of_symbol(symbol, LISTED) for symbol in selection.symbols)
    return pl.concat(await asyncio.gather(*asked)).sort("lots", descending=True)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME


def _digits(frame: EngineFrame | None) -> dict[str, int]:
    if frame is None:
        return {}
    return dict(frame.snapshot.exposure.select("symbol", "digits").iter_rows())


def _account_line(login: str, frame: EngineFrame | None) -> str:
    if not login or frame is None:
        return ""
    accounts = frame.snapshot.accounts
    found = accounts.filter(pl.col("login") == login).to_dicts()
    if not found:
        return ""
    account = found[0]
    level = account["margin_level"]
    parts: Sequence[tuple[str, str]] = (
        ("client", account["client_id"]),
        ("book", account["book"]),
        ("balance", _money(account["balance"], account["currency"])),
        ("credit", formats.number(account["credit"], 2)),
        ("equity", formats.number(account["equity"], 2)),
        ("margin", formats.number(account["margin"], 2)),
        ("free", formats.number(account["free_margin"], 2)),
        ("level", "no margin" if level is None else f"{formats.number(level, 1)} %"),
    )
    return " · ".join(f"{name} {text}" for name, text in parts)


def _position_line(positions: pl.DataFrame) -> str:
    if positions.height == 0:
        return "No open position"
    clients = positions["client_id"].n_unique()
    lots = formats.number(float(positions["lots"].sum()), 2)
    return f"{positions.height:,} positions · {clients:,} clients · {lots} lots gross"


def _money(value: float, currency: str) -> str:
    return f"{formats.number(value, 2)} {currency}"
