"""What a desk may choose about its engine."""

from __future__ import annotations

import msgspec

from exposure.model.ids import Currency


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Choices of the exposure engine.

    ``pivots`` are tried in order when two currencies have no instrument of their own.
    ``kept_events`` is how many crossings and how many breaks stay in memory, None for all.
    """

    reporting_currency: Currency = Currency("USD")
    pivots: tuple[Currency, ...] = (Currency("USD"), Currency("EUR"))
    kept_events: int | None = None
