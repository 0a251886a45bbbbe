"""What is put to the test: a scorer says something of every client after each of his trades."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from dealing.lab.alarm import ALARM, evidence
from dealing.lab.closed_form import Verdict, trajectory
from dealing.lab.columns import Ints, Population
from dealing.lab.detection import first_above
from dealing.lab.observed import Observed


class Said(NamedTuple):
    """What a scorer says.

    Shapes: verdict (clients, trades), ``alarmed`` (clients,): after how many trades the
    anytime-valid alarm went off, NEVER if it did not.
    """

    verdict: Verdict
    alarmed: Ints


class Scorer(Protocol):
    """Judges a whole population, causally: what is said after n trades knows n trades."""

    def __call__(self, population: Population, seen: Observed, /) -> Said:
        """Return what is said after each trade."""
        ...


def closed_form(_population: Population, seen: Observed) -> Said:
    """Score by the closed form and the alarm of science.md."""
    return Said(trajectory(seen), first_above(evidence(seen), ALARM))
