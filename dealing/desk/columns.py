"""What the grids can show: one list of columns per grid.

A column names the type that draws it (``assets/js/columns.js``): the list says what, the type says
how. Fields are the keys of the rows that scripts build from a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

import dash_ag_grid as dag
from dash.development.base_component import Component

from dealing.desk.rows import View
from dealing.desk.theme import GRID_THEME

FLASH_MS: Final = 140
BATCH_MS: Final = 20

ONE_ROW: Final = {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True}
SEVERAL_ROWS: Final = {"mode": "multiRow", "checkboxes": True, "headerCheckbox": True,
                       "enableClickSelection": False}  # fmt: skip


class Draw(StrEnum):
    """The ways a cell is drawn."""

    NAME = "name"
    TEXT = "text"
    CLASS = "assetClass"
    PRICE = "price"
    CHANGE = "change"
    TREND = "trend"
    LOTS = "lots"
    SIGNED_LOTS = "signedLots"
    SIDE = "side"
    MONEY = "money"
    NET = "net"
    PROFIT = "profit"
    HEAT = "heat"
    OPEN_PROFIT = "openProfit"
    COVERAGE = "coverage"
    LIMIT = "limit"
    RATIO = "ratio"
    COUNT = "count"
    AGE = "age"
    LEVEL = "level"
    SEVERITY = "severity"
    BOOK = "book"
    UNITS = "units"
    CASH = "cash"
    BAR = "cashBar"
    PART = "part"
    MARK = "checked"
    AMOUNT = "amount"
    LEVEL_PLAIN = "plainLevel"
    DISTANCE = "distance"
    OWN_LEVEL = "ownLevel"
    FLOW = "flow"
    EDGE = "edge"
    EDGES = "edges"
    EVIDENCE = "evidence"
    DRIFT = "drift"
    ROUTE = "route"
    REASON = "reason"


class Column(NamedTuple):
    """One column; ``views`` are those in which it has a meaning, ``shown`` those it starts in.

    One that ``grows`` takes its share of the room that is left.
    """

    field: str
    header: str
    draw: Draw
    width: int
    tip: str
    views: frozenset[View] = frozenset(View)
    shown: bool = True
    pinned: bool = False
    flash: bool = False
    grows: bool = False


_PRICED = frozenset({View.SYMBOL, View.UNDERLYING})
_BOOKED = frozenset({View.SYMBOL, View.UNDERLYING, View.ASSET_CLASS})
_CURRENCY = frozenset({View.CURRENCY})

EXPOSURE_COLUMNS: Final = (
    Column("name", "Name", Draw.NAME, 92, "Symbol, underlying, class or currency", pinned=True),
    Column("asset_class", "Class", Draw.CLASS, 56, "Asset class", views=_PRICED),
    Column("bid", "Bid", Draw.PRICE, 80, "Best price for selling", _PRICED, flash=True),
    Column("ask", "Ask", Draw.PRICE, 80, "Best price for buying", _PRICED, flash=True),
    Column("change", "Δ trend", Draw.CHANGE, 70,
           "Change of the mid since the trend begins, ten minutes at most", _PRICED),
    Column("trend", "Trend", Draw.TREND, 76, "Mid price, last ten minutes", _PRICED),
    Column("net_value", "Net", Draw.NET, 122,
           "Net position at mid in reporting currency, side as switched", flash=True),
    Column("limit_used", "Limit", Draw.LIMIT, 62,
           "House net over the limit in force; groups show the most used one of theirs", _BOOKED),
    Column("floating", "P&L", Draw.HEAT, 82, "Open profit, side as switched", _BOOKED),
    Column("units", "Units", Draw.UNITS, 130, "What the house holds of it, in units", _CURRENCY),
    Column("uncovered_value", "Uncovered", Draw.MONEY, 80,
           "Uncovered lots at mid; classes and total add up underlyings", _BOOKED),
    Column("coverage", "Cover", Draw.COVERAGE, 58,
           "Provider lots over the lots meant to be hedged", _BOOKED),
    Column("net_lots", "Net lots", Draw.SIGNED_LOTS, 74, "Net position, side as switched", _BOOKED),
    Column("net_lots_a", "A net", Draw.SIGNED_LOTS, 66,
           "Net lots of book A clients, side as switched", _BOOKED),
    Column("net_lots_b", "B net", Draw.SIGNED_LOTS, 68,
           "Net lots of book B clients, side as switched", _BOOKED),
    Column("net_lots_c", "C net", Draw.SIGNED_LOTS, 66,
           "Net lots of book C clients, side as switched", _BOOKED, shown=False),
    Column("lp_lots", "LP", Draw.SIGNED_LOTS, 66, "Net lots at providers", _BOOKED),
    Column("buy_lots", "Buy", Draw.LOTS, 74, "Clients' open buys, lots", _BOOKED),
    Column("sell_lots", "Sell", Draw.LOTS, 74, "Clients' open sells, lots", _BOOKED),
    Column("gross_value", "Gross", Draw.MONEY, 94, "Clients' open lots at mid", _BOOKED),
    Column("per_percent", "P&L per 1 %", Draw.PROFIT, 92,
           "Profit of the side shown if the price rises by one percent", _BOOKED),
    Column("var_value", "VaR part", Draw.MONEY, 84,
           "Part of the book's VaR of a day at 99 %; negative where it hedges the rest", _BOOKED,
           shown=False),
    Column("uncovered_lots", "Uncov. lots", Draw.SIGNED_LOTS, 80,
           "Meant to be hedged and not covered by a provider", _PRICED, shown=False),
    Column("limit_value", "Limit size", Draw.MONEY, 92, "Limit of the house net in force", _PRICED,
           shown=False),
    Column("floating_a", "House A", Draw.PROFIT, 84,
           "Open profit of the house on what it passes on, providers included", _BOOKED,
           shown=False),
    Column("floating_b", "House B", Draw.PROFIT, 84, "Open profit of the house on what it keeps",
           _BOOKED, shown=False),
    Column("lp_floating", "LP floating", Draw.PROFIT, 88, "Open profit at providers", _BOOKED,
           shown=False),
    Column("vwap_buy", "VWAP buy", Draw.PRICE, 84, "Mean price of open buys", _PRICED, shown=False),
    Column("vwap_sell", "VWAP sell", Draw.PRICE, 84, "Mean price of open sells", _PRICED,
           shown=False),
    Column("long_share", "Long", Draw.RATIO, 60, "Buys over all client lots", _BOOKED, shown=False),
    Column("top_share", "Top client", Draw.RATIO, 76,
           "Largest client's gross over all clients' gross", _PRICED, shown=False),
    Column("accounts", "Accounts", Draw.COUNT, 74, "Accounts with a position", _PRICED,
           shown=False),
    Column("positions", "Positions", Draw.COUNT, 74, "Open client positions", _BOOKED, shown=False),
    Column("unpriced", "Unpriced", Draw.COUNT, 74,
           "Positions without a price or a rate: they are in no sum", _BOOKED, shown=False),
    Column("age_ms", "Age", Draw.AGE, 62, "Market time since the last quote", _PRICED),
)  # fmt: skip
"""Columns of the exposure grid in their first order."""

MARGIN_COLUMNS: Final = (
    Column("login", "Login", Draw.NAME, 66, "Trading account", pinned=True),
    Column("margin_level", "Level", Draw.LEVEL, 76, "Equity over margin, in percent"),
    Column("to_50", "To 50 %", Draw.RATIO, 64,
           "Share of equity that can be lost before the level is 50 %, the usual stop-out"),
    Column("equity", "Equity", Draw.MONEY, 64, "In account currency"),
    Column("currency", "Cur", Draw.TEXT, 44, "Account currency"),
    Column("floating", "Floating", Draw.PROFIT, 70, "Open profit in account currency"),
    Column("book", "Book", Draw.BOOK, 46, "Book of its new deals"),
    Column("client_id", "Client", Draw.TEXT, 74, "Who owns it", shown=False),
    Column("margin", "Margin", Draw.MONEY, 78, "In account currency", shown=False),
    Column("free_margin", "Free", Draw.PROFIT, 78, "Equity less margin", shown=False),
)  # fmt: skip
"""Columns of the margin list."""

LIMIT_COLUMNS: Final = (
    Column("name", "On", Draw.NAME, 88, "What is limited", pinned=True),
    Column("used", "Used", Draw.LIMIT, 72, "Value over the hard limit, or the soft one if alone"),
    Column("severity", "State", Draw.SEVERITY, 74, "Hard or soft limit reached, or neither"),
    Column("value", "Value", Draw.MONEY, 86,
           "Absolute house net in reporting currency; of a client its gross"),
    Column("hard", "Hard", Draw.MONEY, 86, "Hard limit in reporting currency"),
    Column("soft", "Soft", Draw.MONEY, 86, "Soft limit in reporting currency"),
    Column("scope_name", "Scope", Draw.TEXT, 84, "What kind of thing is limited"),
)  # fmt: skip
"""Columns of the list of limits."""

POSITION_COLUMNS: Final = (
    Column("login", "Login", Draw.NAME, 84, "Trading account", pinned=True),
    Column("client_id", "Client", Draw.TEXT, 84, "Who owns it"),
    Column("position_id", "Position", Draw.TEXT, 92, "Number on the platform"),
    Column("symbol", "Symbol", Draw.TEXT, 96, "What is held"),
    Column("book", "Book", Draw.BOOK, 50, "Book of its last fill"),
    Column("side", "Side", Draw.SIDE, 62, "The client's side"),
    Column("lots", "Lots", Draw.LOTS, 70, "Open lots"),
    Column("open_price", "Open", Draw.PRICE, 84, "Mean opening price"),
    Column("price", "Price", Draw.PRICE, 84, "Price it would close at"),
    Column("profit", "Profit", Draw.OPEN_PROFIT, 88, "In account currency"),
    Column("currency", "Cur", Draw.TEXT, 46, "Account currency"),
    Column("profit_usd", "Profit USD", Draw.OPEN_PROFIT, 92, "At mid rates"),
    Column("swap", "Swap", Draw.PROFIT, 70, "Accrued, in account currency"),
    Column("hedge_ratio", "Hedged", Draw.RATIO, 66, "Share meant to be hedged"),
    Column("age_ms", "Age", Draw.AGE, 62, "Market time since the symbol's last quote"),
)
"""Columns of a drill-down's positions."""

