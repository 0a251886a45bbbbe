"""What a replay came to, on one screen of a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from exposure.snapshot import RiskFigures, Snapshot

SHOWN_ACCOUNTS: Final = 10
SHOWN_SYMBOLS: Final = 15
_NS_PER_S: Final = 1_000_000_000


def show_summary(snapshot: Snapshot, console: Console) -> None:
    """Print the accounts nearest to their edge, the exposure, crossings and breaks."""
    house = snapshot.house
    console.print(_headline(snapshot), soft_wrap=True)
    console.print(_accounts(snapshot.accounts))
    console.print(_exposure(snapshot.exposure))
    books = f"book A {_money(house.floating_a_usd)}, book B {_money(house.floating_b_usd)}"
    floating = f"{_money(house.floating_usd)} ({books})"
    for sentence in (
        f"House in USD: realised {_money(house.realised_usd)}, floating {floating}",
        _risk(snapshot.risk),
        f"Crossings: {_counts(crossing.kind for crossing in snapshot.crossings)}",
        f"Breaks: {_counts(found.kind for found in snapshot.breaks)}",
    ):
        console.print(sentence, soft_wrap=True)


def _headline(snapshot: Snapshot) -> str:
    counters = snapshot.counters
    moment = datetime.fromtimestamp(snapshot.as_of / _NS_PER_S, UTC)
    when = "nothing happened" if snapshot.as_of == 0 else f"until {moment:%Y-%m-%d %H:%M:%S} UTC"
    names = ("quotes", "deals", "out_of_order", "duplicates", "quarantined")
    counts = ", ".join(f"{counters[name]:,} {name.replace('_', ' ')}" for name in names)
    return f"{when[0].upper()}{when[1:]}: {counts}"


def _risk(risk: RiskFigures) -> str:
    figures = f"{_number(risk.var_usd, 0)} (VaR 99 %), {_number(risk.es_usd, 0)} (ES 97.5 %)"
    moves = f"{risk.observations:,} five-minute moves"
    return f"Risk of a day in USD: {figures}; covariance {risk.source}, {moves}"


def _accounts(accounts: pl.DataFrame) -> Table:
    table = _table("Nearest to the edge", "login", "book", "currency")
    for name in ("equity", "margin", "level %"):
        table.add_column(name, justify="right")
    edge = accounts.drop_nulls("margin_level").sort("margin_level", maintain_order=True)
    for row in edge.head(SHOWN_ACCOUNTS).iter_rows(named=True):
        money = (_money(row[name]) for name in ("equity", "margin", "margin_level"))
        table.add_row(row["login"], row["book"], row["currency"], *money)
    return table


def _exposure(exposure: pl.DataFrame) -> Table:
    table = _table("Largest exposure, in lots", "symbol")
    for name in ("clients", "providers", "house", "house in USD", "coverage"):
        table.add_column(name, justify="right")
    held = exposure.filter((pl.col("positions") > 0) | (pl.col("lp_net_lots") != 0.0))
    largest = held.sort(pl.col("house_net_usd").abs(), descending=True, nulls_last=True)
    for row in largest.head(SHOWN_SYMBOLS).iter_rows(named=True):
        lots = (_number(row[f"{whose}_net_lots"], 2) for whose in ("client", "lp", "house"))
        usd, coverage = _number(row["house_net_usd"], 0), _number(row["coverage_ratio"], 2)
        table.add_row(row["symbol"], *lots, usd, coverage)
    return table


def _table(title: str, *names: str) -> Table:
    return Table(*names, title=title, title_justify="left", box=SIMPLE_HEAD)


def _money(value: float) -> str:
    return _number(value, 2)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:z,.{digits}f}"


def _counts(kinds: Iterable[str]) -> str:
    counts = Counter(kinds)
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common()) or "none"
