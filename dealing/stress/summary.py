"""What a stress came to, on a screen of a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from dealing.stress.answer import Answer, top_accounts
from exposure.risk.scenarios import Scenario
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stress import HouseStress


def show_answer(answer: Answer, console: Console) -> None:
    """Print what was asked for."""
    if answer.table:
        console.print(_scenarios(answer))
    elif answer.shocks or answer.plan.scenario is not None:
        _show_shock(answer, console)
    if answer.asked.reverse:
        console.print(_reverse(answer))
    if answer.ladder:
        console.print(_ladder(answer))
    if answer.margin is not None:
        console.print(_margin(answer))
    if answer.plan.terms:
        console.print(_providers(answer))
    elif answer.providers:
        names = ", ".join(row.lp for row in answer.providers)
        console.print(f"Providers' margin: no terms with {names} (--lp-terms)", soft_wrap=True)


def show_scenarios(scenarios: Sequence[Scenario], console: Console) -> None:
    """Print the scenarios that ship with Plimsoll."""
    table = _table("Scenarios", "name", "date", "what happens")
    for one in scenarios:
        memory = " (from memory)" if one.from_memory else ""
        table.add_row(one.name, one.date or "-", f"{one.title}: {_moves(one.shocks)}{memory}")
    console.print(table)
    console.print(
        "Without --shock or --scenario, each currency alone too: 1, 3, 5 and 10 % each way."
    )


def _show_shock(answer: Answer, console: Console) -> None:
    accounts, house = answer.result.accounts, answer.result.house
    moved = _moves(answer.shocks) or "nothing moves"
    name = "" if answer.plan.scenario is None else f"{answer.plan.scenario.name}: "
    console.print(f"{name}{moved}", soft_wrap=True)
    parts = f"book A {_usd(house.a_usd)}, book B {_usd(house.b_usd)}"
    total = f"{_usd(house.total_usd)} ({parts}, providers {_usd(house.hedge_usd)})"
    deficits = accounts.filter(accounts["deficit"] > 0.0)
    cost = f"book A {_usd(house.deficit_a_usd)}, book B {_usd(house.deficit_b_usd)}"
    for sentence in (
        f"House in USD: {total}",
        f"Stopped out: {int(accounts['stopped_out'].sum()):,} of {accounts.height:,} accounts",
        f"Negative: {deficits.height:,} accounts; written off in USD: {cost}",
    ):
        console.print(sentence, soft_wrap=True)
    console.print(_costly(answer))
    console.print(_symbols(answer))


def _costly(answer: Answer) -> Table:
    table = _table("What costs most", "login", "book", "currency")
    _right(table, "equity before", "equity after", "deficit", "costs in USD")
    for row in top_accounts(answer.result).iter_rows(named=True):
        names = ("equity_before", "equity_after", "deficit", "cost_usd")
        numbers = (_number(row[name], 2) for name in names)
        table.add_row(row["login"], row["book"], row["currency"], *numbers)
    return table


def _symbols(answer: Answer) -> Table:
    table = _table("Prices, and what is left", "symbol")
    _right(table, "bid before", "bid", "move %", "closed long", "closed short", "house lots")
    for row in answer.result.symbols.iter_rows(named=True):
        is_moved = row["bid"] != row["bid_before"] or row["ask"] != row["ask_before"]
        if not is_moved and not row["closed_long_lots"] and not row["closed_short_lots"]:
            continue
        names = ("closed_long_lots", "closed_short_lots", "house_net_lots")
        prices = (_number(row[name], 5) for name in ("bid_before", "bid"))
        lots = (_number(row[name], 2) for name in names)
        table.add_row(row["symbol"], *prices, _number(row["move_percent"], 2), *lots)
    return table


def _scenarios(answer: Answer) -> Table:
    table = _table("Every scenario, USD", "scenario")
    _right(table, "book A", "book B", "providers", "house", "stopped out", "deficits")
    for line in answer.table:
        found = line.line
        money = (*_parts(found.house), _usd(found.house.total_usd))
        name = f"{line.scenario.name} (in part)" if line.notes else line.scenario.name
        table.add_row(name, *money, f"{found.stopped_out:,}", _usd(found.deficits_usd))
    return table


def _reverse(answer: Answer) -> Table:
    title = f"Smallest moves that cost more than {_usd(answer.asked.capital_usd)} USD"
    table = _table(title, "what")
    _right(table, "move %", "loss in USD")
    for move in answer.reverse:
        if move.move_percent is None:
            text = f"none up to 99 % {move.direction}"
        else:
            text = f"{move.move_percent:+.4f}"
        table.add_row(move.target, text, _usd(move.loss_usd))
    if not answer.reverse:
        table.add_row("nothing", "none up to 99 %", "-")
    return table


def _ladder(answer: Answer) -> Table:
    table = _table(f"Stop-out ladder of {answer.asked.ladder}")
    _right(table, "move %", "impact", "accounts", "longs", "shorts", "house", "orphans", "USD")
    table.caption = (
        "stopped out and their closed lots; lots left to the house, hedges without a client; P&L"
    )
    for rung in answer.ladder:
        lots = (rung.closed_long_lots, rung.closed_short_lots)
        left = (rung.house_net_lots, rung.orphan_lots)
        table.add_row(
            f"{rung.move_percent:+g}",
            _number(rung.impact_percent, 3),
            f"{len(rung.logins):,}",
            *(_number(value, 2) for value in (*lots, *left)),
            _usd(rung.house.total_usd),
        )
    return table


def _margin(answer: Answer) -> Table:
    demand = answer.margin
    assert demand is not None  # noqa: S101 # the caller looked
    title = (
        f"Margin of {answer.asked.margin}: {_usd(demand.more_margin_usd)} USD more, "
        f"{demand.margin_calls:,} margin calls, {demand.stop_outs:,} stop-outs"
    )
    table = _table(title, "login", "currency")
    _right(table, "equity", "margin before", "margin after", "level after", "missing")
    worst = demand.accounts.sort("level_after", nulls_last=True, maintain_order=True).head(10)
    names = ("equity", "margin_before", "margin_after", "level_after", "missing")
    for row in worst.iter_rows(named=True):
        table.add_row(row["login"], row["currency"], *(_number(row[name], 2) for name in names))
    return table


def _providers(answer: Answer) -> Table:
    table = _table("Providers", "provider")
    _right(table, "held in USD", "margin", "level %", "level after", "all may move %")
    table.add_column("what calls first")
    for row in answer.providers:
        alone = "-" if row.nearest_percent is None else f"{row.nearest_percent:.2f} %"
        table.add_row(
            row.lp,
            _usd(row.gross_usd),
            *(_number(value, 2) for value in (row.margin_usd, row.level, row.level_after)),
            _number(row.move_to_call_percent, 2),
            f"{row.nearest_symbol} {alone}" if row.nearest_symbol else "no terms, see notes",
        )
    return table


def _moves(shocks: Iterable[Shock]) -> str:
    return ", ".join(_move(shock) for shock in shocks)


def _move(shock: Shock) -> str:
    match shock.kind:
        case ShockKind.PRICE:
            return f"{shock.target} to {shock.value:g}"
        case ShockKind.CHANGE:
            return f"{shock.target} by {shock.value:+g}"
        case ShockKind.SPREAD_TIMES:
            return f"spread of {shock.target} x {shock.value:g}"
        case ShockKind.AGAINST_HOUSE:
            return f"{shock.target} {shock.value:g} % against the house"
        case ShockKind.PERCENT:
            return f"{shock.target} {shock.value:+g} %"


def _parts(house: HouseStress) -> tuple[str, str, str]:
    return _usd(house.a_usd), _usd(house.b_usd), _usd(house.hedge_usd)


def _table(title: str, *names: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in names:
        table.add_column(name, no_wrap=name in {"name", "scenario", "login", "symbol", "what"})
    return table


def _right(table: Table, *names: str) -> None:
    for name in names:
        table.add_column(name, justify="right")


def _usd(value: float | None) -> str:
    return _number(value, 0)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:z,.{digits}f}"
