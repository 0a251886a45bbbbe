"""Clients with memory on the tick market: one life at a time, decided by dials, not by archetypes.

A client looks at a symbol now and then (or waits for a jump), sees something of what is still to
come through a blur, decides, sizes, and leaves by a target, a stop that may trail, by time, in a
panic, or because he sees the tide turn. Losses in a row can put him on tilt, wins make him bold, he
may double, learn, or forget.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dealing.lab.columns import NS, Floats, Ints
from dealing.lab.populations.tick_market import OPENS_NS, Tape
from exposure.kernels import kernel

_HOUR_NS: Final = 3_600 * NS
_DAY_NS: Final = 24 * _HOUR_NS
_WARM_UP_NS: Final = 1_800 * NS
_PAST_NS: Final = 300 * NS
_STREAK: Final = 3
_DOUBLINGS: Final = 5
_LOOKS_PER_TRADE: Final = 30
_DRAWS: Final = 8


class Dials(NamedTuple):
    """What kind of trader somebody is; all floats, so that a kernel can take them.

    Units: ``wait_s`` mean seconds between looks; ``opens, closes`` hours of his day; ``sees_*``
    shares of what there is to see; ``blur, threshold, target, stop, trail, panic, turns, spikes``
    spreads (0 is none, except blur and threshold); ``watches`` 1 for who waits for jumps;
    ``skill`` the share of looks that use what he sees, ``learns`` how it changes over 100 trades;
    ``hold_s`` median seconds; ``turns`` how far the slow opinion may be against him, and ``spikes``
    how far a bounce must be in his favour, for him to leave; ``idle`` how often a look without
    insight becomes a trade; ``bold`` how size grows with what he sees, ``hot`` with wins in a row,
    ``doubles`` 1 for who doubles after a loss, ``tilts`` 1 for who loses his head after three;
    ``one_symbol`` the only symbol where he is skilled, -1 for all.
    """

    wait_s: float = 600.0
    opens: float = 0.0
    closes: float = 24.0
    watches: float = 0.0
    reaction_s: float = 0.0
    sees_stale: float = 0.0
    sees_sinking: float = 0.0
    sees_slow: float = 0.0
    sees_bounce: float = 0.0
    sees_past: float = 0.0
    blur: float = 0.3
    threshold: float = 1.0
    skill: float = 0.0
    learns: float = 0.0
    hold_s: float = 900.0
    hold_sigma: float = 0.8
    target: float = 0.0
    stop: float = 0.0
    trail: float = 0.0
    panic: float = 0.0
    turns: float = 0.0
    spikes: float = 0.0
    idle: float = 1.0
    bold: float = 0.0
    hot: float = 0.0
    doubles: float = 0.0
    tilts: float = 0.0
    lots: float = 0.1
    one_symbol: float = -1.0


class Lived(NamedTuple):
    """What a life left behind. Shapes: (trades,). Units: ns, price; ``first`` is the true mid."""

    symbol: Ints
    side: Floats
    lots: Floats
    entry_ns: Ints
    exit_ns: Ints
    entry: Floats
    exit: Floats
    luck: Floats
    half_in: Floats
    half_out: Floats
    stale: Floats
    closed: Ints


def live(tape: Tape, dials: Dials, reach: Floats, want: int, rng: np.random.Generator) -> Lived:
    """Let a client trade until he has ``want`` trades or the path ends.

    Args:
        tape: The market.
        dials: Who he is.
        reach: How likely he looks at each symbol, adding up along the symbols to 1.
        want: How many trades.
        rng: His luck.
    """
    looks = want * _LOOKS_PER_TRADE
    draws = rng.random((looks, _DRAWS))
    draws[:, -2:] = rng.standard_normal((looks, 2))
    numbers, prices = np.zeros((want, 4), np.int64), np.zeros((want, 8))
    many = _live(tape, dials, reach, draws, numbers, prices)
    symbol, entry_ns, exit_ns, closed = numbers[:many].T
    side, lots, entry, leave, luck, half_in, half_out, stale = prices[:many].T
    return Lived(
        symbol, side, lots, entry_ns, exit_ns, entry, leave, luck, half_in, half_out, stale, closed
    )


@kernel
def _live(
    tape: Tape, dials: Dials, reach: Floats, draws: Floats, numbers: Ints, prices: Floats
) -> int:
    """Look, decide, hold, leave, remember; return how many trades there were."""
    now, end = OPENS_NS + _WARM_UP_NS, tape.ts[-1] - _HOUR_NS
    done, losses, wins, equity = 0, 0, 0, 1.0
    for look in range(len(draws)):
        if done == len(numbers) or now >= end:
            break
        draw = draws[look]
        tilted = dials.tilts > 0.0 and losses >= _STREAK
        now = _next_look(tape, dials, now, draw[0], tilted)
        s = _which_symbol(tape, reach, dials, now, draw[1])
        now += int(dials.reaction_s * NS * (0.5 + draw[2]))
        if now >= end or not _awake(dials, now):
            continue
        i, j = _latest(tape.ts, tape.first, s, now), _latest(tape.seen_ts, tape.first, s, now)
        spread = tape.ask[j] - tape.bid[j]
        seen = _seen(tape, dials, i, j, now, s) / spread + dials.blur * draw[6]
        side = _decided(dials, seen, s, done, draw, tilted=tilted)
        if side == 0.0:
            continue
        lots = dials.lots * _size(dials, seen, losses, wins, equity, tilted=tilted)
        hold = int(dials.hold_s * NS * np.exp(dials.hold_sigma * draw[7]))
        j2 = _left(tape, dials, s, j, side, spread, now + max(hold, NS))
        until = max(now + 1, min(tape.seen_ts[j2], now + max(hold, NS)))
        i2 = _latest(tape.ts, tape.first, s, until)
        fill = tape.ask[j] if side > 0.0 else tape.bid[j]
        leave = tape.bid[j2] if side > 0.0 else tape.ask[j2]
        numbers[done, 0], numbers[done, 1], numbers[done, 2] = s, now, until
        row = prices[done]
        row[0], row[1], row[2], row[3] = side, lots, fill, leave
        row[4] = side * (tape.martingale[i2] - tape.martingale[i])
        row[5], row[6] = 0.5 * spread, 0.5 * (tape.ask[j2] - tape.bid[j2])
        row[7] = side * (tape.mid[i] - 0.5 * (tape.ask[j] + tape.bid[j]))
        gain = side * (leave - fill)
        if dials.target > 0.0 and gain >= dials.target * spread:
            numbers[done, 3] = 1
        elif dials.stop > 0.0 and gain <= -dials.stop * spread:
            numbers[done, 3] = 2
        losses, wins = (losses + 1, 0) if gain < 0.0 else (0, wins + 1)
        equity = min(4.0, max(0.25, equity * (1.0 + 0.01 * gain / spread)))
        done, now = done + 1, until
    return done


@kernel
def _next_look(tape: Tape, dials: Dials, now: int, draw: float, tilted: bool) -> int:  # noqa: FBT001
    pause = -np.log(1.0 - draw) * dials.wait_s * NS
    then = now + int(pause * 0.3 if tilted else pause)
    if dials.watches == 0.0:
        return then
    k = np.searchsorted(tape.event_ts, then)
    return int(tape.event_ts[k] if k < len(tape.event_ts) else tape.ts[-1])


@kernel
def _which_symbol(tape: Tape, reach: Floats, dials: Dials, now: int, draw: float) -> int:
    if dials.watches > 0.0:
        k = np.searchsorted(tape.event_ts, now)
        return int(tape.event_symbol[min(int(k), len(tape.event_ts) - 1)])
    s = 0
    while s < len(reach) - 1 and draw > reach[s]:
        s += 1
    return s


@kernel
def _awake(dials: Dials, now: int) -> bool:
    hour = now % _DAY_NS / _HOUR_NS
    return dials.opens <= hour < dials.closes


@kernel
def _latest(ts: Ints, first: Ints, s: int, now: int) -> int:
    """Return the latest tick of a symbol at or before a moment (its first if there is none)."""
    low, high = int(first[s]), int(first[s + 1])
    while high - low > 1:
        middle = (low + high) // 2
        if ts[middle] <= now:
            low = middle
        else:
            high = middle
    return low


@kernel
def _seen(tape: Tape, dials: Dials, i: int, j: int, now: int, s: int) -> float:
    """Return what a client makes of the moment, in price."""
    stale = tape.mid[i] - 0.5 * (tape.bid[j] + tape.ask[j])
    seen = dials.sees_stale * stale + dials.sees_sinking * tape.sinking[i]
    seen += dials.sees_slow * tape.slow[i] - dials.sees_bounce * tape.bounce[i]
    if dials.sees_past != 0.0:
        seen += dials.sees_past * (
            tape.mid[i] - tape.mid[_latest(tape.ts, tape.first, s, now - _PAST_NS)]
        )
    return float(seen)


@kernel
def _decided(
    dials: Dials,
    seen: float,
    s: int,
    done: int,
    draw: Floats,
    tilted: bool,  # noqa: FBT001
) -> float:
    """Return a side, 0 for no trade."""
    skill = dials.skill + dials.learns * done / 100.0
    stranger = dials.one_symbol >= 0.0 and s != int(dials.one_symbol)
    if tilted or stranger or draw[3] >= skill:
        coin = 1.0 if draw[4] < 0.5 else -1.0  # noqa: PLR2004
        return coin if tilted or draw[5] < dials.idle else 0.0
    if abs(seen) < dials.threshold:
        return 0.0
    return 1.0 if seen > 0.0 else -1.0


@kernel
def _size(
    dials: Dials,
    seen: float,
    losses: int,
    wins: int,
    equity: float,
    tilted: bool,  # noqa: FBT001
) -> float:
    size = equity * np.exp(dials.bold * min(abs(seen), 4.0) + dials.hot * min(wins, 4))
    if dials.doubles > 0.0:
        size *= 2.0 ** min(losses, _DOUBLINGS)
    return float(size * 2.5 if tilted else size)


@kernel
def _left(
    tape: Tape, dials: Dials, s: int, j: int, side: float, spread: float, deadline: int
) -> int:
    """Return the quote at which a position is closed."""
    fill = tape.ask[j] if side > 0.0 else tape.bid[j]
    best, k, last = -1e9, j, tape.first[s + 1] - 1
    while k < last and tape.seen_ts[k + 1] <= deadline:
        k += 1
        gain = side * ((tape.bid[k] if side > 0.0 else tape.ask[k]) - fill) / spread
        best = max(best, gain)
        if (
            (dials.target > 0.0 and gain >= dials.target)
            or (dials.stop > 0.0 and gain <= -dials.stop)
            or (dials.trail > 0.0 and best - gain >= dials.trail)
            or (dials.panic > 0.0 and gain <= -dials.panic)
        ):
            return k
        if dials.turns > 0.0 and side * tape.slow[k] <= -dials.turns * spread:
            return k
        if dials.spikes > 0.0 and side * tape.bounce[k] >= dials.spikes * spread:
            return k
    return k
