"""What somebody typed after ``plimsoll stress``, before it means anything."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec


class StopOutChoice(StrEnum):
    """What a platform closes first (StopOutOrder of the core)."""

    METATRADER = "metatrader"
    CTRADER_FAIR = "ctrader_fair"
    CTRADER_SMART = "ctrader_smart"


class StressAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to know of ``plimsoll stress``, as it was typed."""

    directory: Path | None = None
    shocks: tuple[str, ...] = ()
    scenario: str | None = None
    reverse: bool = False
    capital_usd: float | None = None
    targets: tuple[str, ...] = ()
    ladder: str | None = None
    impact_bps: float = 0.0
    margin: str | None = None
    lp_terms: Path | None = None
    stop_out: str = "metatrader"
    until_ms: float | None = None
    listing: bool = False
    json_out: str | None = None
