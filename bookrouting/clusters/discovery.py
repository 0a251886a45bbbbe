"""Which pairs are found, with at most one in a hundred of them false.

Every pair of active accounts is a question, so the bar is as high as there are pairs (Benjamini and
Hochberg's rule); a pair's best window and direction is paid for with all that were tried. Pairs
that share a device, an address or a means of payment are asked with higher prior odds (the same
rule with weights), and are never found by that alone. Once clusters are known, the accounts near
their members are asked again among themselves: a young follower needs fewer trades to be seen
beside a known leader than among all strangers.

Source: science.md section 1.7; Benjamini and Hochberg, Controlling the false discovery rate, 1995;
Genovese, Roeder and Wasserman, False discovery control with p-value weighting, 2006.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.clusters.evidence import Weighed, matches, weigh
from bookrouting.clusters.fills import STILL_OPEN, Decisions, Floats, Int64s
from bookrouting.clusters.scan import DIRECTIONS, FEWEST, TESTS, WINDOWS_NS, Candidates, candidates
from bookrouting.tails import chance_in_words

FALSE_DISCOVERY_RATE: Final = 0.01

_ROUGH_PAIRS: Final = 1_000.0
_LOWEST_GATE: Final = 1e-5
_HIGHEST_GATE: Final = 0.05
_FEWEST_WHEN_LINKED: Final = 2
_LEAST_OWN_EVIDENCE: Final = math.log(0.01)
_SAME_SIZE: Final = math.log(1.2)
_CONFIRMING_SHARE: Final = 0.5
_LEAST_CLOSE_NS: Final = 60_000_000_000
_S: Final = 1e-9


class LinkKind(StrEnum):
    """What two accounts share that strangers do not."""

    DEVICE = "device"
    ADDRESS = "address"
    PAYMENT = "payment"


PRIOR_ODDS: Final = {LinkKind.DEVICE: 20.0, LinkKind.ADDRESS: 5.0, LinkKind.PAYMENT: 50.0}
"""How much likelier a pair with this link is to act as one. Source: science.md section 1.7."""


class Link(NamedTuple):
    """Two accounts that share something."""

    first: int
    second: int
    kind: LinkKind


class PairKind(StrEnum):
    """How two accounts stand to each other."""

    COPY = "copy"
    HEDGE = "hedge"


class Pair(NamedTuple):
    """Two accounts that act as one, and why.

    ``leader`` decides first where ``lag_s``, the median delay of ``follower``, is positive.
    ``is_confirmed`` says for a hedge that sizes and closing times match as well.

    Units: ``log_p`` natural logarithm, all windows and directions paid for; ``followed_ratio``
    coincidences per decision of the leader; ``size_ratio`` median lots of follower / leader;
    ``same_size_ratio`` and ``same_close_ratio`` shares of the coincidences.
    """

    leader: int
    follower: int
    kind: PairKind
    coincidences: int
    expected: float
    log_p: float
    window_s: float
    lag_s: float
    leads_ratio: float
    followed_ratio: float
    size_ratio: float
    same_size_ratio: float
    same_close_ratio: float

    @property
    def is_confirmed(self) -> bool:
        """Whether everything that this kind of pair needs is there."""
        return self.kind is PairKind.COPY or (
            self.same_size_ratio >= _CONFIRMING_SHARE and self.same_close_ratio >= _CONFIRMING_SHARE
        )

    @property
    def sentence(self) -> str:
        """Why the two are a pair, with the numbers."""
        side = "the same side" if self.kind is PairKind.COPY else "opposite sides"
        return (
            f"took {side} {self.coincidences} times within {self.window_s:g} s where "
            f"{self.expected:.2g} were expected (chance {chance_in_words(self.log_p)}); median "
            f"delay {self.lag_s:.1f} s, size ratio {self.size_ratio:.2f}"
        )


def find_pairs(
    found: Decisions, links: Iterable[Link] = (), rate: float = FALSE_DISCOVERY_RATE
) -> list[Pair]:
    """Return the pairs of accounts that act as one, the surest first.

    Hedges that sizes and closing times do not confirm are among them (``is_confirmed``): robots
    that read the same signal in opposite ways look like that.
    """
    active = int((found.counts >= FEWEST).sum())
    if active < 2:  # noqa: PLR2004  a pair takes two
        return []
    weights = _weights(found, links)
    linked = np.array(sorted(weights), np.int64)
    questions = active * (active - 1) / 2.0
    gate = min(_HIGHEST_GATE, max(_LOWEST_GATE, _ROUGH_PAIRS / questions))
    asked = candidates(found, math.log(gate), linked)
    weighed = weigh(found, asked)
    log_p = _paid_for(weighed)
    log_weighted = log_p - np.log(_weights_of(found, asked, weights))
    possible = _possible(asked, found, weighed, log_p, linked)
    chosen = np.zeros(len(log_p), np.bool_)
    for opposite in (False, True):
        mine = possible & (asked.opposite == opposite)
        first = _discovered(log_weighted, mine, questions, rate)
        again = _near(asked, found, first, mine)
        near_questions = _near_questions(asked, first, active)
        chosen |= first | _discovered(log_weighted, again, near_questions, rate)
    rows = np.flatnonzero(chosen)
    pairs = [_described(found, asked, weighed, log_p, k) for k in rows.tolist()]
    return sorted(pairs, key=lambda pair: (pair.log_p, pair.leader, pair.follower))


def _paid_for(weighed: Weighed) -> Floats:
    """Return a pair's chance: half of the error is spent on counts, half on delays."""
    counts = weighed.log_p + math.log(2.0 * TESTS)
    delays = weighed.log_p_delays + math.log(2.0 * DIRECTIONS)
    return np.minimum(0.0, np.minimum(counts, delays))


