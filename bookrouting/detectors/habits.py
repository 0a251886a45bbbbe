"""Detectors of how a client trades: how long, for whose money, over which nights.

Source: science.md section 1.6.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np

from bookrouting.detectors.entries import Closes, Flags, Floats
from bookrouting.detectors.finding import Detection, Weight, nothing_to_say
from bookrouting.tails import chance_in_words, log_binomial_tail

SHORT_HOLD_S: Final = 120.0
SWAP_SHARE: Final = 0.5
BEFORE_ROLLOVER_S: Final = 1_800.0
FEWEST_WEEKENDS: Final = 4
WEEKEND_CHANCE: Final = 0.01
MOST_SHARP_DEALS: Final = 10
SHARP_SIZE: Final = 5.0
WIN_RATE_Z: Final = 3.0

_FEWEST_SWAPS: Final = 3
_FEWEST_WINS: Final = 10


def scalping(closes: Closes) -> Detection:
    """Say how long a client holds: context, since most who scalp have no skill."""
    name, threshold = "scalping", 0.5
    pitfall = "unskilled scalpers are many: holding time is context, not evidence"
    n = len(closes.opened)
    if n == 0:
        return nothing_to_say(name, threshold, pitfall, Weight.CONTEXT)
    share = float((closes.hold_s < SHORT_HOLD_S).mean())
    sentence = (
        f"holds for {float(np.median(closes.hold_s)):.0f} s (median); {share:.0%} of {n} trades "
        f"were shorter than {SHORT_HOLD_S:.0f} s"
    )
    return Detection(
        name, share > threshold, share, threshold, n, sentence, pitfall, Weight.CONTEXT
    )


def swap_arbitrage(closes: Closes, to_rollover_s: Floats) -> Detection:
    """Ask whether what a client gains is the swap table's.

    Args:
        closes: His closed trades.
        to_rollover_s: From each opening to the next rollover, (n,).
    """
    name = "swap"
    pitfall = "if the swap table errs, the table is to be repaired, not the client"
    n = len(closes.opened)
    paid = closes.swap > closes.cost
    if n == 0:
        return nothing_to_say(name, SWAP_SHARE, pitfall, Weight.EVIDENCE)
    total, swap = float((closes.profit + closes.swap).sum()), float(closes.swap.sum())
    share = swap / total if total > 0.0 else 0.0
    late = int((to_rollover_s < BEFORE_ROLLOVER_S).sum())
    fired = share > SWAP_SHARE and int(paid.sum()) >= _FEWEST_SWAPS
    sentence = (
        f"swap of {swap:,.2f} is {share:.0%} of what {n} trades gained; it paid the cost of "
        f"{int(paid.sum())} of them, and {late} were opened in the half hour before rollover"
    )
    return Detection(name, fired, share, SWAP_SHARE, n, sentence, pitfall)


def weekend_gaps(gained: Floats, held_share: float) -> Detection:
    """Ask whether a client stands on the right side of weekend gaps too often.

    Args:
        gained: What the open positions made in the first five minutes after each weekend, one
            number per weekend that he held over.
        held_share: Share of his exposure that is held over closes.
    """
    name = "weekend gaps"
    pitfall = "there are few weekends: four in a row are luck for one client in sixteen"
    moved = gained[np.isfinite(gained) & (gained != 0.0)]
    n, right = len(moved), int((moved > 0.0).sum())
    if n == 0:
        return nothing_to_say(name, WEEKEND_CHANCE, pitfall, Weight.EVIDENCE)
    chance = log_binomial_tail(right, n, 0.5)
    fired = n >= FEWEST_WEEKENDS and chance < math.log(WEEKEND_CHANCE)
    sentence = (
        f"right about {right} of {n} weekends (chance {chance_in_words(chance)}); {held_share:.0%} "
        f"of the exposure is held over closes"
    )
    return Detection(name, fired, math.exp(chance), WEEKEND_CHANCE, n, sentence, pitfall)


def sharp_deals(closes: Closes, notional_usd: Floats, usual_usd: float) -> Detection:
    """Ask whether a client makes few deals, all big, and gains: somebody to watch.

    Args:
        closes: His closed trades.
        notional_usd: Their size, (n,).
        usual_usd: The median size of everybody's trades.
    """
    name = "sharp deals"
    pitfall = "a handful of trades proves nothing: the interval is wide, so watch, do not act"
    n = len(closes.opened)
    if n == 0 or not usual_usd > 0.0:
        return nothing_to_say(name, SHARP_SIZE, pitfall, Weight.CONTEXT)
    size, gained = float(notional_usd.min()) / usual_usd, float(closes.profit.sum())
    fired = n < MOST_SHARP_DEALS and size >= SHARP_SIZE and gained > 0.0
    sentence = f"{n} trades, the smallest {size:.1f} times the usual size, gained {gained:,.2f}"
    return Detection(name, fired, size, SHARP_SIZE, n, sentence, pitfall, Weight.CONTEXT)


def win_rate(closes: Closes) -> Detection:
    """Compare how often a client wins with how often his own targets have to be reached.

    The break-even rate of a trade is (stop + cost) / (stop + target); near targets and far stops
    win often without any skill.
    """
    name = "win rate"
    pitfall = "martingale players win nearly always and lose: never use a win rate alone"
    known = np.isfinite(closes.take_profit) & np.isfinite(closes.stop_loss)
    known &= closes.take_profit + closes.stop_loss > 0.0
    n = int(known.sum())
    if n == 0:
        return nothing_to_say(name, WIN_RATE_Z, pitfall, Weight.CONTEXT)
    needed = break_even_rates(closes, known)
    variance = float((needed * (1.0 - needed)).sum())
    wins = int((closes.profit[known] > 0.0).sum())
    z = (wins - float(needed.sum())) / math.sqrt(variance) if variance > 0.0 else 0.0
    sentence = (
        f"won {wins} of {n} trades ({wins / n:.0%}) where {float(needed.mean()):.0%} break even; "
        f"chance {chance_in_words(_log_normal_tail(z))}"
    )
    fired = z > WIN_RATE_Z and n >= _FEWEST_WINS
    return Detection(name, fired, z, WIN_RATE_Z, n, sentence, pitfall, Weight.CONTEXT)


def break_even_rates(closes: Closes, known: Flags) -> Floats:
    """Return how often trades with these targets have to win, costs paid.

    Source: science.md section 1.6 (take profit 5, stop 60: 60/65 when targets are net of costs).
    """
    stop, target = closes.stop_loss[known], closes.take_profit[known]
    needed: Floats = ((stop + closes.cost_distance[known]) / (stop + target)).clip(0.0, 1.0)
    return needed


def _log_normal_tail(z: float) -> float:
    return math.log(max(NormalDist().cdf(-z), 1e-300))
