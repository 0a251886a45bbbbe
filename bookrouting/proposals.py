"""Who should be in another book, what it is worth, what would flip it, and what holds it back.

A proposal is a function of the policy, the evidence and the time, whatever the order of clients.
What a rule holds back is still said, with the rule: a person may see it and decide.
Source: science.md section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from statistics import NormalDist
from typing import Final, NamedTuple

from bookrouting.economics import kept_share, probability_hedged_is_better
from bookrouting.flow_evidence import FlowEvidence, as_one
from bookrouting.policy import Override, Place, Policy, place_of
from bookrouting.segments import Segment, segment_of

P90: Final = 1.2815515655446004
"""Standard deviations between the middle and either end of an 80 % interval."""

_NORMAL: Final = NormalDist()
_SAME: Final = 1e-9
_HOUR_NS: Final = 3_600 * 10**9


class Action(StrEnum):
    """What is proposed."""

    MOVE = "move"
    FIX_PRICE = "fix_price"


class Flip(NamedTuple):
    """The client's edge at which the proposal would not be made, and what it is believed to be.

    Units: USD per million, + the client gains.
    """

    client_edge_per_million: float
    now: float


class RoutingProposal(NamedTuple):
    """One client, or one cluster, that should be elsewhere.

    ``probability`` is that of hedging more being better than what is done now, risk included.
    ``expected_usd_per_month`` is what the change earns the house, in the middle of an 80 %
    interval; for better prices it is what the stale fills cost now. ``held_back`` is the rule that
    stands against it today, "" if none does. ``flip`` is None where size decides, not edge.
    """

    entity: str
    client_ids: tuple[str, ...]
    action: Action
    now: Place
    to: Place
    probability: float
    expected_usd_per_month: float
    low_usd_per_month: float
    high_usd_per_month: float
    reasons: tuple[str, ...]
    flip: Flip | None
    held_back: str
    segment: str
    policy: str


class _Wish(NamedTuple):
    """Where a client should be, and why; ``free`` of cap and cool-down if a person decided."""

    to: Place
    reasons: tuple[str, ...]
    flip: Flip | None = None
    action: Action = Action.MOVE
    free: bool = False


def propose(
    policy: Policy, clients: Iterable[FlowEvidence], now_ns: int, moved_today: int = 0
) -> list[RoutingProposal]:
    """Return what should change, the most valuable first; what is held back comes last.

    Args:
        policy: What decides.
        clients: Everybody, each once; those with a cluster are routed as one.
        now_ns: Wall clock, ns UTC.
        moved_today: How many clients were moved since the day began.
    """
    entities = _entities(clients)
    left = max(policy.caps.daily_least, math.floor(policy.caps.daily_ratio * len(entities)))
    left -= moved_today
    overrides = {one.client_id: one for one in policy.overrides if one.expires_ns > now_ns}
    found = []
    for members in entities:
        client, segment = as_one(members), segment_of(as_one(members), policy.segments)
        named = [overrides[m.client_id] for m in members if m.client_id in overrides]
        wish = _wish(policy, client, segment, named)
        if wish is not None:
            ids = tuple(sorted(member.client_id for member in members))
            held = "" if wish.free else _cooling(policy, client, now_ns)
            found.append((wish, _proposal(policy, client, segment, wish, ids, held)))
    ordered = sorted(found, key=lambda one: (-one[1].expected_usd_per_month, one[1].entity))
    return _within_cap(ordered, left)


def probability_of_more(policy: Policy, client: FlowEvidence) -> float:
    """Return P(hedging a little more than now is better), what kept risk costs included.

    Without risk aversion it is P(E[A] > E[B]). The marginal worth of hedging is
    ``E[A] - E[B] + gamma (w s^2 + K)`` at the kept share w; it is zero at w*.
    """
    return probability_hedged_is_better(
        client.client_edge_per_million + _risk_charge(policy, client),
        client.client_edge_se,
        client.hedged,
        client.hedged_se,
    )


def wanted_ratio(policy: Policy, client: FlowEvidence) -> float:
    """Return h* = 1 - w*, rounded to the policy's steps."""
    kept = kept_share(
        client.client_edge_per_million,
        client.hedged,
        client.flow_variance,
        policy.risk.risk_aversion,
        client.book_covariance,
    )
    return _stepped(policy, 1.0 - kept)


