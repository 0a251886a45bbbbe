"""Large deals, as the engine picks them out of everything that is dealt."""

from __future__ import annotations

from typing import Final

from dealing.alerts.model import Action, Offer, Reading
from dealing.alerts.sources.newest import Newest
from dealing.alerts.sources.wording import facts, lots, usd
from dealing.ports import EngineFrame, LargeDeal

MISSED: Final = "deals that were not listed"
"""The subject that stands for deals that a frame had no more room for."""

BOOK_A: Final = "A"
_DONE: Final = {"buy": "bought", "sell": "sold"}


class LargeDealsSeen:
    """Reads large deals from frame to frame."""

    def __init__(self, cursor: str, kept: int) -> None:
        """Take how far an earlier process read, and how many deals a frame holds."""
        self._newest = Newest[LargeDeal](cursor, kept)

    @property
    def cursor(self) -> str:
        """How far they were read."""
        return self._newest.cursor

    def look(self, frame: EngineFrame) -> list[Reading]:
        """Return what nobody has read yet."""
        new = self._newest.new(frame.large_deals, frame.snapshot.as_of)
        readings = [_reading(deal) for deal in new.events]
        return [*readings, _missed(new.events[0])] if new.gap else readings


def _reading(deal: LargeDeal) -> Reading:
    done = _DONE.get(deal.side, deal.side)
    closing = "" if deal.entry == "in" else " to close" if deal.entry == "out" else " to turn"
    move = Offer(action=Action.MOVE_TO_A, client_id=deal.client_id)
    hedge = Offer(action=Action.HEDGE, symbol=deal.symbol)
    return Reading(
        rule="large_deal",
        subject=deal.client_id,
        value=deal.notional_usd,
        at_stake_usd=deal.notional_usd,
        happened_at_ns=deal.ts_event,
        headline=f"Client {deal.client_id} {done} {lots(deal.lots)} {deal.symbol}{closing} "
        f"({usd(deal.notional_usd)}) in book {deal.book}",
        advice=f"Look at the exposure of {deal.symbol} now; hedge what the house should not keep.",
        facts=facts(
            ("Deal", deal.deal_id),
            ("Login", deal.login),
            ("Price", f"{deal.price:g}"),
            ("Book", deal.book),
        ),
        offers=(hedge,) if deal.book == BOOK_A else (hedge, move),
        symbol=deal.symbol,
        key=f"{deal.server}/{deal.deal_id}",
    )


def _missed(first: LargeDeal) -> Reading:
    return Reading(
        rule="large_deal",
        subject=MISSED,
        value=first.notional_usd,
        at_stake_usd=first.notional_usd,
        happened_at_ns=first.ts_event,
        headline="More large deals came at once than can be listed: some before deal "
        f"{first.deal_id} are missing here",
        advice="Look at the exposure and at the largest clients of the last minutes.",
        key=f"missed:{first.position}",
    )
