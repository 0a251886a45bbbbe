"""A day on the edge: accounts whose level lands exactly on a threshold, again and again.

One lot of EURUSD opened at 1.40000 with 1:100 ties up 1,400.00 USD and moves one dollar a point,
so with a whole number of dollars every real quote is a whole dollar away from 0, 50, 55, 100 and
105 per cent. The lot is put together from odd pieces: in binary they do not add up to one.
"""

# ruff: noqa: S311  # seeded days need repeatable numbers, not secret ones

from __future__ import annotations

import csv
import random
from pathlib import Path

from tests.oracle.listings import Row, recorded

PIECES = (("1",), ("0.1",) * 10, ("0.1", "0.2", "0.7"), ("0.33", "0.33", "0.34"))
FLOATING_AT_START = -470
EDGES = (0, 700, 770, 1_400, 1_470)


def write_ties(directory: Path, seed: int, size: int) -> None:
    """Write a book directory of ``size`` real quotes and 20 accounts close to an edge."""
    rng = random.Random(seed)
    logins = [str(number) for number in range(1, 21)]
    ticks = recorded("eurusd")
    first = ticks[0].ts_ms
    _write(directory, "instruments", [_EURUSD])
    _write(directory, "accounts", [_account(rng, login) for login in logins])
    _write(
        directory,
        "quotes",
        [
            {
                "ts_ms": str(ticks[index].ts_ms),
                "symbol": "EURUSD",
                "bid": str(ticks[index].bid),
                "ask": str(ticks[index].ask),
            }
            for index in sorted(rng.sample(range(len(ticks)), size))
        ],
    )
    _write(
        directory,
        "deals",
        [
            _EURUSD_DEAL
            | {"ts_ms": str(first - 1), "deal_id": f"{login}-{index}", "login": login, "lots": lots}
            for login in logins
            for index, lots in enumerate(rng.choice(PIECES))
        ],
    )


_EURUSD: Row = {
    "symbol": "EURUSD",
    "asset_class": "fx",
    "base": "EUR",
    "quote": "USD",
    "contract_size": "100000",
    "digits": "5",
    "calc_mode": "forex",
}
_EURUSD_DEAL: Row = {
    "position_id": "EURUSD",
    "symbol": "EURUSD",
    "side": "buy",
    "entry": "in",
    "price": "1.4",
}


def _account(rng: random.Random, login: str) -> Row:
    balance = rng.choice(EDGES) - FLOATING_AT_START + rng.randrange(-20, 20)
    return {
        "login": login,
        "client_id": f"C{login}",
        "currency": "USD",
        "balance": str(balance),
        "leverage": "100",
        "book": "B",
    }


def _write(directory: Path, name: str, rows: list[Row]) -> None:
    with (directory / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
