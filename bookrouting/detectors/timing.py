"""Detectors of when a client trades: on stale quotes, off the market, around news.

Source: science.md section 1.6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from bookrouting.detectors.entries import Entries, Flags, Floats, Int32s, Int64s
from bookrouting.detectors.finding import Detection, Weight, nothing_to_say
from bookrouting.tails import (
    chance_in_words,
    log_binomial_tail,
    log_normal_bayes_factor,
    log_poisson_tail,
)

STALE_SHARE: Final = 0.30
FEWEST_STALE: Final = 10
BAYES_FACTOR: Final = 20.0
NEWS_CHANCE: Final = 1e-4
NEWS_BAYES_FACTOR: Final = 10.0
NEWS_FROM_S, NEWS_UNTIL_S = -5.0, 60.0
OFF_MARKET_HALF_SPREADS: Final = 3.0
OFF_MARKET_SIGMAS: Final = 5.0

_HALF: Final = 0.5
_POPULATION_CHANCE: Final = 1e-3
_MINUTE_NS: Final = 60_000_000_000
_NS: Final = 1_000_000_000
_PRIOR_DEALS: Final = 4.0
_JUMP_SIGMAS: Final = 8.0
_JUMP_PAUSE_NS: Final = 60_000_000_000
_LEAST_ERROR: Final = 0.02
_STALE_EFFECT: Final = (0.8, 0.4, 0.11)
_NEWS_EFFECT: Final = (1.7, 1.14, 0.25)
"""Expected mean, its spread and that under no effect, in spreads. Source: science.md section 2."""


def population_stale_shares(account: Int64s, symbol: Int32s, ts: Int64s, is_stale: Flags) -> Floats:
    """Return for every entry which share of others' entries in its symbol and minute were stale.

    Few others are shrunk towards everybody's share: the broker's own feed lags now and then, and
    then everybody looks like a picker.

    Shapes: all (n,) -> (n,).
    """
    minute = ts // _MINUTE_NS
    _, cell = np.unique(np.stack([symbol.astype(np.int64), minute]), axis=1, return_inverse=True)
    keys = np.stack([cell.ravel(), account.astype(np.int64)])
    _, own = np.unique(keys, axis=1, return_inverse=True)
    stale = is_stale.astype(np.float64)
    others = np.bincount(cell.ravel())[cell.ravel()] - np.bincount(own.ravel())[own.ravel()]
    theirs = (
        np.bincount(cell.ravel(), stale)[cell.ravel()]
        - np.bincount(own.ravel(), stale)[own.ravel()]
    )
    everybody = float(stale.mean()) if len(stale) else 0.0
    shares: Floats = (theirs + _PRIOR_DEALS * everybody) / (others + _PRIOR_DEALS)
    return shares


def stale_quotes(entries: Entries, population_share: Floats) -> Detection:
    """Ask whether a client trades where a faster feed has moved by more than half the spread.

    Args:
        entries: His recent entries; those without a fast feed are left out.
        population_share: What ``population_stale_shares`` says for each of them.
    """
    name = "stale quotes"
    pitfall = "our own feed may have lagged: others in the same symbol and minute are compared"
    known = np.isfinite(entries.stale)
    stale, n = entries.stale[known], int(known.sum())
    if n == 0:
        return nothing_to_say(name, STALE_SHARE, pitfall, Weight.EVIDENCE)
    hits, share = int((stale > _HALF).sum()), float((stale > _HALF).mean())
    factor = log_bayes_factor(stale, _STALE_EFFECT)
    expected = float(population_share[known].sum())
    chance = log_poisson_tail(hits, expected)
    fired = (
        share > STALE_SHARE
        and n >= FEWEST_STALE
        and factor > math.log(BAYES_FACTOR)
        and chance < math.log(_POPULATION_CHANCE)
    )
    sentence = (
        f"{hits} of {n} entries came when a faster feed was more than half a spread ahead; others "
        f"in the same minutes explain {expected:.1f} (chance {chance_in_words(chance)}), mean "
        f"{float(stale.mean()):.2f} spreads"
    )
    return Detection(name, fired, share, STALE_SHARE, n, sentence, pitfall)


def off_market_price(entries: Entries) -> Detection:
    """Ask whether any fill was far from the fast feed: each is to be looked at by itself."""
    name = "off-market price"
    pitfall = "a bad tick of the fast feed looks the same: look at a second feed"
    away = np.abs(entries.price - entries.mid_fast)
    bound = np.maximum(
        OFF_MARKET_HALF_SPREADS * entries.half_spread, OFF_MARKET_SIGMAS * entries.sigma_1s
    )
    known = np.isfinite(away) & np.isfinite(bound) & (bound > 0.0)
    n = int(known.sum())
    if n == 0:
        return nothing_to_say(name, 1.0, pitfall, Weight.EVIDENCE)
    ratio = away[known] / bound[known]
    hits, worst = int((ratio > 1.0).sum()), float(ratio.max())
    sentence = f"{hits} of {n} fills lay off the market; the worst {worst:.1f} times the bound away"
    return Detection(name, hits > 0, worst, 1.0, n, sentence, pitfall)


def near_releases(ts: Int64s, symbol: Int32s, releases: Sequence[tuple[int, int]]) -> Flags:
    """Mark entries from 5 s before to 60 s after a release that moves their symbol.

    Args:
        ts: When the entries were made, ns UTC.
        symbol: In what.
        releases: (symbol, ns UTC) from a calendar, or from ``jumps``.

    Shapes: ts (n,), symbol (n,) -> (n,).
    """
    marked = np.zeros(len(ts), np.bool_)
    for moved in {one for one, _ in releases}:
        moments = np.sort(np.array([at for one, at in releases if one == moved], np.int64))
        mine = np.flatnonzero(symbol == moved)
        # the latest release that is at most 5 s ahead
        last = np.searchsorted(moments, ts[mine] - int(NEWS_FROM_S * _NS), side="right") - 1
        since = ts[mine] - moments[np.maximum(last, 0)]
        marked[mine] = (last >= 0) & (since <= int(NEWS_UNTIL_S * _NS))
    return marked


def jumps(ts: Int64s, mid: Floats, sigma_1s: Floats) -> list[int]:
    """Return when one symbol jumped: 8 usual moves from one quote to the next, a minute apart.

    For desks without a calendar. Quotes more than a second apart are given the move of that time.

    Shapes: all (n,). Units: ns UTC, price, price per square root of a second.
    """
    if len(ts) < 2:  # noqa: PLR2004  a move needs two quotes
        return []
    seconds = np.maximum(np.diff(ts) / _NS, 1.0)
    moved = np.abs(np.diff(mid)) > _JUMP_SIGMAS * sigma_1s[:-1] * np.sqrt(seconds)
    found: list[int] = []
    for moment in ts[1:][moved].tolist():
        if not found or moment - found[-1] >= _JUMP_PAUSE_NS:
            found.append(moment)
    return found


def news(entries: Entries, near: Flags, population_share: float) -> Detection:
    """Ask whether a client comes at releases more often than others do, and gains there.

    Args:
        entries: His recent entries.
        near: What ``near_releases`` marks among them.
        population_share: The share of everybody's entries that is near a release.
    """
    name = "news"
    pitfall = "many retail clients trade news and lose: the share alone is not toxic"
    n, hits = len(near), int(near.sum())
    if n == 0:
        return nothing_to_say(name, NEWS_CHANCE, pitfall, Weight.EVIDENCE)
    chance = log_binomial_tail(hits, n, population_share)
    gained = entries.in_spreads(entries.markout_60s)[near]
    gained = gained[np.isfinite(gained)]
    factor = log_bayes_factor(gained, _NEWS_EFFECT)
    fired = chance < math.log(NEWS_CHANCE) and factor > math.log(NEWS_BAYES_FACTOR)
    mean = float(gained.mean()) if len(gained) else 0.0
    sentence = (
        f"{hits} of {n} entries came around releases where {population_share:.1%} is usual "
        f"(chance {chance_in_words(chance)}); they gained {mean:.2f} spreads in a minute"
    )
    return Detection(name, fired, math.exp(chance), NEWS_CHANCE, n, sentence, pitfall)


def log_bayes_factor(values: Floats, effect: tuple[float, float, float]) -> float:
    """Return ln of the evidence that values in spreads have a mean beyond what no effect allows."""
    if len(values) < 2:  # noqa: PLR2004  an error needs two values
        return 0.0
    error = max(float(values.std(ddof=1)) / math.sqrt(len(values)), _LEAST_ERROR)
    expected, spread, null_spread = effect
    return log_normal_bayes_factor(
        float(values.mean()), error, expected=expected, spread=spread, null_spread=null_spread
    )
