"""Write a population as a book directory, so that the product's own commands can read it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from dealing.lab.columns import CLOSED, Population, Quotes, Trades
from exposure.errors import DataError

_MS: Final = 1e6
_LOTS_DIGITS: Final = 4
_POOR_NOT: Final = 1e9


def export(population: Population, directory: Path) -> None:
    """Write instruments, accounts, quotes, deals, reference quotes if there are any, and the truth.

    Raises:
        DataError: The directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, frame in frames(population).items():
            if name == "truth":
                frame.write_csv(directory / "truth.csv")
            else:
                frame.write_parquet(directory / f"{name}.parquet")
    except OSError as e:
        raise DataError(f"{directory} cannot be written: {e.strerror}") from e


def frames(population: Population) -> dict[str, pl.DataFrame]:
    """Return the files of a book directory by name, and the truth."""
    files = {
        "instruments": _instruments(population),
        "accounts": _accounts(population),
        "quotes": _quotes(population, population.quotes),
        "deals": _deals(population),
        "truth": _truth(population),
    }
    if population.reference is not None:
        files["reference_quotes"] = _quotes(population, population.reference)
    return files


def client_id(code: int) -> str:
    """Return the name of a client."""
    return f"C{code:05d}"


def _instruments(population: Population) -> pl.DataFrame:
    rows = [
        {
            "symbol": one.name,
            "asset_class": one.asset_class,
            "base": one.base,
            "quote": one.quote,
            "contract_size": one.contract_size,
            "digits": one.digits,
            "calc_mode": "forex" if one.asset_class == "fx" else "cfd",
        }
        for one in population.terms
    ]
    return pl.DataFrame(rows)


def _accounts(population: Population) -> pl.DataFrame:
    names = [client_id(code) for code in range(len(population.truth.kind))]
    return pl.DataFrame({"login": names, "client_id": names}).with_columns(
        currency=pl.lit("USD"),
        balance=pl.lit(_POOR_NOT),
        leverage=pl.lit(100),
        book=pl.lit("B"),
    )


def _quotes(population: Population, quotes: Quotes) -> pl.DataFrame:
    names = np.array([one.name for one in population.terms])
    return pl.DataFrame(
        {
            "ts_ms": quotes.ts / _MS,
            "symbol": names[quotes.symbol],
            "bid": quotes.bid,
            "ask": quotes.ask,
        }
    )


def _deals(population: Population) -> pl.DataFrame:
    """Return two deals per trade, in order of time, entries before exits of the same instant."""
    trades = population.trades
    entries, exits = _side_of(population, trades, "in"), _side_of(population, trades, "out")
    both = pl.concat([entries, exits]).sort("ts_ms", maintain_order=True)
    numbers = pl.Series(np.arange(1, both.height + 1)).cast(pl.String)
    return both.with_columns(deal_id=numbers)


def _side_of(population: Population, trades: Trades, entry: str) -> pl.DataFrame:
    names = np.array([one.name for one in population.terms])
    per_lot_usd = np.array([one.contract_size * one.usd_per_quote for one in population.terms])
    opens = entry == "in"
    buys = (trades.side > 0.0) == opens
    money = trades.lots * per_lot_usd[trades.symbol]
    nothing = np.zeros(len(money))
    return pl.DataFrame(
        {
            "ts_ms": (trades.entry_ns if opens else trades.exit_ns) / _MS,
            "login": [client_id(code) for code in trades.client.tolist()],
            "position_id": (np.arange(len(money)) + 1).astype(str),
            "symbol": names[trades.symbol],
            "side": np.where(buys, "buy", "sell"),
            "entry": np.full(len(money), entry),
            "lots": trades.lots.round(_LOTS_DIGITS).clip(10.0**-_LOTS_DIGITS),
            "price": trades.entry_price if opens else trades.exit_price,
            "commission": nothing if opens else -trades.commission * money,
            "swap": nothing if opens else trades.swap * money,
            "reason": np.array(CLOSED)[np.zeros_like(trades.closed) if opens else trades.closed],
        }
    )


def _truth(population: Population) -> pl.DataFrame:
    truth = population.truth
    return pl.DataFrame(
        {
            "client_id": [client_id(code) for code in range(len(truth.kind))],
            "kind": [population.kinds[code] for code in truth.kind.tolist()],
            "edge_in_costs": truth.edge,
            "usd_per_million": truth.usd_per_million,
            "stale_in_costs": truth.stale,
        }
    )
