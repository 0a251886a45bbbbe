"""What scores and channels are called, the same on a terminal and on the screen."""

from __future__ import annotations

from typing import Final

from bookrouting.flow_settings import HORIZONS, RESULT_CHANNEL, SIZED_CHANNEL, SWAP_CHANNEL

WATCH_SCORE: Final = 30.0
TOXIC_SCORE: Final = 60.0
SEVERE_SCORE: Final = 85.0

BANDS: Final = (
    (SEVERE_SCORE, "severe"), (TOXIC_SCORE, "toxic"), (WATCH_SCORE, "watch"), (0.0, "normal"),
)  # fmt: skip
"""What a score is called from which size on, the highest first."""

NAMED: Final = {
    RESULT_CHANNEL: "closed trades",
    RESULT_CHANNEL + 1: "closed trades by size",
    SWAP_CHANNEL: "swap",
}
"""Channels that look at what came of trades instead of a horizon."""


def band_of(score: float) -> str:
    """Return what a score is called.

    >>> band_of(59.9), band_of(60.0)
    ('watch', 'toxic')
    """
    return next(name for least, name in BANDS if score >= least)


def channel_name(place: int, horizon_s: float) -> str:
    """Return what a channel is called."""
    if place in NAMED:
        return NAMED[place]
    if place >= SIZED_CHANNEL:
        return f"{horizon_s:g} s after entries by size"
    return f"{horizon_s:g} s after {'entries' if place < HORIZONS else 'exits'}"
