"""A market in tick time: several symbols, bursts, common factors, jumps, breathing spreads.

It is written apart from the grid market on purpose, and shares no idea of time with it: ticks come
as a self-exciting process, a quote reaches the client some 50 to 500 milliseconds after its tick,
and prices of five symbols of very different scale move together. What can be known ahead is the
rest of a jump that sinks in slowly, a slow opinion, and a bounce of the price that goes back.

Prices are followed in basis points of a first price; the martingale part is kept apart.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from dealing.lab.columns import NS, Floats, Ints, Quotes, Terms
from exposure.kernels import kernel

OPENS_NS: Final = 1_709_510_400 * NS
"""2024-03-04, 00:00 UTC, a Monday."""

DAY_S: Final = 86_400.0
BP: Final = 1e-4

_BRANCHING: Final = 0.55
_CHILD_S: Final = 0.35
_JUMP_TICKS: Final = 10
_JUMP_TICK_S: Final = 1.2
_COMMON_JUMPS_PER_DAY: Final = 14.0
_OWN_JUMPS_PER_DAY: Final = 22.0
_SINKS_IN: Final = 0.4
_SINK_HALF_LIFE_S: Final = 25.0
_SLOW_HALF_LIFE_S: Final = 500.0
_SLOW_SPREADS: Final = 1.25
_BOUNCE_HALF_LIFE_S: Final = 14.0
_BOUNCE_SPREADS: Final = 0.6
_WIDE_S: Final = 12.0
_DELAY_S: Final = (0.05, 0.5)
_MINUTE_S: Final = 60.0
_MOOD_STEP: Final = 0.043
_MOOD_HALF_LIFE_S: Final = 7_200.0
_MOOD_MEAN: Final = 0.32
_LP_SHARE: Final = 0.3


class TickTerms(NamedTuple):
    """A symbol. Units: volatility bp per square root of a day, spread bp, ticks per second."""

    terms: Terms
    price: float
    vol_bp: float
    spread_bp: float
    ticks_per_s: float
    dollar: float
    risk: float


def _terms(name: str, asset: str, contract: float, digits: int, usd_per_quote: float) -> Terms:
    base, quote = (name[:3], name[3:]) if len(name) == len("EURUSD") else (name, "USD")
    return Terms(name, asset, base, quote, contract, digits, usd_per_quote)


_USD: Final = 1.0
_JPY: Final = 1.0 / 150.0

SYMBOLS: Final = (
    TickTerms(_terms("EURUSD", "fx", 100_000.0, 5, _USD), 1.085, 42, 0.8, 0.55, 0.7, 0.2),
    TickTerms(_terms("USDJPY", "fx", 100_000.0, 3, _JPY), 150.2, 52, 0.9, 0.5, -0.6, 0.3),
    TickTerms(_terms("XAUUSD", "metal", 100.0, 2, _USD), 2_050.0, 85, 1.4, 0.5, 0.5, -0.2),
    TickTerms(_terms("US500", "index", 10.0, 2, _USD), 5_100.0, 95, 1.2, 0.45, 0.1, 0.8),
    TickTerms(_terms("BTCUSD", "crypto", 1.0, 2, _USD), 62_000.0, 310, 5.5, 0.4, 0.1, 0.5),
)


class Tape(NamedTuple):
    """Everything about all symbols, one after another; ``first[s]:first[s + 1]`` is symbol s.

    Shapes: (ticks,), ``first`` (symbols + 1,), events (k,). Units: ``ts`` ns, when a tick is and
    ``seen_ts`` when clients get it; ``mid, bid, ask`` price; ``martingale, sinking, slow, bounce``
    price. ``sinking`` and ``slow`` are still to come, ``bounce`` will go back.
    """

    first: Ints
    ts: Ints
    seen_ts: Ints
    mid: Floats
    bid: Floats
    ask: Floats
    martingale: Floats
    sinking: Floats
    slow: Floats
    bounce: Floats
    event_ts: Ints
    event_symbol: Ints


class Jumps(NamedTuple):
    """Jumps of one symbol, in order of time. Units: seconds, basis points."""

    at: Floats
    size: Floats


def tick_market(days: float, rng: np.random.Generator) -> Tape:
    """Draw a path of all symbols."""
    end = days * DAY_S
    common = np.sort(rng.uniform(0.0, end, rng.poisson(_COMMON_JUMPS_PER_DAY * days)))
    strength = _jump_sizes(len(common), rng)
    jumps = [_jumps(one, common, strength, end, rng) for one in SYMBOLS]
    times = [_arrivals(one, mine.at, end, rng) for one, mine in zip(SYMBOLS, jumps, strict=True)]
    every = np.sort(np.concatenate(times))
    clock = _restless_time(end, rng)
    factors = [np.cumsum(_steps(every, clock, rng)) for _ in range(2)]
    columns = [
        _symbol(one, at, mine, [f[np.searchsorted(every, at)] for f in factors], clock, rng)
        for one, at, mine in zip(SYMBOLS, times, jumps, strict=True)
    ]
    first = np.cumsum([0, *(len(at) for at in times)])
    events = np.concatenate([mine.at for mine in jumps])
    owners = np.repeat(np.arange(len(SYMBOLS)), [len(mine.at) for mine in jumps])
    order = np.argsort(events, kind="stable")
    columns_of_all: list[Any] = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
    return Tape(*[first, *columns_of_all, _ns(events[order]), owners[order]])


def client_quotes(tape: Tape) -> Quotes:
    """Return what clients are quoted, in order of time."""
    return _in_order(tape, tape.seen_ts, tape.bid, tape.ask)


def provider_quotes(tape: Tape) -> Quotes:
    """Return what the quicker provider quotes, in order of time."""
    half = 0.5 * _LP_SHARE * (tape.ask - tape.bid)
    return _in_order(tape, tape.ts, tape.mid - half, tape.mid + half)


@kernel
def sinks_in(at: Floats, impulses: Floats, half_life: float, left: Floats, moved: Floats) -> None:
    """Follow what is still to come of impulses at irregular times, and what has come."""
    still, total = impulses[0], 0.0
    left[0], moved[0] = still, total
    for i in range(1, len(at)):
        kept = 0.5 ** ((at[i] - at[i - 1]) / half_life)
        total += still * (1.0 - kept)
        still = still * kept + impulses[i]
        left[i], moved[i] = still, total


def _symbol(
    one: TickTerms,
    at: Floats,
    jumps: Jumps,
    factors: list[Floats],
    clock: tuple[Floats, Floats],
    rng: np.random.Generator,
) -> tuple[Ints, Ints, Floats, Floats, Floats, Floats, Floats, Floats, Floats]:
    own = np.cumsum(_steps(at, clock, rng))
    loads = np.array([one.dollar, one.risk])
    idle = np.sqrt(1.0 - loads @ loads)
    impulses = np.zeros(len(at))
    np.add.at(impulses, np.searchsorted(at, jumps.at), jumps.size)
    walk = (loads @ np.array(factors) + idle * own) * one.vol_bp
    martingale = walk + (1.0 - _SINKS_IN) * np.cumsum(impulses)
    sinking, sunk = _follow(at, _SINKS_IN * impulses, _SINK_HALF_LIFE_S)
    slow, slowly = _follow(at, *_wandering(at, _SLOW_HALF_LIFE_S, _SLOW_SPREADS, one, rng))
    bounce, _ = _follow(at, *_wandering(at, _BOUNCE_HALF_LIFE_S, _BOUNCE_SPREADS, one, rng))
    mid = one.price * np.exp((martingale + sunk + slowly + bounce) * BP)
    bid, ask = _sides(one, at, mid, jumps.at, rng)
    seen = np.maximum.accumulate(at + _delays(at, rng))
    known = (part * BP * mid for part in (sinking, slow, bounce))
    return _ns(at), _ns(seen), mid, bid, ask, one.price * np.exp(martingale * BP), *known


def _follow(at: Floats, impulses: Floats, half_life: float) -> tuple[Floats, Floats]:
    left, moved = np.empty(len(at)), np.empty(len(at))
    sinks_in(at, impulses, half_life, left, moved)
    return left, moved


def _wandering(
    at: Floats, half_life: float, spreads: float, one: TickTerms, rng: np.random.Generator
) -> tuple[Floats, float]:
    """Return impulses whose remainder wanders about zero with a standard deviation in spreads."""
    kept = 0.5 ** (np.diff(at, prepend=at[0] - 60.0 * half_life) / half_life)
    impulses = rng.standard_normal(len(at)) * np.sqrt(1.0 - kept * kept) * spreads * one.spread_bp
    return impulses, half_life


def _jumps(
    one: TickTerms, common: Floats, strength: Floats, end: float, rng: np.random.Generator
) -> Jumps:
    many = rng.poisson(_OWN_JUMPS_PER_DAY * end / DAY_S)
    own = rng.uniform(0.0, end, many)
    load = one.dollar + one.risk
    at = np.concatenate([common, own])
    size = np.concatenate([strength * np.sign(load), _jump_sizes(many, rng)]) * one.spread_bp
    order = np.argsort(at)
    return Jumps(at[order], size[order])


def _jump_sizes(many: int, rng: np.random.Generator) -> Floats:
    sizes: Floats = (2.0 * rng.integers(0, 2, many) - 1.0) * (1.2 + rng.exponential(2.8, many))
    return sizes


def _arrivals(one: TickTerms, jumps: Floats, end: float, rng: np.random.Generator) -> Floats:
    """Draw tick times: parents by the hour of the day, a chain of children each, and bursts."""
    parents = rng.uniform(0.0, end, rng.poisson(one.ticks_per_s * (1.0 - _BRANCHING) * end))
    busy = 0.65 + 0.35 * np.sin(2.0 * np.pi * (parents / DAY_S - 0.33))
    parents = parents[rng.random(len(parents)) < busy]
    children = rng.geometric(1.0 - _BRANCHING, len(parents)) - 1
    chains = np.repeat(parents, children) + rng.exponential(_CHILD_S, children.sum()) * (
        1.0 + rng.integers(0, 3, children.sum())
    )
    bursts = np.repeat(jumps, _JUMP_TICKS)
    bursts = bursts + rng.exponential(_JUMP_TICK_S, len(bursts))
    return np.unique(np.concatenate([[0.0], parents, chains, jumps, bursts]))


def _restless_time(end: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return minutes and how much variance (of a usual day) has passed by each of them."""
    minutes = np.arange(0.0, end + 2.0 * _MINUTE_S, _MINUTE_S)
    moods = rng.standard_normal(len(minutes)) * _MOOD_STEP
    mood, _ = _follow(minutes, moods, _MOOD_HALF_LIFE_S)
    busy = 1.0 + 0.5 * np.sin(2.0 * np.pi * (minutes / DAY_S - 0.33))
    passed = np.cumsum(np.exp(2.0 * mood - _MOOD_MEAN) * busy) * _MINUTE_S / DAY_S
    return minutes, passed


