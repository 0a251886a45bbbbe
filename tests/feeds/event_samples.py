"""Events to send and store: random ones of every kind, and short numbered batches."""

from hypothesis import strategies as st

from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    BookAssigned,
    ClockTicked,
    DealExecuted,
    DividendPaid,
    EventBatch,
    HedgeExecuted,
    InputRefused,
    InstrumentDefined,
    LeverageCapDefined,
    LeverageTierDefined,
    LimitSet,
    LpPositionRestored,
    PositionRestored,
    PriceAdjusted,
    QuoteReceived,
    SplitApplied,
    SwapCharged,
    SymbolRenamed,
)
from exposure.model.instruments import CalcMode, Instrument

_times = st.integers(-1, 2**62)
_numbers = st.floats(allow_nan=False)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)

_instruments = st.builds(
    Instrument,
    symbol=_texts,
    asset_class=_texts,
    base=_texts,
    quote=_texts,
    contract_size=_numbers,
    digits=st.integers(0, 9),
    calc_mode=st.sampled_from(CalcMode),
    limit_usd=st.none() | _numbers,
)
_accounts = st.builds(
    Account,
    login=_texts,
    client_id=_texts,
    currency=_texts,
    balance=_numbers,
    leverage=_numbers,
    book=st.sampled_from(Book),
    hedge_ratio=st.none() | _numbers,
)


_per_unit = {"long_per_unit": _numbers, "short_per_unit": _numbers, "lp": _texts}
_maybe = st.none() | _numbers
_traded = {"symbol": _texts, "side": _texts, "lots": _numbers}

FIELDS = {
    InstrumentDefined: {"instrument": _instruments},
    AccountChanged: {"account": _accounts},
    PositionRestored: {
        "login": _texts, "position_id": _texts, "open_price": _numbers, **_traded,
    },
    LpPositionRestored: {"lp": _texts, "price": _numbers, **_traded},
    QuoteReceived: {"symbol": _texts, "bid": _numbers, "ask": _numbers, "source": _texts},
    DealExecuted: {
        "deal_id": _texts, "login": _texts, "position_id": _texts, "entry": _texts,
        "price": _numbers, "profit": _maybe, "reference_mid": _maybe, **_traded,
    },
    BalanceChanged: {"login": _texts, "kind": _texts, "amount": _numbers},
    HedgeExecuted: {"deal_id": _texts, "lp": _texts, "price": _numbers, **_traded},
    BookAssigned: {"login": _texts, "book": _texts, "hedge_ratio": _maybe},
    LeverageTierDefined: {
        "profile": _texts, "symbol": _texts, "upper_lots": _maybe, "leverage": _numbers,
    },
    LeverageCapDefined: {
        "region": _texts, "category": _texts, "symbol": _texts, "leverage": _numbers,
    },
    LimitSet: {"scope": _texts, "name": _texts, "soft_usd": _maybe, "hard_usd": _maybe},
    SwapCharged: {"symbol": _texts, "nights": _numbers, "long_rate": _maybe, "lp": _texts},
    DividendPaid: {"symbol": _texts, **_per_unit},
    PriceAdjusted: {"symbol": _texts, **_per_unit},
    SplitApplied: {"symbol": _texts, "ratio": _numbers},
    SymbolRenamed: {"symbol": _texts, "new_symbol": _texts},
    ClockTicked: {},
    InputRefused: {"kind": _texts, "reason": _texts},
}  # fmt: skip
"""Every kind of event, and what its fields are drawn from."""

events = st.one_of(*(st.builds(kind, ts_event=_times, **fields) for kind, fields in FIELDS.items()))


@st.composite
def batches(draw):
    """One batch anywhere in a stream."""
    content = draw(st.lists(events, min_size=1, max_size=6))
    position = draw(st.integers(len(content), 2**62))
    return EventBatch(position, draw(_times), content)


@st.composite
def streams(draw, max_size=8):
    """Consecutive batches from position 1."""
    return numbered(
        draw(st.lists(st.lists(events, min_size=1, max_size=4), min_size=1, max_size=max_size))
    )


def numbered(groups):
    """Groups of events as consecutive batches from position 1."""
    made, position = [], 0
    for group in groups:
        position += len(group)
        made.append(EventBatch(position, 0, group))
    return made


def quotes(*bids):
    """A group of quotes."""
    return [QuoteReceived(i, "EURUSD", float(bid), bid + 1.0) for i, bid in enumerate(bids)]


def quote_batches(*sizes):
    """Consecutive batches of so many quotes each, every quote with a price of its own."""
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return numbered(
        [quotes(*range(end - size, end)) for end, size in zip(ends, sizes, strict=True)]
    )


def flat(received):
    """All events of some batches in order."""
    return [event for batch in received for event in batch.events]
