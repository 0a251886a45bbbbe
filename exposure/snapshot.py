"""What the engine says about one instant: frames for tables, rows for the rest.

One object for the replay's JSON, the desk's API and the screens (semantics.md section 9). Frames
are polars, so the desk can sort, filter and group them without another model.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
import polars as pl

from exposure.model.events import BreakFound, LimitBreached, MarginLevelCrossed
from exposure.revenue import RevenueRow

ACCOUNT_COLUMNS: Final = (
    "login",
    "client_id",
    "book",
    "currency",
    "balance",
    "credit",
    "floating",
    "equity",
    "margin",
    "free_margin",
    "margin_level",
)
"""One row per account; money in account currency, level in percent (null without margin)."""

BOOKS: Final = ("a", "b", "c")

_PER_BOOK = tuple(
    f"client_{what}_lots_{book}" for what in ("long", "short", "net", "gross") for book in BOOKS
)

EXPOSURE_COLUMNS: Final = (
    "symbol",
    "underlying",
    "asset_class",
    "base",
    "quote",
    "digits",
    "bid",
    "ask",
    "mid",
    "client_long_lots",
    "client_short_lots",
    "client_net_lots",
    "client_gross_lots",
    *_PER_BOOK,
    "lp_net_lots",
    "house_net_lots",
    "house_net_units",
    "house_net_usd",
    "gross_usd",
    "vwap_long",
    "vwap_short",
    "client_floating_usd",
    "house_floating_usd",
    "house_floating_a_usd",
    "house_floating_b_usd",
    "lp_floating_usd",
    "meant_lots",
    "coverage_ratio",
    "uncovered_lots",
    "limit_usd",
    "limit_used_ratio",
    "pnl_per_1pct_usd",
    "var_contribution_usd",
    "top_client_share_ratio",
    "accounts",
    "positions",
    "unpriced_positions",
    "age_ms",
    "stale",
    "locked_quotes",
    "crossed_quotes",
)
"""One row per instrument in order of definition; null where there is no price or no meaning."""

POSITION_COLUMNS: Final = (
    "login",
    "client_id",
    "position_id",
    "symbol",
    "book",
    "side",
    "lots",
    "open_price",
    "price",
    "hedge_ratio",
    "margin_per_lot",
    "swap",
    "profit",
    "profit_usd",
    "currency",
)
"""One row per open client position; profit in account currency, null while unpriced."""


LP_POSITION_COLUMNS: Final = ("lp", "symbol", "lots", "price", "floating_usd")
"""One row per provider and symbol; lots signed, + is long; floating null without a price."""

LIMIT_COLUMNS: Final = (
    "scope", "name", "soft_usd", "hard_usd", "value_usd", "used_ratio", "severity",
)  # fmt: skip
"""One row per limit, most used first; used of the hard limit, else of the soft one."""


class CurrencyRow(msgspec.Struct, frozen=True):
    """What the house holds of one currency or asset.

    Units: ``house_net`` in units of it, ``house_net_usd`` in USD (None without a rate).
    """

    currency: str
    house_net: float
    house_net_usd: float | None


class HouseRow(msgspec.Struct, frozen=True):
    """The house's own profit, in USD (semantics.md section 7)."""

    floating_usd: float
    floating_a_usd: float
    floating_b_usd: float
    lp_floating_usd: float
    realised_usd: float


class CovarianceSource(StrEnum):
    """Where a covariance comes from, by what the prior weighs in it: all, part, next to nothing."""

    PRIOR = "prior"
    MIXED = "mixed"
    MEASURED = "measured"


class RiskFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the house's book may lose within 24 hours, as losses: positive (docs/risk.md).

    VaR is at 99 %, ES at 97.5 % (the two confidences of the Basel rules); ``fat_tailed_*`` with
    Student's t of four degrees of freedom in place of the normal distribution, ``hour_*`` over one
    hour. ``observations`` are the five-minute moves of the factor that has the fewest of those that
    the book holds, ``prior_weight_ratio`` how much of the risk rests on the prior,
    ``unpriced_symbols`` how many symbols with positions are in no figure.

    Units: USD, ``sampled_at`` ns UTC (0 before the first sample).
    """

    var_usd: float
    es_usd: float
    fat_tailed_var_usd: float
    fat_tailed_es_usd: float
    hour_var_usd: float
    sd_usd: float
    horizon_hours: float = 24.0
    var_confidence_ratio: float = 0.99
    es_confidence_ratio: float = 0.975
    source: CovarianceSource
    prior_weight_ratio: float
    observations: int
    sampled_at: int
    unpriced_symbols: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The book at ``as_of`` (ns UTC, effective time of the last event).

    ``booked_usd`` is everything that the house has booked as revenue, summed apart from the facts.

    ``counters`` holds events by kind plus duplicates, out_of_order and quarantined. ``crossings``,
    ``breaches`` and ``breaks`` are the most recent ones, oldest first; a replay keeps all of them.
    """

    as_of: int
    position: int
    reporting_currency: str
    counters: dict[str, int]
    accounts: pl.DataFrame
    exposure: pl.DataFrame
    lp_positions: pl.DataFrame
    limits: pl.DataFrame
    currencies: list[CurrencyRow]
    house: HouseRow
    risk: RiskFigures
    revenue: list[RevenueRow]
    booked_usd: float
    crossings: list[MarginLevelCrossed]
    breaches: list[LimitBreached]
    breaks: list[BreakFound]
