"""The book as rows: by symbol, underlying, asset class and currency, and their total.

One pure step from the engine's columns to what the grid shows. Every view adds up to the same
total, so the pinned row, the tiles and each view agree. Money is in the desk's reporting currency
(suffix ``_value``), converted here and nowhere else.

Groups keep what still has a meaning: an underlying nets its symbols; a class and the total add up
underlyings, so that a long in one never hides a hole in another.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dealing.desk.limit_use import LimitUse, limit_use
from exposure.limits import Scope
from exposure.snapshot import BOOKS, CurrencyRow, Snapshot

Floats = NDArray[np.float64]
Columns = dict[str, Floats]

FILTERS: Final = ("all", *BOOKS)
"""The book filter's choices; client figures exist for each, provider positions belong to A."""

_PICKED: Final = tuple(
    f"{what}_{chosen}"
    for what in (
        "long_lots",
        "short_lots",
        "client_lots",
        "house_lots",
        "client_value",
        "house_value",
        "gross_value",
        "client_floating",
        "house_floating",
    )
    for chosen in FILTERS
)
_NETTED: Final = ("lp_lots", "lp_value", "lp_floating", "meant_value", "uncovered_lots")
_COUNTED: Final = ("positions", "unpriced")
_RISK: Final = ("var_value",)
_QUOTED: Final = ("bid", "ask", "mid")
_TEXTS: Final = ("symbol", "underlying", "asset_class", "base", "quote")
_TOLERANCE: Final = 1e-9


class View(StrEnum):
    """What one row of the grid stands for."""

    SYMBOL = "symbol"
    UNDERLYING = "underlying"
    ASSET_CLASS = "class"
    CURRENCY = "currency"


class Display(NamedTuple):
    """The currency figures are shown in; ``per_usd`` units of it buy one USD."""

    currency: str
    per_usd: float


class Rows(NamedTuple):
    """Rows of one view; ``members`` are the symbols inside, the main one first.

    Shapes: every column (n,), as the lists.
    """

    names: list[str]
    classes: list[str]
    members: list[list[str]]
    digits: list[int]
    columns: Columns


class Book(NamedTuple):
    """Everything the grid and the tiles are made of."""

    views: dict[View, Rows]
    total: Rows
    nop: float
    display: Display


def book(snapshot: Snapshot, currency: str) -> Book:
    """Return all views of a snapshot in the wanted reporting currency.

    Without a price for the currency everything stays in USD, and ``display`` says so.
    """
    display = display_in(currency, snapshot.exposure)
    limits = limit_use(snapshot.limits)
    symbols = symbol_rows(snapshot.exposure, limits, display.per_usd)
    labels = snapshot.exposure["underlying"].to_list()
    underlyings = by_underlying(symbols, labels, limits, display.per_usd)
    views = {
        View.SYMBOL: symbols,
        View.UNDERLYING: underlyings,
        View.ASSET_CLASS: by_class(underlyings, underlyings.classes, limits),
        View.CURRENCY: currency_rows(snapshot.currencies, display.per_usd),
    }
    total = by_class(underlyings, ["Total"] * len(underlyings.names), limits)
    nop = net_open_position(snapshot.currencies) * display.per_usd
    return Book(views, total, nop, display)


def display_in(currency: str, exposure: pl.DataFrame) -> Display:
    """Return how USD is shown in another currency, by the mid of their own pair."""
    if currency == "USD":
        return Display(currency, 1.0)
    for base, quote, mid in exposure.select("base", "quote", "mid").iter_rows():
        if mid and (base, quote) == ("USD", currency):
            return Display(currency, mid)
        if mid and (base, quote) == (currency, "USD"):
            return Display(currency, 1.0 / mid)
    return Display("USD", 1.0)


def net_open_position(currencies: Sequence[CurrencyRow]) -> float:
    """Return the larger of all net longs and all net shorts in USD, USD itself left out.

    Source: Basel Committee, market risk standard, shorthand method for foreign exchange.
    """
    held = [row.house_net_usd or 0.0 for row in currencies if row.currency != "USD"]
    longs = sum(usd for usd in held if usd > 0.0)
    return max(longs, longs - sum(held))


def symbol_rows(exposure: pl.DataFrame, limits: LimitUse, per_usd: float) -> Rows:
    """Return one row per instrument, in order of definition."""
    source: Columns = {
        # null comes out as NaN; whole frames would wake polars' threads several times a second
        figure.name: figure.to_numpy().astype(np.float64)
        for figure in exposure.get_columns()
        if figure.name not in _TEXTS
    }
    worth = _value_per_lot(source) * per_usd
    names = exposure["symbol"].to_list()
    return Rows(
        names=names,
        classes=exposure["asset_class"].to_list(),
        members=[[name] for name in names],
        digits=exposure["digits"].to_list(),
        columns=_client_and_house(source, worth, per_usd)
        | _coverage(source, worth, per_usd)
        | {
            "limit_used": limits.used_of(Scope.SYMBOL, names),
            "limit_value": limits.most_usd_of(Scope.SYMBOL, names) * per_usd,
        },
    )


