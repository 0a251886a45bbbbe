"""What currencies, and clients, are worth in USD, read off a frame."""

from __future__ import annotations

import math
from typing import Final

import polars as pl

from exposure.snapshot import Snapshot

_ENOUGH: Final = 1e-6
"""A holding so small says nothing about its rate."""


def usd_rates(snapshot: Snapshot) -> dict[str, float]:
    """Return USD for one unit of each currency that a frame has a price for.

    A pair with the USD says it; else what the house holds of the currency, in units and in USD.
    """
    rates = _held(snapshot) | _quoted(snapshot.exposure)
    rates["USD"] = 1.0
    return rates


def _quoted(exposure: pl.DataFrame) -> dict[str, float]:
    pairs = exposure.select("base", "quote", pl.col("mid").cast(pl.Float64)).filter(
        (pl.col("mid") > 0.0) & pl.col("mid").is_finite()
    )
    rates: dict[str, float] = {}
    for base, quote, mid in pairs.iter_rows():
        if quote == "USD":
            rates.setdefault(base, mid)
        elif base == "USD":
            rates.setdefault(quote, 1.0 / mid)
    return rates


def _held(snapshot: Snapshot) -> dict[str, float]:
    rates = {}
    for row in snapshot.currencies:
        if row.house_net_usd is not None and abs(row.house_net) > _ENOUGH:
            rate = row.house_net_usd / row.house_net
            if math.isfinite(rate) and rate > 0.0:
                rates[row.currency] = rate
    return rates


def equity_by_client(snapshot: Snapshot) -> dict[str, float]:
    """Return what each client owns in his trading accounts in USD, of those who own something.

    An account in a currency without a rate counts as if it were in USD: better told once too often.
    """
    rates = usd_rates(snapshot)
    known = pl.DataFrame(
        {"currency": list(rates), "rate": list(rates.values())},
        schema={"currency": pl.String, "rate": pl.Float64},
    )
    owned = snapshot.accounts.select(
        "client_id", "currency", pl.col("equity").cast(pl.Float64).fill_nan(None)
    ).filter(pl.col("equity") > 0.0)
    in_usd = pl.col("equity") * pl.col("rate").fill_null(1.0)
    sums = owned.join(known, on="currency", how="left").group_by("client_id").agg(in_usd.sum())
    return dict(sums.iter_rows())
