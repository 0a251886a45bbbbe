"""What other policies would have come to, on a screen of a terminal."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bookrouting.paired import LEAST_BLOCKS, PairedDifference
from bookrouting.proposals import Action, RoutingProposal
from dealing.server_day import utc
from dealing.whatif.answer import CAVEATS, client_rows, figures
from dealing.whatif.compare import CONFIDENCE, HOUR_NS, Comparison, Result
from exposure.model.books import Book

SHOWN_CLIENTS = 8
SHOWN_MOVES = 8


def show_comparison(found: Comparison, console: Console) -> None:
    """Print the policies beside what happened, whom they change, and what to keep in mind."""
    console.print(_policies(found))
    for result in found.results:
        for sentence in _sentences(result, found):
            console.print(sentence, soft_wrap=True)
        for sentence in _moves(result):
            console.print(sentence, soft_wrap=True)
        if result.routing is not None:
            table = _clients(result, found)
            if table.row_count:
                console.print(table)
    for caveat in CAVEATS:
        console.print(caveat, soft_wrap=True)


def _policies(found: Comparison) -> Table:
    table = _table("The house in USD", "policy")
    for name in ("P&L", "book A", "book B", "hedging cost", "hedged", "mean VaR", "to actual"):
        table.add_column(name, justify="right")
    table.add_row("actual", *_row(figures(found.actual)), "")
    for result in found.results:
        difference = _money(result.difference.total)
        table.add_row(result.policy.title, *_row(figures(result.outcome)), difference)
    return table


def _row(figure: dict[str, Any]) -> list[str]:
    money = ("pnl_usd", "a_usd", "b_usd", "cost_usd")
    whole = ("hedged_usd", "mean_var_usd")
    return [
        *(_money(figure[name]) for name in money),
        *(_number(figure[name], 0) for name in whole),
    ]


def _sentences(result: Result, found: Comparison) -> list[str]:
    name, unit = result.policy.title, "hours" if found.block_ns == HOUR_NS else "days"
    if result.routing is None:
        return []
    books = _money(result.routing.total)
    hedges = _money(result.difference.total - result.routing.total)
    return [
        f"{name}: {_said(result.difference, unit)} than what happened",
        f"{name}: of that, other books bring {books}, modelled instead of recorded hedges {hedges}",
    ]


def _moves(result: Result) -> list[str]:
    """Say whom a routing policy moved, the first ones one by one."""
    found = result.outcome.decisions
    said = [
        f"{utc(one.ts_ns):%Y-%m-%d %H:%M} {one.proposal.entity} "
        f"{_step(one.proposal)}: {'; '.join(one.proposal.reasons)}"
        for one in found[:SHOWN_MOVES]
    ]
    if len(found) > SHOWN_MOVES:
        said.append(f"... and {len(found) - SHOWN_MOVES:,} more: --json has them all")
    return said


def _step(told: RoutingProposal) -> str:
    if told.action is Action.FIX_PRICE:
        return "needs better prices"
    ratio = f" ({told.to.hedge_ratio:.0%} hedged)" if told.to.book is Book.C else ""
    return f"from {told.now.book} to {told.to.book}{ratio}"


def _said(paired: PairedDifference, unit: str) -> str:
    amount = f"{_money(abs(paired.total))} USD {'more' if paired.total >= 0.0 else 'less'}"
    if paired.band is None:
        return f"{amount} (no error band: {paired.blocks} {unit}, {LEAST_BLOCKS} are the least)"
    low, high = _money(paired.band.low), _money(paired.band.high)
    several = f" for each of {paired.policies}" if paired.policies > 1 else ""
    proven = "" if paired.is_proven else ", which may be chance"
    return f"{amount} ({CONFIDENCE:.0%} band{several}: {low} to {high}{proven})"


def _clients(result: Result, found: Comparison) -> Table:
    table = _table(f"Whom {result.policy.title} changes most", "client")
    for name in ("deals", "hedged share", "client's result", "his hedges", "books bring"):
        table.add_column(name, justify="right")
    for row in client_rows(result, found)[:SHOWN_CLIENTS]:
        if not row["routing_usd"]:
            continue
        money = (_money(row[name]) for name in ("client_usd", "hedge_usd", "routing_usd"))
        table.add_row(row["client_id"], f"{row['deals']:,}", _number(row["hedge_ratio"], 2), *money)
    return table


def _table(title: str, *names: str) -> Table:
    return Table(*names, title=title, title_justify="left", box=SIMPLE_HEAD)


def _money(value: float | None) -> str:
    return _number(value, 2)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:z,.{digits}f}"
