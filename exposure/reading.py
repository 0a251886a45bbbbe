"""From the engine's arrays to what people read: frames, rows and totals.

Everything here only looks. Positions are added up per symbol first (sums.py); prices and rates are
then applied to whole columns.
Source: semantics.md section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from exposure.client_book import BOOKS, ClientBook
from exposure.coverage import LpBook
from exposure.currencies import currency_view
from exposure.kernels import LOTS_TOLERANCE, MONEY_TOLERANCE
from exposure.limits import Key, Limit, Scope, Severity
from exposure.rates import house_rates
from exposure.snapshot import (
    ACCOUNT_COLUMNS,
    EXPOSURE_COLUMNS,
    LIMIT_COLUMNS,
    LP_POSITION_COLUMNS,
    POSITION_COLUMNS,
    CurrencyRow,
    HouseRow,
    Snapshot,
)
from exposure.sums import SymbolSums, sum_positions
from exposure.underlyings import underlying_of

if TYPE_CHECKING:
    from exposure.engine import ExposureEngine

Columns = dict[str, Any]
Floats = NDArray[np.float64]

_NS_PER_MS: Final = 1_000_000


class AccountFigures(NamedTuple):
    """One account, money in its currency, level in percent (None without margin)."""

    balance: float
    credit: float
    floating: float
    equity: float
    margin: float
    free_margin: float
    margin_level: float | None


def snapshot(engine: ExposureEngine) -> Snapshot:
    """Return the engine's state as one immutable object."""
    book = engine.book
    exposure = _exposure(book, engine.coverage, engine.as_of)
    currencies = currency_view(book, exposure)
    limits, values = _limit_values(engine, exposure, currencies)
    exposure["var_contribution_usd"], risk = engine.risk.figures(book, exposure)
    return Snapshot(
        as_of=engine.as_of,
        position=engine.position,
        reporting_currency=engine.settings.reporting_currency,
        counters=dict(engine.counters),
        accounts=_accounts_frame(engine),
        exposure=_frame(exposure, EXPOSURE_COLUMNS),
        lp_positions=_lp_positions_frame(book, engine.coverage),
        limits=_limits_frame(limits, values),
        currencies=currencies,
        house=_house(exposure, engine.house.realised_usd),
        risk=risk,
        revenue=engine.revenue.rows(),
        booked_usd=engine.revenue.booked_usd,
        crossings=list(engine.findings.crossings),
        breaches=list(engine.findings.breaches),
        breaks=list(engine.findings.breaks),
    )


def limit_values(engine: ExposureEngine) -> tuple[dict[Key, Limit], dict[Key, float]]:
    """Return every limit in force, and the absolute USD of what is limited and has a price."""
    exposure = _exposure(engine.book, engine.coverage, engine.as_of, with_holders=False)
    return _limit_values(engine, exposure, currency_view(engine.book, exposure))


def symbol_columns(engine: ExposureEngine) -> Columns:
    """Return columns of EXPOSURE_COLUMNS by symbol, without who holds them and without VaR.

    ``usd_per_lot`` is what a lot is worth at mid, ``usd_per_price`` what it gains when the price
    rises by one; both are NaN without a price or rate.
    """
    book = engine.book
    columns = _exposure(book, engine.coverage, engine.as_of, with_holders=False)
    rate = house_rates(book.rates, book.prices, book.instruments)
    per_price = book.prices.units_per_lot[: len(book.instruments)] * rate
    return columns | {"usd_per_price": per_price, "usd_per_lot": per_price * columns["mid"]}


def account_figures(book: ClientBook, row: int) -> AccountFigures:
    """Return one account's figures."""
    columns = _account_columns(book, slice(row, row + 1))
    level = float(columns.pop("margin_level")[0])
    values = {name: float(column[0]) for name, column in columns.items()}
    return AccountFigures(**values, margin_level=None if np.isnan(level) else level)


def positions_frame(book: ClientBook, slots: NDArray[Any]) -> pl.DataFrame:
    """Return open positions in the order of ``slots`` (columns POSITION_COLUMNS)."""
    slots = np.asarray(slots, np.int64)
    p, prices = book.positions, book.prices
    symbols, rows = p.symbol[slots], p.account[slots].tolist()
    long = p.side[slots] > 0.0
    price = np.where(long, prices.bid[symbols], prices.ask[symbols])
    price[~prices.quoted[symbols]] = np.nan
    move = p.side[slots] * (price - p.open_price[slots]) * p.lots[slots]
    rates = house_rates(book.rates, prices, book.instruments)
    columns: Columns = {
        "login": [book.terms[row].login for row in rows],
        "client_id": [book.terms[row].client_id for row in rows],
        "position_id": [book.position_ids[slot] for slot in slots.tolist()],
        "symbol": [book.instruments[symbol].symbol for symbol in symbols.tolist()],
        "book": [BOOKS[code].value for code in p.book[slots].tolist()],
        "side": np.where(long, "buy", "sell").tolist(),
        "lots": p.lots[slots],
        "open_price": p.open_price[slots],
        "price": price,
        "hedge_ratio": p.hedge_ratio[slots],
        "margin_per_lot": np.where(p.margined_lots[slots] > 0.0, p.margin_per_lot[slots], np.nan),
        "swap": p.swap[slots],
        "profit": p.value[slots],
        "profit_usd": move * prices.units_per_lot[symbols] * rates[symbols],
        "currency": [book.terms[row].currency for row in rows],
    }
    return _frame(columns, POSITION_COLUMNS)


