"""``recorded``: invented clients on real prices, some of whom trade a provider's stale quotes.

Clients deal at what OANDA quoted in the hour around the ECB press conference of 2014-05-08, and
FXCM's quotes of the same minutes are the faster reference. Nothing about the prices is invented.
A picker deals whenever the reference has left the quoted price by more than the half spread,
beyond the usual difference of the two providers; he gets the price that OANDA quotes when his
order arrives. Everybody else tosses a coin, so their truth follows from what they pay. A picker's
truth is the mean over every occasion of the hour, of which each picker takes some at random.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dealing.lab.columns import (
    MILLION,
    NS,
    Flags,
    Floats,
    Ints,
    Population,
    Quotes,
    Size,
    Terms,
    Trades,
    Truth,
    counts_of,
    joined,
)
from feeds.recordings import Recording, read_recordings
from feeds.samples import sample_directory

Generator = np.random.Generator

SHARES: Final = {"noise": 0.45, "scalper": 0.20, "doubler": 0.15, "picker": 0.20}

_TERMS: Final = (
    Terms("EURUSD", "fx", "EUR", "USD", 100_000.0, 5, 1.0),
    Terms("NZDUSD", "fx", "NZD", "USD", 100_000.0, 5, 1.0),
)
_QUOTED: Final = "oanda"
_FASTER: Final = "fxcm"
_OFFSET_HALF_LIFE_S: Final = 60.0
_ORDER_TAKES_NS: Final = 50_000_000
_ONE_OCCASION_NS: Final = 2 * NS
_LAST_ENTRY_NS: Final = 120 * NS
_JUDGED_AFTER_NS: Final = 60 * NS
_HOLD_S: Final = {"noise": 90.0, "scalper": 8.0, "doubler": 45.0, "picker": 20.0}


class Tape(NamedTuple):
    """One symbol: what clients are shown, and what the faster provider says. Units: ns, price."""

    quoted: Recording
    faster: Recording

    def row(self, ts: Ints) -> Ints:
        """Return which quote clients see at a moment."""
        rows: Ints = np.searchsorted(self.quoted.ts, ts, side="right") - 1
        return np.maximum(rows, 0)

    @property
    def mid(self) -> Floats:
        """What clients are shown, in the middle."""
        middle: Floats = 0.5 * (self.quoted.bid + self.quoted.ask)
        return middle


class Occasions(NamedTuple):
    """When stale quotes could be dealt on. Units: ``ts`` ns when the order arrives."""

    ts: Ints
    symbol: Ints
    side: Floats


def recorded_population(seed: int, size: Size) -> Population:
    """Draw clients on the shipped hour of real quotes; the path is the same for every seed."""
    tapes = _tapes()
    crowd = np.random.default_rng([seed, 78])
    kinds, occasions = tuple(SHARES), _occasions(tapes)
    names = counts_of(SHARES, size.clients)
    trades = joined([
        _lived(code, name, tapes, occasions, size.trades, crowd) for code, name in enumerate(names)
    ])  # fmt: skip
    return Population(
        "recorded",
        seed,
        _TERMS,
        _quotes([tape.quoted for tape in tapes]),
        _quotes([tape.faster for tape in tapes]),
        trades,
        _truth(names, kinds, tapes, occasions),
        kinds,
    )


def _tapes() -> list[Tape]:
    held = {
        (one.provider.lower(), one.symbol): one for one in read_recordings(sample_directory(), [])
    }
    return [
        Tape(_proper(held[_QUOTED, one.name]), _proper(held[_FASTER, one.name])) for one in _TERMS
    ]


def _proper(recording: Recording) -> Recording:
    """Leave out locked and crossed quotes, at which nobody is filled, and put them in order."""
    order = np.argsort(recording.ts, kind="stable")
    order = order[recording.ask[order] > recording.bid[order]]
    return recording._replace(
        ts=recording.ts[order], bid=recording.bid[order], ask=recording.ask[order]
    )


def _occasions(tapes: list[Tape]) -> Occasions:
    parts = [_occasions_of(tape, symbol) for symbol, tape in enumerate(tapes)]
    ts, symbol, side = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(ts, kind="stable")
    return Occasions(ts[order], symbol[order], side[order])


def _occasions_of(tape: Tape, symbol: int) -> Occasions:
    rows = tape.row(tape.faster.ts)
    away = 0.5 * (tape.faster.bid + tape.faster.ask) - tape.mid[rows]
    usual = _recent_mean(away, tape.faster.ts)
    half = 0.5 * (tape.quoted.ask - tape.quoted.bid)[rows]
    stale = np.flatnonzero(np.abs(away - usual) > half)
    first = _apart(tape.faster.ts[stale])
    stale = stale[first & (tape.faster.ts[stale] <= tape.quoted.ts[-1] - _LAST_ENTRY_NS)]
    side = np.sign(away - usual)[stale]
    return Occasions(tape.faster.ts[stale] + _ORDER_TAKES_NS, np.full(len(stale), symbol), side)


def _recent_mean(values: Floats, ts: Ints) -> Floats:
    """Return what the values were on average before each, the near past counting more."""
    means, mean = np.empty(len(values)), float(np.median(values))
    steps = np.diff(ts, prepend=ts[:1]) / NS
    for k, (value, kept) in enumerate(
        zip(values.tolist(), (0.5 ** (steps / _OFFSET_HALF_LIFE_S)).tolist(), strict=True)
    ):
        means[k] = mean
        mean = kept * mean + (1.0 - kept) * value
    return means


def _apart(ts: Ints) -> Flags:
    """Mark the moments that are no part of the occasion before."""
    kept, last = np.zeros(len(ts), np.bool_), -_ONE_OCCASION_NS
    for k, moment in enumerate(ts.tolist()):
        if moment - last >= _ONE_OCCASION_NS:
            kept[k], last = True, moment
    return kept


def _lived(
    code: int, kind: str, tapes: list[Tape], occasions: Occasions, want: int, rng: Generator
) -> Trades:
    if kind == "picker":
        chosen = np.sort(rng.permutation(len(occasions.ts))[:want])
        ts, symbol, side = occasions
        moments = Occasions(ts[chosen], symbol[chosen], side[chosen])
    else:
        moments = _at_random(tapes, want, rng)
    holds = rng.exponential(_HOLD_S[kind], len(moments.ts)) + 1.0
    trades = _round_trips(code, tapes, moments, (holds * NS).astype(np.int64))
    return _doubled(trades) if kind == "doubler" else trades


def _at_random(tapes: list[Tape], want: int, rng: Generator) -> Occasions:
    begin = max(int(tape.quoted.ts[0]) for tape in tapes)
    end = min(int(tape.quoted.ts[-1]) for tape in tapes) - _LAST_ENTRY_NS
    ts = np.sort(rng.integers(begin, end, want))
    return Occasions(ts, rng.integers(len(tapes), size=want), rng.choice([-1.0, 1.0], want))


def _round_trips(code: int, tapes: list[Tape], moments: Occasions, holds: Ints) -> Trades:
    last = np.array([tape.quoted.ts[-1] for tape in tapes])[moments.symbol]
    exits = np.minimum(moments.ts + holds, last)
    many = len(moments.ts)
    nothing = np.zeros(many)
    return Trades(
        np.full(many, code),
        moments.symbol,
        moments.side,
        np.full(many, 0.1),
        moments.ts,
        _fills(tapes, moments.symbol, moments.ts, moments.side),
        exits,
        _fills(tapes, moments.symbol, exits, -moments.side),
        nothing,
        nothing,
        np.zeros(many, np.int64),
    )


def _fills(tapes: list[Tape], symbol: Ints, ts: Ints, side: Floats) -> Floats:
    prices = np.empty(len(ts))
    for code, tape in enumerate(tapes):
        mine = symbol == code
        rows = tape.row(ts[mine])
        prices[mine] = np.where(side[mine] > 0.0, tape.quoted.ask[rows], tape.quoted.bid[rows])
    return prices


def _doubled(trades: Trades) -> Trades:
    """Double the lots after each loss, up to five times in a row."""
    lost = trades.side * (trades.exit_price - trades.entry_price) < 0.0
    lots, streak = np.empty(len(lost)), 0
    for k, one in enumerate(lost.tolist()):
        lots[k] = 0.05 * 2.0**streak
        streak = min(streak + 1, 5) if one else 0
    return trades._replace(lots=lots)


def _truth(
    names: list[str], kinds: tuple[str, ...], tapes: list[Tape], occasions: Occasions
) -> Truth:
    edge, million, stale = _picked(tapes, occasions)
    picks = np.array([name == "picker" for name in names])
    half_spreads = [0.5 * float(np.median((t.quoted.ask - t.quoted.bid) / t.mid)) for t in tapes]
    return Truth(
        np.array([kinds.index(name) for name in names]),
        np.where(picks, edge, -1.0),
        np.where(picks, million, -2.0 * MILLION * float(np.mean(half_spreads))),
        np.where(picks, stale, 0.0),
    )


def _picked(tapes: list[Tape], occasions: Occasions) -> tuple[float, float, float]:
    """Return the mean edge, USD per million and staleness of every occasion there was."""
    edges, millions = [], []
    for code, tape in enumerate(tapes):
        ts, side = occasions.ts[occasions.symbol == code], occasions.side[occasions.symbol == code]
        rows, later = tape.row(ts), tape.row(ts + _JUDGED_AFTER_NS)
        cost = (tape.quoted.ask - tape.quoted.bid)[rows]
        gain = side * (tape.mid[later] - tape.mid[rows]) - cost
        edges.append(gain / cost)
        millions.append(MILLION * gain / tape.mid[rows])
    edge, million = (float(np.concatenate(parts).mean()) for parts in (edges, millions))
    return edge, million, edge + 1.0


def _quotes(recordings: list[Recording]) -> Quotes:
    symbol = np.concatenate([np.full(len(one.ts), code) for code, one in enumerate(recordings)])
    ts, bid, ask = (
        np.concatenate([getattr(one, name) for one in recordings]) for name in ("ts", "bid", "ask")
    )
    order = np.argsort(ts, kind="stable")
    return Quotes(symbol[order], ts[order], bid[order], ask[order])
