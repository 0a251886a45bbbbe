"""What the flow book keeps of one client, as the columns that detectors read.

A spread is what a round trip costs him here: what is paid is what a stale price or a jump
has to beat, commission included. Source: science.md sections 1.1 and 1.6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.clusters.fills import STILL_OPEN
from bookrouting.detectors.entries import Closes, Entries, Floats, Int64s
from bookrouting.detectors.money import MoneyFacts
from bookrouting.detectors.timing import FEWEST_STALE, STALE_SHARE
from bookrouting.flow_book import USD, FlowBook
from bookrouting.flow_kernels import cost_of
from bookrouting.flow_settings import CURVE_S
from bookrouting.flow_state import DECISIONS, ENTRIES, KNOWN, NEAR_JUMPS, Table
from bookrouting.money import floating_usd
from bookrouting.trade_log import walk
from exposure.kernels import kernel

RECENT: Final = 200
"""How many of a client's last entries and trades are looked at: what the score half remembers."""

_MINUTE_NS: Final = 60_000_000_000
_PRIOR_ENTRIES: Final = 4.0
_ONE_SECOND, _ONE_MINUTE = CURVE_S.index(1.0), CURVE_S.index(60.0)


class Crowd(NamedTuple):
    """What is usual among all clients.

    Whoever finds more stale prices than ``picking_ratio`` is no witness of how late our own feed
    was: pickers who see the same lag would excuse one another.

    Units: ``stale_ratio`` (of the witnesses) and ``news_ratio`` shares of entries, ``usual_usd``
    the median trade, ``rollovers`` ns UTC in rising order.
    """

    stale_ratio: float
    picking_ratio: float
    news_ratio: float
    usual_usd: float
    rollovers: Int64s


class Recent(NamedTuple):
    """A client's last entries: their rows in the book, and the columns. Shapes: (n,)."""

    rows: Int64s
    entries: Entries
    near_jump: NDArray[np.bool_]
    used_margin: Floats


def crowd_of(book: FlowBook, rollovers: Iterable[int]) -> Crowd:
    """Return what is usual now."""
    clients, counters = book.arrays.clients, book.arrays.counters
    seen, hits, entries = clients["stale_seen"], clients["stale_hits"], int(counters[ENTRIES])
    often = seen >= FEWEST_STALE
    shares = hits[often] / seen[often]
    picking = max(STALE_SHARE, 2.0 * float(np.median(shares)) if len(shares) else 0.0)
    witness = ~often | (hits <= picking * seen)
    witnessed = int(seen[witness].sum())
    return Crowd(
        float(hits[witness].sum()) / witnessed if witnessed else 0.0,
        picking,
        float(counters[NEAR_JUMPS]) / entries if entries else 0.0,
        book.trades.usual_usd(),
        np.array(sorted(rollovers), np.int64),
    )


def decisions_of(book: FlowBook, client: int, most: int) -> Int64s:
    """Return the rows of a client's last decisions that are remembered, oldest first."""
    rows, last = np.empty(most, np.int64), int(book.arrays.clients["last_decision"][client])
    count = walk(book.arrays.decisions, last, book.forgotten, rows)
    return rows[:count][::-1].copy()


def recent_of(book: FlowBook, client: int) -> Recent:
    """Return a client's last entries."""
    rows = decisions_of(book, client, 2 * RECENT)
    rows = rows[~book.arrays.decisions["is_exit"][rows]][-RECENT:]
    d = book.arrays.decisions[rows]
    lots, paid = d["lots"], d["paid_lots"] / d["lots"]
    cost = np.maximum(d["paid_lots"], d["floor_lots"]) / lots
    mid = d["mid_lots"] / lots
    with np.errstate(invalid="ignore", divide="ignore"):
        ahead = np.where(d["fast_lots"] > 0.0, d["stale_lots"] / d["fast_lots"], np.nan)
    entries = Entries(
        ts=d["ts"], symbol=d["symbol"], side=d["side"], lots=lots, price=d["price_lots"] / lots,
        mid_quoted=mid, mid_fast=mid + d["side"] * ahead, half_spread=cost / 2.0,
        sigma_1s=np.sqrt(d["variance_lots"] / lots),
        markout_1s=_gross(d, _ONE_SECOND, cost, paid),
        markout_60s=_gross(d, _ONE_MINUTE, cost, paid),
    )  # fmt: skip
    return Recent(rows, entries, d["near_jump"], d["used_margin"])


def stale_around(book: FlowBook, recent: Recent, crowd: Crowd) -> Floats:
    """Return for every entry the share of witnesses' in its symbol and minute that were stale.

    Few others are shrunk towards everybody's share, as ``population_stale_shares`` does.
    """
    shares = np.empty(len(recent.rows))
    count = int(book.arrays.counters[DECISIONS])
    a, usual = book.arrays, (crowd.stale_ratio, crowd.picking_ratio)
    _stale_around(recent.rows, a.decisions, count, a.clients, usual, shares)
    return shares


class History(NamedTuple):
    """A client's trades that ended, from opening to the next rollover, and what they were worth.

    Shapes: (n,).
    """

    closes: Closes
    to_rollover_s: Floats
    worth_usd: Floats