def _exposure(
    book: ClientBook, coverage: LpBook, as_of: int, *, with_holders: bool = True
) -> Columns:
    n = len(book.instruments)
    prices = book.prices._replace(**{k: v[:n] for k, v in book.prices._asdict().items()})
    sums = sum_positions(book, with_holders=with_holders)
    quoted = prices.quoted
    bid, ask = np.where(quoted, prices.bid, np.nan), np.where(quoted, prices.ask, np.nan)
    mid = (bid + ask) / 2
    rate = house_rates(book.rates, book.prices, book.instruments)
    lp_lots, lp_profit = _lp_columns(coverage, bid, ask, prices.units_per_lot)
    usd_per_lot = prices.units_per_lot * mid * rate
    columns = _names(book) | _lots(sums)
    client_net = columns["client_net_lots"]
    house_net = lp_lots - client_net
    house_net_usd = house_net * usd_per_lot
    priced = np.where(quoted, rate, np.nan)
    client_floating, lp_floating = sums.profit * priced, lp_profit * priced
    hedged_floating = sums.hedged_profit * priced
    limit = _optional([i.limit_usd for i in book.instruments])
    age_ms = np.where(quoted, (as_of - prices.last_ts) / _NS_PER_MS, np.nan)
    stale_after = np.array([i.stale_after_ms for i in book.instruments], np.float64)
    gross = columns["client_gross_lots"]
    return columns | {
        "bid": bid,
        "ask": ask,
        "mid": mid,
        "lp_net_lots": lp_lots,
        "house_net_lots": house_net,
        "house_net_units": house_net * prices.units_per_lot,
        "house_net_usd": house_net_usd,
        "gross_usd": gross * usd_per_lot,
        "vwap_long": _ratio(sums.long_value, columns["client_long_lots"]),
        "vwap_short": _ratio(sums.short_value, columns["client_short_lots"]),
        "client_floating_usd": client_floating,
        "house_floating_usd": -client_floating + lp_floating,
        "house_floating_a_usd": -hedged_floating + lp_floating,
        "house_floating_b_usd": hedged_floating - client_floating,
        "lp_floating_usd": lp_floating,
        "meant_lots": sums.meant_lots,
        "coverage_ratio": _ratio(lp_lots, sums.meant_lots),
        "uncovered_lots": sums.meant_lots - lp_lots,
        "limit_usd": limit,
        "limit_used_ratio": _ratio(np.abs(house_net_usd), limit),
        "pnl_per_1pct_usd": house_net_usd / 100,
        "top_client_share_ratio": _ratio(sums.top_client_lots, gross),
        "accounts": sums.accounts,
        "positions": sums.positions,
        "unpriced_positions": sums.unpriced,
        "age_ms": age_ms,
        "stale": ~(age_ms <= stale_after),
        "locked_quotes": prices.locked,
        "crossed_quotes": prices.crossed,
    }


def _limit_values(
    engine: ExposureEngine, exposure: Columns, currencies: list[CurrencyRow]
) -> tuple[dict[Key, Limit], dict[Key, float]]:
    own = {str(i.symbol): i.limit_usd for i in engine.book.instruments if i.limit_usd is not None}
    limits = engine.limits.limits(own)
    net: dict[Key, float] = {}
    for scope in (Scope.SYMBOL, Scope.UNDERLYING, Scope.ASSET_CLASS):
        for name, usd in zip(
            exposure[scope.value], exposure["house_net_usd"].tolist(), strict=True
        ):
            if not np.isnan(usd):
                net[scope, name] = net.get((scope, name), 0.0) + usd
    for row in currencies:
        if row.house_net_usd is not None:
            net[Scope.CURRENCY, row.currency] = row.house_net_usd
    values = {key: abs(net[key]) for key in limits if key in net}
    clients = [name for scope, name in limits if scope is Scope.CLIENT]
    usd_per_lot = _usd_per_lot(engine.book, exposure) if clients else np.zeros(0)
    for name in clients:
        client = engine.book.client_of.get(name)
        if client is not None:
            values[Scope.CLIENT, name] = _client_gross_usd(engine.book, client, usd_per_lot)
    return limits, values


def _usd_per_lot(book: ClientBook, exposure: Columns) -> Floats:
    rate = house_rates(book.rates, book.prices, book.instruments)
    units = book.prices.units_per_lot[: len(book.instruments)]
    usd: Floats = np.nan_to_num(np.abs(units * exposure["mid"] * rate))
    return usd


def _client_gross_usd(book: ClientBook, client: int, usd_per_lot: Floats) -> float:
    total = 0.0
    for account in book.of_client.row(client).tolist():
        slots = book.of_account.row(account)
        total += float(
            (book.positions.lots[slots] * usd_per_lot[book.positions.symbol[slots]]).sum()
        )
    return total


