"""Changing currency in a client's wallet: two linked transfers, and the rate kept with them."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import msgspec
from sqlalchemy import Connection, text

from crm_sync.audit_log import alone
from crm_sync.money.errors import TransferRefusedError
from crm_sync.money.ledger import (
    AccountKind,
    Transfer,
    of_house,
    refuse_amount,
    refuse_currency,
    wallet,
)
from crm_sync.money.operations import Operation, Sum, by_hand, deed
from crm_sync.money.recording import record
from exposure.model.ids import Currency
from exposure.model.money import minor_digits

_CONVERTED: Final = text(
    "INSERT INTO ledger_conversions (id, sold_id, bought_id, rate, rate_source, at_us) "
    "VALUES (:id, :sold_id, :bought_id, :rate, :rate_source, :at_us) ON CONFLICT DO NOTHING"
)


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one currency is bought with one unit of another, and who says so."""

    rate: Decimal
    source: str


def converted_minor(amount_minor: int, sold: str, bought: str, rate: Decimal) -> int:
    """Return what an amount buys, rounded half-even once.

    Units: minor units of ``sold`` in, minor units of ``bought`` out.

    >>> converted_minor(10_000, "USD", "JPY", Decimal("150.25"))
    15025
    """
    digits = minor_digits(Currency(bought)) - minor_digits(Currency(sold))
    exact = (Decimal(amount_minor) * rate).scaleb(digits)
    return int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def convert(
    connection: Connection,
    sold: Sum,
    currency: str,
    rate: Rate,
    operation: Operation,
    now_us: int,
) -> int:
    """Change a part of a client's wallet into another currency, and return what he gets.

    Raises:
        TransferRefusedError: The wallet does not have it, it buys nothing, or the rate is no rate.
    """
    alone(connection)
    refuse_currency(currency)
    refuse_amount(sold.amount_minor, "the amount to convert")
    if not rate.rate.is_finite() or rate.rate <= 0:
        raise TransferRefusedError(f"{rate.rate} is no exchange rate")
    bought = Sum(
        client_id=sold.client_id,
        currency=currency,
        amount_minor=converted_minor(sold.amount_minor, sold.currency, currency, rate.rate),
    )
    legs = [_sold(sold, operation, now_us), _bought(bought, operation, now_us)]
    record(connection, deed(operation, "conversion.made", now_us, rate), legs)
    row = {
        "id": operation.key,
        "sold_id": legs[0].id,
        "bought_id": legs[1].id,
        "rate": str(rate.rate),
        "rate_source": rate.source,
        "at_us": now_us,
    }
    connection.execute(_CONVERTED, row)
    return bought.amount_minor


def _sold(sold: Sum, operation: Operation, now_us: int) -> Transfer:
    changer = of_house(AccountKind.CONVERSION, sold.currency)
    ours = wallet(sold.client_id, sold.currency)
    return by_hand(ours, changer, sold.amount_minor, "conversion_sold", operation, now_us)


def _bought(bought: Sum, operation: Operation, now_us: int) -> Transfer:
    changer = of_house(AccountKind.CONVERSION, bought.currency)
    ours = wallet(bought.client_id, bought.currency)
    return by_hand(changer, ours, bought.amount_minor, "conversion_bought", operation, now_us)