def by_underlying(symbols: Rows, labels: Sequence[str], limits: LimitUse, per_usd: float) -> Rows:
    """Net the symbols of each underlying; prices are those of its main symbol.

    The limit shown is the one that is used most: its own, or that of one of its symbols.
    """
    groups = _Groups(labels)
    columns = symbols.columns
    main = groups.main_of(symbols.names)
    out = {name: columns[name][main] for name in _QUOTED}
    out |= groups.totals(columns, *_PICKED, *_NETTED, *_COUNTED, *_RISK)
    for side in ("long", "short"):
        paid = columns[f"vwap_{side}"] * columns[f"{side}_lots_all"]
        out[f"vwap_{side}"] = ratio(groups.total(paid), out[f"{side}_lots_all"])
    own = limits.most_usd_of(Scope.UNDERLYING, groups.labels) * per_usd
    used = limits.used_of(Scope.UNDERLYING, groups.labels)
    worst = groups.most(columns["limit_used"])
    inside, size = columns["limit_used"][worst], columns["limit_value"][worst]
    is_own = ~np.isnan(own) & ((used >= inside) | np.isnan(inside))
    out["limit_value"] = np.where(is_own, own, size)
    out["limit_used"] = np.where(is_own, used, inside)
    out["coverage"] = ratio(out["lp_value"], out["meant_value"])
    out["uncovered_value"] = np.abs(out["meant_value"] - out["lp_value"])
    single = groups.sizes == 1
    for name in ("top_share", "accounts"):
        out[name] = np.where(single, columns[name][main], np.nan)
    out["age_ms"], out["stale"] = groups.worst(columns["age_ms"]), groups.worst(columns["stale"])
    return Rows(
        names=groups.labels,
        classes=[symbols.classes[k] for k in main],
        members=groups.members(symbols.names),
        digits=[symbols.digits[k] for k in main],
        columns=out,
    )


def by_class(underlyings: Rows, labels: Sequence[str], limits: LimitUse) -> Rows:
    """Add underlyings up; the limit shown is the one that is used most, its own or one in it."""
    groups = _Groups(labels)
    columns = underlyings.columns
    nothing = np.full(len(groups.labels), np.nan)
    out = dict.fromkeys(columns, nothing)
    added = (*_PICKED, *_COUNTED, *_RISK, "lp_lots", "lp_floating", "uncovered_value")
    out |= groups.totals(columns, *added)
    meant = groups.total(np.abs(columns["meant_value"]))
    out["coverage"] = ratio(groups.total(np.abs(columns["lp_value"])), meant)
    used = limits.used_of(Scope.ASSET_CLASS, groups.labels)
    out["limit_used"] = np.fmax(groups.worst(columns["limit_used"]), used)
    out["stale"] = 1.0 - groups.worst(1.0 - columns["stale"])
    members = groups.members(underlyings.names)
    return Rows(groups.labels, groups.labels, members, [2] * len(members), out)