def _entities(clients: Iterable[FlowEvidence]) -> list[list[FlowEvidence]]:
    groups: dict[tuple[str, str], list[FlowEvidence]] = {}
    for client in clients:
        name = ("cluster", client.cluster) if client.cluster else ("client", client.client_id)
        groups.setdefault(name, []).append(client)
    return [groups[name] for name in sorted(groups)]


def _wish(
    policy: Policy,
    client: FlowEvidence,
    segment: Segment | None,
    overrides: Sequence[Override],
) -> _Wish | None:
    if overrides:
        return _overridden(client, overrides)
    if not client.is_known or (segment is not None and segment.watched):
        return None
    if segment is not None and segment.hedge_ratio is not None:
        to = place_of(segment.hedge_ratio)
        return _unless_there(client, _Wish(to, (f"segment {segment.name} is in book {to.book}",)))
    if _needs_better_prices(policy, client):
        return _better_prices(client)
    wishes = (_judged(policy, client, segment), _sized(policy, client))
    return max((one for one in wishes if one), key=lambda one: one.to.hedge_ratio, default=None)


def _overridden(client: FlowEvidence, overrides: Sequence[Override]) -> _Wish | None:
    # of several in a cluster the one that hedges most is the careful one
    override = max(overrides, key=lambda one: (one.place.hedge_ratio, one.client_id))
    reasons = (f"override: {override.reason}",)
    return _unless_there(client, _Wish(override.place, reasons, free=True))


def _unless_there(client: FlowEvidence, wish: _Wish) -> _Wish | None:
    return None if abs(wish.to.hedge_ratio - client.hedge_ratio) < _SAME else wish


def _needs_better_prices(policy: Policy, client: FlowEvidence) -> bool:
    picks = bool(client.flags & set(policy.pricing.flags))
    enough = client.n_eff >= policy.pricing.least_n
    return picks and enough and client.hedged < 0.0 and client.kept < 0.0


def _better_prices(client: FlowEvidence) -> _Wish:
    stale = f"{client.stale_per_million:,.0f} USD per million"
    both = f"hedged he earns {client.hedged:,.0f} and kept {client.kept:,.0f} USD per million"
    reasons = (
        f"picks stale quotes for {stale} (n {client.n:,.0f})",
        f"{both}: no book helps, better prices do",
    )
    return _Wish(place_of(client.hedge_ratio), reasons, action=Action.FIX_PRICE)


def _judged(policy: Policy, client: FlowEvidence, segment: Segment | None) -> _Wish | None:
    rule = policy.evidence
    urgent = (
        bool(client.flags & set(rule.urgent_flags))
        and client.e_value >= rule.urgent_e_value
        and client.n_eff >= rule.urgent_n
    )
    if client.n_eff < rule.least_n and not urgent:
        return None
    above = rule.hedge_above if segment is None else segment.hedge_above or rule.hedge_above
    below = rule.keep_below if segment is None else segment.keep_below or rule.keep_below
    probability = probability_of_more(policy, client)
    wanted = max(wanted_ratio(policy, client), _least_ratio(policy, client))
    change = wanted - client.hedge_ratio
    if abs(change) < max(policy.risk.least_change, _SAME) - _SAME:
        return None
    if not (probability > above if change > 0.0 else probability < below):
        return None
    to, threshold = place_of(wanted), above if change > 0.0 else below
    asked = f"the rule asks for {'more' if change > 0.0 else 'less'} than {threshold:.2f}"
    better = f"hedging more is better with probability {probability:.2f}"
    reasons = (
        f"hedging earns {client.hedged:,.0f}, keeping {client.kept:,.0f} USD per million",
        f"{better} (n {client.n_eff:,.0f}), {asked}",
    )
    return _Wish(to, reasons, _flip(policy, client, threshold))


def _sized(policy: Policy, client: FlowEvidence) -> _Wish | None:
    """Return how much has to be hedged because he is too large to keep, whoever he is."""
    reasons = tuple(
        f"{is_now}, the limit is {limit}" for _, is_now, limit in _limits(policy, client)
    )
    least = _least_ratio(policy, client)
    if not reasons or client.hedge_ratio > least - _SAME:
        return None
    return _Wish(place_of(least), reasons)


