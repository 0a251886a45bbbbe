"""What somebody typed after ``plimsoll whatif``, before it means anything."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec


class BlockChoice(StrEnum):
    """What the error band draws anew: whole hours, or whole days. By default what there is."""

    AUTO = "auto"
    HOUR = "hour"
    DAY = "day"


class WhatIfAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to know of ``plimsoll whatif``, as it was typed."""

    directory: Path
    policies: tuple[Path, ...]
    blocks: str = "auto"
    seed: int = 1
    until_ms: float | None = None
    json_out: str | None = None
