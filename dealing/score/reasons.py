"""Why a client has his score, in sentences; every number in them is one of the answer's."""

from __future__ import annotations

from typing import Final, NamedTuple

from bookrouting.decision_card import ChannelEvidence
from bookrouting.flow_view import Alarm
from dealing.score.words import NAMED, channel_name

NO_REFERENCE: Final = "no reference feed"

_TELLING_P: Final = 0.10


class ClientFacts(NamedTuple):
    """What sentences are made of. ``stale_seen`` counts entries with a faster price beside them."""

    n: int
    fewest: int
    prior: float
    p_toxic: float
    alarm: Alarm | None
    drift: float
    drift_limit: float
    stale_seen: int
    stale_hits: int
    unpriced: int

    @property
    def reference(self) -> str:
        """What is known of the price's age at his fills."""
        if self.stale_seen == 0:
            return NO_REFERENCE
        return f"{self.stale_hits} of {self.stale_seen} fills behind the reference"


def reasons_of(
    facts: ClientFacts, channels: list[ChannelEvidence], edge: float | None
) -> list[str]:
    """Return the sentences, the most important first."""
    reasons = []
    if facts.n < facts.fewest:
        reasons.append(
            f"insufficient: {facts.n} trades, {facts.fewest} are needed; "
            f"the score is the base rate of {facts.prior:.0%}"
        )
    else:
        reasons += _telling(channels, facts.n) or [_nothing(edge)]
    if facts.alarm is not None:
        reasons.append(
            f"beyond reasonable doubt after {facts.alarm.n} trades (e-value "
            f"{facts.alarm.e_value:,.0f})"
        )
    if facts.drift > facts.drift_limit:
        reasons.append(
            f"drift: his last trades are {facts.drift:.1f} log odds more dangerous than all of them"
        )
    reasons.append(_reference(facts))
    if facts.unpriced:
        reasons.append(f"{facts.unpriced} deals or positions found no rate to USD")
    return reasons


def _telling(channels: list[ChannelEvidence], n: int) -> list[str]:
    """Say which channels carry the suspicion, strongest first."""
    telling = [
        (channel.p, place, channel)
        for place, channel in enumerate(channels)
        if channel.p >= _TELLING_P
    ]
    return [_channel(place, channel, n) for _, place, channel in sorted(telling, key=_by_p)]


def _by_p(one: tuple[float, int, ChannelEvidence]) -> tuple[float, int]:
    return -one[0], one[1]


def _channel(place: int, channel: ChannelEvidence, n: int) -> str:
    said = f"{channel.decibans:+.1f} decibans, probability {channel.p:.0%}"
    costs, error = channel.markout_costs, channel.se_costs
    if channel.markout_pips is None or costs is None or error is None:
        return f"{channel_name(place, channel.horizon_s)}: {said}"
    moved = "gains" if costs >= 0.0 else "loses"
    within = "in" if place in NAMED else "within"
    return (
        f"{moved} {abs(costs):.2f} times what a round trip costs (+-{error:.2f}; "
        f"{abs(channel.markout_pips):.2f} pips) before costs {within} "
        f"{channel_name(place, channel.horizon_s)}, {n} trades: {said}"
    )


def _nothing(edge: float | None) -> str:
    if edge is None:
        return "no channel shows an edge yet"
    return f"no channel shows an edge; expected {edge:+,.0f} USD per million for the client"


def _reference(facts: ClientFacts) -> str:
    if facts.stale_seen == 0:
        return f"{NO_REFERENCE}: the markout after 1 s stands in for stale prices"
    return (
        f"{facts.stale_hits} of {facts.stale_seen} fills were more than half a spread behind "
        "the reference feed"
    )
