"""What is put to the test: a scorer says something of every client after each of his trades."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from dealing.lab.alarm import evidence
from dealing.lab.closed_form import Verdict, trajectory
from dealing.lab.columns import Floats, Population
from dealing.lab.observed import Observed


class Said(NamedTuple):
    """Shapes: (clients, trades). ``e_value`` is the evidence that a client's edge pays his cost."""

    verdict: Verdict
    e_value: Floats


class Scorer(Protocol):
    """Judges a whole population, causally: what is said after n trades knows n trades."""

    def __call__(self, population: Population, seen: Observed, /) -> Said:
        """Return what is said after each trade."""
        ...


def closed_form(_population: Population, seen: Observed) -> Said:
    """Score by the closed form and the alarm of science.md."""
    return Said(trajectory(seen), evidence(seen))