def history_of(book: FlowBook, client: int, crowd: Crowd) -> History:
    """Return how a client's last trades ended, in order of opening."""
    trades = book.trades.of_client(client, RECENT)
    t = trades[(trades["closed"] < STILL_OPEN) & np.isfinite(trades["profit_usd"])]
    never = np.full(len(t), math.inf)
    closes = Closes(
        opened=t["opened"], closed=t["closed"], symbol=t["symbol"], side=t["side"],
        lots=t["lots"], open_price=t["price"], profit=t["profit_usd"],
        swap=np.nan_to_num(t["swap_usd"]), cost=t["cost_usd"], take_profit=never,
        stop_loss=never, cost_distance=t["cost"],
    )  # fmt: skip
    return History(closes, to_rollover_s(closes.opened, crowd.rollovers), t["worth_usd"])


def to_rollover_s(opened: Int64s, rollovers: Int64s) -> Floats:
    """Return how long after each opening the next rollover comes, inf where none is known."""
    following = np.append(rollovers, 0)[np.searchsorted(rollovers, opened)]
    wait: Floats = np.where(following > 0, (following - opened) / 1e9, math.inf)
    return wait


def money_facts(
    book: FlowBook, client: int, recent: Recent, won: Int64s, partners: Iterable[int]
) -> MoneyFacts:
    """Return what a client did with his money on all his accounts. Units: USD.

    Args:
        book: The flow book.
        client: Whose.
        recent: His last entries.
        won: When he closed with a gain, ns UTC.
        partners: Clients who stand against him.
    """
    wallets = [
        (book.wallets[login], book.rate(book.logins[login].currency, USD))
        for login in book.logins_of.get(client, ())
        if login in book.wallets
    ]
    credits_usd = (wallet.credit * rate for wallet, rate in wallets)
    lost = [_ends(book, partner, gained=False) for partner in partners]
    withdrawn = [ts for wallet, _ in wallets for ts in wallet.withdrawn]
    return MoneyFacts(
        credit=float(np.nansum([*credits_usd, 0.0])),
        bonuses=sum(wallet.bonuses for wallet, _ in wallets),
        used_margin=recent.used_margin,
        withdrawn_ts=np.array(sorted(withdrawn), np.int64),
        won_ts=won,
        partner_lost_ts=np.concatenate([np.zeros(0, np.int64), *lost]),
    )


def equity_usd(book: FlowBook, client: int) -> tuple[float, float]:
    """Return what is on a client's accounts and what he paid in net, NaN if not known."""
    equity = paid_in = 0.0
    known = False
    for login in book.logins_of.get(client, ()):
        wallet = book.wallets.get(login)
        if wallet is not None:
            rate = book.rate(book.logins[login].currency, USD)
            equity += wallet.equity * rate - floating_of(book, login)
            paid_in += wallet.paid_in * rate
            known = True
    return (equity, paid_in) if known else (math.nan, math.nan)


def floating_of(book: FlowBook, login: str) -> float:
    """Return the house's result on what a login holds, if it keeps it; NaN without a price."""
    market, total = book.arrays.market, 0.0
    for held in book.positions.of_login(login):
        instrument = book.instruments[held.symbol]
        price = float(market["bid" if held.side > 0.0 else "ask"][held.symbol])
        rate = book.rate(instrument.quote, USD) if market["quoted"][held.symbol] else math.nan
        total += floating_usd(held, price, instrument, rate)
    return total


def _ends(book: FlowBook, client: int, *, gained: bool) -> Int64s:
    trades = book.trades.of_client(client, RECENT)
    right = trades["profit_usd"] > 0.0 if gained else trades["profit_usd"] < 0.0
    ends: Int64s = trades["closed"][right & (trades["closed"] < STILL_OPEN)]
    return ends


def _gross(d: Table, h: int, cost: Floats, paid: Floats) -> Floats:
    """Return markouts against the client's mid in price, NaN where they are not known."""
    known = d["status"][:, h] == KNOWN
    return np.where(known, (d["markout"][:, h] - 1.0) * cost + paid, np.nan)


@kernel
def _stale_around(
    rows: Int64s,
    decisions: Table,
    count: int,
    clients: Table,
    usual: tuple[float, float],
    shares: Floats,
) -> None:
    usual_ratio, picking_ratio = usual
    for place in range(len(rows)):
        own = rows[place]
        begin = decisions[own].ts // _MINUTE_NS * _MINUTE_NS
        seen = stale = 0.0
        k = _first_at(decisions, count, begin)
        while k < count and decisions[k].ts < begin + _MINUTE_NS:
            if decisions[k].symbol == decisions[own].symbol and _bears_witness(
                k, decisions[own].client, decisions, clients, picking_ratio
            ):
                ahead = decisions[k].stale_lots / decisions[k].fast_lots
                seen += 1.0
                stale += ahead > cost_of(k, decisions) / 2.0
            k += 1
        shares[place] = (stale + _PRIOR_ENTRIES * usual_ratio) / (seen + _PRIOR_ENTRIES)


@kernel
def _bears_witness(
    k: int, client: int, decisions: Table, clients: Table, picking_ratio: float
) -> bool:
    """Whether a decision is another client's entry, with a faster price, and he is no picker."""
    other = decisions[k].client
    if other == client or decisions[k].is_exit or not decisions[k].fast_lots > 0.0:
        return False
    often = clients[other].stale_seen >= FEWEST_STALE
    return not (often and clients[other].stale_hits > picking_ratio * clients[other].stale_seen)


@kernel
def _first_at(decisions: Table, count: int, ts: int) -> int:
    """Return the first decision at or after a moment."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if decisions[middle].ts < ts:
            low = middle + 1
        else:
            high = middle
    return low
