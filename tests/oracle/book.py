"""The files of a book directory as plain records: csv, Decimal and nothing else.

Part of the referee: it shares no line with the product. Semantics.md section 9 names the files
and columns; a field that is not there is its default, a field that is no number is ``None``.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

Row = dict[str, str]
Tiers = dict[tuple[str, str], list["Bracket"]]
"""The brackets of a leverage profile and symbol."""

Caps = dict[tuple[str, str, str], Decimal]
"""The most leverage of a region and client category on a symbol."""

EVENT_FILES = ("quotes", "balances", "books", "actions", "deals", "hedges")
"""In the order in which events of one instant happen."""

TICK_VALUED = ("cfd_index", "futures")
FOREX = ("forex", "forex_no_leverage")
LEVERAGED = ("forex", "cfd_leverage")


@dataclass(frozen=True)
class Instrument:
    """The terms of one symbol."""

    symbol: str
    underlying: str
    asset_class: str
    base: str
    quote: str
    digits: int
    calc_mode: str
    contract_size: Decimal
    margin_currency: str
    margin_rate: Decimal
    tick_size: Decimal | None
    tick_value: Decimal | None
    initial_margin: Decimal | None
    hedged_ratio: Decimal
    max_leverage: Decimal | None
    swap_mode: str
    swap_long: Decimal
    swap_short: Decimal
    limit_usd: Decimal | None
    allow_negative: bool

    @property
    def units_per_lot(self) -> Decimal:
        """What one lot is multiplied with to make a price difference money."""
        if self.calc_mode in TICK_VALUED:
            return _given(self.tick_value) / _given(self.tick_size)
        return self.contract_size

    @property
    def asset(self) -> str:
        """What is held where it is no currency: the underlying that is named, else the symbol."""
        return self.underlying or self.symbol

    @property
    def point(self) -> Decimal:
        """The smallest price step."""
        return Decimal(1).scaleb(-self.digits)


@dataclass(frozen=True)
class Bracket:
    """Lots up to ``upper_lots`` have this leverage; None is unlimited."""

    upper_lots: Decimal | None
    leverage: Decimal


@dataclass(frozen=True)
class AccountTerms:
    """What the accounts file says about one login."""

    login: str
    client_id: str
    currency: str
    balance: Decimal
    credit: Decimal
    leverage: Decimal
    book: str
    hedge_ratio: Decimal
    margin_call_level: Decimal
    stop_out_level: Decimal
    hedged_margin_mode: str
    profit_conversion: str
    credit_mode: str
    leverage_profile: str
    region: str
    category: str


@dataclass(frozen=True)
class Event:
    """One row of an event file, at its place in the day.

    ``ts_ms`` is the row's own time, ``effective_ms`` the running maximum of its file.
    """

    effective_ms: Decimal
    rank: int
    line: int
    ts_ms: Decimal
    row: Row

    @property
    def file(self) -> str:
        """The file this row came from."""
        return EVENT_FILES[self.rank]


def number(row: Row, column: str, default: str | None = None) -> Decimal | None:
    """Return a finite number, or None where the text is none."""
    text = row.get(column) or default
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def rows(directory: Path, name: str) -> list[Row]:
    """Return the rows of one file, none when it does not exist."""
    plain, packed = directory / f"{name}.csv", directory / f"{name}.csv.gz"
    if plain.exists():
        with plain.open(newline="") as file:
            return list(csv.DictReader(file))
    if packed.exists():
        with gzip.open(packed, "rt", newline="") as file:
            return list(csv.DictReader(file))
    return []


def instruments(directory: Path) -> dict[str, Instrument]:
    """Return the instruments by symbol, in order of definition."""
    return {row["symbol"]: instrument_of(row) for row in rows(directory, "instruments")}


def accounts(directory: Path) -> dict[str, AccountTerms]:
    """Return the accounts by login, in the order of the file."""
    return {row["login"]: terms_of(row) for row in rows(directory, "accounts")}


def leverage_tiers(
    directory: Path, known: dict[str, Instrument]
) -> tuple[Tiers, list[tuple[str, str]]]:
    """Return the brackets of each profile and symbol, and what is wrong with rows.

    Returns:
        The brackets in the order of the file, and kind of break and symbol of each wrong row.
    """
    found: Tiers = {}
    wrong: list[tuple[str, str]] = []
    for row in rows(directory, "leverage_tiers"):
        key = row["profile"], row["symbol"]
        before, bracket, instrument = found.get(key, []), _bracket(row), known.get(row["symbol"])
        if bracket is None:
            wrong.append(("bad_tier", row["symbol"]))
        elif instrument is None:
            wrong.append(("unknown_symbol", row["symbol"]))
        elif bracket in before:
            continue
        elif not goes_up(before, bracket):
            wrong.append(("bad_tier", row["symbol"]))
        else:
            found[key] = [*before, bracket]
    return found, wrong


def _bracket(row: Row) -> Bracket | None:
    upper, leverage = number(row, "upper_lots"), number(row, "leverage")
    if leverage is None or leverage <= 0 or (row.get("upper_lots") and upper is None):
        return None
    return None if upper is not None and upper <= 0 else Bracket(upper, leverage)


def goes_up(before: list[Bracket], bracket: Bracket) -> bool:
    """Say whether a bracket may follow those before it."""
    if not before:
        return True
    last = before[-1].upper_lots
    return last is not None and (bracket.upper_lots is None or bracket.upper_lots > last)


def events(directory: Path) -> list[Event]:
    """Return the events of all files, merged by effective time."""
    found = [
        event for rank, name in enumerate(EVENT_FILES) for event in _in_file(directory, rank, name)
    ]
    return sorted(found, key=lambda event: (event.effective_ms, event.rank, event.line))


def _in_file(directory: Path, rank: int, name: str) -> Iterator[Event]:
    latest: Decimal | None = None
    for line, row in enumerate(rows(directory, name), start=2):
        ts_ms = Decimal(row["ts_ms"])
        latest = ts_ms if latest is None else max(latest, ts_ms)
        yield Event(effective_ms=latest, rank=rank, line=line, ts_ms=ts_ms, row=row)


def instrument_of(row: Row) -> Instrument:
    """Return the instrument that a row defines."""
    return Instrument(
        symbol=row["symbol"],
        underlying=row.get("underlying") or "",
        asset_class=row.get("asset_class", ""),
        base=row["base"],
        quote=row["quote"],
        digits=int(row["digits"]),
        calc_mode=row["calc_mode"],
        contract_size=Decimal(row["contract_size"]),
        margin_currency=row.get("margin_currency") or row["quote"],
        margin_rate=_given(number(row, "margin_rate", "1")),
        tick_size=number(row, "tick_size"),
        tick_value=number(row, "tick_value"),
        initial_margin=number(row, "initial_margin"),
        hedged_ratio=_given(number(row, "hedged_ratio", "0.5")),
        max_leverage=number(row, "max_leverage"),
        swap_mode=row.get("swap_mode") or "points",
        swap_long=_given(number(row, "swap_long", "0")),
        swap_short=_given(number(row, "swap_short", "0")),
        limit_usd=number(row, "limit_usd"),
        allow_negative=row.get("allow_negative", "").lower() == "true",
    )


def terms_of(row: Row) -> AccountTerms:
    """Return the terms of an account that a row states."""
    return AccountTerms(
        login=row["login"],
        client_id=row["client_id"],
        currency=row["currency"],
        balance=Decimal(row["balance"]),
        credit=_given(number(row, "credit", "0")),
        leverage=Decimal(row["leverage"]),
        book=row["book"],
        hedge_ratio=_given(number(row, "hedge_ratio", "0")),
        margin_call_level=_given(number(row, "margin_call_level", "100")),
        stop_out_level=_given(number(row, "stop_out_level", "50")),
        hedged_margin_mode=row.get("hedged_margin_mode") or "net_plus_hedged",
        profit_conversion=row.get("profit_conversion") or "close_price",
        credit_mode=row.get("credit_mode") or "in_equity",
        leverage_profile=row.get("leverage_profile", ""),
        region=row.get("region", ""),
        category=row.get("category", ""),
    )


def _given(value: Decimal | None) -> Decimal:
    if value is None:
        raise ValueError("the book directory lacks a number that its calculation needs")
    return value
