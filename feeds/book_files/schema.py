"""The files of a book directory: their names, their columns and the events they become.

The columns of a file are the fields of the event it becomes, so the model is written down once.
Source: semantics.md section 9.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import inspect

from exposure.model.accounts import Account
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    BookAssigned,
    DealExecuted,
    DividendPaid,
    HedgeExecuted,
    InputEvent,
    InputRefused,
    InstrumentDefined,
    LeverageTierDefined,
    LpPositionRestored,
    PositionRestored,
    PriceAdjusted,
    QuoteReceived,
    SplitApplied,
    SwapCharged,
    SymbolRenamed,
)
from exposure.model.instruments import Instrument


class Kind(Enum):
    """What the text of a column has to be."""

    TEXT = auto()
    NUMBER = auto()
    PRICE = auto()
    WHOLE = auto()
    FLAG = auto()
    CHOICE = auto()
    TIME = auto()


class Column(NamedTuple):
    """One column; ``default`` stands where one that may be empty is.

    A ``required`` column must be in the file; ``may_be_empty`` says whether its fields may be.
    """

    name: str
    kind: Kind
    required: bool = True
    default: str | float | bool | None = None
    choices: tuple[str, ...] = ()
    may_be_empty: bool = False


class BookFile(NamedTuple):
    """One file of the table and how its rows become events.

    ``key`` is the column whose first row counts where a file lists what exists. ``refusal`` is the
    kind of break of an unreadable row. ``unused`` columns belong to the table and change nothing.
    """

    name: str
    columns: tuple[Column, ...]
    refusal: str
    make: Callable[[int, dict[str, Any]], InputEvent]
    key: str = ""
    unused: tuple[str, ...] = ()

    @property
    def timed(self) -> bool:
        """Whether its rows happen at a moment; others are the state before the first event."""
        return self.columns[0].kind is Kind.TIME


class CountedFile(NamedTuple):
    """A file whose rows are counted and change no number yet."""

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


TIME: Final = Column("ts_ms", Kind.TIME)


def _columns_of(struct: type[msgspec.Struct], *left_out: str) -> tuple[Column, ...]:
    info = inspect.type_info(struct)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{struct} is no msgspec Struct")
    return tuple(
        _column(field) for field in info.fields if field.name not in {"ts_event", *left_out}
    )


def _column(field: inspect.Field) -> Column:
    default = None if field.required else field.default
    node = field.type
    if isinstance(node, inspect.EnumType):
        choices = tuple(str(member.value) for member in node.cls)
        return _field(field, Kind.CHOICE, default)._replace(choices=choices)
    return _field(field, _kind(node), default)


def _field(field: inspect.Field, kind: Kind, default: Any) -> Column:
    return Column(field.name, kind, field.required, default, may_be_empty=not field.required)


def _kind(node: inspect.Type) -> Kind:
    match node:
        case inspect.StrType():
            return Kind.TEXT
        case inspect.IntType():
            return Kind.WHOLE
        case inspect.BoolType():
            return Kind.FLAG
        case inspect.FloatType() | inspect.UnionType():
            return Kind.NUMBER
        case _:
            raise TypeError(f"a column cannot hold {node}")


def _define_instrument(ts_event: int, row: dict[str, Any]) -> InputEvent:
    return InstrumentDefined(ts_event, msgspec.convert(row, Instrument))


def _define_account(ts_event: int, row: dict[str, Any]) -> InputEvent:
    return AccountChanged(ts_event, msgspec.convert(row, Account))


def _event(kind: Callable[..., InputEvent]) -> Callable[[int, dict[str, Any]], InputEvent]:
    return lambda ts_event, row: kind(ts_event, **row)


def _per_unit(kind: type[DividendPaid | PriceAdjusted]) -> _MakeAction:
    def make(ts_event: int, row: _ActionRow) -> InputEvent | str:
        value = _number(row.value)
        long = value if row.long_value is None else row.long_value
        short = value if row.short_value is None else row.short_value
        if long is None or short is None:
            return f"value is '{row.value}', not a finite number"
        return kind(ts_event, row.symbol, long, short, row.lp)

    return make


def _swap(ts_event: int, row: _ActionRow) -> InputEvent | str:
    nights = _number(row.value)
    if nights is None:
        return f"value is '{row.value}', not a number of nights"
    return SwapCharged(ts_event, row.symbol, nights, row.long_value, row.short_value, row.lp)


def _split(ts_event: int, row: _ActionRow) -> InputEvent | str:
    ratio = _number(row.value)
    if ratio is None:
        return f"value is '{row.value}', not a ratio of new to old units"
    return SplitApplied(ts_event, row.symbol, ratio)


def _rename(ts_event: int, row: _ActionRow) -> InputEvent:
    return SymbolRenamed(ts_event, row.symbol, row.value)


class _ActionRow(NamedTuple):
    """A row of ``actions`` whose kind decides what ``value`` means."""

    symbol: str
    value: str
    long_value: float | None = None
    short_value: float | None = None
    lp: str = ""


_MakeAction = Callable[[int, _ActionRow], InputEvent | str]

_ACTIONS: Final[dict[str, _MakeAction]] = {
    "swap": _swap,
    "dividend": _per_unit(DividendPaid),
    "adjustment": _per_unit(PriceAdjusted),
    "split": _split,
    "rename": _rename,
}


def _action(ts_event: int, row: dict[str, Any]) -> InputEvent:
    kind = row.pop("kind")
    action = _ActionRow(**row)
    made = _ACTIONS[kind](ts_event, action)
    if not isinstance(made, str):
        return made
    return InputRefused(ts_event, "bad_action", made, source="actions", symbol=action.symbol)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


STATIC_FILES: Final = (
    BookFile(
        "instruments", _columns_of(Instrument), "bad_instrument", _define_instrument, key="symbol"
    ),
    BookFile(
        "accounts", _columns_of(Account, "close_only"), "bad_account", _define_account, key="login"
    ),
    BookFile(
        "leverage_tiers",
        (
            Column("profile", Kind.TEXT),
            Column("symbol", Kind.TEXT),
            Column("upper_lots", Kind.PRICE, may_be_empty=True),
            Column("leverage", Kind.NUMBER),
        ),
        "bad_tier",
        _event(LeverageTierDefined),
    ),
    BookFile(
        "positions",
        _columns_of(PositionRestored),
        "bad_position",
        _event(PositionRestored),
        unused=("open_ts_ms",),
    ),
    BookFile(
        "lp_positions",
        _columns_of(LpPositionRestored),
        "bad_lp_position",
        _event(LpPositionRestored),
    ),
)
"""The state before the first event, in the order in which it is told."""

QUOTES: Final = BookFile(
    "quotes",
    (TIME, Column("symbol", Kind.TEXT), Column("bid", Kind.PRICE), Column("ask", Kind.PRICE)),
    "bad_quote",
    _event(QuoteReceived),
    unused=("source", "bid_size", "ask_size"),
)

REFERENCE_QUOTES: Final = QUOTES._replace(name="reference_quotes")
"""A faster provider's prices: they move nothing, and say how stale a fill was."""