def _limits_frame(limits: dict[Key, Limit], values: dict[Key, float]) -> pl.DataFrame:
    rows = []
    for (scope, name), limit in limits.items():
        value = values.get((scope, name))
        most = limit.soft_usd if limit.hard_usd is None else limit.hard_usd
        used = value / most if value is not None and most else None
        severity = Severity.OK if value is None else limit.severity(value)
        rows.append((scope.value, name, *limit, value, used, severity.value))
    types = [pl.String, pl.String, *[pl.Float64] * 4, pl.String]
    schema = dict(zip(LIMIT_COLUMNS, types, strict=True))
    frame = pl.DataFrame(rows, schema, orient="row")
    return frame.sort("used_ratio", descending=True, nulls_last=True, maintain_order=True)


def _lp_positions_frame(book: ClientBook, coverage: LpBook) -> pl.DataFrame:
    rates = house_rates(book.rates, book.prices, book.instruments)
    prices, rows = book.prices, []
    for (lp, symbol), held in sorted(coverage.positions.items()):
        close = float((prices.bid if held.lots > 0.0 else prices.ask)[symbol])
        instrument = book.instruments[symbol]
        profit = (close - held.price) * held.lots * instrument.units_per_lot * rates[symbol]
        floating = float(profit) if prices.quoted[symbol] else float("nan")
        rows.append((lp, instrument.symbol, held.lots, held.price, floating))
    types = [pl.String, pl.String, pl.Float64, pl.Float64, pl.Float64]
    schema = dict(zip(LP_POSITION_COLUMNS, types, strict=True))
    return pl.DataFrame(rows, schema, orient="row").with_columns(
        pl.col("floating_usd").fill_nan(None)
    )


def _names(book: ClientBook) -> Columns:
    names = ("symbol", "asset_class", "base", "quote", "digits")
    columns = {name: [getattr(i, name) for i in book.instruments] for name in names}
    columns["underlying"] = [underlying_of(i) for i in book.instruments]
    return columns


def _lots(sums: SymbolSums) -> Columns:
    parts = {
        "long": sums.long_lots,
        "short": sums.short_lots,
        "net": sums.long_lots - sums.short_lots,
        "gross": sums.long_lots + sums.short_lots,
    }
    columns = {f"client_{what}_lots": lots.sum(axis=1) for what, lots in parts.items()}
    for what, lots in parts.items():
        for code, book in enumerate(BOOKS):
            columns[f"client_{what}_lots_{book.value.lower()}"] = lots[:, code]
    return columns


def _lp_columns(
    coverage: LpBook, bid: Floats, ask: Floats, units_per_lot: Floats
) -> tuple[Floats, Floats]:
    """Return net lots and floating profit in quote currency, per symbol."""
    lots, profit = np.zeros_like(bid), np.zeros_like(bid)
    for (_, symbol), held in coverage.positions.items():
        close = bid[symbol] if held.lots > 0.0 else ask[symbol]
        lots[symbol] += held.lots
        profit[symbol] += (close - held.price) * held.lots * units_per_lot[symbol]
    return lots, profit


def _house(exposure: Columns, realised_usd: float) -> HouseRow:
    names = ("", "_a", "_b")
    floats = {
        f"floating{name}_usd": float(np.nansum(exposure[f"house_floating{name}_usd"]))
        for name in names
    }
    lp_floating = float(np.nansum(exposure["lp_floating_usd"]))
    return HouseRow(**floats, lp_floating_usd=lp_floating, realised_usd=realised_usd)


def _accounts_frame(engine: ExposureEngine) -> pl.DataFrame:
    book = engine.book
    columns: Columns = _account_columns(book, slice(0, len(book.terms)))
    return _frame(columns | engine.names.columns(), ACCOUNT_COLUMNS)


def _account_columns(book: ClientBook, rows: slice) -> dict[str, Floats]:
    accounts = book.accounts
    names = ("balance", "credit", "floating", "margin")
    columns = {name: getattr(accounts, name)[rows].copy() for name in names}
    counted = np.where(accounts.credit_counts[rows], columns["credit"], 0.0)
    equity = columns["balance"] + counted + columns["floating"]
    margin = columns["margin"]
    columns["equity"], columns["free_margin"] = equity, equity - margin
    has_margin = margin >= MONEY_TOLERANCE
    level = np.full_like(equity, np.nan)
    np.divide(100.0 * equity, margin, out=level, where=has_margin)
    columns["margin_level"] = level
    return columns


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divide, NaN where the whole is zero within the tolerance of lots."""
    out = np.full_like(part, np.nan)
    np.divide(part, whole, out=out, where=np.abs(whole) > LOTS_TOLERANCE)
    return out


def _optional(values: list[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _frame(columns: Columns, order: tuple[str, ...]) -> pl.DataFrame:
    frame = pl.DataFrame({name: columns[name] for name in order})
    return frame.with_columns(pl.selectors.float().fill_nan(None))