def _least_ratio(policy: Policy, client: FlowEvidence) -> float:
    """Return the share that has to be hedged so that no limit of size is exceeded."""
    kept = min((share for share, _, _ in _limits(policy, client)), default=1.0)
    return _stepped(policy, 1.0 - kept, up=True)


def _limits(policy: Policy, client: FlowEvidence) -> list[tuple[float, str, str]]:
    """Return what may be kept of him by each limit that he exceeds, and how to say it."""
    caps, found = policy.caps, []
    if client.gross_ratio > caps.client_ratio:
        is_now = f"would be {client.gross_ratio:.0%} of everything the house keeps"
        found.append((caps.client_ratio / client.gross_ratio, is_now, f"{caps.client_ratio:.0%}"))
    if client.n < caps.new_client_n and client.gross_usd > caps.new_client_usd:
        share = caps.new_client_usd / client.gross_usd
        is_now = f"is new (n {client.n:,.0f}) and holds {client.gross_usd:,.0f} USD"
        found.append((share, is_now, f"{caps.new_client_usd:,.0f}"))
    return found


def _cooling(policy: Policy, client: FlowEvidence, now_ns: int) -> str:
    if client.changed_ns is None:
        return ""
    rule, passed_ns = policy.cool_down, now_ns - client.changed_ns
    if client.trades_since >= rule.trades and passed_ns >= rule.duration_ns:
        return ""
    return (
        f"cool-down: {client.trades_since} of {rule.trades} trades and "
        f"{passed_ns / _HOUR_NS:.1f} of {rule.duration_ns / _HOUR_NS:.1f} hours since he was moved"
    )


def _within_cap(found: Sequence[tuple[_Wish, RoutingProposal]], left: int) -> list[RoutingProposal]:
    allowed, held = [], []
    for wish, proposal in found:
        moves = proposal.action is Action.MOVE and not wish.free
        if proposal.held_back:
            held.append(proposal)
        elif moves and left <= 0:
            held.append(proposal._replace(held_back="the day's cap on moved clients is reached"))
        else:
            left -= moves
            allowed.append(proposal)
    return [*allowed, *held]


def _proposal(
    policy: Policy,
    client: FlowEvidence,
    segment: Segment | None,
    wish: _Wish,
    client_ids: tuple[str, ...],
    held_back: str,
) -> RoutingProposal:
    millions = client.notional_usd_per_month / 1e6
    if wish.action is Action.FIX_PRICE:
        gain, se, held_back = client.stale_per_million * millions, 0.0, ""
    else:
        change = wish.to.hedge_ratio - client.hedge_ratio
        gain = change * (client.hedged - client.kept) * millions
        se = abs(change) * math.hypot(client.client_edge_se, client.hedged_se) * millions
    if not (math.isfinite(gain) and math.isfinite(se)):  # an override of somebody nobody scored
        gain = se = 0.0
    return RoutingProposal(
        entity=client.client_id,
        client_ids=client_ids,
        action=wish.action,
        now=place_of(client.hedge_ratio),
        to=wish.to,
        probability=probability_of_more(policy, client) if client.is_known else 0.5,
        expected_usd_per_month=gain,
        low_usd_per_month=gain - P90 * se,
        high_usd_per_month=gain + P90 * se,
        reasons=wish.reasons,
        flip=wish.flip,
        held_back=held_back,
        segment="" if segment is None else segment.name,
        policy=policy.label,
    )


def _flip(policy: Policy, client: FlowEvidence, threshold: float) -> Flip:
    se = math.hypot(client.client_edge_se, client.hedged_se)
    edge = _NORMAL.inv_cdf(threshold) * se - client.hedged - _risk_charge(policy, client)
    return Flip(edge, client.client_edge_per_million)


def _risk_charge(policy: Policy, client: FlowEvidence) -> float:
    kept = 1.0 - client.hedge_ratio
    return policy.risk.risk_aversion * (kept * client.flow_variance + client.book_covariance)


def _stepped(policy: Policy, ratio: float, *, up: bool = False) -> float:
    steps = ratio / policy.risk.ratio_step
    whole = math.ceil(steps - _SAME) if up else round(steps)
    return min(max(round(whole * policy.risk.ratio_step, 9), 0.0), 1.0)
