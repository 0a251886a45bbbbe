"""What happened: events in (facts from outside) and events out (what the engine noticed).

Events travel in batches. A batch says where it ends in its source (``position``: resume after it)
and when we saw it (``ts_recv``), so both are stored once instead of on every event.

Units: ``ts_*`` are integer nanoseconds UTC; money in account currency unless ``_usd``; lots signed
only where a name says net.
"""

from __future__ import annotations

import msgspec

from exposure.model.accounts import Account
from exposure.model.instruments import Instrument


class Event(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Something that happened at its source at ``ts_event`` (ns UTC)."""

    ts_event: int


class InstrumentDefined(Event, frozen=True):
    """A symbol exists with these terms; the first definition counts for positions."""

    instrument: Instrument


class AccountChanged(Event, frozen=True):
    """A login exists, or its terms (leverage, group, levels) changed.

    Balance, credit and book are taken on the first event of a login only: afterwards they move by
    BalanceChanged, DealExecuted and BookAssigned.
    """

    account: Account


class PositionRestored(Event, frozen=True):
    """A client position that was open before the first event. Lots are positive."""

    login: str
    position_id: str
    symbol: str
    side: str
    lots: float
    open_price: float
    swap: float = 0.0
    hedge_ratio: float | None = None
    margin_per_lot: float | None = None


class LpPositionRestored(Event, frozen=True):
    """A position at a liquidity provider that was open before the first event."""

    lp: str
    symbol: str
    side: str
    lots: float
    price: float


class QuoteReceived(Event, frozen=True):
    """A provider quoted a symbol."""

    symbol: str
    bid: float
    ask: float
    source: str = ""


class DealExecuted(Event, frozen=True):
    """A client's deal; cash from the client's side (a charge is negative).

    ``side`` and ``entry`` are plain text here: what a platform sent, checked by the engine, so that
    a bad one becomes a break instead of an exception.
    """

    deal_id: str
    login: str
    position_id: str
    symbol: str
    side: str
    entry: str
    lots: float
    price: float
    commission: float = 0.0
    swap: float = 0.0
    profit: float | None = None
    raw_price: float | None = None
    reason: str = ""
    server: str = ""


class BalanceChanged(Event, frozen=True):
    """Money moved into or out of an account; the amount is signed."""

    login: str
    kind: str
    amount: float


class HedgeExecuted(Event, frozen=True):
    """The house dealt with a liquidity provider; cash in USD, signed from the house's side."""

    deal_id: str
    lp: str
    symbol: str
    side: str
    lots: float
    price: float
    commission: float = 0.0
    swap: float = 0.0


class BookAssigned(Event, frozen=True):
    """New deals of a login (or of one symbol of it) go to another book.

    Without ``hedge_ratio`` the last one stays.
    """

    login: str
    book: str
    hedge_ratio: float | None = None
    symbol: str = ""


class ClockTicked(Event, frozen=True):
    """The source says what time it is, so that time passes without trades."""


class InputRefused(Event, frozen=True):
    """An adapter met bytes that are no event: they are kept, counted and the rest goes on.

    ``source`` names the counter the row belongs to (``quotes``, ``deals``, ...), "" for none.
    """

    kind: str
    reason: str
    source: str = ""
    login: str = ""
    deal_id: str = ""
    symbol: str = ""


InputEvent = (
    InstrumentDefined
    | AccountChanged
    | PositionRestored
    | LpPositionRestored
    | QuoteReceived
    | DealExecuted
    | BalanceChanged
    | HedgeExecuted
    | BookAssigned
    | ClockTicked
    | InputRefused
)


class EventBatch(msgspec.Struct, frozen=True, array_like=True):
    """Events in order, with the position of the last one in their source.

    ``position`` counts events from 1, so a feed asked to resume after ``position`` sends the next.
    """

    position: int
    ts_recv: int
    events: list[InputEvent]


class MarginLevelCrossed(Event, frozen=True):
    """An account reached a threshold: ``kind`` is margin_call, stop_out or negative_equity.

    ``position`` is that of the input event that crossed, in its source. ``level`` is in percent,
    None when the account has no margin.
    """

    position: int
    login: str
    kind: str
    level: float | None


class BreakFound(Event, frozen=True):
    """Input that contradicts what we know; quarantined whole unless it is a profit mismatch.

    ``position`` is that of the input event in its source (a file reader turns it into file and
    line). ``ts_event`` is -1 where the input had no readable time.
    """

    position: int
    kind: str
    reason: str
    login: str = ""
    deal_id: str = ""
    symbol: str = ""


OutputEvent = MarginLevelCrossed | BreakFound
