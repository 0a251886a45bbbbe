"""What was promised: the goals of performance.md as data, and the rows that are held to them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec
import numpy as np

NOT_INSTALLED: Final = "not installed"


class Row(msgspec.Struct, frozen=True):
    """One figure.

    ``value`` is None where nothing could be measured and ``note`` says why. ``goal`` and
    ``reached`` are empty where nothing was promised. ``low`` and ``high`` are the ends of the
    rounds whose median the value is.
    """

    name: str
    size: str
    value: float | None
    unit: str
    goal: str = ""
    reached: bool | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


class Bound(StrEnum):
    """In which direction a goal is reached."""

    AT_MOST = "<="
    AT_LEAST = ">="


class Goal(NamedTuple):
    """A promise about a row; ``size`` is empty where it holds for every size."""

    bound: Bound
    value: float
    size: str = ""

    def is_reached(self, value: float) -> bool:
        """Whether a figure keeps the promise."""
        return value <= self.value if self.bound is Bound.AT_MOST else value >= self.value


def _most(value: float, size: str = "") -> Goal:
    return Goal(Bound.AT_MOST, value, size)


def _least(value: float, size: str = "") -> Goal:
    return Goal(Bound.AT_LEAST, value, size)


GOALS: Final[dict[str, tuple[Goal, ...]]] = {
    "eager / C": (_most(1.15),),
    "eager / memory bound": (_most(2.0),),
    "eager / hybrid, calm": (_least(25, "small"), _least(100, "seed"), _least(250, "big")),
    "eager / hybrid, stress": (_least(8, "small"), _least(15, "seed"), _least(50, "big")),
    "gap, hybrid / eager, calm": (_most(2.0),),
    "gap, hybrid / eager, stress": (_most(2.0),),
    "last / first tenths of the long run, calm": (_most(1.25),),
    "last / first tenths of the long run, stress": (_most(1.25),),
    "refresh, pandas / ours": (_least(50, "seed"),),
    "refresh, polars / ours": (_least(50, "seed"),),
    "refresh, duckdb / ours": (_least(50, "seed"),),
    "refresh, polars pre-netted / ours": (_least(9, "seed"),),
    "refresh, numpy / ours": (_least(5, "seed"),),
    "refresh, ours / C": (_most(1.5, "seed"),),
    "Python objects / eager": (_least(40, "seed"),),
    "Deephaven / eager": (_least(500, "seed"),),
    "Perspective / eager": (_least(1_000, "seed"),),
    "tick sent to crossing read, p50": (_most(150.0, "seed"),),
    "tick sent to crossing read, p99": (_most(2_000.0, "seed"),),
    "markouts, pandas / ours": (_least(6),),
    "markouts, polars / ours": (_least(12),),
    "markouts, duckdb / ours": (_least(60),),
    "flow, a client's update": (_most(50.0),),
    "state exported": (_most(25.0, "seed"),),
    "replay of quotes": (_least(5e6),),
    "cold recovery": (_most(1.0, "big"),),
    "memory of the tick path": (_most(300.0, "big"),),
    "memory in all": (_most(900.0, "big"),),
}
"""By the name of the row. A long run that must not get slower gets a quarter for noise."""


def row(name: str, size: str, value: float, unit: str, note: str = "") -> Row:
    """Return a figure beside its goal."""
    return over_rounds(name, size, [value], unit, note)


def over_rounds(name: str, size: str, values: Sequence[float], unit: str, note: str = "") -> Row:
    """Return the median of several rounds, its spread, and whether it keeps a promise."""
    value = float(np.median(values))
    low, high = (min(values), max(values)) if len(values) > 1 else (None, None)
    goal = _goal_of(name, size)
    if goal is None:
        return Row(name, size, value, unit, low=low, high=high, note=note)
    words = f"{goal.bound} {goal.value:,g}"
    return Row(name, size, value, unit, words, goal.is_reached(value), low, high, note)


def unmeasured(name: str, size: str, unit: str, note: str = NOT_INSTALLED) -> Row:
    """Return a row that says why there is no figure."""
    goal = _goal_of(name, size)
    words = "" if goal is None else f"{goal.bound} {goal.value:,g}"
    return Row(name, size, None, unit, words, None, note=note)


def _goal_of(name: str, size: str) -> Goal | None:
    return next((goal for goal in GOALS.get(name, ()) if goal.size in {"", size}), None)
