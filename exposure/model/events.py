"""What happened: events in (facts from outside) and events out (what the engine noticed).

Events travel in batches. A batch says where it ends in its source (``position``: resume after it)
and when we saw it (``ts_recv``), so both are stored once instead of on every event.

Units: ``ts_*`` are integer nanoseconds UTC; money in account currency unless ``_usd``; lots signed
only where a name says net.
"""

from __future__ import annotations

from typing import Final

import msgspec

from exposure.model.accounts import Account
from exposure.model.instruments import Instrument

NO_TIME: Final = -1
"""The time of an event that has none, or none that can be used."""

EARLIEST: Final = -(2**63)
LATEST: Final = 2**63 - 1
"""What 64 bits hold, as columns and databases do: from the year 1677 to 2262."""


class Event(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Something that happened at its source at ``ts_event`` (ns UTC)."""

    ts_event: int


def has_time(event: Event) -> bool:
    """Whether an event's time can be stored; a message may carry any integer."""
    return EARLIEST <= event.ts_event <= LATEST


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
    a bad one becomes a break instead of an exception. ``reference_mid`` is what a faster feed said
    at the fill.
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
    reference_mid: float | None = None


class BalanceChanged(Event, frozen=True):
    """Money moved into or out of an account; the amount is signed."""

    login: str
    kind: str
    amount: float
    deal_id: str = ""
    comment: str = ""


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

    Without ``hedge_ratio`` the last one stays. Open positions keep their book, unless
    ``move_open`` takes them along: what is meant to be hedged changes at once.
    """

    login: str
    book: str
    hedge_ratio: float | None = None
    symbol: str = ""
    move_open: bool = False


class HedgeAnswered(Event, frozen=True):
    """A provider has answered an order of the desk for good; its fills came before, as deals.

    ``key`` is the order's, and a fill's deal id is the key, a slash and the fill's number.
    ``reason`` says why lots are left, "" where none are. Lots are positive.
    """

    key: str
    lp: str
    symbol: str
    side: str
    filled_lots: float
    left_lots: float
    reason: str = ""


class LeverageTierDefined(Event, frozen=True):
    """One bracket of a leverage profile: up to ``upper_lots`` of a leg have this leverage.

    Brackets of a profile and symbol come in rising order; None is unlimited, as is the last one
    whatever it says. One that is told again changes nothing, one that says otherwise is refused.
    """

    profile: str
    symbol: str
    upper_lots: float | None
    leverage: float


class LeverageCapDefined(Event, frozen=True):
    """Accounts of a region and client category get at most this leverage on a symbol."""

    region: str
    category: str
    symbol: str
    leverage: float


class LimitSet(Event, frozen=True):
    """How much of something the house may hold; None takes a limit away.

    ``scope`` is symbol, underlying, currency, asset_class or client, ``name`` which one of it.
    """

    scope: str
    name: str
    soft_usd: float | None = None
    hard_usd: float | None = None


class SwapCharged(Event, frozen=True):
    """Positions of a symbol were held over rollover: the clients', or one provider's (``lp``).

    ``nights`` multiplies the rates, which are those of the instrument where None, in the unit of
    its swap mode. Positive is paid to the holder.
    """

    symbol: str
    nights: float
    long_rate: float | None = None
    short_rate: float | None = None
    lp: str = ""


class DividendPaid(Event, frozen=True):
    """A share or index went ex dividend: longs receive, shorts pay, per unit in quote currency."""

    symbol: str
    long_per_unit: float
    short_per_unit: float
    lp: str = ""


class PriceAdjusted(Event, frozen=True):
    """Cash for a price change that was no gain or loss (index change, contract roll, financing).

    Longs receive, shorts pay, per unit in quote currency.
    """

    symbol: str
    long_per_unit: float
    short_per_unit: float
    lp: str = ""


class SplitApplied(Event, frozen=True):
    """One unit became ``ratio`` units: lots times, prices divided by it, for everybody."""

    symbol: str
    ratio: float


class SymbolRenamed(Event, frozen=True):
    """A symbol is called otherwise from now on; positions and prices stay."""

    symbol: str
    new_symbol: str


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
    | HedgeAnswered
    | LeverageTierDefined
    | LeverageCapDefined
    | LimitSet
    | SwapCharged
    | DividendPaid
    | PriceAdjusted
    | SplitApplied
    | SymbolRenamed
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
    line). ``ts_event`` is ``NO_TIME`` where the input had no usable time.
    """

    position: int
    kind: str
    reason: str
    login: str = ""
    deal_id: str = ""
    symbol: str = ""


class LimitBreached(Event, frozen=True):
    """The house holds more than a limit allows; ``severity`` is soft or hard.

    ``position`` is that of the input event at which it was seen.
    """

    position: int
    scope: str
    name: str
    severity: str
    value_usd: float
    limit_usd: float


class RevenueBooked(Event, frozen=True):
    """One signed fact of what the house earned, from its own view (semantics.md section 8).

    ``position`` is that of the input event behind it; together with ``component``, ``login``,
    ``symbol`` and ``book`` it is unique. Empty text where a dimension has no meaning (a provider
    has no login).

    Units: ``amount_micro_usd`` whole millionths of a USD, + is earned.
    """

    position: int
    component: str
    amount_micro_usd: int
    client_id: str
    login: str
    symbol: str
    underlying: str
    asset_class: str
    ib: str
    book: str
    region: str
    deal_id: str = ""


class CashBooked(Event, frozen=True):
    """What one input event moved in one currency, computed apart from its facts: they add up to it.

    ``position`` and ``currency`` (that of the cash before it was converted) are unique together:
    all of an event's cash in one currency finds its rate at the same moment.

    Units: whole millionths of a USD, from the house's view: ``client_net`` is minus the clients'
    cash, ``lp_net`` what providers paid, ``bonus`` and ``adjustments`` signed costs.
    """

    position: int
    client_net_micro_usd: int = 0
    lp_net_micro_usd: int = 0
    bonus_micro_usd: int = 0
    adjustments_micro_usd: int = 0
    currency: str = ""


Finding = MarginLevelCrossed | BreakFound | LimitBreached
"""What people have to hear of at once."""

OutputEvent = Finding | RevenueBooked | CashBooked
