"""One login at one moment, and the thresholds it crosses (semantics.md sections 4, 5 and 7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from tests.oracle.book import AccountTerms
from tests.oracle.market import ZERO, Market
from tests.oracle.valuation import Leverage, Position, margin_of_account, profit, to_account

REARM_POINTS = Decimal(5)
LEVEL_TOLERANCE = Decimal("1e-9")
MONEY_TOLERANCE = Decimal("1e-6")


@dataclass(frozen=True)
class Routing:
    """The book of new deals, and the ratio that book C hedges of them."""

    book: str
    stored_ratio: Decimal

    @property
    def hedge_ratio(self) -> Decimal:
        """What part of a new deal is meant to be hedged."""
        return {"A": Decimal(1), "B": ZERO}.get(self.book, self.stored_ratio)


@dataclass(frozen=True)
class Figures:
    """An account at one moment, in its own currency; the level in percent."""

    floating: Decimal
    equity: Decimal
    margin: Decimal

    @property
    def level(self) -> Decimal | None:
        """Equity in percent of the margin, None without margin."""
        if self.margin < MONEY_TOLERANCE:
            return None
        equity = ZERO if abs(self.equity) <= MONEY_TOLERANCE else self.equity
        return 100 * equity / self.margin


@dataclass
class Account:
    """One login: its money, its open positions and the thresholds it is beyond."""

    terms: AccountTerms
    balance: Decimal
    credit: Decimal
    routing: Routing
    leverage: Leverage = field(default_factory=lambda: Leverage({}, {}))
    routing_of_symbol: dict[str, Routing] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    beyond: set[str] = field(default_factory=set)
    watched: set[str] = field(default_factory=set)

    def figures(self, market: Market) -> Figures:
        """Return what the account is worth now."""
        values = (floating(one, self.terms, market) for one in self.positions.values())
        total = sum((value for value in values if value is not None), ZERO)
        carried = self.credit if self.terms.credit_mode == "in_equity" else ZERO
        return Figures(
            floating=total,
            equity=self.balance + carried + total,
            margin=margin_of_account(self.positions.values(), self.terms, self.leverage),
        )

    def route(self, symbol: str) -> Routing:
        """Return where a new deal in a symbol goes."""
        return self.routing_of_symbol.get(symbol, self.routing)

    def crossings(self, ts_ms: Decimal, market: Market) -> Iterator[Crossing]:
        """Yield the thresholds that this event makes the account cross."""
        figures, terms = self.figures(market), self.terms
        level = figures.level
        thresholds = {"margin_call": terms.margin_call_level, "stop_out": terms.stop_out_level}
        hit = {
            kind: level is not None and level <= threshold + LEVEL_TOLERANCE
            for kind, threshold in thresholds.items()
        }
        clear = {
            kind: level is None or level > threshold + REARM_POINTS + LEVEL_TOLERANCE
            for kind, threshold in thresholds.items()
        }
        hit["negative_equity"] = figures.equity < -MONEY_TOLERANCE
        clear["negative_equity"] = not hit["negative_equity"]
        for kind, is_hit in hit.items():
            if is_hit and kind not in self.beyond:
                self.beyond.add(kind)
                yield Crossing(ts_ms, terms.login, kind, level)
            elif clear[kind]:
                self.beyond.discard(kind)


@dataclass(frozen=True)
class Crossing:
    """An account went beyond a threshold."""

    ts_ms: Decimal
    login: str
    kind: str
    level: Decimal | None


def floating(position: Position, terms: AccountTerms, market: Market) -> Decimal | None:
    """Return profit and accrued swap in account currency, None while unpriced."""
    close = market.closing(position.instrument.symbol, position.side)
    if close is None:
        return None
    amount = profit(position, position.units, close)
    converted = to_account(amount, position.instrument, close, terms, market)
    return None if converted is None else converted + position.swap
