"""``ticktime``: people with memory, sizing, exits and sessions on five symbols in tick time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from dealing.lab.columns import (
    MILLION,
    Edges,
    Floats,
    Population,
    Size,
    Trades,
    Truth,
    counts_of,
    joined,
    weighted_by_client,
)
from dealing.lab.populations.tick_clients import Dials, Lived, live
from dealing.lab.populations.tick_market import (
    SYMBOLS,
    Tape,
    client_quotes,
    provider_quotes,
    tick_market,
)

Generator = np.random.Generator

SHARES: Final = {
    "noise": 0.28,
    "tilter": 0.12,
    "martingale": 0.08,
    "hot hand": 0.06,
    "trend": 0.10,
    "scalper": 0.09,
    "latency": 0.04,
    "news": 0.05,
    "contrarian": 0.04,
    "informed": 0.05,
    "exit artist": 0.02,
    "size artist": 0.01,
    "specialist": 0.02,
    "learner": 0.01,
    "fader": 0.01,
    "evader": 0.02,
}

_COINS: Final = frozenset({"noise", "tilter", "martingale", "hot hand", "scalper"})
"""Kinds that toss a coin: their truth follows from what they pay."""


class Client(NamedTuple):
    """Who somebody is and where he looks. Shapes: ``reach`` (symbols,), adding up to 1."""

    kind: str
    dials: Dials
    reach: Floats


def tick_population(seed: int, size: Size) -> Population:
    """Draw a population: people, a path on which they are watched, and one to measure them on."""
    crowd, path, acts, other_path, other_acts = (
        np.random.default_rng([seed, 77, k]) for k in range(5)
    )
    kinds = tuple(SHARES)
    clients = [_client(kind, crowd) for kind in counts_of(SHARES, size.clients)]
    tape, other = tick_market(size.days, path), tick_market(size.days, other_path)
    lives = [live(tape, one.dials, one.reach, size.trades, acts) for one in clients]
    trades = joined([_round_trips(code, life) for code, life in enumerate(lives)])
    edges = np.array(
        [
            _truth_of(one, life, other, size, other_acts)
            for one, life in zip(clients, lives, strict=True)
        ]
    )
    kind = np.array([kinds.index(one.kind) for one in clients])
    terms = tuple(one.terms for one in SYMBOLS)
    return Population(
        "ticktime",
        seed,
        terms,
        client_quotes(tape),
        provider_quotes(tape),
        trades,
        Truth(kind, *edges.T.copy()),
        kinds,
    )


def _truth_of(
    who: Client, life: Lived, other: Tape, size: Size, rng: Generator
) -> tuple[float, float, float]:
    """Return a client's edges: from his costs if he tosses coins, else from lives lived again."""
    if who.kind in _COINS:
        return _edges([life], -(life.half_in + life.half_out))
    times = -(-size.truth_trades // size.trades)
    again = [live(other, who.dials, who.reach, size.trades, rng) for _ in range(times)]
    gains = [one.side * (one.exit - one.entry) - one.luck for one in again]
    return _edges(again, np.concatenate(gains))


def _edges(lives: list[Lived], gain: Floats) -> tuple[float, float, float]:
    whole = Lived(*(np.concatenate(parts) for parts in zip(*lives, strict=True)))
    per_lot = np.array([one.terms.contract_size * one.terms.usd_per_quote for one in SYMBOLS])
    notional = whole.lots * per_lot[whole.symbol] * whole.entry
    nobody = np.zeros(len(gain), np.int64)
    cost = 2.0 * whole.half_in
    values = Edges(gain / cost, MILLION * gain / whole.entry, whole.stale / cost)
    edge, million, stale = (
        float(weighted_by_client(one, notional, nobody, 1)[0]) for one in values
    )
    return edge, million, stale


def _round_trips(code: int, life: Lived) -> Trades:
    nothing = np.zeros(len(life.side))
    return Trades(
        np.full(len(life.side), code),
        life.symbol,
        life.side,
        life.lots,
        life.entry_ns,
        life.entry,
        life.exit_ns,
        life.exit,
        nothing,
        nothing,
        life.closed,
    )


def _client(kind: str, rng: Generator) -> Client:
    dials = DRAWN[kind](rng)
    hours = float(rng.integers(0, 12))
    if not dials.watches:
        dials = dials._replace(opens=hours, closes=hours + 12.0)
    weights = rng.dirichlet(np.full(len(SYMBOLS), 0.8))
    if dials.one_symbol >= 0.0:
        weights = 0.35 * weights
        weights[int(dials.one_symbol)] += 0.65
    return Client(kind, dials._replace(lots=_usual_lots(rng)), np.cumsum(weights))


def _usual_lots(rng: Generator) -> float:
    return float(0.1 * np.exp(0.8 * rng.standard_normal()))


def _noise(rng: Generator) -> Dials:
    hold = 900.0 * float(np.exp(0.5 * rng.standard_normal()))
    return Dials(hold_s=hold, panic=float(rng.choice([0.0, 15.0, 30.0])), wait_s=500.0)


def _tilter(rng: Generator) -> Dials:
    return _noise(rng)._replace(tilts=1.0, hold_s=600.0)


def _martingale(rng: Generator) -> Dials:
    target, stop = float(rng.uniform(2.0, 5.0)), float(rng.uniform(15.0, 30.0))
    return Dials(hold_s=7_200.0, target=target, stop=stop, doubles=1.0, wait_s=300.0)


def _hot_hand(rng: Generator) -> Dials:
    return _noise(rng)._replace(hot=0.4, trail=float(rng.uniform(4.0, 10.0)))


def _trend(rng: Generator) -> Dials:
    return Dials(
        sees_past=1.0,
        skill=1.0,
        threshold=float(rng.uniform(3.0, 5.0)),
        trail=float(rng.uniform(5.0, 12.0)),
        hold_s=1_200.0,
        wait_s=150.0,
    )


def _scalper(rng: Generator) -> Dials:
    return Dials(hold_s=45.0, target=float(rng.uniform(1.0, 3.0)), wait_s=400.0)


def _latency(rng: Generator) -> Dials:
    return Dials(
        watches=1.0,
        wait_s=1_500.0,
        reaction_s=0.02,
        sees_stale=1.0,
        blur=0.1,
        threshold=float(rng.uniform(0.9, 1.6)),
        skill=1.0,
        hold_s=float(rng.uniform(4.0, 40.0)),
    )


def _news(rng: Generator) -> Dials:
    return Dials(
        watches=1.0,
        wait_s=200.0,
        reaction_s=float(rng.uniform(1.0, 4.0)),
        sees_sinking=1.0,
        blur=float(rng.uniform(0.1, 0.6)),
        threshold=float(rng.uniform(1.0, 1.8)),
        skill=1.0,
        hold_s=float(rng.uniform(40.0, 120.0)),
    )


def _contrarian(rng: Generator) -> Dials:
    return Dials(
        sees_bounce=1.0,
        sees_slow=0.5,
        blur=float(rng.uniform(0.1, 0.4)),
        threshold=float(rng.uniform(1.3, 1.9)),
        skill=1.0,
        hold_s=60.0,
        hold_sigma=0.4,
        wait_s=60.0,
    )


def _informed(rng: Generator) -> Dials:
    return Dials(
        sees_slow=1.0,
        blur=float(rng.uniform(0.05, 0.8)),
        threshold=float(rng.uniform(1.5, 2.6)),
        skill=1.0,
        hold_s=float(rng.uniform(400.0, 1_200.0)),
        wait_s=200.0,
    )


def _exit_artist(rng: Generator) -> Dials:
    """Enter on nothing, but sell into spikes (or, some, see the tide turn)."""
    spikes = float(rng.uniform(1.1, 1.7))
    turns = float(rng.choice([0.0, 0.0, 1.5]))
    return Dials(hold_s=2_700.0, hold_sigma=0.3, spikes=spikes, turns=turns, wait_s=300.0)


def _size_artist(rng: Generator) -> Dials:
    bold = float(rng.uniform(1.2, 2.0))
    return Dials(
        sees_slow=1.0, blur=0.3, threshold=0.2, skill=1.0, bold=bold, hold_s=900.0, wait_s=400.0
    )


def _specialist(rng: Generator) -> Dials:
    only = float(rng.integers(0, len(SYMBOLS)))
    return _informed(rng)._replace(one_symbol=only, blur=0.1, threshold=2.2, idle=0.1)


def _learner(rng: Generator) -> Dials:
    return _informed(rng)._replace(skill=0.0, learns=1.0, blur=0.1, idle=0.15)


def _fader(rng: Generator) -> Dials:
    return _informed(rng)._replace(skill=1.0, learns=-0.6, blur=0.1, idle=0.15)


def _evader(rng: Generator) -> Dials:
    of = _latency(rng) if rng.random() < 0.5 else _informed(rng)._replace(blur=0.2)  # noqa: PLR2004
    return of._replace(skill=float(rng.uniform(0.4, 0.7)), idle=0.25)


DRAWN: Final[dict[str, Callable[[Generator], Dials]]] = {
    "noise": _noise,
    "tilter": _tilter,
    "martingale": _martingale,
    "hot hand": _hot_hand,
    "trend": _trend,
    "scalper": _scalper,
    "latency": _latency,
    "news": _news,
    "contrarian": _contrarian,
    "informed": _informed,
    "exit artist": _exit_artist,
    "size artist": _size_artist,
    "specialist": _specialist,
    "learner": _learner,
    "fader": _fader,
    "evader": _evader,
}
