"""Clients' open positions, as far as deals tell: what a deal opens and what it closes.

Source: semantics.md section 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from exposure.kernels import LOTS_TOLERANCE
from exposure.model.deals import Entry, Side
from exposure.model.events import DealExecuted

NO_DECISION = -1


class Held(NamedTuple):
    """An open position.

    ``side`` is +1 long or -1 short, ``decision`` the number of the entry that opened it last and
    ``trade`` that of its last trade, or NO_DECISION. Units: lots, price in quote currency,
    ``margin`` account currency.
    """

    login: str
    symbol: int
    side: float
    lots: float
    open_price: float
    decision: int = NO_DECISION
    trade: int = NO_DECISION
    margin: float = 0.0


class Parts(NamedTuple):
    """What a deal does: lots closed of a position (None if it was not known), and lots opened."""

    closed_lots: float
    held: Held | None
    opened_lots: float


class HeldPositions:
    """Open positions by login and position id."""

    def __init__(self, held: Mapping[tuple[str, str], Held] | None = None) -> None:
        self.open: dict[tuple[str, str], Held] = {}
        self._ids: dict[str, dict[str, None]] = {}
        for key, one in (held or {}).items():
            self.put(key, one)

    def put(self, key: tuple[str, str], held: Held) -> None:
        """Let a position be open as it is given."""
        self.open[key] = held
        self._ids.setdefault(key[0], {})[key[1]] = None

    def of_login(self, login: str) -> Iterator[Held]:
        """Yield a login's open positions."""
        return (self.open[login, position] for position in self._ids.get(login, ()))

    def split(self, symbol: int, ratio: float) -> None:
        """Multiply the lots and divide the prices of a symbol that was split."""
        for key, held in self.open.items():
            if held.symbol == symbol:
                self.open[key] = held._replace(
                    lots=held.lots * ratio, open_price=held.open_price / ratio
                )

    def apply(self, deal: DealExecuted, symbol: int) -> Parts | None:
        """Move a position by a deal; None, and nothing moves, if the two contradict each other.

        A deal that closes a position of which nothing is known closes it all the same.
        """
        key = (deal.login, deal.position_id)
        held, sign = self.open.get(key), float(Side(deal.side).sign)
        if held is not None and held.symbol != symbol:
            return None
        match Entry(deal.entry):
            case Entry.IN:
                return self._add(key, held, sign, deal, symbol)
            case Entry.OUT | Entry.OUT_BY:
                return self._reduce(key, held, sign, deal.lots)
            case Entry.INOUT:
                return self._reverse(key, held, sign, deal, symbol)

    def opened_by(self, deal: DealExecuted, decision: int, trade: int, margin: float) -> None:
        """Remember which entry and trade opened a deal's position, and what it ties up."""
        key = (deal.login, deal.position_id)
        held = self.open.get(key)
        if held is not None:
            margin += held.margin
            self.open[key] = held._replace(decision=decision, trade=trade, margin=margin)

    def _add(
        self, key: tuple[str, str], held: Held | None, sign: float, deal: DealExecuted, symbol: int
    ) -> Parts | None:
        if held is None:
            self.put(key, Held(deal.login, symbol, sign, deal.lots, deal.price))
        elif held.side != sign:
            return None
        else:
            lots = held.lots + deal.lots
            mean = (held.open_price * held.lots + deal.price * deal.lots) / lots
            self.open[key] = held._replace(lots=lots, open_price=mean)
        return Parts(0.0, None, deal.lots)

    def _reduce(
        self, key: tuple[str, str], held: Held | None, sign: float, lots: float
    ) -> Parts | None:
        if held is None:
            return Parts(lots, None, 0.0)
        left = held.lots - lots
        if held.side == sign or left < -LOTS_TOLERANCE:
            return None
        if left <= LOTS_TOLERANCE:
            del self.open[key], self._ids[key[0]][key[1]]
            if not self._ids[key[0]]:
                del self._ids[key[0]]
        else:
            self.open[key] = held._replace(lots=left, margin=held.margin * left / held.lots)
        return Parts(lots, held, 0.0)

    def _reverse(
        self, key: tuple[str, str], held: Held | None, sign: float, deal: DealExecuted, symbol: int
    ) -> Parts | None:
        closed = 0.0 if held is None else held.lots
        opened = deal.lots - closed
        if (held is not None and held.side == sign) or opened <= LOTS_TOLERANCE:
            return None
        self.put(key, Held(deal.login, symbol, sign, opened, deal.price))
        return Parts(closed, held, opened)
