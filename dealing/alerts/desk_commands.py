"""Commands of people who press a button elsewhere: asked of the desk, as its own pages ask.

So the same checks, approvals and audit rows apply; the desk is told that it came through Slack.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import httpx2
import msgspec

from dealing.alerts.model import Offer
from dealing.commands.model import CommandState
from exposure.errors import DisconnectedError, DomainError

ANSWERS_WITHIN_S: Final = 15.0
VIA: Final = "slack"
BOOK: Final = "A"


class Asked(NamedTuple):
    """What the desk said to a command; ``waits`` for a second person's vote."""

    sentence: str
    waits: bool


class DeskCommands:
    """The desk's command interface, over HTTP on this machine."""

    def __init__(
        self, address: Callable[[], str], transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        """Take who knows the desk's address, and how it is reached if not by the network."""
        self._address = address
        self._transport = transport

    async def move_to_a(self, client_id: str, actor: str, reason: str, key: str) -> Asked:
        """Send a client's new deals to book A; return how far it came.

        Raises:
            DisconnectedError: The desk does not answer: press again later, or use the desk.
            DomainError: It is refused; the sentence says why.
        """
        asked = {"key": key, "actor": actor, "reason": reason, "via": VIA}
        body = {**asked, "book": BOOK, "clients": [client_id]}
        told = await self._ask("POST", "/api/v1/commands/reassign", body)
        return Asked(_moved(client_id, told), told.get("state") == CommandState.WAITING)

    async def decide(self, command: str, actor: str, reason: str, *, approve: bool) -> str:
        """Vote about a command that waits; return what came of it; raises as above."""
        decision = "approve" if approve else "reject"
        asked = {"command": command, "actor": actor, "reason": reason, "via": VIA}
        told = await self._ask("POST", "/api/v1/approvals", {**asked, "decision": decision})
        match told.get("state"):
            case CommandState.DONE | CommandState.SENDING:
                return f"approved, new deals go to book {BOOK}"
            case CommandState.REJECTED:
                return "rejected, nothing changes"
            case state:
                return f"{decision}: {state}, see the desk"

    async def waiting(self) -> set[str]:
        """Return the keys of the commands that wait for a vote; raises as above."""
        told = await self._ask("GET", "/api/v1/approvals", {})
        return {str(command["key"]) for command in told["commands"]}

    async def hedge(self, offer: Offer, actor: str, reason: str, key: str) -> str:
        """Order what brings a symbol back; return what was ordered; raises as above.

        Side and size are the desk's own suggestion of this moment for what the alert is about (a
        limit, or the symbol's band), not those of when it was told.
        """
        symbol = offer.symbol
        wanted: dict[str, Any] = {"symbol": symbol}
        if offer.within_usd is not None:
            wanted["within_usd"] = offer.within_usd
        ticket = await self._ask("GET", "/api/v1/hedging/ticket", wanted)
        asked = {"key": key, "actor": actor, "reason": reason, "via": VIA}
        body = {**asked, "symbol": symbol, "side": ticket["side"], "lots": ticket["lots"]}
        await self._ask("POST", "/api/v1/commands/hedge", body)
        return f"{ticket['side']} {ticket['lots']:g} lots {symbol} are ordered"

    async def _ask(self, method: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
        address = self._address()
        headers = {"origin": address, "content-type": "application/json"}
        body = msgspec.json.encode(content) if method == "POST" else None
        query = content if method == "GET" else None
        client = httpx2.AsyncClient(
            base_url=address, timeout=ANSWERS_WITHIN_S, transport=self._transport, trust_env=False
        )
        try:
            async with client:
                response = await client.request(
                    method, path, content=body, params=query, headers=headers
                )
        except httpx2.HTTPError as e:
            raise DisconnectedError("the desk does not answer: do it there, or try again") from e
        return _content(response)


def _content(response: httpx2.Response) -> dict[str, Any]:
    try:
        told: dict[str, Any] = msgspec.json.decode(response.content)
    except msgspec.DecodeError as e:
        raise DisconnectedError(
            f"the desk answered {response.status_code} and nothing that can be read"
        ) from e
    if response.status_code < HTTPStatus.BAD_REQUEST:
        return told
    reason = str(told.get("error", f"the desk answered {response.status_code}"))
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise DisconnectedError(reason)
    raise DomainError(reason)


def _moved(client_id: str, told: dict[str, Any]) -> str:
    match told.get("state"):
        case CommandState.DONE | CommandState.SENDING:
            return f"new deals of client {client_id} go to book {BOOK}"
        case CommandState.PARTLY:
            return f"some accounts of client {client_id} go to book {BOOK}: see the desk"
        case CommandState.WAITING:
            return (
                f"client {client_id} to book {BOOK} waits for a second person, here or on the "
                "desk, under Clients"
            )
        case state:
            return f"client {client_id} to book {BOOK}: {state}"
