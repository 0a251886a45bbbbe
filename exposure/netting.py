"""What a deal does to the position it names: open, add, reduce, close, reverse.

Source: semantics.md section 6.
"""

from __future__ import annotations

from typing import NamedTuple

from exposure.kernels import LOTS_TOLERANCE
from exposure.model.deals import Entry, Side
from exposure.model.events import DealExecuted
from exposure.refusals import Refusal


class Held(NamedTuple):
    """The open position that a deal names."""

    symbol: str
    side: Side
    lots: float


class Fill(NamedTuple):
    """How many lots of a deal close what is held and how many open something new."""

    closing_lots: float
    opening_lots: float


def net(deal: DealExecuted, held: Held | None) -> Fill | Refusal:
    """Split a well-formed deal into its closing and its opening lots.

    Lots within 1e-9 are equal. A reversal that is smaller than the position only reduces it.
    """
    entry, side = Entry(deal.entry), Side(deal.side)
    if entry is Entry.IN:
        return _open(deal, side, held)
    if held is None:
        return Refusal("overclose", f"position {deal.position_id} is not open")
    if held.symbol != deal.symbol:
        return _other_symbol(deal, held)
    if held.side is side:
        reason = f"a {side} cannot close position {deal.position_id}: it is a {side} too"
        return Refusal("overclose", reason)
    return _close(deal, entry, held)


def _open(deal: DealExecuted, side: Side, held: Held | None) -> Fill | Refusal:
    if held is not None and held.symbol != deal.symbol:
        return _other_symbol(deal, held)
    if held is not None and held.side is not side:
        return Refusal(
            "overclose", f"a {side} cannot add to position {deal.position_id}: it is a {held.side}"
        )
    return Fill(0.0, deal.lots)


def _close(deal: DealExecuted, entry: Entry, held: Held) -> Fill | Refusal:
    excess = deal.lots - held.lots
    excess = excess if excess > LOTS_TOLERANCE else 0.0
    if excess > 0.0 and entry is not Entry.INOUT:
        reason = f"closes {deal.lots:g} lots of position {deal.position_id}: it has {held.lots:g}"
        return Refusal("overclose", reason)
    return Fill(min(deal.lots, held.lots), excess)


def _other_symbol(deal: DealExecuted, held: Held) -> Refusal:
    return Refusal(
        "overclose", f"position {deal.position_id} is in {held.symbol}, the deal in {deal.symbol}"
    )
