"""What a desk may choose about its engine."""

from __future__ import annotations

import msgspec

from exposure.limits import LimitRule
from exposure.model.events import LeverageCapDefined
from exposure.model.ids import Currency


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Choices of the exposure engine.

    ``pivots`` are tried in order when two currencies have no instrument of their own.
    ``kept_events`` is how many crossings and how many breaks stay in memory, None for all.
    ``leverage_caps`` are those that the desk itself sets; a platform announces its own as events.
    ``soft_limit_share`` of a hard limit warns where a limit has no soft one; limits are judged at
    most every ``limit_interval_ms`` of market time. ``lazy_ticks`` lets a quote look at bounds
    before it touches accounts: the same findings, faster; without it every quote is eager.
    """

    reporting_currency: Currency = Currency("USD")
    pivots: tuple[Currency, ...] = (Currency("USD"), Currency("EUR"))
    kept_events: int | None = None
    leverage_caps: tuple[LeverageCapDefined, ...] = ()
    limits: tuple[LimitRule, ...] = ()
    soft_limit_share: float = 0.8
    limit_interval_ms: int = 1_000
    lazy_ticks: bool = True