def currency_rows(currencies: Sequence[CurrencyRow], per_usd: float) -> Rows:
    """Return what the house holds of each currency and asset."""
    names = [row.currency for row in currencies]
    usd = [np.nan if row.house_net_usd is None else row.house_net_usd for row in currencies]
    columns = {
        "units": np.array([row.house_net for row in currencies], np.float64),
        "house_value_all": np.array(usd, np.float64) * per_usd,
    }
    return Rows(names, ["currency"] * len(names), [[name] for name in names], [2] * len(names),
                columns)  # fmt: skip


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide, NaN where the whole is missing, or zero but for binary rounding."""
    out = np.full_like(part, np.nan)
    np.divide(part, whole, out=out, where=np.abs(whole) > _TOLERANCE)
    return out


def _value_per_lot(source: Columns) -> Floats:
    from_clients = ratio(source["gross_usd"], source["client_gross_lots"])
    from_house = ratio(source["house_net_usd"], source["house_net_lots"])
    return np.where(np.isnan(from_clients), from_house, from_clients)


def _client_and_house(source: Columns, worth: Floats, per_usd: float) -> Columns:
    lp = source["lp_net_lots"]
    out: Columns = {}
    for chosen in FILTERS:
        book = "" if chosen == "all" else f"_{chosen}"
        client = source[f"client_net_lots{book}"]
        house = -client + (lp if chosen in {"all", "a"} else 0.0)
        out |= {
            f"long_lots_{chosen}": source[f"client_long_lots{book}"],
            f"short_lots_{chosen}": source[f"client_short_lots{book}"],
            f"client_lots_{chosen}": client,
            f"house_lots_{chosen}": house,
            f"client_value_{chosen}": _worth(client, worth),
            f"house_value_{chosen}": _worth(house, worth),
            f"gross_value_{chosen}": _worth(source[f"client_gross_lots{book}"], worth),
        }
    return out | _floating(source, per_usd)


def _floating(source: Columns, per_usd: float) -> Columns:
    # the engine splits floating profit by hedge ratio: A is what is passed on, B what is kept
    lp = source["lp_floating_usd"]
    passed, kept = source["house_floating_a_usd"], source["house_floating_b_usd"]
    usd = {
        "house_floating_all": source["house_floating_usd"],
        "house_floating_a": passed,
        "house_floating_b": kept,
        "client_floating_all": source["client_floating_usd"],
        "client_floating_a": lp - passed,
        "client_floating_b": -kept,
        "lp_floating": lp,
    }
    nothing = np.full_like(lp, np.nan)
    money = {name: values * per_usd for name, values in usd.items()}
    return money | {"house_floating_c": nothing, "client_floating_c": nothing}


def _coverage(source: Columns, worth: Floats, per_usd: float) -> Columns:
    lp, meant = source["lp_net_lots"], source["meant_lots"]
    return {
        "bid": source["bid"],
        "ask": source["ask"],
        "mid": source["mid"],
        "vwap_long": source["vwap_long"],
        "vwap_short": source["vwap_short"],
        "lp_lots": lp,
        "lp_value": _worth(lp, worth),
        "meant_value": _worth(meant, worth),
        "uncovered_lots": source["uncovered_lots"],
        "uncovered_value": np.abs(_worth(source["uncovered_lots"], worth)),
        "coverage": source["coverage_ratio"],
        "var_value": source["var_contribution_usd"] * per_usd,
        "top_share": source["top_client_share_ratio"],
        "accounts": source["accounts"],
        "positions": source["positions"],
        "unpriced": source["unpriced_positions"],
        "age_ms": source["age_ms"],
        "stale": source["stale"],
    }


def _worth(lots: Floats, worth: Floats) -> Floats:
    # nothing is worth nothing, even without a price
    value: Floats = np.where(lots == 0.0, 0.0, lots * worth)
    return value


class _Groups:
    """Which rows belong together, and sums over them in which a missing value counts as none."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = list(dict.fromkeys(labels))
        of = {label: k for k, label in enumerate(self.labels)}
        self.index: NDArray[Any] = np.array([of[label] for label in labels], np.intp)
        self._holds = np.arange(len(self.labels))[:, None] == self.index
        self.sizes = self._holds.sum(axis=1)

    def totals(self, columns: Columns, *names: str) -> Columns:
        table = np.stack([columns[name] for name in names], axis=1)
        return dict(zip(names, np.ascontiguousarray(self.total(table).T), strict=True))

    def total(self, values: Floats) -> Floats:
        """Sum rows by group; several columns at once are one multiplication."""
        known = ~np.isnan(values)
        sums = self._holds.astype(np.float64) @ np.where(known, values, 0.0)
        return np.where(self._holds @ known, sums, np.nan)

    def worst(self, values: Floats) -> Floats:
        out = np.full(len(self.labels), -np.inf)
        np.maximum.at(out, self.index, np.where(np.isnan(values), -np.inf, values))
        return np.where(np.isinf(out), np.nan, out)

    def most(self, values: Floats) -> NDArray[np.intp]:
        """Return of each group the row with the largest value; missing ones are the least."""
        order = np.lexsort((np.where(np.isnan(values), -np.inf, values), self.index))
        ends = np.cumsum(self.sizes) - 1
        rows: NDArray[np.intp] = order[ends]
        return rows

    def main_of(self, names: Sequence[str]) -> list[int]:
        main: dict[int, int] = {}
        for row, group in enumerate(self.index.tolist()):
            if group not in main or names[row] == self.labels[group]:
                main[group] = row
        return [main[group] for group in range(len(self.labels))]

    def members(self, names: Sequence[str]) -> list[list[str]]:
        """Names by group, the main one first."""
        members = [[names[row]] for row in self.main_of(names)]
        for name, group in zip(names, self.index.tolist(), strict=True):
            if name != members[group][0]:
                members[group].append(name)
        return members
