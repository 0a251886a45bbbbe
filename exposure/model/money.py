"""Money that is owed: whole minor units of one currency, never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, NoReturn

import msgspec

from exposure.errors import CurrencyMismatchError
from exposure.model.ids import Currency

_NO_MINOR_UNIT: Final = frozenset(
    {
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
        "VUV", "XAF", "XOF", "XPF",
    }
)  # fmt: skip
_THREE_DIGITS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_FOUR_DIGITS: Final = frozenset({"CLF", "UYW"})


def minor_digits(currency: Currency) -> int:
    """Return how many decimals the currency's smallest coin has.

    Source: ISO 4217, list one (2024), column "minor unit"; two where the list has none.
    """
    if currency in _NO_MINOR_UNIT:
        return 0
    if currency in _THREE_DIGITS:
        return 3
    return 4 if currency in _FOUR_DIGITS else 2


class Money(msgspec.Struct, frozen=True, order=False):
    """An amount in minor units (cents, yen, fils) of one currency.

    Units: ``minor`` is a signed integer; negative is a debt.
    """

    minor: int
    currency: Currency

    @classmethod
    def of(cls, amount: Decimal | str, currency: Currency) -> Money:
        """Build from a decimal amount, rounded half-even once.

        >>> Money.of("12.345", Currency("USD"))
        Money(minor=1234, currency='USD')
        >>> Money.of("-1250.5", Currency("JPY"))
        Money(minor=-1250, currency='JPY')
        """
        scaled = Decimal(amount).scaleb(minor_digits(currency))
        return cls(int(scaled.quantize(Decimal(1), ROUND_HALF_EVEN)), currency)

    @property
    def amount(self) -> Decimal:
        """The amount in whole currency units, exact."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency))

    def __add__(self, other: Money) -> Money:
        """Add money of the same currency; anything else raises CurrencyMismatchError."""
        self._require_same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        """Subtract money of the same currency; anything else raises CurrencyMismatchError."""
        self._require_same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        """Return the same amount, owed the other way."""
        return Money(-self.minor, self.currency)

    def __bool__(self) -> NoReturn:
        """Refuse: zero money is still money, so a truth value would hide a bug."""
        raise TypeError("Money has no truth value: compare minor with 0")

    def _require_same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatchError(self.currency, other.currency)