CLIENT_COLUMNS: Final = (
    Column("client_id", "Client", Draw.NAME, 92, "Who holds it", pinned=True),
    Column("logins", "Logins", Draw.TEXT, 130, "Trading accounts of the client in this list"),
    Column("books", "Books", Draw.BOOK, 60, "Books of the positions"),
    Column("net_lots", "Net lots", Draw.SIGNED_LOTS, 84, "Client's side"),
    Column("gross_lots", "Gross lots", Draw.LOTS, 84, "Longs and shorts"),
    Column("share", "Share", Draw.RATIO, 70, "Of the listed gross lots"),
    Column("profit_usd", "Profit USD", Draw.PROFIT, 92, "Client's open profit at mid rates"),
    Column("positions", "Positions", Draw.COUNT, 76, "Open positions"),
)
"""Columns of a drill-down's biggest clients."""

PROVIDER_COLUMNS: Final = (
    Column("lp", "Provider", Draw.NAME, 104, "Liquidity provider", pinned=True),
    Column("symbol", "Symbol", Draw.TEXT, 96, "What is held there"),
    Column("side", "Side", Draw.SIDE, 62, "The house's side at the provider"),
    Column("lots", "Lots", Draw.LOTS, 80, "Open lots"),
    Column("share", "Share", Draw.RATIO, 70, "Of the listed lots"),
    Column("open_price", "Mean price", Draw.PRICE, 92, "Average cost"),
    Column("price", "Price", Draw.PRICE, 92, "Price it would close at"),
    Column("floating_usd", "Floating USD", Draw.OPEN_PROFIT, 104, "Open profit of the house"),
    Column("age_ms", "Age", Draw.AGE, 62, "Market time since the symbol's last quote"),
)
"""Columns of a drill-down's positions at providers."""


