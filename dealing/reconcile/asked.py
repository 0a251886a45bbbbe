"""What ``plimsoll reconcile`` is asked."""

from __future__ import annotations

from pathlib import Path

import msgspec


class ReconcileAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The files of the three sides, the moment, and where answers go.

    ``as_of`` is text as it was typed, None for now. ``rates`` are texts like EUR=1.08. A mapping
    says how the file of a side is read, None where it has the side's own columns.
    """

    provider: Path
    ledger: Path
    platform: Path
    provider_mapping: Path | None = None
    ledger_mapping: Path | None = None
    platform_mapping: Path | None = None
    as_of: str | None = None
    scope: str = "all"
    rates: tuple[str, ...] = ()
    json_out: str | None = None
    csv_out: str | None = None
