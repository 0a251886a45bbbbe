"""What keeps an event from being applied (semantics.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Break:
    """An event that does not fit, and why; rows without a time have none."""

    kind: str
    ts_ms: Decimal | None
    login: str | None
    deal_id: str | None
    symbol: str | None


class Refused(Exception):  # noqa: N818  # it names an outcome of the contract, not a failure
    """This event is a break of the named kind: nothing of it is applied."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Duplicate(Exception):  # noqa: N818  # it names an outcome of the contract, not a failure
    """This deal was applied before."""
