"""Foreign JSON becomes typed values, or a sentence that holds nothing of what was in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, NoReturn, TypeVar

import msgspec

from exposure.errors import UNDECODABLE, MalformedMessageError
from exposure.model.ids import Currency
from exposure.model.money import minor_digits

LARGEST: Final = 10**15
Amount = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
"""No payment is larger; 64 bits hold a thousand of them."""

Payload = TypeVar("Payload")

_QUOTED: Final = re.compile(r"(Invalid (?:enum )?value) .*?(?= - at `|$)", re.DOTALL)
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def decoded(kind: type[Payload], body: bytes) -> Payload:
    """Return a payload as what it should be.

    Raises:
        MalformedMessageError: It is something else; the sentence says where.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except UNDECODABLE as e:
        malformed(words_of(e))


def elements(body: bytes) -> list[bytes]:
    """Return the elements of a JSON array, each as it stands.

    Raises:
        MalformedMessageError: It is no array.
    """
    return [bytes(raw) for raw in decoded(list[msgspec.Raw], body)]


def require_json(body: bytes) -> None:
    """Make sure that a body is JSON.

    Raises:
        MalformedMessageError: It is not.
    """
    try:
        msgspec.json.decode(body)
    except UNDECODABLE as e:
        malformed(words_of(e))


def words_of(error: Exception) -> str:
    """Return what a decoder says, without the value that it quotes."""
    return _QUOTED.sub(r"\1", str(error))


def malformed(reason: str) -> NoReturn:
    """Refuse a payload."""
    raise MalformedMessageError(reason)


def currency_of(text: str) -> Currency:
    """Return a currency's code in capitals.

    Raises:
        MalformedMessageError: It is none.
    """
    code = text.upper()
    if not _CURRENCY.fullmatch(code):
        malformed("the currency has to be three letters")
    return Currency(code)


def minor_of(amount: int, currency: Currency, digits: dict[str, int]) -> int:
    """Return an amount in minor units of ISO 4217.

    Args:
        amount: As the provider counts.
        currency: Whose.
        digits: After how many decimal places the provider counts, where that is not ISO's.

    Raises:
        MalformedMessageError: It is no whole number of them.
    """
    more = digits.get(currency, minor_digits(currency)) - minor_digits(currency)
    if more <= 0:
        return int(amount * 10**-more)
    if amount % 10**more:
        malformed(f"the amount is no whole number of {currency} minor units")
    return int(amount // 10**more)


def instant_us(text: str) -> int:
    """Return a time of ISO 8601 as microseconds UTC; one without a zone is UTC.

    Raises:
        MalformedMessageError: It is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        malformed("a time is not one of ISO 8601")
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)