def _possible(
    asked: Candidates, found: Decisions, weighed: Weighed, log_p: Floats, linked: Int64s
) -> NDArray[np.bool_]:
    least = np.where(np.isin(_keys(asked, found.accounts), linked), _FEWEST_WHEN_LINKED, FEWEST)
    possible: NDArray[np.bool_] = (weighed.coincidences >= least) & (log_p <= _LEAST_OWN_EVIDENCE)
    return possible


def _weights(found: Decisions, links: Iterable[Link]) -> dict[int, float]:
    weights: dict[int, float] = {}
    for first, second, kind in links:
        low, high = sorted((first, second))
        if low != high and low >= 0 and high < found.accounts:
            key = low * found.accounts + high
            weights[key] = weights.get(key, 1.0) * PRIOR_ODDS[kind]
    return weights


def _weights_of(found: Decisions, asked: Candidates, weights: dict[int, float]) -> Floats:
    keys = _keys(asked, found.accounts).tolist() if weights else []
    return np.array([weights.get(key, 1.0) for key in keys]) if keys else np.ones(len(asked.leader))


def _keys(asked: Candidates, accounts: int) -> Int64s:
    low = np.minimum(asked.leader, asked.follower).astype(np.int64)
    return low * accounts + np.maximum(asked.leader, asked.follower)


def _discovered(
    log_p: Floats, mine: NDArray[np.bool_], questions: float, rate: float
) -> NDArray[np.bool_]:
    """Return what Benjamini and Hochberg's rule finds among ``questions`` of which few are near."""
    rows = np.flatnonzero(mine)
    order = rows[np.argsort(log_p[rows], kind="stable")]
    bar = np.log(rate * np.arange(1, len(order) + 1) / max(questions, 1.0))
    below = np.flatnonzero(log_p[order] <= bar)
    chosen = np.zeros(len(mine), np.bool_)
    if len(below):
        chosen[order[: below[-1] + 1]] = True
    return chosen


def _near(
    asked: Candidates, found: Decisions, first: NDArray[np.bool_], mine: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    known = np.zeros(found.accounts, np.bool_)
    known[asked.leader[first]] = known[asked.follower[first]] = True
    near: NDArray[np.bool_] = mine & (known[asked.leader] != known[asked.follower])
    return near


def _near_questions(asked: Candidates, first: NDArray[np.bool_], active: int) -> float:
    known = len(np.unique(np.concatenate([asked.leader[first], asked.follower[first]])))
    return float(known * max(active - known, 1))


def _described(
    found: Decisions, asked: Candidates, weighed: Weighed, log_p: Floats, k: int
) -> Pair:
    led, followed = matches(found, asked, k)
    lag = (found.ts[followed] - found.ts[led]) * _S
    size = np.log(found.lots[followed] / found.lots[led])
    leader, follower = int(asked.leader[k]), int(asked.follower[k])
    if np.median(lag) < 0.0:
        leader, follower, lag, size = follower, leader, -lag, -size
    window = WINDOWS_NS[asked.window[k]]
    return Pair(
        leader=leader,
        follower=follower,
        kind=PairKind.HEDGE if asked.opposite[k] else PairKind.COPY,
        coincidences=int(weighed.coincidences[k]),
        expected=float(weighed.expected[k]),
        log_p=float(log_p[k]),
        window_s=window * _S,
        lag_s=float(np.median(lag)),
        leads_ratio=float((lag > 0.0).mean()),
        followed_ratio=len(lag) / int(found.counts[leader]),
        size_ratio=math.exp(float(np.median(size))),
        same_size_ratio=float((np.abs(size) <= _SAME_SIZE).mean()),
        same_close_ratio=_same_close(found.closed[led], found.closed[followed], window),
    )


def _same_close(one: Int64s, other: Int64s, window: int) -> float:
    """Return the share that was closed together; those of which one is still open do not count."""
    both, none = (one < STILL_OPEN) & (other < STILL_OPEN), (one == STILL_OPEN) & (other == one)
    together = both & (np.abs(one - np.where(both, other, one)) <= max(window, _LEAST_CLOSE_NS))
    return float((together | none).mean())
