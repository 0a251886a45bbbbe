"""Personal values in other forms: normal ones that compare, masked ones that may be shown."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MASK: Final = "***"

_NOT_WORD: Final = re.compile(r"[\W_]+")
_NOT_DIGIT: Final = re.compile(r"\D+")


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name to search by: small letters without accents, each once."""
    return tuple(dict.fromkeys(_NOT_WORD.sub(" ", _folded(name)).split()))


def plain_email(email: str) -> str:
    """Return an e-mail address as it compares."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def plain_phone(phone: str) -> str:
    """Return the digits of a telephone number, without the zeros that stand for a plus."""
    return _NOT_DIGIT.sub("", unicodedata.normalize("NFKC", phone)).removeprefix("00")


def plain_code(code: str) -> str:
    """Return the letters and digits of an IBAN or an identity number."""
    return _NOT_WORD.sub("", unicodedata.normalize("NFKC", code)).upper()


def masked_email(email: str) -> str:
    """Return an e-mail address of which the first character and the domain can be seen."""
    local, _, domain = plain_email(email).rpartition("@")
    return f"{local[:1]}{MASK}@{domain}" if local else ""


def initials(name: str) -> str:
    """Return the first letters of the first three words of a name."""
    return "".join(f"{word[0].upper()}." for word in _NOT_WORD.sub(" ", name).split()[:3])


def search_words(name: str, email: str) -> tuple[str, ...]:
    """Return all words by which a client is found."""
    masked = masked_email(email)
    return (*words_of(name), masked) if masked else words_of(name)


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()
