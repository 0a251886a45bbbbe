"""What whoever starts the desk decides about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from exposure.risk.provider_margin import ProviderAccount


class DeskOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Choices of the web desk.

    ``hosts`` are names under which this desk is reached besides the loopback ones. The server day
    begins at ``day_starts_at_hour`` of ``day_zone`` (semantics.md section 8), and the server clock
    shows midnight then. ``providers`` are the house's accounts with its providers, by their names.
    ``alerts`` says that a process of alerts runs beside this desk, so that pages ask for them.
    """

    version: str = ""
    theme: Literal["dark", "light"] = "dark"
    reporting_currency: str = "USD"
    hosts: tuple[str, ...] = ()
    day_zone: str = "America/New_York"
    day_starts_at_hour: int = 17
    providers: Mapping[str, ProviderAccount] = {}
    alerts: bool = False


def assets_dir() -> Path:
    """Return the folder of styles, scripts, fonts and icons, packaged or in the repository."""
    packaged = Path(__file__).parent / "assets"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "assets"
