"""The ten archetypes on a grid market: when each enters, on which side, and how he leaves.

A person's habits are drawn once; what he does is drawn for a given path, so the same person can be
watched on one path and measured on another.
Source: science.md section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from dealing.lab.columns import Floats, Ints
from dealing.lab.populations.grid_market import DAY_S, GridMarket
from exposure.kernels import kernel

Generator = np.random.Generator

NO_SKILL: Final = frozenset({"noise", "martingale", "scalper", "swap"})
"""Kinds whose sides know nothing: their truth follows from costs and swaps alone."""

_WARM_UP_S: Final = 1_800.0
_LAST_S: Final = 14_400.0
_LONGEST_S: Final = 14_400.0
_LOOKS_PER_TRADE: Final = 40
_FAR: Final = np.inf
_DOUBLINGS: Final = 6


class Person(NamedTuple):
    """One client's habits.

    Units: ``hold_s`` median seconds, spread by ``hold_sigma`` (log); ``target, stop`` pips from the
    fill; ``blur`` error of what he sees and ``threshold`` from which he acts, in spreads;
    ``reaction_s`` seconds; ``mixed`` share of trades on nothing; ``lots`` usual size; ``pace`` of
    the market's time scale (1 for seconds-to-hours traders).
    """

    kind: str
    hold_s: float
    hold_sigma: float
    target: float
    stop: float
    blur: float
    threshold: float
    reaction_s: float
    mixed: float
    lots: float
    pace: float


class Plan(NamedTuple):
    """What one client does on one path. Shapes: (trades,). Units: places on the grid, pips."""

    at: Ints
    side: Floats
    hold: Ints
    lots: Floats


class Habits(NamedTuple):
    """How persons of a kind are drawn: (low, high) of uniform draws, except ``hold_s``."""

    hold_s: float
    hold_sigma: float
    target: tuple[float, float] = (_FAR, _FAR)
    stop: tuple[float, float] = (_FAR, _FAR)
    blur: tuple[float, float] = (0.0, 0.0)
    threshold: tuple[float, float] = (0.0, 0.0)
    reaction_s: tuple[float, float] = (0.0, 0.0)
    mixed: tuple[float, float] = (0.0, 0.0)


HABITS: Final[dict[str, Habits]] = {
    "noise": Habits(2_400.0, 1.2),
    "trend": Habits(1_800.0, 1.0, stop=(20.0, 40.0)),
    "martingale": Habits(_LONGEST_S, 0.0, target=(4.0, 7.0), stop=(45.0, 65.0)),
    "scalper": Habits(60.0, 0.7, target=(3.0, 6.0), stop=(3.0, 8.0)),
    "skilled scalper": Habits(
        55.0, 0.4, blur=(0.2, 0.9), threshold=(0.9, 1.5), reaction_s=(1.0, 5.0)
    ),
    "latency": Habits(15.0, 0.6, threshold=(1.1, 1.6), mixed=(0.0, 0.15)),
    "news": Habits(70.0, 0.5, threshold=(1.2, 2.5), reaction_s=(2.0, 7.0)),
    "informed": Habits(420.0, 0.4, blur=(0.05, 0.7), threshold=(1.2, 2.0)),
    "evader": Habits(240.0, 0.5, blur=(0.05, 0.2), threshold=(1.6, 2.2), mixed=(0.3, 0.6)),
    "swap": Habits(1_500.0, 0.5),
}


def person(kind: str, pace: float, rng: Generator) -> Person:
    """Draw a client of a kind."""
    habits = HABITS[kind]
    blur, threshold, reaction_s, mixed = (
        _within(one, rng)
        for one in (habits.blur, habits.threshold, habits.reaction_s, habits.mixed)
    )
    return Person(
        kind,
        habits.hold_s * pace * float(np.exp(0.3 * rng.standard_normal())),
        habits.hold_sigma,
        _within(habits.target, rng),
        _within(habits.stop, rng),
        blur,
        threshold,
        reaction_s,
        mixed,
        float(np.exp(rng.standard_normal() - 1.0)),
        pace,
    )


def plan(who: Person, market: GridMarket, want: int, rng: Generator) -> Plan:
    """Return at most ``want`` trades of one client on a path, in order of time."""
    if who.kind == "martingale":
        return _doubling(who, market, want, rng)
    on_nothing = int(rng.binomial(want, who.mixed)) if who.mixed > 0.0 else 0
    at, side = OCCASIONS[who.kind](who, market, want - on_nothing, rng)
    if on_nothing:
        other_at, other_side = _coin_tosses(who, market, on_nothing, rng)
        at, side = np.concatenate([at, other_at]), np.concatenate([side, other_side])
    order = np.argsort(at, kind="stable")
    at, side = at[order], side[order]
    return Plan(at, side, _holds(who, market, at, rng), _lots(who, len(at), rng))


@kernel
def exits(
    quoted: Floats, half: Floats, at: Ints, side: Floats, limits: Floats, hold: Ints, out: Ints
) -> None:
    """Find where each trade is closed: at a target or a stop (``limits``, pips), or by time."""
    last = len(quoted) - 1
    for k in range(len(at)):
        deadline = min(last, at[k] + hold[k])
        out[k] = _exit_of(quoted, half, at[k], side[k], limits[0], limits[1], deadline)


@kernel
def _exit_of(
    quoted: Floats, half: Floats, at: int, side: float, target: float, stop: float, deadline: int
) -> int:
    fill = quoted[at] + side * half[at]
    if np.isinf(target) and np.isinf(stop):
        return deadline
    for t in range(at + 1, deadline):
        gain = side * (quoted[t] - side * half[t] - fill)
        if gain >= target or gain <= -stop:
            return t
    return deadline


def _coin_tosses(
    _who: Person, market: GridMarket, want: int, rng: Generator
) -> tuple[Ints, Floats]:
    return _moments(market, want, rng), _coins(want, rng)


def _with_the_trend(
    who: Person, market: GridMarket, want: int, rng: Generator
) -> tuple[Ints, Floats]:
    at = _moments(market, want * _LOOKS_PER_TRADE // 8, rng)
    back = max(1, int(_WARM_UP_S * who.pace / market.terms.step_s))
    move = market.quoted[at] - market.quoted[at - back]
    clear = np.abs(move) > np.std(move)
    return _some(at[clear], np.sign(move[clear]), want, rng)


def _seeing_the_quick(
    who: Person, market: GridMarket, want: int, rng: Generator
) -> tuple[Ints, Floats]:
    wait = rng.exponential(who.reaction_s, len(market.quick_at)) + 1.0
    at = _inside(market, market.quick_at + (wait / market.terms.step_s).astype(np.int64))
    return _acting_on(market.quick[at], at, who, market, want, rng)


def _seeing_the_slow(
    who: Person, market: GridMarket, want: int, rng: Generator
) -> tuple[Ints, Floats]:
    at = _moments(market, want * _LOOKS_PER_TRADE, rng)
    return _acting_on(market.slow[at], at, who, market, want, rng)


def _on_stale_quotes(
    who: Person, market: GridMarket, want: int, rng: Generator
) -> tuple[Ints, Floats]:
    gap = market.mid - market.quoted
    at = _inside(market, np.flatnonzero(np.abs(gap) > who.threshold * 2.0 * market.half))
    return _some(at, np.sign(gap[at]), want, rng)


def _on_news(who: Person, market: GridMarket, want: int, rng: Generator) -> tuple[Ints, Floats]:
    again = max(1, -(-2 * want // max(1, len(market.news_at))))
    news = np.repeat(market.news_at, again)
    wait = 1.0 + rng.exponential(who.reaction_s, len(news))
    at = news + np.maximum(1, wait / market.terms.step_s).astype(np.int64)
    at = _inside(market, at)
    return _acting_on(market.news[at], at, who, market, want, rng)


def _mixing(who: Person, market: GridMarket, want: int, rng: Generator) -> tuple[Ints, Floats]:
    half = want // 2
    first_at, first_side = _on_stale_quotes(who, market, half, rng)
    at, side = _seeing_the_slow(who, market, want - half, rng)
    return np.concatenate([first_at, at]), np.concatenate([first_side, side])


def _for_the_swap(
    _who: Person, market: GridMarket, want: int, rng: Generator
) -> tuple[Ints, Floats]:
    """Buy in the last minutes before midnight: in this market the long side is paid."""
    steps_a_day = int(DAY_S / market.terms.step_s)
    nights = np.arange(1, len(market.mid) // steps_a_day) * steps_a_day
    if len(nights) == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    early = np.maximum(1, rng.uniform(30.0, 1_500.0, want) / market.terms.step_s)
    return nights[rng.integers(0, len(nights), want)] - early.astype(np.int64), np.ones(want)


Occasion = Callable[[Person, GridMarket, int, Generator], tuple[Ints, Floats]]

OCCASIONS: Final[dict[str, Occasion]] = {
    "noise": _coin_tosses,
    "trend": _with_the_trend,
    "scalper": _coin_tosses,
    "skilled scalper": _seeing_the_quick,
    "latency": _on_stale_quotes,
    "news": _on_news,
    "informed": _seeing_the_slow,
    "evader": _mixing,
    "swap": _for_the_swap,
}


def _doubling(who: Person, market: GridMarket, want: int, rng: Generator) -> Plan:
    """Trade one position after another, twice the size after every loss."""
    step = market.terms.step_s
    hold = np.full(want, int(_LONGEST_S * who.pace / step))
    side, lots = _coins(want, rng), np.full(want, who.lots)
    pause = (rng.exponential(300.0 * who.pace, want) / step).astype(np.int64)
    at = np.full(want, -1)
    pause[0] += int(_WARM_UP_S / step) + rng.integers(0, len(market.mid) // 4)
    end = len(market.mid) - int(_LAST_S / step)
    _play(market.quoted, market.half, side, who.target, who.stop, hold, pause, end, at, lots)
    played = at >= 0
    return Plan(at[played], side[played], hold[played], lots[played])


@kernel
def _play(
    quoted: Floats,
    half: Floats,
    side: Floats,
    target: float,
    stop: float,
    hold: Ints,
    pause: Ints,
    end: int,
    at: Ints,
    lots: Floats,
) -> None:
    now, losses = 0, 0
    for k in range(len(at)):
        now += pause[k] + 1
        if now >= end:
            return
        at[k], lots[k] = now, lots[k] * 2.0**losses
        out = _exit_of(
            quoted, half, now, side[k], target, stop, min(len(quoted) - 1, now + hold[k])
        )
        gain = side[k] * (quoted[out] - quoted[now]) - half[out] - half[now]
        losses = min(losses + 1, _DOUBLINGS) if gain < 0.0 else 0
        now = out


def _acting_on(
    truth: Floats, at: Ints, who: Person, market: GridMarket, want: int, rng: Generator
) -> tuple[Ints, Floats]:
    """Trade where what is still to come, seen through a blur, is worth it."""
    seen = truth + rng.standard_normal(len(at)) * who.blur * market.spread
    worth = np.abs(seen) > who.threshold * market.spread
    return _some(at[worth], np.sign(seen[worth]), want, rng)


def _some(at: Ints, side: Floats, want: int, rng: Generator) -> tuple[Ints, Floats]:
    chosen = rng.permutation(len(at))[:want]
    return at[chosen], side[chosen]


def _moments(market: GridMarket, want: int, rng: Generator) -> Ints:
    step = market.terms.step_s
    return rng.integers(int(_WARM_UP_S / step), len(market.mid) - int(_LAST_S / step), want)


def _inside(market: GridMarket, at: Ints) -> Ints:
    step = market.terms.step_s
    first, last = int(_WARM_UP_S / step), len(market.mid) - int(_LAST_S / step)
    return at[(at >= first) & (at < last)]


def _holds(who: Person, market: GridMarket, at: Ints, rng: Generator) -> Ints:
    seconds = who.hold_s * np.exp(who.hold_sigma * rng.standard_normal(len(at)))
    if who.kind == "swap":
        seconds = (DAY_S - at * market.terms.step_s % DAY_S) + seconds
    steps = seconds.clip(2.0, _LONGEST_S * who.pace) / market.terms.step_s
    return np.maximum(1, steps.astype(np.int64))


def _lots(who: Person, many: int, rng: Generator) -> Floats:
    lots: Floats = who.lots * np.exp(0.3 * rng.standard_normal(many))
    return lots


def _coins(many: int, rng: Generator) -> Floats:
    return (2.0 * rng.integers(0, 2, many) - 1.0).astype(np.float64)


def _within(ends: tuple[float, float], rng: Generator) -> float:
    low, high = ends
    return low if low == high else float(rng.uniform(low, high))
