"""Why input is refused: each check answers with a kind of break and a sentence, or with None.

Source: semantics.md sections 2 and 6.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from exposure.model.deals import Entry, Side
from exposure.model.events import DealExecuted, InputEvent, PositionRestored


class Refusal(NamedTuple):
    """Why input is quarantined: the kind of break and a sentence."""

    kind: str
    reason: str


_SIDES: Final = frozenset(Side)
_ENTRIES: Final = frozenset(Entry)


def malformed(deal: DealExecuted) -> str | None:
    """Return what makes a deal unreadable, None if nothing does."""
    if deal.side not in _SIDES:
        return f"side must be buy or sell, was '{deal.side}'"
    if deal.entry not in _ENTRIES:
        return f"entry must be in, out, inout or out_by, was '{deal.entry}'"
    if not (math.isfinite(deal.lots) and deal.lots > 0.0):
        return f"lots must be a number above 0, was {deal.lots}"
    optional = [value for value in (deal.profit, deal.raw_price) if value is not None]
    if not all(map(math.isfinite, (deal.price, deal.commission, deal.swap, *optional))):
        return "price, commission, swap, profit and raw_price must be finite numbers"
    return None


def bad_position(event: PositionRestored) -> Refusal | None:
    """Check a position that was open before the first event."""
    optional = [v for v in (event.margin_per_lot, event.hedge_ratio) if v is not None]
    problem = bad_trade(event.side, event.lots, event.open_price, event.swap, *optional)
    return None if problem is None else Refusal("bad_position", problem)


def bad_trade(side: str, lots: float, *numbers: float) -> str | None:
    """Return what makes a trade unreadable: its side, its lots, or any other number."""
    if side not in _SIDES:
        return f"side must be buy or sell, was '{side}'"
    if not (math.isfinite(lots) and lots > 0.0):
        return f"lots must be a number above 0, was {lots}"
    if not all(map(math.isfinite, numbers)):
        return "price, commission and swap must be finite numbers"
    return None


def bad_time(event: InputEvent, _: int = 0) -> Refusal:
    """Refuse an event of any kind whose time cannot be stored."""
    return Refusal(
        "bad_time", f"ts_event must fit into 64 bits of nanoseconds, was {event.ts_event}"
    )


def bad_quote(bid: float, ask: float) -> Refusal:
    """Refuse a quote whose sides are not usable."""
    return Refusal("bad_quote", f"bid and ask must be positive numbers, were {bid} and {ask}")


def unknown_symbol(symbol: str) -> Refusal:
    """Refuse what names a symbol that was never defined."""
    return Refusal("unknown_symbol", f"symbol '{symbol}' is not among the instruments")


def unknown_login(login: str) -> Refusal:
    """Refuse what names a login that was never defined."""
    return Refusal("unknown_login", f"login '{login}' is not among the accounts")
