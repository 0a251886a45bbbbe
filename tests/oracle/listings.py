"""Instruments of every calculation mode, quoted by real OANDA prices of 2014-05-08.

EURUSD, NZDUSD and XAUUSD carry the recorded quotes as they are. Every other listing moves with one
of them: the recorded move, amplified by ``beta`` around a ``level`` of its own. So all prices here
have the gaps, bursts and spreads of a real market around an ECB press conference.
"""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path

RECORDED = Path(__file__).resolve().parents[2] / "feeds" / "samples" / "fx_2014-05-08"
NEVER = 2.0

Row = dict[str, str]


@dataclass(frozen=True)
class Tick:
    """One quote of one symbol."""

    ts_ms: Decimal
    symbol: str
    bid: Decimal
    ask: Decimal


@dataclass(frozen=True)
class Listing:
    """An instrument and where its prices come from.

    ``first_quote`` is the part of the day that passes before the symbol is quoted.
    """

    symbol: str
    asset_class: str
    base: str
    quote: str
    contract_size: str
    digits: int
    calc_mode: str
    source: str
    level: str = ""
    beta: str = "1"
    first_quote: float = 0.0
    terms: Row = field(default_factory=dict)

    @property
    def units_per_lot(self) -> Decimal:
        """What a price difference of one earns on one lot."""
        if self.calc_mode in {"cfd_index", "futures"}:
            return Decimal(self.terms["tick_value"]) / Decimal(self.terms["tick_size"])
        return Decimal(self.contract_size)

    def tick(self, recorded: Tick, first_mid: Decimal) -> Tick:
        """Return this listing's quote at the moment of a recorded one."""
        if not self.level:
            return Tick(recorded.ts_ms, self.symbol, recorded.bid, recorded.ask)
        level, pip = Decimal(self.level), Decimal(1).scaleb(-self.digits)
        mid = (recorded.bid + recorded.ask) / 2
        moved = level * (1 + Decimal(self.beta) * (mid / first_mid - 1))
        half_spread = abs(level) * (recorded.ask - recorded.bid) / mid / 2
        bid, ask = ((moved + way * half_spread).quantize(pip) for way in (-1, 1))
        return Tick(recorded.ts_ms, self.symbol, bid, ask)


def listings() -> list[Listing]:
    """Return all instruments: every calculation mode, synonyms, late and silent symbols."""
    return [*_currency_pairs(), *_late_pairs(), *_contracts()]


def _currency_pairs() -> list[Listing]:
    fx, lot = "fx", "100000"
    return [
        Listing("EURUSD.pro", fx, "EUR", "USD", lot, 5, "forex", "eurusd", "1.3941",
                terms={"underlying": "EURUSD"}),
        Listing("EURUSD", fx, "EUR", "USD", lot, 5, "forex", "eurusd",
                terms={"limit_usd": "5000000", "stale_after_ms": "60000"}),
        Listing("NZDUSD", fx, "NZD", "USD", lot, 5, "forex", "nzdusd",
                terms={"max_leverage": "100"}),
        Listing("USDJPY", fx, "USD", "JPY", lot, 3, "forex", "eurusd", "101.724", "-0.8"),
        Listing("EURJPY", fx, "EUR", "JPY", lot, 3, "forex_no_leverage", "eurusd", "141.68",
                terms={"margin_rate": "0.01", "limit_usd": "900000"}),
        Listing("GBPJPY", fx, "GBP", "JPY", lot, 3, "forex", "nzdusd", "172.19", "1.5",
                terms={"margin_rate": "1.25"}),
        Listing("EURGBP", fx, "EUR", "GBP", lot, 5, "forex", "eurusd", "0.82256", "0.7",
                terms={"hedged_ratio": "0"}),
        Listing("EURNZD", fx, "EUR", "NZD", lot, 5, "cfd_leverage", "eurusd", "1.6075", "1.1",
                terms={"hedged_ratio": "1"}),
    ]  # fmt: skip


