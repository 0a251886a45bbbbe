"""The two comparisons that three sides come to: the ledger with the provider, and the platform.

On a leg both sides have the same columns, so that what matches them need not know whose they are:
``row, id, ref, type, amount, currency, account, status, fee, at``; the ledger's also ``product``,
what its rate makes of the amount where the platform's currency is another one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import polars as pl

from crm_sync.reconcile.schema import KIND, PAYMENTS, STATUS, Kind, Leg, Status
from exposure.model.ids import Currency
from exposure.model.money import minor_digits

IN_ORDER: Final = (
    "at", "id", "ref", "type", "amount", "currency", "account", "status", "fee", "row",
)  # fmt: skip
"""The order in which equal references count: rows that it cannot tell apart are the same."""

_AS_BALANCE: Final = (*PAYMENTS, Kind.TRANSFER)


class LegSides(NamedTuple):
    """What the ledger says, and what the other side says."""

    ours: pl.DataFrame
    theirs: pl.DataFrame


class Sides(NamedTuple):
    """Everybody's rows, as ``schema.completed`` returns them."""

    provider: pl.DataFrame
    ledger: pl.DataFrame
    platform: pl.DataFrame

    def other(self, leg: Leg) -> pl.DataFrame:
        """Return the rows that the ledger is compared with."""
        return self.provider if leg is Leg.PROVIDER else self.platform


def leg_sides(sides: Sides, leg: Leg) -> LegSides:
    """Return both sides of a leg; ledger rows that have nothing to do with it are left out."""
    if leg is Leg.PROVIDER:
        return _provider_leg(sides)
    return _platform_leg(sides)


def _provider_leg(sides: Sides) -> LegSides:
    columns = (
        *_columns("ref", "amount_minor", "currency", "client_id"),
        pl.col("kind").alias("type"),
        pl.col("status"),
        pl.col("fee_minor").alias("fee"),
    )
    ours = sides.ledger.filter(pl.col("kind").is_in([kind.value for kind in PAYMENTS]))
    no_product = pl.lit(None, pl.Float64).alias("product")
    return LegSides(ours.select(*columns, no_product), sides.provider.select(*columns))


def _platform_leg(sides: Sides) -> LegSides:
    no_fee = pl.lit(None, pl.Int64).alias("fee")
    ours = sides.ledger.filter(pl.col("login") != "").select(
        *_columns("platform_ref", "credit_minor", "credit_currency", "login"),
        _platform_type(),
        "status",
        no_fee,
        _product(sides.ledger),
    )
    theirs = sides.platform.select(
        *_columns("ref", "amount_minor", "currency", "login"),
        _platform_type(),
        pl.lit(Status.DONE.value, STATUS).alias("status"),
        no_fee,
    )
    return LegSides(ours, theirs)


def _columns(ref: str, amount: str, currency: str, account: str) -> tuple[pl.Expr, ...]:
    return (
        pl.col("row"),
        pl.col("id"),
        pl.col("at_us").alias("at"),
        pl.col(ref).alias("ref"),
        pl.col(amount).alias("amount"),
        pl.col(currency).alias("currency"),
        pl.col(account).alias("account"),
    )


def _platform_type() -> pl.Expr:
    balance = pl.lit(Kind.BALANCE.value, KIND)
    is_balance = pl.col("kind").is_in([kind.value for kind in _AS_BALANCE])
    return pl.when(is_balance).then(balance).otherwise("kind").alias("type")


def _product(ledger: pl.DataFrame) -> pl.Expr:
    """Return what the rate makes of an amount, in minor units of the credit's currency."""
    names = {*ledger["currency"].unique(), *ledger["credit_currency"].unique()}
    digits = {name: minor_digits(Currency(name)) for name in names}
    scale = _digits("credit_currency", digits) - _digits("currency", digits)
    product = pl.col("amount_minor") * pl.col("rate") * pl.lit(10.0).pow(scale)
    converted = pl.col("currency") != pl.col("credit_currency")
    return pl.when(converted).then(product).alias("product")


def _digits(column: str, digits: dict[str, int]) -> pl.Expr:
    return pl.col(column).replace_strict(digits, default=2, return_dtype=pl.Int64)
