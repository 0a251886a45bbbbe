"""The referee's verdict on a book directory: the numbers of semantics.md section 9, in decimal.

`judge` is the naive counterpart of ``plimsoll replay``: same input, same names, no shared code.
Rows are plain dictionaries; a value that does not exist is None.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any

from tests.oracle import book
from tests.oracle.accounts import Account, floating
from tests.oracle.desk import Desk
from tests.oracle.market import ZERO, Market
from tests.oracle.revenue import MICRO
from tests.oracle.valuation import LOTS_TOLERANCE, Position, profit

PRECISION = 40
BOOKS = ("A", "B", "C")
ISO_CURRENCIES = frozenset({"CHF", "EUR", "GBP", "HUF", "JPY", "NZD", "SEK", "USD"})

Figures = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """One open client position beside the account that holds it."""

    account: Account
    position: Position


def judge(directory: Path, until_ms: Decimal | None = None) -> Figures:
    """Replay a book directory naively and return the object of section 9.

    Args:
        directory: The files of one broker's day.
        until_ms: Stop after the events of this effective instant.

    Returns:
        ``as_of_ms, accounts, exposure, currencies, house, events, crossings, breaks, revenue``.
        Each row of revenue says how many ``rounded`` amounts it adds up.

    Units: money in account currency or ``_usd``, times in epoch milliseconds.
    """
    with localcontext(Context(prec=PRECISION)):
        instruments = book.instruments(directory)
        tiers, wrong = book.leverage_tiers(directory, instruments)
        desk = Desk(instruments, book.accounts(directory), tiers)
        for kind, symbol in wrong:
            desk.refuse_tier(kind, symbol)
        for row in book.rows(directory, "positions"):
            desk.restore_position(row)
        for row in book.rows(directory, "lp_positions"):
            desk.restore_lp_position(row)
        for event in book.events(directory):
            if until_ms is None or event.effective_ms <= until_ms:
                desk.apply(event)
        return verdict(desk)


def verdict(desk: Desk) -> Figures:
    """Return everything that can be said about a desk at its last event."""
    exposure = [exposure_row(desk, symbol) for symbol in desk.instruments]
    counted = (*book.EVENT_FILES, "duplicates", "out_of_order", "quarantined")
    return {
        "as_of_ms": desk.as_of_ms,
        "accounts": [_account_row(one, desk.market) for one in desk.accounts.values()],
        "exposure": exposure,
        "currencies": currencies(desk, exposure),
        "house": _house(desk, exposure),
        "events": {name: desk.counters[name] for name in counted},
        "crossings": [asdict(one) for one in desk.crossings],
        "breaks": [asdict(one) for one in desk.breaks],
        "revenue": _revenue(desk),
    }


def _revenue(desk: Desk) -> list[Figures]:
    return [
        {
            "symbol": symbol,
            "book": letter,
            "component": component,
            "amount_usd": micros * MICRO,
            "rounded": desk.ledger.rounded[symbol, letter, component],
        }
        for (symbol, letter, component), micros in sorted(desk.ledger.micros.items())
    ]


def _account_row(account: Account, market: Market) -> Figures:
    figures = account.figures(market)
    return {
        "login": account.terms.login,
        "client_id": account.terms.client_id,
        "book": account.routing.book,
        "currency": account.terms.currency,
        "balance": account.balance,
        "credit": account.credit,
        "floating": figures.floating,
        "equity": figures.equity,
        "margin": figures.margin,
        "free_margin": figures.equity - figures.margin,
        "margin_level": figures.level,
    }


def exposure_row(desk: Desk, symbol: str) -> Figures:
    """Return what the house and its clients hold of one symbol."""
    instrument = desk.instruments[symbol]
    quote = desk.market.quotes.get(symbol)
    mid = desk.market.mid(symbol)
    rate = desk.market.rate(instrument.quote, "USD")
    held = _held_in(desk, symbol)
    lots = _client_lots(held)
    lp_net = sum((one.lots for (_, name), one in desk.lp_positions.items() if name == symbol), ZERO)
    house_net = lp_net - lots["client_net_lots"]
    worth = None if mid is None or rate is None else mid * rate * instrument.units_per_lot
    house_net_usd = _times(house_net, worth)
    meant = sum((one.position.hedge_ratio * one.position.signed_lots for one in held), ZERO)
    return {
        "symbol": symbol,
        "bid": quote and quote.bid,
        "ask": quote and quote.ask,
        "mid": mid,
        **lots,
        "lp_net_lots": lp_net,
        "house_net_lots": house_net,
        "house_net_units": house_net * instrument.units_per_lot,
        "house_net_usd": house_net_usd,
        "gross_usd": _times(lots["client_gross_lots"], worth),
        "vwap_long": _vwap(held, "buy"),
        "vwap_short": _vwap(held, "sell"),
        **_floating_usd(desk, symbol, held),
        "meant_lots": meant,
        "coverage_ratio": None if abs(meant) <= LOTS_TOLERANCE else lp_net / meant,
        "uncovered_lots": meant - lp_net,
        "limit_usd": instrument.limit_usd,
        "limit_used_ratio": None
        if house_net_usd is None or instrument.limit_usd is None
        else abs(house_net_usd) / instrument.limit_usd,
        "pnl_per_1pct_usd": None if house_net_usd is None else house_net_usd / 100,
        "top_client_share_ratio": _top_client_share(held),
        "accounts": len({one.account.terms.login for one in held}),
        "positions": len(held),
        "unpriced_positions": sum(
            floating(one.position, one.account.terms, desk.market) is None for one in held
        ),
        "age_ms": None if quote is None or desk.as_of_ms is None else desk.as_of_ms - quote.ts_ms,
        "locked_quotes": desk.locked[symbol],
        "crossed_quotes": desk.crossed[symbol],
    }


def _held_in(desk: Desk, symbol: str) -> list[Held]:
    return [
        Held(account, position)
        for account in desk.accounts.values()
        for position in account.positions.values()
        if position.instrument.symbol == symbol
    ]


def _client_lots(held: list[Held]) -> dict[str, Decimal]:
    result = dict(_lots_of([one.position for one in held], ""))
    for letter in BOOKS:
        positions = [one.position for one in held if one.position.book == letter]
        result |= _lots_of(positions, f"_{letter.lower()}")
    return result


def _lots_of(positions: list[Position], suffix: str) -> dict[str, Decimal]:
    long = sum((one.lots for one in positions if one.side == "buy"), ZERO)
    short = sum((one.lots for one in positions if one.side == "sell"), ZERO)
    return {
        f"client_long_lots{suffix}": long,
        f"client_short_lots{suffix}": short,
        f"client_net_lots{suffix}": long - short,
        f"client_gross_lots{suffix}": long + short,
    }


def _vwap(held: list[Held], side: str) -> Decimal | None:
    positions = [one.position for one in held if one.position.side == side]
    lots = sum((one.lots for one in positions), ZERO)
    return sum((one.lots * one.open_price for one in positions), ZERO) / lots if lots else None


def _floating_usd(desk: Desk, symbol: str, held: list[Held]) -> Figures:
    quote = desk.market.quotes.get(symbol)
    rate = desk.market.rate(desk.instruments[symbol].quote, "USD")
    names = ("client_floating", "house_floating", "house_floating_a", "house_floating_b")
    if quote is None or rate is None:
        return dict.fromkeys((f"{name}_usd" for name in (*names, "lp_floating")), None)
    client = unhedged = ZERO
    for one in held:
        close = quote.closing(one.position.side)
        value = profit(one.position, one.position.units, close) * rate
        client += value
        unhedged += (1 - one.position.hedge_ratio) * value
    provider = ZERO
    for (_, name), lp in desk.lp_positions.items():
        if name == symbol:
            units = lp.lots * desk.instruments[symbol].units_per_lot
            provider += (quote.closing(lp.side) - lp.price) * units * rate
    return {
        "client_floating_usd": client,
        "house_floating_usd": provider - client,
        "house_floating_a_usd": provider - (client - unhedged),
        "house_floating_b_usd": -unhedged,
        "lp_floating_usd": provider,
    }


def _top_client_share(held: list[Held]) -> Decimal | None:
    gross: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for one in held:
        gross[one.account.terms.client_id] += one.position.lots
    return max(gross.values()) / sum(gross.values(), ZERO) if gross else None


def currencies(desk: Desk, exposure: list[Figures]) -> list[Figures]:
    """Return what the house holds of each currency and asset, from the rows of all symbols."""
    net: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    asset_usd: defaultdict[str, Decimal | None] = defaultdict(lambda: ZERO)
    for row in exposure:
        instrument, units, mid = desk.instruments[row["symbol"]], row["house_net_units"], row["mid"]
        if mid is None:
            continue
        key = instrument.asset if instrument.base == instrument.quote else instrument.base
        net[key] += units
        net[instrument.quote] -= units * mid
        asset_usd[key] = _plus(asset_usd[key], row["house_net_usd"])
    return [
        {"currency": key, "house_net": value, "house_net_usd": _worth(desk, key, value, asset_usd)}
        for key, value in sorted(net.items())
    ]


def _worth(
    desk: Desk, key: str, value: Decimal, asset_usd: dict[str, Decimal | None]
) -> Decimal | None:
    if key in ISO_CURRENCIES:
        return _times(value, desk.market.rate(key, "USD"))
    return asset_usd[key]


def _house(desk: Desk, exposure: list[Figures]) -> Figures:
    def total(column: str) -> Decimal:
        return sum((row[column] for row in exposure if row[column] is not None), ZERO)

    return {
        "floating_usd": total("house_floating_usd"),
        "floating_a_usd": total("house_floating_a_usd"),
        "floating_b_usd": total("house_floating_b_usd"),
        "lp_floating_usd": total("lp_floating_usd"),
        "realised_usd": desk.realised_usd,
    }


def _times(amount: Decimal, worth: Decimal | None) -> Decimal | None:
    return None if worth is None else amount * worth


def _plus(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    return None if left is None or right is None else left + right
