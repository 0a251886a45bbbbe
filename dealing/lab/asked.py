"""What was asked of ``plimsoll lab``."""

from __future__ import annotations

from pathlib import Path

import msgspec


class LabAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Populations by name (none for all), seeds, and what to do with the answer."""

    config: Path | None = None
    populations: tuple[str, ...] = ()
    seeds: str = "1,2,3"
    quick: bool = False
    json_out: str | None = None
    export: Path | None = None