REVENUE_COLUMNS: Final = (
    Column("name", "Name", Draw.NAME, 108, "What the row is of", pinned=True),
    Column("total", "Total", Draw.BAR, 132, "All of the row", grows=True),
    Column("markup", "Markup", Draw.CASH, 104, "What clients paid over raw prices", grows=True),
    Column("commission", "Commission", Draw.CASH, 104, "What clients paid in commission",
           grows=True),
    Column("swap", "Swap", Draw.CASH, 96, "Clients' swap less the providers'", grows=True),
    Column("trading", "Trading at raw", Draw.CASH, 118,
           "Clients' results at raw prices, from the house's side", grows=True),
    Column("providers", "Providers", Draw.CASH, 112,
           "What providers made or cost: results, commission and fees", grows=True),
    Column("other", "Other", Draw.CASH, 96,
           "Dividends and corporate actions, bonus, write-offs, adjustments, costs", grows=True),
)  # fmt: skip
"""Columns of the revenue table."""

PART_COLUMNS: Final = (
    Column("name", "Symbol", Draw.NAME, 92, "What is held", pinned=True),
    Column("part", "VaR part", Draw.PART, 110,
           "Part of the VaR of a day at 99 %, USD; negative where it hedges the rest", grows=True),
    Column("share", "Share", Draw.RATIO, 56, "Of the VaR"),
    Column("net", "House net", Draw.PROFIT, 100, "House net at mid, USD", grows=True),
)  # fmt: skip
"""Columns of the list of VaR parts."""

