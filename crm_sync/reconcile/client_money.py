"""Whether the money that lies at banks and providers covers what is owed to clients.

One client's debt is never set off against another's money: what a client owes counts as nothing
here, and is shown beside. Each currency stands for itself.

Source: FCA handbook, CASS 7.15 and 7.16 (internal client money reconciliation, individual client
balance); docs/backoffice.md says what it leaves out.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from exposure.errors import DataError

OWED: Final = ("client_id", "currency", "amount_minor")
"""Columns of what is owed: one row for each wallet, hold and mirror of a trading account."""

HELD: Final = ("place", "currency", "amount_minor")
"""Columns of what is held: one row for each client bank account and provider."""

CHECK: Final = (
    "currency", "owed_minor", "debts_minor", "held_minor", "shortfall_minor", "excess_minor",
)  # fmt: skip


def client_money_check(owed: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Return what is owed and held in each currency: CHECK, by currency.

    Raises:
        DataError: A column is missing.
    """
    _require(owed, OWED, "what is owed")
    _require(held, HELD, "what is held")
    clients = owed.group_by("client_id", "currency").agg(pl.col("amount_minor").sum())
    debts = clients.group_by("currency").agg(
        owed_minor=pl.col("amount_minor").clip(lower_bound=0).sum(),
        debts_minor=-pl.col("amount_minor").clip(upper_bound=0).sum(),
    )
    places = held.group_by("currency").agg(held_minor=pl.col("amount_minor").sum())
    both = debts.join(places, on="currency", how="full", coalesce=True).fill_null(0)
    off = pl.col("held_minor") - pl.col("owed_minor")
    return both.select(
        *CHECK[:4],
        shortfall_minor=-off.clip(upper_bound=0),
        excess_minor=off.clip(lower_bound=0),
    ).sort("currency")


def _require(frame: pl.DataFrame, columns: tuple[str, ...], what: str) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise DataError(f"{what} has no column {' and no column '.join(missing)}")
