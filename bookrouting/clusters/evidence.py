"""How often two accounts would have coincided by chance, judged by the market's own trades.

Each decision of the follower is compared with everybody's decisions in the same symbol and on the
same side in the hours around it: had he decided at one of those moments instead, would he have
coincided just as well? The share of moments that would is his chance there. News bursts, popular
symbols, busy hours and herds are in the market's trades, so they raise the chance by themselves.
The sum of the chances is the expected count; the Poisson tail above it is an upper bound of the
true one.

Two questions are asked. The count: are there more coincidences within a window than expected? And
the delays: the shorter a delay, the fewer moments would have done as well; each coincidence within
the longest window adds that surprise, which by chance alone is an exponential variable. The second
finds the young account whose five trades all came soon after the same leader's.

Robots that wait for the same bar to close are alike without knowing of each other: for two accounts
that decide at whole minutes, moments a whole number of bars away are dice of their own, and the
larger chance counts.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from bookrouting.clusters.fills import Decisions, Floats, Int64s
from bookrouting.clusters.scan import WINDOWS_NS, Candidates, first_at, own_first
from bookrouting.tails import log_poisson_tail, log_surprise_tail
from exposure.kernels import background_kernel, kernel

REFERENCE_WINDOWS: Final = 60
"""How many windows of market the dice are taken from, on each side of a decision."""

SAFETY: Final = 1.25
"""By how much the expected count is raised for what the dice do not know."""

_PRIOR_MOMENTS: Final = 4.0
_SHORTEST_NS: Final = 1_000_000_000
_BARS_NS: Final = (60_000_000_000, 300_000_000_000, 3_600_000_000_000)
_SHIFTS: Final = 24


class Question(NamedTuple):
    """Did the follower decide after the leader (or ``either`` way), on the same or opposite side?

    Units: accounts are indexes, ``window`` ns.
    """

    leader: int
    follower: int
    opposite: bool
    either: bool
    window: int


class Weighed(NamedTuple):
    """Coincidences of the candidates (one to one), how many chance explains, and how likely.

    Shapes: (candidates,). ``log_p`` is the natural logarithm for the one window and direction,
    ``log_p_delays`` that of the delays within the longest window.
    """

    coincidences: Int64s
    expected: Floats
    log_p: Floats
    log_p_delays: Floats


def weigh(found: Decisions, pairs: Candidates) -> Weighed:
    """Return the exact evidence for every candidate."""
    n = len(pairs.leader)
    weighed = Weighed(np.zeros(n, np.int64), np.zeros(n), np.zeros(n), np.zeros(n))
    windows, bars = np.array(WINDOWS_NS, np.int64), np.array(_BARS_NS, np.int64)
    room = int(found.counts.max(initial=0))
    matched = np.zeros(room, np.int64), np.zeros(room, np.int64)
    _weigh(found, pairs, windows, bars, matched, weighed)
    return weighed


def matches(found: Decisions, pairs: Candidates, k: int) -> tuple[Int64s, Int64s]:
    """Return the decisions of leader and follower that coincide, row by row.

    Shapes: two of (coincidences,), rows of ``found``.
    """
    room = int(found.counts[pairs.follower[k]])
    led, followed = np.zeros(room, np.int64), np.zeros(room, np.int64)
    question = Question(
        int(pairs.leader[k]), int(pairs.follower[k]), bool(pairs.opposite[k]),
        bool(pairs.either[k]), WINDOWS_NS[pairs.window[k]],
    )  # fmt: skip
    count = _match(found, question, led, followed)
    return led[:count], followed[:count]


@background_kernel
def _weigh(
    found: Decisions,
    pairs: Candidates,
    windows: Int64s,
    bars: Int64s,
    room: tuple[Int64s, Int64s],
    weighed: Weighed,
) -> None:
    longest = windows[-1]
    for k in range(len(pairs.leader)):
        leader, follower = int(pairs.leader[k]), int(pairs.follower[k])
        opposite, either = pairs.opposite[k], pairs.either[k]
        window = windows[pairs.window[k]]
        question = Question(leader, follower, opposite, either, window)
        count = _match(found, question, room[0], room[1])
        expected = SAFETY * _expected(found, question, bars)
        weighed.coincidences[k], weighed.expected[k] = count, expected
        weighed.log_p[k] = log_poisson_tail(count, expected)
        if window != longest:
            question = Question(leader, follower, opposite, either, longest)
            count = _match(found, question, room[0], room[1])
            expected = SAFETY * _expected(found, question, bars)
        weighed.log_p_delays[k] = _weigh_delays(found, question, room, count, expected)


@kernel
def _expected(found: Decisions, question: Question, bars: Int64s) -> float:
    """Return how often the follower's decisions coincide with the leader's by chance."""
    by_market, by_time, reach = 0.0, 0.0, REFERENCE_WINDOWS * question.window
    follower = question.follower
    both_clocked = found.clocked[question.leader] and found.clocked[follower]
    for j in range(found.account_start[follower], found.account_start[follower + 1]):
        row = found.rows[j]
        market, time = _chances(found, question, row, question.window, reach)
        if both_clocked:
            for bar in bars:
                market = max(market, _bar_chance(found, question, row, bar))
        by_market += market
        by_time += time
    return max(by_market, by_time)


@kernel
def _weigh_delays(
    found: Decisions,
    question: Question,
    matched: tuple[Int64s, Int64s],
    count: int,
    expected: float,
) -> float:
    """Return how likely delays as short as these are, given how many coincidences chance makes."""
    surprise, reach = 0.0, REFERENCE_WINDOWS * question.window
    for k in range(count):
        row = matched[1][k]
        delay = max(_SHORTEST_NS, abs(found.ts[row] - found.ts[matched[0][k]]))
        usual, usual_time = _chances(found, question, row, question.window, reach)
        short, short_time = _chances(found, question, row, delay, reach)
        surprise += max(0.0, math.log(min(usual / short, usual_time / short_time)))
    first, last = found.account_start[question.follower], question.follower + 1
    return log_surprise_tail(count, found.account_start[last] - first, surprise, expected)


@kernel
def _match(found: Decisions, question: Question, led: Int64s, followed: Int64s) -> int:
    """Pair each of the follower's decisions with the nearest one left; write down the rows."""
    count, used = 0, -1
    leader, follower, window = question.leader, question.follower, question.window
    for j in range(found.account_start[follower], found.account_start[follower + 1]):
        row = found.rows[j]
        at = found.ts[row]
        until = at + window if question.either else at
        best, best_gap = -1, window
        k = max(used + 1, own_first(found, leader, found.symbol[row], at - window))
        while k < found.account_start[leader + 1]:
            other = found.rows[k]
            if found.symbol[other] != found.symbol[row] or found.ts[other] > until:
                break
            gap = abs(found.ts[other] - at)
            if (found.side[other] != found.side[row]) == question.opposite and gap <= best_gap:
                best, best_gap = k, gap
            k += 1
        if best >= 0:
            led[count], followed[count] = found.rows[best], row
            count, used = count + 1, best
    return count