SCENARIO_COLUMNS: Final = (
    Column("name", "Scenario", Draw.NAME, 152, "Its name on the command line", pinned=True),
    Column("total_usd", "Total", Draw.PROFIT, 92,
           "What the house gains or loses, USD: A, B and providers together"),
    Column("a_usd", "A", Draw.PROFIT, 90, "Against clients of book A, USD"),
    Column("b_usd", "B", Draw.PROFIT, 90, "Against clients of book B, USD"),
    Column("hedge_usd", "Hedge", Draw.PROFIT, 84, "At the providers, USD"),
    Column("stopped_out", "Stop-outs", Draw.COUNT, 80, "Accounts at or below their stop-out level"),
    Column("deficits_usd", "Deficits", Draw.MONEY, 86,
           "What accounts owe beyond what they have, USD"),
    Column("balance_cost_usd", "Neg. bal. cost", Draw.MONEY, 104,
           "What writing negative balances off costs the house beyond today, USD"),
    Column("date", "Date", Draw.TEXT, 98, "When it happened"),
    Column("figures", "Figures", Draw.MARK, 116,
           "From a source, from memory (nobody has checked them), or made up"),
    Column("title", "What happened", Draw.TEXT, 330, "In words"),
    Column("moves", "Moves", Draw.TEXT, 190, "What is moved, and how far"),
    Column("source", "Source", Draw.TEXT, 260, "Where its figures are from"),
    Column("notes", "Notes", Draw.TEXT, 300, "What this book does not have, and what is far away"),
)  # fmt: skip
"""Columns of the stress table; one that opens shows the scenario in full."""

COSTLY_COLUMNS: Final = (
    Column("login", "Login", Draw.NAME, 66, "Trading account", pinned=True),
    Column("cost_usd", "Cost USD", Draw.MONEY, 84,
           "What it costs the house: winnings in book B, deficits in book A"),
    Column("level_after", "Level", Draw.LEVEL, 72, "Margin level after the move"),
    Column("deficit", "Deficit", Draw.MONEY, 68, "What it owes, in its currency"),
    Column("equity_after", "Equity", Draw.MONEY, 70, "After the move, in account currency"),
    Column("currency", "Cur", Draw.TEXT, 44, "Account currency"),
    Column("book", "Book", Draw.BOOK, 46, "Book of its new deals"),
    Column("client_id", "Client", Draw.TEXT, 70, "Who owns it"),
)  # fmt: skip
"""Columns of the accounts that a shock makes most expensive."""

ACCOUNT_COLUMNS: Final = (
    Column("login", "Login", Draw.NAME, 72, "Trading account", pinned=True),
    Column("level", "Level", Draw.OWN_LEVEL, 92, "Equity over margin, in percent", grows=True),
    Column("level_now", "Level now", Draw.OWN_LEVEL, 92, "Without the move", grows=True),
    Column("to_all", "To stop-out, all", Draw.DISTANCE, 104,
           "How far all prices may go against it at once before its stop-out level", grows=True),
    Column("to_largest", "Largest alone", Draw.DISTANCE, 104,
           "Move of the symbol it holds most of that ends at its stop-out level", grows=True),
    Column("largest", "Largest", Draw.TEXT, 84, "The symbol it holds most of, net", grows=True),
    Column("equity", "Equity", Draw.AMOUNT, 104, "In account currency", grows=True),
    Column("free", "Free margin", Draw.AMOUNT, 104, "Equity less margin, in account currency",
           grows=True),
    Column("margin", "Margin", Draw.AMOUNT, 96, "In account currency", grows=True),
    Column("currency", "Cur", Draw.TEXT, 46, "Account currency"),
    Column("book", "Book", Draw.BOOK, 50, "Book of its new deals"),
    Column("client_id", "Client", Draw.TEXT, 84, "Who owns it", grows=True),
    Column("stop_out_level", "Stop-out at", Draw.LEVEL_PLAIN, 80, "Its stop-out level"),
)  # fmt: skip
"""Columns of the list of accounts on the margin screen."""


