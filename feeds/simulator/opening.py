"""How the platform opens: terms, leverage, accounts, first prices, and a book that is full already.

The accounts come with the money that their open positions need, so the positions are valued in the
server's engine before the accounts are funded there.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from exposure.model.deals import Side
from exposure.model.events import (
    AccountChanged,
    InputEvent,
    InstrumentDefined,
    LpPositionRestored,
    PositionRestored,
    QuoteReceived,
)
from exposure.model.instruments import Instrument
from feeds.catalogue.regimes import caps_of_rules, tiers_of
from feeds.simulator.clients import target_distances
from feeds.simulator.floor import TradingFloor
from feeds.simulator.open_positions import OpenPositions, accrued_swaps, draw_positions, funded
from feeds.simulator.population import Population, regime_rules
from feeds.simulator.trade_server import TradeServer

Generator = np.random.Generator

_NS: Final = 1_000_000_000
_WARM_UP_S: Final = 60
_COVERAGE_SPREAD: Final = 0.001


def open_book(floor: TradingFloor, population: Population, rng: Generator) -> list[InputEvent]:
    """Open a platform and return its opening events; the floor is then ready to step."""
    server, start = floor.server, floor.tape.now
    defined = [InstrumentDefined(start, instrument) for instrument in server.instruments]
    leverage = _leverage(population, server.instruments, start)
    quotes = _first_quotes(floor)
    server.publish([
        *defined, *leverage,
        *(AccountChanged(start, account) for account in population.accounts), *quotes,
    ])  # fmt: skip
    now = server.board.opened_at = floor.tape.now
    positions = draw_positions(population, server, rng)
    restored = _restored(positions, server, now)
    server.publish([*restored])
    _plan_exits(positions, floor, population, rng)
    server.engine.value_restored()
    accounts = funded(population, server.book, rng)
    server.fund(accounts)
    server.mean_to_hedge()
    coverage = _coverage(server, now, rng)
    server.publish([*coverage])
    server.take_events()
    return [
        *defined, *leverage, *(AccountChanged(start, account) for account in accounts),
        *quotes, *restored, *coverage,
    ]  # fmt: skip


def _leverage(population: Population, instruments: list[Instrument], ts: int) -> list[InputEvent]:
    """Return the caps of regulators and the brackets of profiles that some account has."""
    profiles = sorted({one.leverage_profile for one in population.accounts} - {""})
    return [
        *caps_of_rules(regime_rules(population.accounts), instruments, ts),
        *(tier for profile in profiles for tier in tiers_of(profile, instruments, ts)),
    ]


def _first_quotes(floor: TradingFloor) -> list[QuoteReceived]:
    """Let time pass until every symbol is quoted, for at most a minute; return the last quotes."""
    server, tape = floor.server, floor.tape
    last: dict[int, QuoteReceived] = {}
    for _ in range(_WARM_UP_S):
        client, provider = tape.advance(tape.now + _NS)
        server.board.lead(provider.quotes)
        columns = (column.tolist() for column in client.usable().quotes)
        for symbol, bid, ask, ts in zip(*columns, strict=True):
            last[symbol] = QuoteReceived(ts, server.instruments[symbol].symbol, bid, ask)
        if len(last) == len(server.instruments):
            break
    return sorted(last.values(), key=lambda quote: quote.ts_event)


def _restored(positions: OpenPositions, server: TradeServer, ts: int) -> list[PositionRestored]:
    book = server.book
    swaps = accrued_swaps(positions, book)
    rows = zip(
        positions.account.tolist(), positions.symbol.tolist(), positions.sign.tolist(),
        positions.lots.tolist(), positions.open_price.tolist(), swaps.tolist(), strict=True,
    )  # fmt: skip
    return [
        PositionRestored(
            ts, book.terms[account].login, server.next_ticket(), book.instruments[symbol].symbol,
            (Side.BUY if sign > 0 else Side.SELL).value, lots, open_price, swap,
        )
        for account, symbol, sign, lots, open_price, swap in rows
    ]  # fmt: skip


def _coverage(server: TradeServer, ts: int, rng: Generator) -> list[LpPositionRestored]:
    """Return provider positions that cover what is meant to be hedged, to the next 0.01 lots."""
    prices = server.book.prices
    events = []
    for symbol, instrument in enumerate(server.instruments):
        lots = round(float(server.meant[symbol]), 2)
        if lots == 0.0:
            continue
        mid = float(prices.bid[symbol] + prices.ask[symbol]) / 2
        price = round(mid * (1.0 + rng.normal(0.0, _COVERAGE_SPREAD)), instrument.digits)
        side = Side.BUY if lots > 0.0 else Side.SELL
        event = LpPositionRestored(ts, server.lp, instrument.symbol, side.value, abs(lots), price)
        events.append(event)
    return events


def _plan_exits(
    positions: OpenPositions, floor: TradingFloor, population: Population, rng: Generator
) -> None:
    """Plan the exits of restored positions; targets are set off from the price of now."""
    prices = floor.server.book.prices
    bid, ask = prices.bid[positions.symbol], prices.ask[positions.symbol]
    close = np.where(positions.sign > 0, bid, -ask)
    take_profit, stop_loss = target_distances(population.kind[positions.account], rng)
    distance = floor.server.board.distance()[positions.symbol]
    floor.plans.plan(
        np.arange(len(positions.account)),
        floor.tape.now + (positions.remaining_s * _NS).astype(np.int64),
        close + take_profit * distance,
        close - stop_loss * distance,
    )