@kernel
def _chances(
    found: Decisions, question: Question, row: int, window: int, reach: int
) -> tuple[float, float]:
    """Return the share of the market's moments within reach that would have coincided, and of time.

    A few moments say little, so the market's share leans on that of time; where they say less than
    time does, that is luck and time counts.
    """
    symbol, at, side = found.symbol[row], found.ts[row], found.side[row]
    begin, end = at - reach, at + reach
    covered = own = own_covered = itself = 0
    time_covered, reached = 0, begin
    k = own_first(found, question.leader, symbol, begin - window)
    while k < found.account_start[question.leader + 1]:
        other = found.rows[k]
        moment = found.ts[other]
        if found.symbol[other] != symbol or moment > end + window:
            break
        k += 1
        same, inside = found.side[other] == side, begin <= moment <= end
        own += same and inside
        low = max(reached, moment - window if question.either else moment)
        high = min(end, moment + window)
        if same == question.opposite or high <= low:
            continue
        covered += _market(found, symbol, side, low, high)
        time_covered += high - low
        reached = high
        own_covered += same and inside
        itself += low <= at < high
    moments = _market(found, symbol, side, begin, end) - own - 1
    covered = max(0, covered - own_covered - itself)
    usual = time_covered / (end - begin)
    share = (covered + _PRIOR_MOMENTS * usual) / (max(moments, covered) + _PRIOR_MOMENTS)
    return share, usual


@kernel
def _bar_chance(found: Decisions, question: Question, row: int, bar: int) -> float:
    """Return the share of moments whole bars away that would have coincided."""
    hits, leader, window = 1, question.leader, question.window
    for shift in range(-_SHIFTS, _SHIFTS + 1):
        if shift == 0:
            continue
        at = found.ts[row] + shift * bar
        until = at + window if question.either else at
        k = own_first(found, leader, found.symbol[row], at - window)
        while k < found.account_start[leader + 1]:
            other = found.rows[k]
            if found.symbol[other] != found.symbol[row] or found.ts[other] > until:
                break
            if (found.side[other] != found.side[row]) == question.opposite:
                hits += 1
                break
            k += 1
    return hits / (2 * _SHIFTS + 1)


@kernel
def _market(found: Decisions, symbol: int, side: int, begin: int, end: int) -> int:
    """Count everybody's decisions of a side in a symbol in [begin, end)."""
    low = first_at(found.ts, found.symbol_start[symbol], found.symbol_start[symbol + 1], begin)
    high = first_at(found.ts, low, found.symbol_start[symbol + 1], end)
    buys = found.buys[high] - found.buys[low]
    count: int = buys if side > 0 else high - low - buys
    return count
