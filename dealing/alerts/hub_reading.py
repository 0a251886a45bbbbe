"""DeskReading over the engine's frames: what a slash command is answered with."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import polars as pl

from dealing.alerts.model import Case, Fact
from dealing.alerts.sources.wording import facts, lots, money, percent, usd
from dealing.ports import BookQueries, EngineFrame, SnapshotSource
from exposure.errors import DisconnectedError, DomainError

_NEAR: Final = 3


class HubReading:
    """DeskReading of a running desk."""

    def __init__(
        self,
        hub: SnapshotSource,
        queries: BookQueries,
        open_cases: Callable[[], Sequence[Case]],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Take the engine's frames, who answers questions, who knows cases, and the wall clock."""
        self._hub = hub
        self._queries = queries
        self._open_cases = open_cases
        self._now_ns = now_ns

    async def exposure(self, symbol: str) -> Sequence[Fact]:
        """Return what the house holds of a symbol and what covers it; raises as DeskReading."""
        row = _row(self._frame().snapshot.exposure, "symbol", symbol, "symbol")
        return facts(
            ("Bid / ask", _prices(row)),
            ("Clients net", lots(row["client_net_lots"], sign=True)),
            ("House net", lots(row["house_net_lots"], sign=True)),
            ("House net in USD", usd(row["house_net_usd"], sign=True)),
            ("At providers", lots(row["lp_net_lots"], sign=True)),
            ("Uncovered", lots(row["uncovered_lots"], sign=True)),
            ("Limit used", percent(row["limit_used_ratio"])),
            ("Profit per 1 %", usd(row["pnl_per_1pct_usd"], sign=True)),
            ("House floating", usd(row["house_floating_usd"], sign=True)),
        )

    async def client(self, login: str) -> Sequence[Fact]:
        """Return an account of a client; raises as DeskReading."""
        row = _row(self._frame().snapshot.accounts, "login", login, "login")
        currency = str(row["currency"])
        held = await self._queries.positions_of_account(str(row["login"]))
        score = await self._score(str(row["client_id"]))
        return facts(
            ("Client", str(row["client_id"])),
            ("Book", str(row["book"])),
            ("Balance", money(row["balance"], currency)),
            ("Equity", money(row["equity"], currency)),
            ("Margin level", _level(row["margin_level"])),
            ("Open positions", f"{held.height:,}"),
            ("Flow score", score),
        )

    async def alerts(self) -> Sequence[Case]:
        """Return the cases that are not resolved, the most urgent first."""
        cases = self._open_cases()
        return sorted(cases, key=lambda case: (-case.severity.rank, -case.last_us))

    async def age_s(self) -> float | None:
        """Return how old the engine's figures are, None before the first ones."""
        frame = self._hub.latest()
        return None if frame is None else max(0.0, (self._now_ns() - frame.sent_at) / 1e9)

    def _frame(self) -> EngineFrame:
        frame = self._hub.latest()
        if frame is None:
            raise DisconnectedError("the engine is away: there are no figures yet")
        return frame

    async def _score(self, client_id: str) -> str:
        try:
            row = (await self._queries.client_card(client_id))["client"]
        except DomainError:
            return "no trades yet"
        return f"{row['score']:.0f} of 100" if row["scored"] else "too few trades"


def _row(table: pl.DataFrame, column: str, name: str, what: str) -> dict[str, Any]:
    found = table.filter(pl.col(column).cast(pl.String) == name)
    if found.is_empty() and what == "symbol":
        found = table.filter(pl.col(column).cast(pl.String).str.to_uppercase() == name.upper())
    if found.is_empty():
        names = table[column].cast(pl.String).to_list()
        near = difflib.get_close_matches(name.upper(), names, _NEAR, cutoff=0.6)
        hint = f": did you mean {', '.join(near)}?" if near else ""
        raise DomainError(f"nobody knows the {what} {name[:32]}{hint}")
    return found.row(0, named=True)


def _prices(row: dict[str, Any]) -> str:
    if row["bid"] is None or row["ask"] is None:
        return "no price yet"
    digits = int(row["digits"])
    age = " (stale)" if row["stale"] else ""
    return f"{row['bid']:.{digits}f} / {row['ask']:.{digits}f}{age}"


def _level(value: float | None) -> str:
    return "no margin" if value is None else f"{value:,.0f} %"
