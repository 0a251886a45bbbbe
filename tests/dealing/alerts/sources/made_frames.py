"""Frames of an engine that a test writes down: what it does not say is quiet."""

import polars as pl

from dealing.components import ComponentState, ComponentStatus
from dealing.ports import Delays, EngineFrame, LargeDeal
from exposure.model.events import BreakFound, MarginLevelCrossed
from exposure.snapshot import (
    ACCOUNT_COLUMNS,
    EXPOSURE_COLUMNS,
    LIMIT_COLUMNS,
    CovarianceSource,
    CurrencyRow,
    HouseRow,
    RiskFigures,
    Snapshot,
)

NS = 1_000_000_000
NOON = 1_768_305_600 * NS  # Tuesday 13 January 2026 12:00 UTC: everything trades
SATURDAY = NOON + 4 * 86_400 * NS
NOW_US = NOON // 1_000

_TEXT = {"symbol", "underlying", "asset_class", "base", "quote"}
_ACCOUNT_TEXT = {"login", "client_id", "book", "currency"}
_LIMIT_TEXT = {"scope", "name", "severity"}


def symbol(name="XAUUSD", **changes):
    """Return a symbol that is covered, fresh and of no interest."""
    row = {column: name if column in _TEXT else 0.0 for column in EXPOSURE_COLUMNS}
    known = {
        "asset_class": "metal", "base": name[:3], "quote": name[3:6], "mid": 2_000.0,
        "stale": False, "age_ms": 100.0, "limit_usd": None, "positions": 1.0,
    }  # fmt: skip
    return {**row, **known, **changes}


def account(login="1000", **changes):
    row = dict.fromkeys(ACCOUNT_COLUMNS, 0.0)
    known = {"login": login, "client_id": f"C{login}", "book": "B", "currency": "USD"}
    return {**row, **known, "margin_level": None, **changes}


def limit(scope="symbol", name="XAUUSD", soft=None, hard=None, value=0.0):
    """Return a limit as the engine's frame has it."""
    most = soft if hard is None else hard
    used = None if value is None or not most else value / most
    return dict(zip(LIMIT_COLUMNS, (scope, name, soft, hard, value, used, "ok"), strict=True))


def crossing(kind="stop_out", login="1000", position=10, level=48.0, ts_event=NOON):
    return MarginLevelCrossed(ts_event, position, login, kind, level)


def broken(kind="overclose", position=10, reason="it closes 3 of 2 lots", ts_event=NOON):
    return BreakFound(ts_event, position, kind, reason, login="1000", deal_id="D1")


def large_deal(deal_id="D1", position=10, **changes):
    known = {
        "position": position, "ts_event": NOON, "server": "mt", "deal_id": deal_id,
        "login": "1000", "client_id": "C7", "book": "B", "symbol": "XAUUSD", "side": "buy",
        "entry": "in", "lots": 120.0, "price": 2_000.0, "notional_usd": 24e6,
    }  # fmt: skip
    return LargeDeal(**{**known, **changes})


def risk(**changes):
    known = {
        "var_usd": 0.0, "es_usd": 0.0, "fat_tailed_var_usd": 0.0, "fat_tailed_es_usd": 0.0,
        "hour_var_usd": 250_000.0, "sd_usd": 1.0, "source": CovarianceSource.PRIOR,
        "prior_weight_ratio": 1.0, "observations": 0, "sampled_at": 0, "unpriced_symbols": 0,
    }  # fmt: skip
    return RiskFigures(**{**known, **changes})


def house(floating=0.0, realised=0.0):
    return HouseRow(floating, 0.0, floating, 0.0, realised)


def snapshot(
    symbols=(), accounts=(), limits=(), *, position=10, as_of=NOON, crossings=(), breaks=(),
    var=None, result=None, currencies=(),
):  # fmt: skip
    return Snapshot(
        as_of=as_of,
        position=position,
        reporting_currency="USD",
        counters={},
        accounts=table(accounts, ACCOUNT_COLUMNS, _ACCOUNT_TEXT),
        exposure=table(symbols, EXPOSURE_COLUMNS, _TEXT),
        lp_positions=pl.DataFrame(),
        limits=table(limits, LIMIT_COLUMNS, _LIMIT_TEXT),
        currencies=[CurrencyRow(*row) for row in currencies],
        house=result or house(),
        risk=var or risk(),
        revenue=[],
        booked_usd=0.0,
        crossings=list(crossings),
        breaches=[],
        breaks=list(breaks),
    )


def table(rows, columns, text):
    types = {name: pl.String if name in text else pl.Float64 for name in columns}
    if "stale" in types:
        types["stale"] = pl.Boolean
    return pl.DataFrame(list(rows), schema=types, orient="row")


def frame(*symbols, sent_at=None, components=(), delays=None, large_deals=(), **more):
    told = snapshot(symbols, **more)
    return EngineFrame(
        sent_at=told.as_of if sent_at is None else sent_at,
        snapshot=told,
        market="simulated",
        speed=1.0,
        quotes_per_s=10.0,
        deals_per_s=0.5,
        components=list(components),
        delays=delays,
        large_deals=list(large_deals),
    )


def component(name="journal", state=ComponentState.RUNNING, detail="on the disk", age_ms=10.0):
    return ComponentStatus(name, state, detail, age_ms)


def delays(p99_ms):
    return Delays(1.0, p99_ms, p99_ms)
