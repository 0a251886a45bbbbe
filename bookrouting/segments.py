"""Kinds of clients that a policy treats in their own way: the first segment that fits counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bookrouting.flow_evidence import FlowEvidence


class Span(NamedTuple):
    """From ``least`` (included) up to ``below`` (not included)."""

    least: float = float("-inf")
    below: float = float("inf")

    def holds(self, value: float) -> bool:
        """Whether a value lies in it."""
        return self.least <= value < self.below


class Segment(NamedTuple):
    """Who is meant, and what is different for him.

    Empty lists and open spans mean everybody; ``in_cluster`` None too. ``hedge_ratio`` sends the
    segment to a book whatever its evidence; ``hedge_above`` and ``keep_below`` replace the policy's
    thresholds; ``watched`` is never moved by a proposal.
    """

    name: str
    countries: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    ibs: tuple[str, ...] = ()
    symbol_classes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    in_cluster: bool | None = None
    n: Span = Span()
    score: Span = Span()
    hedge_ratio: float | None = None
    hedge_above: float | None = None
    keep_below: float | None = None
    watched: bool = False

    def fits(self, client: FlowEvidence) -> bool:
        """Whether a client, or a cluster as one, is meant."""
        named = (
            (self.countries, client.country),
            (self.groups, client.group),
            (self.ibs, client.ib),
            (self.symbol_classes, client.symbol_class),
        )
        return (
            all(not wanted or value in wanted for wanted, value in named)
            and (not self.flags or bool(client.flags & set(self.flags)))
            and self.in_cluster in {None, bool(client.cluster)}
            and self.n.holds(client.n)
            and self.score.holds(100.0 * client.p_toxic)
        )


def segment_of(client: FlowEvidence, segments: Iterable[Segment]) -> Segment | None:
    """Return the first segment that means a client, None if none does."""
    return next((segment for segment in segments if segment.fits(client)), None)
