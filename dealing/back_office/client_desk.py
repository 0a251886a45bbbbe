"""Clients as people look for them: search as somebody types, and one client from every side.

Who reads says his role until there is sign-in; only roles that this desk allows are answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from crm_sync.clients.accounts import accounts_of
from crm_sync.clients.ports import Lines
from crm_sync.clients.roles import Reader, Role
from crm_sync.clients.search import ClientSearch
from crm_sync.clients.views import Client360, ClientViews
from dealing.back_office.client_rooms import ClientRooms
from dealing.back_office.live import LiveAccount, LiveAccounts
from dealing.back_office.rooms import Rooms
from exposure.errors import DisconnectedError, DomainError

ROLES: Final = (Role.DEALER, Role.RISK, Role.PAYMENTS, Role.COMPLIANCE)
"""Roles that look at single clients."""

LONGEST_SEARCH: Final = 80


class ClientDesk:
    """The use cases behind the tab of clients."""

    def __init__(self, rooms: Rooms, live: LiveAccounts, roles: Sequence[Role] = ROLES) -> None:
        """Take the rooms, who knows accounts as they stand, and which roles are answered."""
        self._rooms = rooms
        self._live = live
        self._roles = frozenset(roles)

    async def search(self, text: str, reader: Reader) -> dict[str, Any]:
        """Return the clients that a text finds, as the reader may see them.

        ``is_cut`` says that there may be more, which another letter finds.

        Raises:
            DomainError: The role is not answered here.
            StorageError: The database cannot be used.
        """
        self._refuse_role(reader.role)
        typed = text[:LONGEST_SEARCH]
        logins, is_cut = await asyncio.to_thread(self._logins_of_found, typed, reader.role)
        exposures = exposures_of(logins, await self._known([*_flat(logins)]))
        hits = await asyncio.to_thread(self._hits, list(logins), reader.role, exposures)
        return {"clients": msgspec.to_builtins(hits), "is_cut": is_cut}

    async def client(self, client_id: str, reader: Reader) -> dict[str, Any]:
        """Return one client, with the accounts as they stand; raises as ``search``.

        A read of compliance is written into the audit log.
        """
        self._refuse_role(reader.role)
        logins = await asyncio.to_thread(self._logins, [client_id])
        known = await self._known([*_flat(logins)])
        trading, engine = await self._trading([*_flat(logins)])
        seen = await asyncio.to_thread(self._seen, client_id, reader, exposures_of(logins, known))
        told = msgspec.to_builtins(seen)
        return {
            **told,
            "sections": {**told["sections"], **trading},
            "engine": engine,
            "role": reader.role.value,
            "live": {login: msgspec.to_builtins(one) for login, one in known.items()},
        }

    def _refuse_role(self, role: Role) -> None:
        if role not in self._roles:
            raise DomainError(f"this desk shows no single client to {role}")

    async def _known(self, logins: Sequence[str]) -> Mapping[str, LiveAccount]:
        try:
            return await self._live.accounts(logins)
        except DisconnectedError:
            return {}  # the page says that nobody knows

    async def _trading(self, logins: Sequence[str]) -> tuple[Mapping[str, Lines], str]:
        """Return what accounts trade, or why nobody knows."""
        try:
            return (await self._live.trading(logins) if logins else {}), ""
        except DisconnectedError as e:
            return {}, str(e)

    def _logins_of_found(self, text: str, role: Role) -> tuple[dict[str, list[str]], bool]:
        with self._rooms.database.reading() as connection:
            search = ClientSearch(self._rooms.keyring, self._views({}))
            found, is_cut = search.find(connection, text, role)
        if role is not Role.RISK:
            return {client_id: [] for client_id in found}, is_cut
        return self._logins(found), is_cut

    def _logins(self, client_ids: Sequence[str]) -> dict[str, list[str]]:
        with self._rooms.database.reading() as connection:
            found = accounts_of(connection, client_ids)
        return {one: [account.login for account in found[one]] for one in client_ids}

    def _hits(
        self, client_ids: Sequence[str], role: Role, exposures: Mapping[str, float | None]
    ) -> list[Any]:
        with self._rooms.database.reading() as connection:
            return list(self._views(exposures).hits(connection, client_ids, role))

    def _seen(
        self, client_id: str, reader: Reader, exposures: Mapping[str, float | None]
    ) -> Client360:
        database, now_us = self._rooms.database, self._rooms.now_us()
        writes = reader.role is Role.COMPLIANCE
        with database.writing() if writes else database.reading() as connection:
            return self._views(exposures).client_360(connection, client_id, reader, now_us)

    def _views(self, exposures: Mapping[str, float | None]) -> ClientViews:
        return ClientViews(self._rooms.keyring, ClientRooms(exposures))


def exposures_of(
    logins: Mapping[str, Sequence[str]], known: Mapping[str, LiveAccount]
) -> dict[str, float | None]:
    """Return gross notionals by client; None where a part of one has no price or is not known."""
    return {
        client_id: _sum_of([known.get(one) for one in mine]) for client_id, mine in logins.items()
    }


def _sum_of(accounts: Sequence[LiveAccount | None]) -> float | None:
    gross = [None if one is None else one.gross_usd for one in accounts]
    known = [usd for usd in gross if usd is not None]
    return sum(known) if known and len(known) == len(gross) else None


def _flat(logins: Mapping[str, Sequence[str]]) -> list[str]:
    return [login for mine in logins.values() for login in mine]
