"""Which pairs of accounts coincide more often than popularity explains: a sieve, compiled.

For one account after the other, the market's decisions around its own are counted by whose they
are. That is one walk over neighbours in time, never over pairs of accounts, with one small counter
per account. Who is met often enough is counted in detail; what is then rarer than the gate passes
and is weighed exactly afterwards (evidence.py), so the sieve may be wrong towards letting through.

Three directions are looked at: the other came after, came before, or either (both copy a third).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.clusters.fills import Decisions, Floats, Int8s, Int32s, Int64s
from exposure.kernels import background_kernel, kernel

WINDOWS_NS: Final = tuple(seconds * 1_000_000_000 for seconds in (2, 10, 45, 150))
"""How far apart two decisions may be and still coincide; the longest serves slow copiers."""

DIRECTIONS: Final = 3
TESTS: Final = DIRECTIONS * len(WINDOWS_NS)
"""Directions times windows: what a pair's best result is paid for with."""

FEWEST: Final = 3
"""A pair with fewer coincidences is not looked at, unless it is linked."""

SAME, OPPOSITE = 0, 1
AFTER, BEFORE, EITHER = 0, 1, 2

_NEAR: Final = 1
_LENIENCE: Final = 0.7
_MOST_COUNTED: Final = 250
_STAMP: Final = 256
_START_ROOM: Final = 50_000


class Candidates(NamedTuple):
    """Pairs that passed the sieve, with the window and direction that made them stand out.

    ``follower`` came after ``leader`` unless ``either``. ``opposite`` marks the opposite side.
    """

    leader: Int32s
    follower: Int32s
    opposite: NDArray[np.bool_]
    either: NDArray[np.bool_]
    window: Int8s


class _Counters(NamedTuple):
    """What is counted around the decisions of one account.

    ``met`` (accounts, 2, 2): decisions of each other account by relation, within the longest
    window and within a near one; the account for whom it was counted is in the same number, so
    nothing has to be set back. ``reached`` (accounts x 2, 2) who was met often enough, and how.
    ``around`` (symbols, 2, 2, w): decisions of anybody by relation, direction and window.
    ``own`` (2, w) and ``mean`` (3, w): coincidences of one pair, and how many its shares of the
    symbols explain.
    """

    met: Int32s
    reached: Int32s
    around: Int64s
    own: Int64s
    mean: Floats


def candidates(found: Decisions, log_gate: float, linked: Int64s) -> Candidates:
    """Return the pairs whose coincidences have a rough chance below the gate.

    Args:
        found: The decisions of everybody.
        log_gate: Natural logarithm of the largest rough chance that passes.
        linked: Keys ``smaller x accounts + larger`` of pairs that share a device, an address or a
            means of payment: they pass with two coincidences.
    """
    windows = np.array(WINDOWS_NS, np.int64)
    room = _START_ROOM + 2 * len(linked)
    while True:
        out = Candidates(
            np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.bool_),
            np.empty(room, np.bool_), np.empty(room, np.int8),
        )  # fmt: skip
        counters = _counters(found)
        count = _sift(found, windows, log_gate, counters, out, 0)
        count = _add_linked(found, windows, linked, counters, out, count)
        if count <= room:
            return _once(Candidates._make(column[:count] for column in out))
        room = count


def _counters(found: Decisions) -> _Counters:
    n, symbols, w = found.accounts, len(found.symbol_start) - 1, len(WINDOWS_NS)
    return _Counters(
        met=np.zeros((n, 2, 2), np.int32),
        reached=np.zeros((2 * n, 2), np.int32),
        around=np.zeros((symbols, 2, 2, w), np.int64),
        own=np.zeros((2, w), np.int64),
        mean=np.zeros((DIRECTIONS, w)),
    )


def _once(found: Candidates) -> Candidates:
    """Drop a linked pair that had passed by itself."""
    low, high = np.minimum(found.leader, found.follower), np.maximum(found.leader, found.follower)
    keys = np.stack([low, high, found.opposite.astype(np.int32)])
    _, first = np.unique(keys, axis=1, return_index=True)
    return Candidates._make(column[np.sort(first)] for column in found)


