"""What a person types into a field, understood or refused in one sentence; and sentences."""

from __future__ import annotations

import math
import re
from typing import Final

from dealing.desk.formats import MINUS

LONGEST_NAME: Final = 40
MOST_PERCENT: Final = 1_000.0
MOST_USD: Final = 1e15

_TIMES: Final = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9}
_AMOUNT: Final = re.compile(r"(\d[\d,_ ]*(?:\.\d+)?)\s*([KMB]?)", re.IGNORECASE)


class RefusedError(ValueError):
    """A question that cannot be meant; its text is the sentence for whoever asked."""

    def __init__(self, field: str, sentence: str) -> None:
        """Take the field that is wrong and what is wrong with it."""
        self.field = field
        super().__init__(sentence)


def target_of(typed: object) -> str:
    """Return the symbol or currency that was typed; RefusedError if it is none."""
    name = typed.strip() if isinstance(typed, str) else ""
    if not name:
        raise RefusedError("target", "Name a symbol or a currency, such as EURUSD or CHF.")
    if len(name) > LONGEST_NAME:
        raise RefusedError(
            "target", f"No symbol has a name of more than {LONGEST_NAME} characters."
        )
    return name


def percent_of(typed: object) -> float:
    """Return the move that was typed; RefusedError if it is none."""
    text = typed.strip() if isinstance(typed, str) else ""
    if not text:
        raise RefusedError("percent", "Say how far it moves, in percent, such as -5.")
    plain = text.replace(MINUS, "-").replace(",", ".").removesuffix("%").strip()
    try:
        percent = float(plain)
    except ValueError:
        percent = math.nan
    if not math.isfinite(percent):
        raise RefusedError("percent", f"'{text[:20]}' is no percentage: write a number such as -5.")
    if percent <= -100.0:  # noqa: PLR2004 # percent
        raise RefusedError("percent", "Nothing falls by 100 % or more: write more than -100.")
    if percent > MOST_PERCENT:
        raise RefusedError(
            "percent", f"Moves of more than {MOST_PERCENT:,.0f} % are not looked at."
        )
    return percent


def amount_of(typed: object) -> float:
    """Return the USD that were typed (2,000,000 or 2M); RefusedError if it is none."""
    text = typed.strip() if isinstance(typed, str) else ""
    if not text:
        raise RefusedError("capital", "Say how much may be lost, in USD, such as 2,000,000 or 2M.")
    found = _AMOUNT.fullmatch(text.removeprefix("$").strip())
    if found is None:
        raise RefusedError(
            "capital", f"'{text[:20]}' is no amount: write USD such as 2,000,000 or 2M."
        )
    digits = re.sub(r"[,_ ]", "", found[1])
    usd = float(digits) * _TIMES[found[2].upper()]
    if not 0.0 < usd <= MOST_USD:
        raise RefusedError(
            "capital", "The capital must be above 0 and below a thousand trillion USD."
        )
    return usd


def sentence(text: str) -> str:
    """Return words as a sentence, "" for none.

    >>> sentence("no price yet")
    'No price yet.'
    """
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""
