"""Stop-out ladders: step by step, whom a move closes out and what the house is left with.

Closing has an impact of its own: the hedged part of what clients close is traded at the providers,
which moves the price further and may stop out the next account. Each step is repeated with the
moved price until nothing more is closed; everything is then valued at the last price, which is
hard on those who were closed first.
Source: science.md section 5 (iterate closing impact).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stop_outs import StopOutOrder, StopOuts, stop_outs
from exposure.risk.stress import HouseStress, client_stress, house_stress
from exposure.risk.stress_book import StressBook, Valuation
from exposure.state import PriceArrays

Floats = NDArray[np.float64]

LADDER_PERCENT: Final = (
    -10.0, -5.0, -3.0, -2.0, -1.0, -0.5, -0.2, -0.1, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0,
)  # fmt: skip

_MOST_ROUNDS: Final = 50
_BPS: Final = 1e4
_MILLION: Final = 1e6


class Rung(NamedTuple):
    """One step of a ladder.

    ``impact_percent`` is the largest further move that closing caused among the target's symbols,
    in ``rounds`` of closing. Lots are those of the target's symbols, 0 where they cannot be added
    up (a currency); ``closed_usd`` is everything that was closed, gross. ``orphan_lots`` is what
    providers hold beyond what is still meant to be hedged.
    """

    move_percent: float
    impact_percent: float
    rounds: int
    logins: list[str]
    closed_long_lots: float
    closed_short_lots: float
    closed_usd: float
    house_net_lots: float
    house_net_usd: float
    orphan_lots: float
    house: HouseStress


class Closed(NamedTuple):
    """The end of one step: prices, values and stop-outs that belong together."""

    valued: Valuation
    stop_outs: StopOuts
    rounds: int


def cascade_ladder(
    book: StressBook,
    target: str,
    steps_percent: Sequence[float] = LADDER_PERCENT,
    impact_bps_per_musd: float = 0.0,
    order: StopOutOrder = StopOutOrder.METATRADER,
) -> list[Rung]:
    """Return what every step of a move closes.

    Args:
        book: The book at this moment.
        target: A symbol, an underlying or a currency.
        steps_percent: Moves, in any order.
        impact_bps_per_musd: How far a million USD traded at the providers moves its symbol; 0 for
            a market that takes everything.
        order: What the platform closes first.

    Raises:
        UnknownTargetError: The book has no such target.
    """
    return [
        _rung(book, target, step, closed_by(book, target, step, impact_bps_per_musd, order))
        for step in steps_percent
    ]


def closed_by(
    book: StressBook, target: str, percent: float, impact_bps_per_musd: float, order: StopOutOrder
) -> Closed:
    """Return the end of one step, closing impact included.

    Raises:
        UnknownTargetError: The book has no such target.
    """
    shocked = book.shocked([Shock(target, ShockKind.PERCENT, percent)]).prices
    valued = book.valued(shocked)
    closed = stop_outs(book, valued, order)
    rounds = 1
    while impact_bps_per_musd > 0.0 and rounds < _MOST_ROUNDS:
        moved = _with_impact(book, shocked, closed, impact_bps_per_musd)
        if np.array_equal(moved.bid, valued.prices.bid):
            break
        valued = book.valued(moved)
        closed, before = stop_outs(book, valued, order), closed
        rounds += 1
        if np.array_equal(closed.left_ratio, before.left_ratio):
            break
    return Closed(valued, closed, rounds)


def _with_impact(
    book: StressBook, prices: PriceArrays, closed: StopOuts, impact_bps_per_musd: float
) -> PriceArrays:
    """Move every symbol by what is traded in it at the providers: closed longs are sold."""
    held, n = book.holdings, book.symbols
    hedged = held.signed_lots * (1.0 - closed.left_ratio) * held.hedge_ratio
    lots = np.bincount(held.symbol, hedged, n)
    musd = np.nan_to_num(lots * np.abs(book.usd_per_lot(prices))) / _MILLION
    factor = np.ones(len(prices.bid))
    factor[:n] = np.maximum(1.0 - musd * impact_bps_per_musd / _BPS, 0.0)
    return prices._replace(bid=prices.bid * factor, ask=prices.ask * factor)


def _rung(book: StressBook, target: str, percent: float, end: Closed) -> Rung:
    held = book.holdings
    symbols = book.targets.moved_by(target)
    counted = [] if book.targets.currency(target) is not None else symbols
    shut = held.signed_lots * (1.0 - end.stop_outs.left_ratio)
    per_lot = np.nan_to_num(np.abs(book.usd_per_lot(end.valued.prices)))
    net = book.house_net_lots(end.stop_outs.left_ratio)
    meant = np.bincount(
        held.symbol, held.signed_lots * end.stop_outs.left_ratio * held.hedge_ratio, book.symbols
    )
    here = np.isin(held.symbol, counted)
    clients = client_stress(book, end.valued)
    stopped = np.flatnonzero(end.stop_outs.stopped_out).tolist()
    return Rung(
        percent,
        _impact_percent(book, target, percent, end.valued.prices, symbols),
        end.rounds,
        book.names["login"].gather(stopped).to_list(),
        float(np.maximum(shut[here], 0.0).sum()),
        float(np.maximum(-shut[here], 0.0).sum()),
        float((np.abs(shut) * per_lot[held.symbol]).sum()),
        float(net[counted].sum()),
        float((net * per_lot)[symbols].sum()),
        float((book.lp_net_lots - meant)[counted].sum()),
        house_stress(book, end.valued, clients),
    )


def _impact_percent(
    book: StressBook, target: str, percent: float, prices: PriceArrays, symbols: list[int]
) -> float:
    asked = book.shocked([Shock(target, ShockKind.PERCENT, percent)]).prices
    quoted = [k for k in symbols if prices.quoted[k] and asked.bid[k] != 0.0]
    moves = [100.0 * (float(prices.bid[k] / asked.bid[k]) - 1.0) for k in quoted]
    return max(moves, key=abs, default=0.0)