@background_kernel
def _sift(
    found: Decisions,
    windows: Int64s,
    log_gate: float,
    counters: _Counters,
    out: Candidates,
    count: int,
) -> int:
    for account in range(len(found.account_start) - 1):
        begin, end = found.account_start[account], found.account_start[account + 1]
        if end - begin < FEWEST:
            continue
        reached = 0
        for k in range(begin, end):
            reached = _meet(found, account, found.rows[k], windows, counters, reached)
        if reached == 0:
            continue
        _look_around(found, account, windows, counters)
        for k in range(reached):
            other, relation = counters.reached[k, 0], counters.reached[k, 1]
            if _stands_out(found, account, other, relation, log_gate, counters):
                count = _judge(
                    found, account, other, relation, windows, log_gate, counters, out, count
                )
    return count


@background_kernel
def _add_linked(
    found: Decisions,
    windows: Int64s,
    linked: Int64s,
    counters: _Counters,
    out: Candidates,
    count: int,
) -> int:
    for key in linked:
        account, other = key // len(found.clocked), key % len(found.clocked)
        _look_around(found, account, windows, counters)
        for relation in range(2):
            count = _judge(found, account, other, relation, windows, 0.0, counters, out, count)
    return count


@kernel
def _meet(
    found: Decisions, account: int, row: int, windows: Int64s, counters: _Counters, reached: int
) -> int:
    """Count whose decisions lie around one; return how many were met often enough by now."""
    symbol, at, side = found.symbol[row], found.ts[row], found.side[row]
    first, last = found.symbol_start[symbol], found.symbol_start[symbol + 1]
    met, near, far = counters.met, windows[_NEAR], windows[-1]
    fresh = account * _STAMP
    for step in (1, -1):
        k = row + step
        while first <= k < last:
            gap = abs(found.ts[k] - at)
            if gap > far:
                break
            other = found.account[k]
            if other > account:
                relation = SAME if found.side[k] == side else OPPOSITE
                times = max(met[other, relation, 0], fresh)
                if times - fresh < _MOST_COUNTED:
                    met[other, relation, 0] = times + 1
                    if gap <= near:
                        met[other, relation, 1] = max(met[other, relation, 1], fresh) + 1
                if times - fresh == FEWEST - 1:
                    counters.reached[reached, 0] = other
                    counters.reached[reached, 1] = relation
                    reached += 1
            k += step
    return reached


@kernel
def _look_around(found: Decisions, account: int, windows: Int64s, counters: _Counters) -> None:
    """Count anybody's decisions around an account's, by symbol, relation, direction and window."""
    begin, end = found.account_start[account], found.account_start[account + 1]
    around = counters.around
    for k in range(begin, end):
        around[found.symbol[found.rows[k]]] = 0
    for k in range(begin, end):
        row = found.rows[k]
        symbol, at = found.symbol[row], found.ts[row]
        first, last = found.symbol_start[symbol], found.symbol_start[symbol + 1]
        for window in range(len(windows)):
            until = first_at(found.ts, row, last, at + windows[window] + 1)
            since = first_at(found.ts, first, row, at - windows[window])
            _add_sides(found, row, row + 1, until, around[symbol, :, AFTER, window])
            _add_sides(found, row, since, row, around[symbol, :, BEFORE, window])


@kernel
def _add_sides(found: Decisions, row: int, begin: int, end: int, by_relation: Int64s) -> None:
    buys = found.buys[end] - found.buys[begin]
    same = buys if found.side[row] > 0 else end - begin - buys
    by_relation[SAME] += same
    by_relation[OPPOSITE] += end - begin - same


@kernel
def _stands_out(
    found: Decisions, account: int, other: int, relation: int, log_gate: float, counters: _Counters
) -> bool:
    """Whether a pair deserves to be counted in detail: near one another, or often."""
    fresh = account * _STAMP
    if counters.met[other, relation, 1] - fresh >= FEWEST:
        return True
    _expect(found, other, relation, counters)
    count = counters.met[other, relation, 0] - fresh
    least = min(counters.mean[AFTER, -1], counters.mean[BEFORE, -1])
    return _log_chance(count, least) <= _LENIENCE * log_gate


