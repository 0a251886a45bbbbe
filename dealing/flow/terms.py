"""Who decides which book clients belong to, and what passing them on is expected to cost."""

from __future__ import annotations

from typing import Final, NamedTuple

from bookrouting.policy import Policy

STANDARD_POLICY: Final = Policy(name="standard", version=1)
"""What decides where no policy file is named."""


class RoutingTerms(NamedTuple):
    """Which policy, and what a provider charges beyond its spread for a million's round trip."""

    policy: Policy = STANDARD_POLICY
    provider_usd_per_million: float = 0.0


STANDARD_TERMS: Final = RoutingTerms()
