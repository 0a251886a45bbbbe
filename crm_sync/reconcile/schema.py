"""What is compared: the rows of the three sides, in the same words whoever wrote them.

Amounts are whole minor units with the client's sign: a deposit is positive, a withdrawal, refund or
chargeback negative. Times are microseconds UTC. Text is "" where nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec
import polars as pl

from exposure.errors import DataError

DAY_US: Final = 86_400_000_000
MINUTE_US: Final = 60_000_000


class Side(StrEnum):
    """Who says it."""

    PROVIDER = "provider"
    LEDGER = "ledger"
    PLATFORM = "platform"


class Leg(StrEnum):
    """What the ledger is compared with."""

    PROVIDER = "provider"
    PLATFORM = "platform"


class Kind(StrEnum):
    """What a row is; ``balance`` is how platforms call a deposit or withdrawal."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    SETTLEMENT = "settlement"
    TRANSFER = "transfer"
    BALANCE = "balance"
    CREDIT = "credit"
    BONUS = "bonus"
    CORRECTION = "correction"
    CHARGE = "charge"


class Status(StrEnum):
    """How far a row has come."""

    PENDING = "pending"
    DONE = "done"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"
    FAILED = "failed"


class BreakClass(StrEnum):
    """What is wrong; TIMING is not wrong yet."""

    MISSING_PSP = "MISSING_PSP"
    MISSING_LEDGER = "MISSING_LEDGER"
    MISSING_PLATFORM = "MISSING_PLATFORM"
    DUPLICATE_PSP = "DUPLICATE_PSP"
    DUPLICATE_LEDGER = "DUPLICATE_LEDGER"
    DUPLICATE_PLATFORM = "DUPLICATE_PLATFORM"
    AMOUNT = "AMOUNT"
    CURRENCY = "CURRENCY"
    WRONG_ACCOUNT = "WRONG_ACCOUNT"
    WRONG_TYPE = "WRONG_TYPE"
    TIMING = "TIMING"
    FEE = "FEE"
    FX_RATE = "FX_RATE"
    STATUS = "STATUS"
    ORPHAN_MANUAL = "ORPHAN_MANUAL"
    STALE_PENDING = "STALE_PENDING"


class Rule(StrEnum):
    """How rows found each other; LONE ones found nobody."""

    REFERENCE = "reference"
    NEAR = "near"
    SUM = "sum"
    LONE = "lone"


PAYMENTS: Final = (
    Kind.DEPOSIT, Kind.WITHDRAWAL, Kind.REFUND, Kind.CHARGEBACK, Kind.SETTLEMENT,
)  # fmt: skip
"""Kinds that a provider's statement has; ledger rows of another kind have no provider leg."""

KIND: Final = pl.Enum([kind.value for kind in Kind])
STATUS: Final = pl.Enum([status.value for status in Status])


class Column(NamedTuple):
    """One column of a side; ``default`` fills a field that is empty or a column that is missing."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    required: bool = True
    default: str | None = None


_REF: Final = Column("ref", pl.String, default="")
_ID: Final = Column("id", pl.String, required=False, default="")
_CLIENT: Final = Column("client_id", pl.String, default="")
_LOGIN: Final = Column("login", pl.String, default="")
_STATUS: Final = Column("status", STATUS, required=False, default=Status.DONE.value)
_FEE: Final = Column("fee_minor", pl.Int64, required=False)
_MONEY: Final = (
    Column("kind", KIND),
    Column("amount_minor", pl.Int64),
    Column("currency", pl.String),
    Column("at_us", pl.Int64),
)

COLUMNS: Final[Mapping[Side, tuple[Column, ...]]] = {
    Side.PROVIDER: (
        _REF, _CLIENT, *_MONEY, _ID, _STATUS, _FEE,
        Column("provider", pl.String, required=False, default=""),
    ),
    Side.LEDGER: (
        _REF, _CLIENT, _LOGIN, *_MONEY, _ID, _STATUS, _FEE,
        Column("provider", pl.String, required=False, default=""),
        Column("platform_ref", pl.String, required=False),
        Column("credit_minor", pl.Int64, required=False),
        Column("credit_currency", pl.String, required=False),
        Column("rate", pl.Float64, required=False),
    ),
    Side.PLATFORM: (_REF, _LOGIN, *_MONEY, _ID),
}  # fmt: skip
"""The columns of each side.

``ref`` of provider and ledger is what they both call a payment; of the platform it is the token in
the deal's comment, "" where a person wrote something else. ``id`` is the row's own at its side.

In the ledger, ``login`` is "" where nothing is due on the platform; ``platform_ref`` (else ``ref``)
is the token that was sent there; ``credit_minor`` of ``credit_currency`` (else the amount itself)
is what the platform has to book, at ``rate`` credit units for one unit of ``currency``.
"""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """When something is late and what is equal.

    ``scope`` names what is compared (one provider, or all): it is a part of every break's id.
    ``provider_us`` and ``platform_us`` are both how far apart rows without a common reference may
    be, and how long one may wait for the other. ``pending_us`` is how long a payment may be
    pending. ``rate_share``: a conversion that is off by no more of its amount is a matter of rates.

    Units: ``usd_per`` USD for one whole unit of a currency.
    """

    as_of_us: int
    scope: str = "all"
    provider_us: int = 3 * DAY_US
    platform_us: int = 10 * MINUTE_US
    pending_us: int = 3 * DAY_US
    rate_share: float = 0.05
    most_parts: int = 8
    usd_per: Mapping[str, float] = msgspec.field(default_factory=lambda: {"USD": 1.0})

    def within_us(self, leg: Leg) -> int:
        """Return the window and grace of a leg."""
        return self.provider_us if leg is Leg.PROVIDER else self.platform_us


def completed(frame: pl.DataFrame, side: Side) -> pl.DataFrame:
    """Return a side with all its columns, each of its type, and ``row`` for its place.

    Raises:
        DataError: A required column is missing, or a column holds what its type cannot be.
    """
    missing = [c.name for c in COLUMNS[side] if c.required and c.name not in frame.columns]
    if missing:
        raise DataError(f"the rows of the {side} have no column {' and no column '.join(missing)}")
    try:
        typed = frame.select(_typed(column, frame) for column in COLUMNS[side])
    except pl.exceptions.PolarsError as e:
        reason = str(e).partition("\n")[0]
        raise DataError(f"the rows of the {side} have a column of another type: {reason}") from e
    return _with_credits(typed, side).with_row_index("row")


def _typed(column: Column, frame: pl.DataFrame) -> pl.Expr:
    if column.name not in frame.columns:
        return pl.lit(column.default, column.dtype).alias(column.name)
    values = pl.col(column.name).cast(column.dtype)
    return values if column.default is None else values.fill_null(column.default)


def _with_credits(frame: pl.DataFrame, side: Side) -> pl.DataFrame:
    if side is not Side.LEDGER:
        return frame
    return frame.with_columns(
        platform_ref=pl.col("platform_ref").replace("", None)
        .fill_null(pl.col("ref")),
        credit_minor=pl.col("credit_minor").fill_null(pl.col("amount_minor")),
        credit_currency=pl.col("credit_currency").replace("", None).fill_null(pl.col("currency")),
    )  # fmt: skip