def _late_pairs() -> list[Listing]:
    fx, lot = "fx", "100000"
    return [
        Listing("GBPUSD.x", fx, "GBP", "USD", lot, 5, "forex", "nzdusd", "1.69432", "0.9", 0.3,
                terms={"underlying": "GBPUSD"}),
        Listing("GBPUSD.y", fx, "GBP", "USD", lot, 5, "forex", "nzdusd", "1.6945", "0.9", 0.05,
                terms={"underlying": "GBPUSD", "max_leverage": "50"}),
        Listing("USDCHF", fx, "USD", "CHF", lot, 5, "forex", "eurusd", "0.87456", "-1", 0.4),
        Listing("EURCHF", fx, "EUR", "CHF", lot, 5, "forex_no_leverage", "eurusd", "1.2191", "0.2",
                0.6, terms={"margin_rate": "0.005"}),
        Listing("CHFJPY", fx, "CHF", "JPY", lot, 3, "cfd", "eurusd", "116.3", "0.6", 0.1,
                terms={"margin_currency": "CHF", "margin_rate": "0.0002"}),
        Listing("USDSEK", fx, "USD", "SEK", lot, 5, "forex", "eurusd", "6.4633", "-1.1", 0.75),
        Listing("USDHUF", fx, "USD", "HUF", lot, 3, "forex", "eurusd", "218.55", "-1", NEVER),
    ]  # fmt: skip


def _contracts() -> list[Listing]:
    return [
        Listing("XAUUSD", "metal", "XAU", "USD", "100", 3, "cfd_leverage", "xauusd",
                terms={"hedged_ratio": "0.25", "limit_usd": "2500000"}),
        Listing("BTCUSD", "crypto", "BTC", "USD", "1", 2, "cfd", "xauusd", "438.2", "4",
                terms={"margin_rate": "0.1"}),
        Listing("XTIUSD", "energy", "XTI", "USD", "1000", 3, "cfd_leverage", "xauusd", "0.09",
                "400", terms={"allow_negative": "true"}),
        Listing("GER40", "index", "EUR", "EUR", "1", 1, "cfd_index", "eurusd", "9612.5", "-1.4",
                terms={"underlying": "DE40", "tick_size": "0.5", "tick_value": "12.5",
                       "margin_rate": "0.05"}),
        Listing("US500", "index", "USD", "USD", "10", 2, "cfd_index", "xauusd", "1875.25", "0.8",
                terms={"margin_currency": "EUR", "tick_size": "0.25", "tick_value": "0.25",
                       "margin_rate": "0.005"}),
        Listing("US500.f", "index", "USD", "USD", "50", 2, "futures", "xauusd", "1871.5", "0.8",
                terms={"underlying": "US500", "tick_size": "0.25", "tick_value": "12.5",
                       "initial_margin": "4510"}),
        Listing("JP225", "index", "JPY", "JPY", "100", 0, "futures", "nzdusd", "14105", "3",
                terms={"margin_currency": "USD", "tick_size": "5", "tick_value": "500",
                       "initial_margin": "3600", "margin_rate": "0.8"}),
        Listing("OMXS30", "index", "SEK", "SEK", "100", 2, "cfd_index", "eurusd", "1369.4", "0.5",
                terms={"tick_size": "0.01", "tick_value": "1", "margin_rate": "0.1"}),
        Listing("AAPL", "share", "USD", "USD", "100", 2, "cfd", "xauusd", "588.3", "1.5",
                terms={"margin_rate": "0.2", "hedged_ratio": "0.75"}),
        Listing("MSFT", "share", "USD", "USD", "100", 2, "cfd", "xauusd", "39.42", "1", NEVER,
                terms={"margin_rate": "0.2"}),
        Listing("BUDA", "share", "HUF", "HUF", "100", 0, "cfd", "eurusd", "4180", "1",
                terms={"margin_rate": "0.2"}),
    ]  # fmt: skip


@cache
def recorded(source: str) -> tuple[Tick, ...]:
    """Return the shipped real quotes of one symbol."""
    path = RECORDED / f"oanda_{source}_20140508.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        return tuple(
            Tick(Decimal(row["ts_ms_utc"]), source, Decimal(row["bid"]), Decimal(row["ask"]))
            for row in csv.DictReader(file)
        )


def ticks(chosen: Sequence[Listing], size: int, rng: random.Random) -> list[Tick]:
    """Return about ``size`` quotes of all listings together, in order of time."""
    weights = {one.symbol: rng.choice((0.05, 0.3, 2, 4)) for one in chosen}
    share = size / sum(weights.values())
    found = [
        tick for one in chosen for tick in _ticks_of(one, round(share * weights[one.symbol]), rng)
    ]
    return sorted(found, key=lambda tick: tick.ts_ms)


def _ticks_of(listing: Listing, count: int, rng: random.Random) -> list[Tick]:
    source = recorded(listing.source)
    first_mid = (source[0].bid + source[0].ask) / 2
    usable = source[round(len(source) * min(listing.first_quote, 1)) :]
    picked = sorted(rng.sample(range(len(usable)), min(max(1, count), len(usable))))
    return [listing.tick(usable[index], first_mid) for index in picked]
