"""The drawer that explains one row: its positions, clients and providers, or one account.

The row a person chose is a small mapping in a store: ``{"kind": "symbol", "name": "EURUSD",
"symbols": ["EURUSD"]}``, ``{"kind": "client", "client": "C5001"}`` or ``{"kind": "login",
"login": "10023"}``. It comes from a browser, so it is parsed, never trusted.
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
from dealing.desk.columns import (
    CLIENT_COLUMNS,
    POSITION_COLUMNS,
    PROVIDER_COLUMNS,
    live_grid,
)
from dealing.desk.ids import DrillIds
from dealing.desk.parts import action_button, aria, data, icon
from dealing.desk.terms import terms_line
from dealing.ports import BookQueries, EngineFrame, SnapshotSource
from exposure.account_terms import AccountTerms
from exposure.errors import DisconnectedError, DomainError

LISTED: Final = 2_000
MAX_SYMBOLS: Final = 20
MAX_LOGINS: Final = 50
MAX_NAME: Final = 64

Rows = list[dict[str, Any]]


class Selection(NamedTuple):
    """What a person looks at: the symbols of one row, one client, or one login."""

    title: str
    symbols: tuple[str, ...] = ()
    client: str = ""
    login: str = ""


class DrillView(NamedTuple):
    """What the drawer shows; ``note`` is a sentence when something is missing."""

    title: str
    summary: str = ""
    terms: str = ""
    note: str = ""
    positions: Sequence[dict[str, Any]] = ()
    clients: Sequence[dict[str, Any]] = ()
    providers: Sequence[dict[str, Any]] = ()


class Answer(NamedTuple):
    """What the engine said: positions, and the terms of a login that was asked about."""

    positions: pl.DataFrame
    terms: AccountTerms | None = None


class Quoted(NamedTuple):
    """What a frame says about one symbol's quotes."""

    digits: int = 5
    bid: float | None = None
    ask: float | None = None
    age_ms: float | None = None
    stale: bool = False


def parse_selection(data: object) -> Selection | None:
    """Return what a browser says was chosen, None for nothing or nonsense."""
    match data:
        case {"kind": "login", "login": name} if _is_name(name):
            return Selection(f"Account {name}", login=name)
        case {"kind": "client", "client": name} if _is_name(name):
            return Selection(f"Client {name}", client=name)
        case {"kind": "symbol", "name": name, "symbols": [*symbols]} if _is_name(name):
            known = 0 < len(symbols) <= MAX_SYMBOLS and all(map(_is_name, symbols))
            return Selection(name, symbols=tuple(symbols)) if known else None
    return None


def view(selection: Selection, told: Answer, frame: EngineFrame | None) -> DrillView:
    """Return the drawer for what the engine answered.

    Args:
        selection: What was asked for.
        told: The answer.
        frame: The newest frame, for account figures, quotes and providers.
    """
    positions, quotes = told.positions, _quotes(frame)
    rows = [
        {**row, "id": f"{row['login']}/{row['position_id']}"}
        | _age_of(quotes.get(row["symbol"], Quoted()))
        for row in positions.iter_rows(named=True)
    ]
    cut = len(selection.symbols) > 0 and positions.height >= LISTED
    return DrillView(
        title=selection.title,
        summary=_account_line(selection.login, frame) or _position_line(positions),
        terms="" if told.terms is None else terms_line(told.terms),
        note=f"The {LISTED:,} largest positions of each symbol are listed." if cut else "",
        positions=rows,
        clients=biggest_clients(positions),
        providers=at_providers(selection.symbols, frame),
    )


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


