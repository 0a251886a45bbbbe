"""Days on the edge: accounts that touch a threshold again and again, for one reason only.

`write_ties`: one lot of EURUSD opened at 1.40000 with 1:100 ties up 1,400.00 USD and moves one
dollar a point, so with a whole number of dollars every real quote is a whole dollar away from 0,
50, 55, 100 and 105 per cent. The lot is put together from odd pieces: in binary they do not add up
to one.

`write_conversions`: EURUSD is quoted once and never again; only the rate that turns its large loss
into pounds moves, so every crossing comes from a conversion.
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
LOSS_GBP = 12_330
MARGIN_GBP = 322


def write_ties(directory: Path, seed: int, size: int) -> None:
    """Write a book directory of ``size`` real quotes and 20 accounts close to an edge."""
    rng = random.Random(seed)
    logins = [str(number) for number in range(1, 21)]
    opening = {"side": "buy", "price": "1.4", "ts_ms": str(recorded("eurusd")[0].ts_ms - 1)}
    balances = [rng.choice(EDGES) - FLOATING_AT_START + rng.randrange(-20, 20) for _ in logins]
    deals = [
        _deal(login, index, lots) | opening
        for login in logins
        for index, lots in enumerate(rng.choice(PIECES))
    ]
    _write(directory, "instruments", [_pair("EUR")])
    _write(directory, "accounts", _accounts("USD", "100", balances, rng))
    _write(directory, "quotes", _quotes("EURUSD", "eurusd", size, rng))
    _write(directory, "deals", deals)


def write_conversions(directory: Path, seed: int, size: int) -> None:
    """Write a book directory of ``size`` real quotes that only convert, and 20 GBP accounts."""
    rng = random.Random(seed)
    start = str(recorded("nzdusd")[0].ts_ms - 1)
    levels = [rng.choice((0, 0.5, 1)) + rng.uniform(-0.08, 0.08) for _ in range(20)]
    balances = [round(LOSS_GBP + level * MARGIN_GBP, 2) for level in levels]
    still = {"ts_ms": start, "symbol": "EURUSD", "bid": "1.39300", "ask": "1.39340"}
    deals = [
        _deal(str(index), index, "1") | {"side": "sell", "price": "1.28670", "ts_ms": start}
        for index in range(1, 21)
    ]
    _write(directory, "instruments", [_pair("EUR"), _pair("GBP")])
    _write(directory, "accounts", _accounts("GBP", "500", balances, rng))
    _write(directory, "quotes", [still, *_quotes("GBPUSD", "nzdusd", size, rng)])
    _write(directory, "deals", deals)


def _quotes(symbol: str, source: str, size: int, rng: random.Random) -> list[Row]:
    ticks = recorded(source)
    return [
        {
            "ts_ms": str(ticks[index].ts_ms),
            "symbol": symbol,
            "bid": str(ticks[index].bid),
            "ask": str(ticks[index].ask),
        }
        for index in sorted(rng.sample(range(len(ticks)), size))
    ]


def _pair(base: str) -> Row:
    return {
        "symbol": f"{base}USD",
        "asset_class": "fx",
        "base": base,
        "quote": "USD",
        "contract_size": "100000",
        "digits": "5",
        "calc_mode": "forex",
    }


def _accounts(
    currency: str, leverage: str, balances: list[int] | list[float], rng: random.Random
) -> list[Row]:
    return [
        {
            "login": str(index),
            "client_id": f"C{index}",
            "currency": currency,
            "balance": str(balance),
            "leverage": leverage,
            "book": rng.choice("ABC"),
            "profit_conversion": rng.choice(("close_price", "market", "mid")),
        }
        for index, balance in enumerate(balances, start=1)
    ]


def _deal(login: str, index: int, lots: str) -> Row:
    return {
        "deal_id": f"{login}-{index}",
        "login": login,
        "position_id": "EURUSD",
        "symbol": "EURUSD",
        "entry": "in",
        "lots": lots,
    }


def _write(directory: Path, name: str, rows: list[Row]) -> None:
    with (directory / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
