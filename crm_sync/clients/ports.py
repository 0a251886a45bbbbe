"""What this room needs from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection

from crm_sync.clients.roles import Role

Lines = Sequence[Mapping[str, str]]


class TellPlatform(Protocol):
    """Who tells the trading platform what accounts may do."""

    def __call__(self, connection: Connection, logins: Sequence[str], *, close_only: bool) -> None:
        """Keep the message in this transaction; it is sent after it."""
        ...


class OtherRooms(Protocol):
    """Who knows what else there is about a client."""

    def exposure_usd(self, client_id: str, /) -> float | None:
        """Return the gross notional, None where nobody knows it."""
        ...

    def sections(
        self, connection: Connection, client_id: str, role: Role, /
    ) -> Mapping[str, Lines]:
        """Return lines by section (payments, ledger, trades), as the role may see them."""
        ...


class NoOtherRooms:
    """OtherRooms where there are none."""

    def exposure_usd(self, _client_id: str, /) -> float | None:
        """Return that nobody knows."""
        return None

    def sections(
        self, _connection: Connection, _client_id: str, _role: Role, /
    ) -> Mapping[str, Lines]:
        """Return no section."""
        return {}
