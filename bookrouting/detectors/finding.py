"""What a detector says: one number against its threshold, in one sentence, with its pitfall."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Weight(StrEnum):
    """What a detection may be used for."""

    EVIDENCE = "evidence"
    """Counts for or against a client."""
    CONTEXT = "context"
    """Helps to understand a client, and says nothing about who pays for him."""


class Detection(NamedTuple):
    """One detector's answer about one client.

    ``pitfall`` is the innocent explanation that the detector guards against, or that a person has
    to look at before acting. ``n`` trades or occasions were looked at; with none, nothing fires.
    """

    name: str
    fired: bool
    statistic: float
    threshold: float
    n: int
    sentence: str
    pitfall: str
    weight: Weight = Weight.EVIDENCE


def nothing_to_say(name: str, threshold: float, pitfall: str, weight: Weight) -> Detection:
    """Return the answer about a client without a single usable trade."""
    return Detection(name, False, 0.0, threshold, 0, "no usable trades yet", pitfall, weight)