def _steps(at: Floats, clock: tuple[Floats, Floats], rng: np.random.Generator) -> Floats:
    variance = np.diff(np.interp(at, *clock), prepend=0.0)
    steps: Floats = rng.standard_normal(len(at)) * np.sqrt(variance.clip(0.0))
    return steps


def _sides(
    one: TickTerms, at: Floats, mid: Floats, jumps: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    mood, _ = _follow(at, *_wandering(at, 900.0, 0.25 / one.spread_bp, one, rng))
    before = np.searchsorted(jumps, at, side="right") - 1
    since = np.where(before >= 0, at - jumps[before.clip(0)], np.inf)
    wide = 1.0 + 1.5 * np.exp(-since / _WIDE_S)
    half = 0.5 * one.spread_bp * BP * mid * np.exp(mood) * wide
    scale = 10.0**one.terms.digits
    bid, ask = np.floor((mid - half) * scale) / scale, np.ceil((mid + half) * scale) / scale
    return bid, ask


def _delays(at: Floats, rng: np.random.Generator) -> Floats:
    low, high = _DELAY_S
    mood, _ = _follow(at, rng.standard_normal(len(at)) * 0.05, 60.0)
    delays: Floats = (np.exp(mood) * 0.15).clip(low, high)
    return delays


def _in_order(tape: Tape, ts: Ints, bid: Floats, ask: Floats) -> Quotes:
    symbol = np.repeat(np.arange(len(tape.first) - 1), np.diff(tape.first))
    order = np.argsort(ts, kind="stable")
    return Quotes(symbol[order], ts[order], bid[order], ask[order])


def _ns(seconds: Floats) -> Ints:
    return OPENS_NS + (seconds * NS).astype(np.int64)