@kernel
def _judge(
    found: Decisions,
    account: int,
    other: int,
    relation: int,
    windows: Int64s,
    log_gate: float,
    counters: _Counters,
    out: Candidates,
    count: int,
) -> int:
    """Let a pair pass or not; return how many have passed by now."""
    _count_own(found, account, other, relation, windows, counters)
    _expect(found, other, relation, counters)
    best, way, window = _best(counters)
    if best > log_gate or best == 0.0:
        return count
    if count < len(out.leader):
        swap = way == BEFORE
        out.leader[count] = other if swap else account
        out.follower[count] = account if swap else other
        out.opposite[count] = relation == OPPOSITE
        out.either[count] = way == EITHER
        out.window[count] = window
    return count + 1


@kernel
def _count_own(
    found: Decisions, account: int, other: int, relation: int, windows: Int64s, counters: _Counters
) -> None:
    """Count the nearest decision of the other on each side of each of the account's."""
    own, far = counters.own, windows[-1]
    own[:] = 0
    for k in range(found.account_start[account], found.account_start[account + 1]):
        row = found.rows[k]
        symbol, at = found.symbol[row], found.ts[row]
        after = before = far + 1
        j = own_first(found, other, symbol, at - far)
        while j < found.account_start[other + 1]:
            theirs = found.rows[j]
            gap = found.ts[theirs] - at
            if found.symbol[theirs] != symbol or gap > far:
                break
            if (found.side[theirs] != found.side[row]) == (relation == OPPOSITE):
                if theirs > row:
                    after = min(after, gap)
                else:
                    before = min(before, -gap)
            j += 1
        for window in range(len(windows)):
            own[AFTER, window] += after <= windows[window]
            own[BEFORE, window] += before <= windows[window]


@kernel
def _expect(found: Decisions, other: int, relation: int, counters: _Counters) -> None:
    """Set how many coincidences the other's share of each symbol explains."""
    mean, around = counters.mean, counters.around
    mean[:] = 0.0
    for k in range(found.traded_start[other], found.traded_start[other + 1]):
        symbol = found.traded_symbol[k]
        in_symbol = found.symbol_start[symbol + 1] - found.symbol_start[symbol]
        share = found.traded_count[k] / in_symbol
        for window in range(mean.shape[1]):
            after = share * around[symbol, relation, AFTER, window]
            before = share * around[symbol, relation, BEFORE, window]
            mean[AFTER, window] += after
            mean[BEFORE, window] += before
            mean[EITHER, window] += after + before


@kernel
def _best(counters: _Counters) -> tuple[float, int, int]:
    own, mean = counters.own, counters.mean
    best, best_way, best_window = 0.0, EITHER, 0
    for window in range(mean.shape[1]):
        after, before = own[AFTER, window], own[BEFORE, window]
        for way in range(DIRECTIONS):
            count = after if way == AFTER else before if way == BEFORE else after + before
            chance = _log_chance(count, mean[way, window])
            if chance < best:
                best, best_way, best_window = chance, way, window
    return best, best_way, best_window


@kernel
def _log_chance(count: int, mean: float) -> float:
    """Return the largest term of the Poisson tail: close enough for a sieve."""
    if count < FEWEST - 1 or count <= mean or mean <= 0.0:
        return 0.0
    return count * math.log(mean) - mean - math.lgamma(count + 1.0)


@kernel
def own_first(found: Decisions, account: int, symbol: int, ts: int) -> int:
    """Return an account's first place in ``rows`` at or after a moment in a symbol."""
    low, high = found.account_start[account], found.account_start[account + 1]
    while low < high:
        middle = (low + high) // 2
        row = found.rows[middle]
        if found.symbol[row] < symbol or (found.symbol[row] == symbol and found.ts[row] < ts):
            low = middle + 1
        else:
            high = middle
    place: int = low
    return place


@kernel
def first_at(times: Int64s, low: int, high: int, ts: int) -> int:
    """Return the first row in [low, high) at or after a moment."""
    while low < high:
        middle = (low + high) // 2
        if times[middle] < ts:
            low = middle + 1
        else:
            high = middle
    return low
