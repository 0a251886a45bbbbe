"""What a replay came to, on one screen of a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import polars as pl
from rich.console import Console
from rich.table import Table

from exposure.snapshot import Snapshot

SHOWN_ACCOUNTS: Final = 10
SHOWN_SYMBOLS: Final = 15
_NS_PER_S: Final = 1_000_000_000


def show_summary(snapshot: Snapshot, console: Console) -> None:
    """Print the accounts nearest to their edge, the exposure, crossings and breaks."""
    console.print(_headline(snapshot))
    console.print(_accounts(snapshot.accounts))
    console.print(_exposure(snapshot.exposure))
    house = snapshot.house
    console.print(
        f"House: floating {house.floating_usd:,.2f} USD (book A {house.floating_a_usd:,.2f}, "
        f"book B {house.floating_b_usd:,.2f}), realised {house.realised_usd:,.2f} USD"
    )
    console.print(f"Crossings: {_counts(crossing.kind for crossing in snapshot.crossings)}")
    console.print(f"Breaks: {_counts(found.kind for found in snapshot.breaks)}")


def _headline(snapshot: Snapshot) -> str:
    counters = snapshot.counters
    moment = datetime.fromtimestamp(snapshot.as_of / _NS_PER_S, UTC)
    when = "nothing happened" if snapshot.as_of == 0 else f"until {moment:%Y-%m-%d %H:%M:%S} UTC"
    return (
        f"{counters['quotes']:,} quotes and {counters['deals']:,} deals {when}; "
        f"{counters['out_of_order']:,} quotes out of order, {counters['duplicates']:,} duplicates, "
        f"{counters['quarantined']:,} rows quarantined"
    )


def _accounts(accounts: pl.DataFrame) -> Table:
    edge = accounts.drop_nulls("margin_level").sort("margin_level", maintain_order=True)
    table = Table(title="Nearest to the edge", title_justify="left")
    for name in ("login", "book", "currency"):
        table.add_column(name)
    for name in ("equity", "margin", "level %"):
        table.add_column(name, justify="right")
    for row in edge.head(SHOWN_ACCOUNTS).iter_rows(named=True):
        money = (_number(row[name], 2) for name in ("equity", "margin", "margin_level"))
        table.add_row(row["login"], row["book"], row["currency"], *money)
    return table


def _exposure(exposure: pl.DataFrame) -> Table:
    held = exposure.filter((pl.col("positions") > 0) | (pl.col("lp_net_lots") != 0.0))
    largest = held.sort(pl.col("house_net_usd").abs(), descending=True, nulls_last=True)
    table = Table(title="Largest exposure", title_justify="left")
    table.add_column("symbol")
    for name in ("client net lots", "lp net lots", "house net lots", "house net USD", "coverage"):
        table.add_column(name, justify="right")
    columns = ("client_net_lots", "lp_net_lots", "house_net_lots", "house_net_usd")
    for row in largest.head(SHOWN_SYMBOLS).iter_rows(named=True):
        numbers = (_number(row[name], 2) for name in columns)
        table.add_row(row["symbol"], *numbers, _number(row["coverage_ratio"], 3))
    return table


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _counts(kinds: Iterable[str]) -> str:
    counts = Counter(kinds)
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common()) or "none"