EVENT_FILES: Final = (
    BookFile(
        "balances",
        (TIME, *_columns_of(BalanceChanged, "deal_id", "comment")),
        "bad_balance",
        _event(BalanceChanged),
    ),
    BookFile(
        "books",
        (TIME, *_columns_of(BookAssigned, "move_open")),
        "bad_book",
        _event(BookAssigned),
    ),
    BookFile(
        "actions",
        (
            TIME,
            Column("kind", Kind.CHOICE, choices=tuple(_ACTIONS)),
            Column("symbol", Kind.TEXT),
            Column("value", Kind.TEXT),
            Column("long_value", Kind.NUMBER, required=False, may_be_empty=True),
            Column("short_value", Kind.NUMBER, required=False, may_be_empty=True),
            Column("lp", Kind.TEXT, required=False, default="", may_be_empty=True),
        ),
        "bad_action",
        _action,
    ),
    BookFile(
        "deals", (TIME, *_columns_of(DealExecuted, "server")), "bad_deal", _event(DealExecuted)
    ),
    BookFile("hedges", (TIME, *_columns_of(HedgeExecuted)), "bad_deal", _event(HedgeExecuted)),
)
"""In the order in which events of one instant happen; quotes come before all of them."""

COUNTED_FILES: Final = (
    CountedFile(
        "orders",
        ("ts_ms", "order_id", "login", "symbol", "side", "type", "lots", "state"),
        ("price", "requested_price", "deal_id", "reject_reason"),
    ),
)

MUST_EXIST: Final = ("instruments", "accounts", "quotes")

FILE_NAMES: Final = (
    "instruments", "accounts", "quotes", "deals", "balances", "hedges", "books", "positions",
    "lp_positions", "leverage_tiers", "actions", "orders", "reference_quotes",
)  # fmt: skip
"""Every file of the table, in its order."""
