"""How soon dangerous clients are found, when harmless ones are ever flagged at a promised rate."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dealing.lab.columns import Flags, Floats, Ints, Population

EVER_FALSE: Final = 0.05

NEVER: Final = np.iinfo(np.int64).max


class Found(NamedTuple):
    """Who is flagged, ever, and after how many trades.

    ``share`` of toxic clients, ``false`` of benign ones, ``null`` of all who do not win; ``after``
    the median number of trades until a toxic client of a kind is found, None if most never are.
    """

    share: float | None
    false: float | None
    null: float | None
    after: dict[str, int | None]


def threshold(score: Floats, benign: Flags) -> float:
    """Return the level that one benign client in twenty ever reaches. Shapes: (clients, trades)."""
    highest = np.where(np.isfinite(score), score, -np.inf).max(axis=1)[benign]
    return float(np.quantile(highest, 1.0 - EVER_FALSE)) if len(highest) else np.inf


def found(first: Ints, population: Population) -> Found:
    """Say who is flagged, given after how many trades each client is. Shapes: (clients,)."""
    truth = population.truth
    kinds = {
        name: _median(first[truth.toxic & population.is_kind(name)])
        for name in population.kinds
        if np.any(truth.toxic & population.is_kind(name))
    }
    return Found(
        _share(first[truth.toxic]),
        _share(first[truth.benign]),
        _share(first[~truth.toxic]),
        {"all": _median(first[truth.toxic]), **kinds},
    )


def first_above(score: Floats, level: float) -> Ints:
    """Return after how many trades a level is passed, the largest integer for never."""
    above = np.nan_to_num(score, nan=-np.inf) > level
    first: Ints = np.where(above.any(axis=1), above.argmax(axis=1) + 1, NEVER)
    return first


def _share(first: Ints) -> float | None:
    return float((first < NEVER).mean()) if len(first) else None


def _median(first: Ints) -> int | None:
    if len(first) == 0:
        return None
    middle = np.sort(first)[(len(first) - 1) // 2]
    return int(middle) if middle < NEVER else None