def at_providers(symbols: Sequence[str], frame: EngineFrame | None) -> Rows:
    """Return what the house holds of symbols at each provider, largest first."""
    if frame is None:
        return []
    quotes = _quotes(frame)
    held = [
        row for row in frame.snapshot.lp_positions.iter_rows(named=True) if row["symbol"] in symbols
    ]
    gross = sum(abs(row["lots"]) for row in held)
    ranked = sorted(held, key=lambda row: (-abs(row["lots"]), row["lp"]))
    return [_at_provider(row, gross, quotes.get(row["symbol"], Quoted())) for row in ranked]


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
                    html.Span(icon("chevron-right"), className="before-mark", hidden=True),
                    html.H2("", id=DrillIds.TITLE, className="panel-title"),
                ],
                className="crumbs",
                **aria(label="Where you are"),
            ),
            html.P("", id=DrillIds.SUMMARY, className="drill-summary"),
            action_button("close", "Close", "x", "Esc"),
        ],
        className="panel-head",
    )  # fmt: skip
    tabs = dmc.Tabs(
        [
            dmc.TabsList(
                [dmc.TabsTab("Positions", value="positions"),
                 dmc.TabsTab("Biggest clients", value="clients"),
                 dmc.TabsTab("Providers", value="providers")]
            ),
            dmc.TabsPanel(live_grid(DrillIds.POSITIONS, POSITION_COLUMNS, "Positions"),
                          value="positions"),
            dmc.TabsPanel(live_grid(DrillIds.CLIENTS, CLIENT_COLUMNS, "Clients"), value="clients"),
            dmc.TabsPanel(live_grid(DrillIds.PROVIDERS, PROVIDER_COLUMNS, "Providers"),
                          value="providers"),
        ],
        id=DrillIds.TABS,
        value="positions",
        className="drill-tabs",
    )  # fmt: skip
    note = html.P("", id=DrillIds.NOTE, className="inline-note", role="status")
    return html.Section(
        [
            head,
            html.P("", id=DrillIds.TERMS, className="inline-note drill-terms"),
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
        Output(DrillIds.TERMS, "children"),
        Output(DrillIds.NOTE, "children"),
        Output(DrillIds.POSITIONS, "rowData"),
        Output(DrillIds.CLIENTS, "rowData"),
        Output(DrillIds.PROVIDERS, "rowData"),
        Input(DrillIds.SELECTION, "data"),
        prevent_initial_call=True,
    )
    async def fill(chosen: object) -> tuple[Any, ...]:
        selection = parse_selection(chosen)
        if selection is None:
            return DrillView("")
        return await answer(selection, source, queries)


async def answer(selection: Selection, source: SnapshotSource, queries: BookQueries) -> DrillView:
    """Ask the engine and return the drawer, with a sentence where it cannot answer."""
    try:
        told = await _ask(selection, source, queries)
    except DisconnectedError:
        note = "The engine is not answering; this list returns when it does."
        return DrillView(selection.title, note=note)
    except DomainError as e:
        return DrillView(selection.title, note=f"{e}.")
    return view(selection, told, source.latest())


async def _ask(selection: Selection, source: SnapshotSource, queries: BookQueries) -> Answer:
    if selection.login:
        return Answer(
            *await asyncio.gather(
                queries.positions_of_account(selection.login),
                queries.terms_of_account(selection.login),
            )
        )
    if selection.client:
        logins = _logins_of(selection.client, source.latest())
        asked = [queries.positions_of_account(login) for login in logins]
    else:
        asked = [queries.positions_of_symbol(symbol, LISTED) for symbol in selection.symbols]
    return Answer(pl.concat(await asyncio.gather(*asked)).sort("lots", descending=True))


def _logins_of(client: str, frame: EngineFrame | None) -> list[str]:
    if frame is None:
        raise DisconnectedError("no figures yet")
    accounts = frame.snapshot.accounts
    logins = accounts.filter(pl.col("client_id") == client)["login"].to_list()
    if not logins:
        raise DomainError(f"client {client} has no account here")
    return logins[:MAX_LOGINS]


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME


def _quotes(frame: EngineFrame | None) -> dict[str, Quoted]:
    if frame is None:
        return {}
    wanted = frame.snapshot.exposure.select("symbol", *Quoted._fields)
    return {symbol: Quoted(*quoted) for symbol, *quoted in wanted.iter_rows()}


def _age_of(quoted: Quoted) -> dict[str, Any]:
    return {"digits": quoted.digits, "age_ms": quoted.age_ms, "stale": quoted.stale}


def _at_provider(row: dict[str, Any], gross: float, quoted: Quoted) -> dict[str, Any]:
    long = row["lots"] > 0.0
    return _age_of(quoted) | {
        "id": f"{row['lp']}/{row['symbol']}",
        "lp": row["lp"],
        "symbol": row["symbol"],
        "side": "buy" if long else "sell",
        "lots": abs(row["lots"]),
        "share": abs(row["lots"]) / gross if gross > 0.0 else None,
        "open_price": row["price"],
        "price": quoted.bid if long else quoted.ask,
        "floating_usd": row["floating_usd"],
    }


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
        ("level", "no margin" if level is None else f"{formats.number(level, 1)} %"),
        ("equity", _money(account["equity"], account["currency"])),
        ("margin", formats.number(account["margin"], 2)),
        ("free", formats.number(account["free_margin"], 2)),
        ("balance", formats.number(account["balance"], 2)),
        ("credit", formats.number(account["credit"], 2)),
        ("client", account["client_id"]),
        ("book", account["book"]),
    )
    return " · ".join(f"{name} {text}" for name, text in parts)


def _position_line(positions: pl.DataFrame) -> str:
    if positions.height == 0:
        return "No open position"
    clients = positions["client_id"].n_unique()
    lots = formats.number(float(positions["lots"].sum()), 2)
    unpriced = positions["profit"].null_count()
    told = f"{positions.height:,} positions · {clients:,} clients · {lots} lots gross"
    return f"{told} · {unpriced:,} unpriced" if unpriced else told


def _money(value: float, currency: str) -> str:
    return f"{formats.number(value, 2)} {currency}"
