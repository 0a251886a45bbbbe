"""Random broker's days on real prices: everything that can happen, in one book directory.

The clients of these days remember what they hold, so most of their deals are valid; a known part
is wrong on purpose, each in one of the ways that semantics.md sections 2 and 6 name.
"""

# ruff: noqa: S311  # seeded days need repeatable numbers, not secret ones

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.oracle.listings import Listing, Row, Tick, listings, ticks
from tests.oracle.occasions import PROFILES, Occasions
from tests.oracle.tape import Tape
from tests.oracle.traders import CENT, Floor, Trader

MARGIN_MODES = ("net_plus_hedged", "mt4_average", "larger_leg", "sum", "net")
CONVERSIONS = ("close_price", "close_price", "market", "mid")
PROVIDERS = ("LP1", "LP2")


def write_day(directory: Path, seed: int, size: int, *, eventful: bool | None = None) -> None:
    """Write a book directory of about ``size`` quotes; the same seed writes the same bytes.

    Args:
        directory: Where to.
        seed: Of all that is random.
        size: How many quotes, about.
        eventful: Whether it has actions and leverage brackets; None for half of the seeds.
    """
    _Day(random.Random(seed), size, eventful).write(directory)


class _Day:
    def __init__(self, rng: random.Random, size: int, eventful: bool | None) -> None:  # noqa: FBT001
        self.rng = rng
        listed = listings()
        self.listings = rng.sample(listed, k=rng.choice((8, len(listed), len(listed))))
        self.tape = Tape(rng, ticks(self.listings, size, rng))
        self.floor = Floor(rng, self.listings, self.tape, max(12, min(60, size // 60)))
        self.deal_count = size * 3 // rng.choice((8, 40, 40))
        half = rng.random() < 0.5
        self.eventful = half if eventful is None else eventful
        self.occasions = Occasions(rng, self.listings, self.tape, PROVIDERS)

    def write(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        files = {
            "instruments": [self._instrument(one) for one in self.listings],
            "accounts": [self._account(one) for one in self.floor.traders],
            "positions": self.floor.opening_positions(),
            "lp_positions": self._opening_lp_positions(),
            "deals": (deals := self.floor.deals(self.deal_count)),
            "balances": self._around(deals, self.deal_count // 6, self._balance),
            "books": self._around(deals, self.deal_count, self._book),
            "hedges": self._hedges(),
            "quotes": self._quotes(),
        }
        if self.eventful:
            self._add_occasions(files)
        for name in ("deals", "balances", "books", "hedges", "actions"):
            self._delay_some(files.get(name, []))
        for name, rows in files.items():
            if rows:
                self._file(directory, name, rows)

    def _add_occasions(self, files: dict[str, list[Row]]) -> None:
        instants = [row["ts_ms"] for row in files["deals"]]
        files["leverage_tiers"] = self.occasions.tiers()
        files["actions"] = self.occasions.actions(self.deal_count // 3, instants)
        for name in ("quotes", "deals", "books", "hedges"):
            files[name] = self.occasions.changed(name, files[name])

    # Who and what

    def _account(self, trader: Trader) -> Row:
        rng = self.rng
        row = {
            "login": trader.login,
            "client_id": f"C{int(trader.login) // 2}",
            "currency": trader.currency,
            "balance": str(trader.balance),
            "leverage": str(trader.leverage),
            "book": rng.choice("ABC"),
            "credit": rng.choice(("", "0", "25.5")),
            "hedge_ratio": rng.choice(("", "0.4", "0.75")),
            "margin_call_level": rng.choice(("", "80", "120")),
            "stop_out_level": rng.choice(("", "30", "50")),
            "hedged_margin_mode": rng.choice((*MARGIN_MODES, "")),
            "profit_conversion": rng.choice((*CONVERSIONS, "")),
            "credit_mode": rng.choice(("", "in_equity", "excluded")),
            "leverage_profile": rng.choice(("", *PROFILES, "P9")),
        }
        if rng.random() < 0.05:
            row["balance"] = "-12.34"
        return row

    def _instrument(self, listing: Listing) -> Row:
        return {
            "symbol": listing.symbol,
            "asset_class": listing.asset_class,
            "base": listing.base,
            "quote": listing.quote,
            "contract_size": listing.contract_size,
            "digits": str(listing.digits),
            "calc_mode": listing.calc_mode,
            **listing.terms,
            **self.occasions.terms(),
        }

    # What was open before

    def _opening_lp_positions(self) -> list[Row]:
        rng, found = self.rng, []
        for listing in rng.sample(self.listings, k=6):
            side = rng.choice(("buy", "sell"))
            found.append(
                {
                    "lp": rng.choice(PROVIDERS),
                    "symbol": listing.symbol,
                    "side": side,
                    "lots": str(rng.randrange(1, 300) * CENT),
                    "price": str(self.tape.price(listing, side, self.tape.start)),
                }
            )
        return found

    def _around(self, deals: list[Row], count: int, make: Callable[[Row], Row]) -> list[Row]:
        """Return rows about the logins of deals, half of them at the very instant of the deal."""
        rng, found = self.rng, []
        for ts_ms in self.tape.moments(count):
            deal = rng.choice(deals)
            when = deal["ts_ms"] if rng.random() < 0.5 else str(ts_ms)
            found.append({"ts_ms": when, **make(deal)})
        return sorted(found, key=lambda row: Decimal(row["ts_ms"]))

    def _delay_some(self, rows: list[Row]) -> None:
        for row in rows:
            if self.rng.random() < 0.03:
                row["ts_ms"] = str(Decimal(row["ts_ms"]) - self.rng.randrange(60_000))

    # Quotes

    def _quotes(self) -> list[Row]:
        found = []
        for tick in self.tape.ticks:
            found.append(_quote_row(self._as_sent(tick)))
            if self.rng.random() < 0.015:
                found.append(self._wrong_quote(tick))
        return found

    def _as_sent(self, tick: Tick) -> Tick:
        chance = self.rng.random()
        if chance < 0.02:
            return replace(tick, bid=tick.ask)
        if chance < 0.04:
            return replace(tick, bid=tick.ask, ask=tick.bid)
        return tick

    def _wrong_quote(self, tick: Tick) -> Row:
        row = _quote_row(tick)
        late = {"ts_ms": str(tick.ts_ms - self.rng.randrange(1, 90_000)), "bid": row["ask"]}
        return row | self.rng.choice(
            (
                {"bid": "NaN"},
                {"ask": "nan", "bid": "nan"},
                {"ask": "inf"},
                {"bid": "-1.25" if tick.symbol != "XTIUSD" else "-inf"},
                {"ask": "0" if tick.symbol != "XTIUSD" else "NaN"},
                {"symbol": "EURUSD.zzz"},
                late,
                late,
                late,
            )
        )

    # Money, books and hedges

    def _balance(self, deal: Row) -> Row:
        rng = self.rng
        trader = rng.choice(
            [one for one in self.floor.traders if one.login == deal["login"]] or self.floor.traders
        )
        kinds = ("deposit", "withdrawal", "withdrawal", "credit", "bonus", "correction", "swap")
        kind = rng.choice((*kinds, "commission", "dividend", "stop_out_compensation", "transfer"))
        part = Decimal(rng.uniform(0.05, 0.9)).quantize(CENT)
        amount = (trader.balance * part).quantize(CENT)
        if kind == "withdrawal" or rng.random() < 0.3:
            amount = -amount
        row = {"login": trader.login, "kind": kind, "amount": str(amount)}
        if rng.random() < 0.08:
            row |= rng.choice(({"kind": "gift"}, {"amount": "NaN"}, {"login": "99999"}))
        return row

    def _book(self, deal: Row) -> Row:
        rng = self.rng
        row = {
            "login": deal["login"],
            "book": rng.choice("ABCC"),
            "hedge_ratio": rng.choice(("", "0", "0.25", "0.9")),
            "symbol": rng.choice(("", deal["symbol"], deal["symbol"])),
        }
        if rng.random() < 0.08:
            row |= rng.choice(({"login": "99999"}, {"symbol": "EURUSD.zzz"}))
        return row

    def _hedges(self) -> list[Row]:
        rng = self.rng
        found: list[Row] = []
        for ts_ms in self.tape.moments(self.deal_count // 4):
            row = self._hedge(ts_ms)
            if found and rng.random() < 0.06:
                again = rng.choice(found)
                row |= {"deal_id": again["deal_id"], "lp": rng.choice((again["lp"], row["lp"]))}
            found.append({"ts_ms": str(ts_ms), **row})
        return found

    def _hedge(self, ts_ms: Decimal) -> Row:
        rng = self.rng
        listing, side = rng.choice(self.listings), rng.choice(("buy", "sell"))
        row = {
            "deal_id": f"H{rng.getrandbits(40)}",
            "lp": rng.choice(PROVIDERS),
            "symbol": listing.symbol,
            "side": side,
            "lots": str(rng.randrange(1, 200) * CENT),
            "price": str(self.tape.price(listing, side, ts_ms)),
            "commission": rng.choice(("", "-2.5")),
            "swap": rng.choice(("", "-0.8", "0.3")),
        }
        if rng.random() < 0.06:
            row |= rng.choice(
                ({"symbol": "EURUSD.zzz"}, {"lots": "0"}, {"side": "hold"}, {"price": "nan"})
            )
        return row

    # Files

    def _file(self, directory: Path, name: str, rows: list[Row]) -> None:
        columns = list(dict.fromkeys(column for row in rows for column in row))
        self.rng.shuffle(columns)
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        content = text.getvalue().encode()
        if self.rng.random() < 0.5:
            (directory / f"{name}.csv").write_bytes(content)
        else:
            packed = gzip.compress(content, mtime=0)
            (directory / f"{name}.csv.gz").write_bytes(packed)


def _quote_row(tick: Tick) -> Row:
    return {
        "ts_ms": str(tick.ts_ms),
        "symbol": tick.symbol,
        "bid": str(tick.bid),
        "ask": str(tick.ask),
    }
