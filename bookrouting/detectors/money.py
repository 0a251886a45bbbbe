"""Detectors of what a client does with his money: bonuses, and accounts that doubled.

Source: science.md section 1.6.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from bookrouting.detectors.entries import Floats, Int64s
from bookrouting.detectors.finding import Detection, Weight, nothing_to_say

USED_MARGIN: Final = 0.8
DOUBLED: Final = 1.5

_ALL_IN_SHARE: Final = 0.5
_DAY_NS: Final = 86_400_000_000_000


class MoneyFacts(NamedTuple):
    """What one account did with its money.

    Units: account currency; ``used_margin`` (n,) share of equity that was margin right after each
    opening; ``withdrawn_ts`` (w,), ``won_ts`` (k,) and ``partner_lost_ts`` (p,) ns UTC of
    withdrawals, of closes that gained, and of losses of accounts that stand against this one.
    """

    credit: float
    bonuses: int
    used_margin: Floats
    withdrawn_ts: Int64s
    won_ts: Int64s
    partner_lost_ts: Int64s


def bonus_abuse(facts: MoneyFacts) -> Detection:
    """Ask whether a bonus is bet at once, and a win taken out while the loss stays here."""
    name = "bonus abuse"
    pitfall = "many clients use much leverage and take a win out: it needs the bonus as well"
    known = facts.used_margin[np.isfinite(facts.used_margin)]
    n = len(known)
    if n == 0:
        return nothing_to_say(name, _ALL_IN_SHARE, pitfall, Weight.EVIDENCE)
    share = float((known > USED_MARGIN).mean())
    taken = _soon_after(facts.withdrawn_ts, facts.won_ts)
    left = _soon_after(facts.withdrawn_ts, facts.partner_lost_ts)
    had_bonus = facts.credit > 0.0 or facts.bonuses > 0
    fired = had_bonus and (left > 0 or (share > _ALL_IN_SHARE and taken > 0))
    sentence = (
        f"{facts.bonuses} bonuses, credit {facts.credit:,.2f}; {share:.0%} of {n} openings used "
        f"more than {USED_MARGIN:.0%} of the equity; {taken} withdrawals within a day of a win, "
        f"{left} of them or others within a day of a partner's loss"
    )
    return Detection(name, fired, share, _ALL_IN_SHARE, n, sentence, pitfall)


def doubled_account(equity: float, net_deposits: float) -> Detection:
    """Say whether an account has grown by half of what was paid in: an alert, no more."""
    name = "doubled account"
    pitfall = "of many clients some double by luck: this is no evidence of skill"
    if not net_deposits > 0.0:
        return nothing_to_say(name, DOUBLED, pitfall, Weight.CONTEXT)
    ratio = equity / net_deposits
    sentence = f"equity of {equity:,.2f} is {ratio:.2f} times the {net_deposits:,.2f} paid in"
    return Detection(name, ratio >= DOUBLED, ratio, DOUBLED, 1, sentence, pitfall, Weight.CONTEXT)


def _soon_after(events: Int64s, causes: Int64s) -> int:
    """Count the events that come within a day of a cause."""
    if not len(causes):
        return 0
    causes = np.sort(causes)
    last = np.searchsorted(causes, events, side="right") - 1
    since = events - causes[np.maximum(last, 0)]
    return int(((last >= 0) & (since <= _DAY_NS)).sum())