FLOW_COLUMNS: Final = (
    Column("client_id", "Client", Draw.NAME, 96, "Whose flow it is", pinned=True),
    Column("score", "Score", Draw.FLOW, 128,
           "0 to 100: how likely his flow costs the house money; nobody is scored before he has "
           "traded often enough"),
    Column("trades", "Trades", Draw.COUNT, 66, "Decisions to trade that the score rests on"),
    Column("edge", "Client's edge", Draw.EDGE, 96,
           "Expected for the client, USD per million of notional after his costs: + is his gain, "
           "and the loss of a house that keeps his flow"),
    Column("edge_low", "90 % between", Draw.EDGES, 118,
           "His edge lies between these with a probability of 90 %, USD per million"),
    Column("e_value", "E-value", Draw.EVIDENCE, 80,
           "Evidence of this quarter that his trades pay after costs: 1 is none, 80 is an alarm, "
           "whenever one looks"),
    Column("drift", "Drift", Draw.DRIFT, 64,
           "How much more dangerous his last trades are than all of them, log odds"),
    Column("route", "Book", Draw.ROUTE, 84,
           "Book of his new deals, and the one that the policy proposes where it is another"),
    Column("kept_usd", "House, kept", Draw.PROFIT, 96,
           "What a house that keeps his flow (book B) made with him, USD: his closed and open "
           "trades, commission and swap, from the house's side"),
    Column("reason", "First reason", Draw.REASON, 300, "The most important reason of his card",
           grows=True),
)  # fmt: skip
"""Columns of the list of clients."""


def column_defs(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Return the columns as AG Grid wants them."""
    return [_definition(column) for column in columns]


def live_grid(
    identity: str, columns: Sequence[Column], label: str, *, several: bool = False
) -> Component:
    """Return an empty grid that scripts fill row by row; ``several`` rows may be ticked."""
    grid: Component = dag.AgGrid(
        id=identity,
        columnDefs=column_defs(columns),
        getRowId="params.data.id",
        className="grid",
        style={"height": None},
        defaultColDef={
            "resizable": True,
            "sortable": True,
            "suppressHeaderMenuButton": True,
            "sortingOrder": ["desc", "asc"],
        },
        dashGridOptions={
            "theme": {
                "function": f"themeQuartz.withParams({GRID_THEME!r})".replace("False", "false")
            },
            "columnTypes": {"function": "deskColumnTypes"},
            "animateRows": False,
            "asyncTransactionWaitMillis": BATCH_MS,
            "cellFlashDuration": FLASH_MS,
            "cellFadeDuration": 0,
            "suppressScrollOnNewData": True,
            "suppressNoRowsOverlay": True,
            "enableCellTextSelection": True,
            "suppressMovableColumns": False,
            "suppressDragLeaveHidesColumns": True,
            "tooltipShowDelay": 400,
            "ensureDomOrder": True,
            "headerHeight": 28,
            "rowHeight": 24,
            "rowSelection": SEVERAL_ROWS if several else ONE_ROW,
            "context": {"label": label},
        },
    )
    return grid


def _definition(column: Column) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "field": column.field,
        "headerName": column.header,
        "headerTooltip": column.tip,
        "type": column.draw.value,
        "width": column.width,
        "minWidth": 40,
        "initialHide": not column.shown,
        "context": {"views": sorted(column.views), "shown": column.shown},
    }
    if column.pinned:
        definition |= {"pinned": "left", "lockPosition": True, "lockVisible": True}
    if column.grows:
        definition |= {"flex": column.width, "minWidth": column.width}
    if column.flash:
        definition["enableCellChangeFlash"] = True
    if column.draw is Draw.TREND:
        definition["cellDataType"] = False
    return definition
