"""What a client's accounts trade, in lines for people: positions, crossings and large deals.

The engine has them; of crossings and deals it keeps the newest ones. Times are the market's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from crm_sync.clients.ports import Lines
from dealing.back_office.client_rooms import SHOWN, Line, utc_text
from dealing.ports import BookQueries, EngineFrame
from exposure.errors import DisconnectedError, DomainError

MOST_LOGINS: Final = 20
"""Accounts of one client that are asked for."""

NO_FRAME: Final = "No figures have come from the engine yet."


class EngineTrading:
    """What the engine's queries and its newest frame know of accounts."""

    def __init__(self, queries: BookQueries, newest: Callable[[], EngineFrame | None]) -> None:
        """Take whom to ask for positions, and who has the newest frame."""
        self._queries = queries
        self._newest = newest

    async def of(self, logins: Sequence[str]) -> Mapping[str, Lines]:
        """Return lines by section, the largest or newest first.

        Raises:
            DisconnectedError: Nobody can say now.
        """
        frame = self._newest()
        if frame is None:
            raise DisconnectedError(NO_FRAME)
        held = await asyncio.gather(*(self._positions(login) for login in logins[:MOST_LOGINS]))
        rows = sorted((row for mine in held for row in mine), key=_largest_first)
        mine = frozenset(logins)
        crossings = [one for one in reversed(frame.snapshot.crossings) if one.login in mine]
        deals = [one for one in reversed(frame.large_deals) if one.login in mine]
        return {
            "positions": [_position(row) for row in rows[:SHOWN]],
            "crossings": [
                {
                    "at": _at(one.ts_event),
                    "login": one.login,
                    "what": one.kind,
                    "level": "no margin" if one.level is None else f"{one.level:,.1f} %",
                }
                for one in crossings[:SHOWN]
            ],
            "deals": [
                {
                    "at": _at(one.ts_event),
                    "login": one.login,
                    "symbol": one.symbol,
                    "side": one.side,
                    "entry": one.entry,
                    "lots": f"{one.lots:,.2f}",
                    "price": _price(one.price),
                    "book": one.book,
                }
                for one in deals[:SHOWN]
            ],
        }

    async def _positions(self, login: str) -> list[dict[str, Any]]:
        try:
            return (await self._queries.positions_of_account(login)).to_dicts()
        except DomainError:
            return []  # the engine has not heard of the account


def _largest_first(row: Mapping[str, Any]) -> tuple[float, str, str]:
    return -abs(row["profit_usd"] or 0.0), row["login"], row["position_id"]


def _position(row: Mapping[str, Any]) -> Line:
    profit = row["profit"]
    return {
        "login": row["login"],
        "symbol": row["symbol"],
        "side": row["side"],
        "lots": f"{row['lots']:,.2f}",
        "open": _price(row["open_price"]),
        "price": _price(row["price"]),
        "profit": "no price" if profit is None else f"{profit:,.2f}",
        "currency": row["currency"],
        "book": row["book"],
    }


def _price(price: float | None) -> str:
    return "no price" if price is None else f"{price:.10g}"


def _at(ts_ns: int) -> str:
    return utc_text(ts_ns // 1_000)
