"""Invented clients, as many as wanted: the same number is always the same client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from crm_sync.clients.fields import Field
from crm_sync.clients.loading import FileRow
from crm_sync.events import KycState

_FIRST: Final = (
    "Anna", "Boris", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jakub",
    "Katja", "Luca", "María", "Nils", "Olga", "Petr", "Quentin", "Rosa", "Söhnke", "Tariq",
    "Uma", "Viktor", "Wanda", "Xenia", "Yusuf", "Zoë", "Иван", "Мария", "李", "محمد",
)  # fmt: skip
_BEGIN: Final = ("Bar", "Cor", "Dal", "Fen", "Gro", "Hal", "Kov", "Lin", "Mar", "Nor", "Pet", "Ros",
                 "Sal", "Tor", "Val", "Wes")  # fmt: skip
_MIDDLE: Final = ("a", "e", "i", "o", "ar", "en", "ic", "ol", "ub", "and", "ell", "ist", "orn")
_END: Final = ("berg", "dotti", "esen", "falk", "gard", "hoff", "ides", "kova", "lund",
               "mann", "nez", "opulos", "quist", "rov", "ska", "ton", "uk", "vic", "witz",
               "yan")  # fmt: skip
_HOSTS: Final = ("example.com", "example.net", "example.org")
_COUNTRIES: Final = ("DE", "CY", "GB", "PL", "AE", "ZA", "BR", "MY")
_KYC: Final = (KycState.APPROVED, KycState.APPROVED, KycState.APPROVED, KycState.NONE)


def sample_name(number: int) -> tuple[str, str]:
    """Return the first and the last name of a client."""
    mixed = number * 2_654_435_761 % 2**32
    last = _of(_BEGIN, mixed) + _of(_MIDDLE, mixed >> 8) + _of(_END, mixed >> 16)
    return _of(_FIRST, mixed >> 22), last


def sample_row(number: int) -> FileRow:
    """Return a client as a file says it."""
    first, last = sample_name(number)
    host = _of(_HOSTS, number)
    values = {
        Field.NAME: f"{first} {last}",
        Field.EMAIL: f"{last.lower()}.{number}@{host}",
        Field.PHONE: f"+49 151 {number:08d}",
        Field.BIRTH_DATE: f"{1950 + number % 55}-{1 + number % 12:02d}-{1 + number % 28:02d}",
        Field.ADDRESS: f"{1 + number % 200} High Street, {10_000 + number % 89_000} Town",
        Field.NATIONAL_ID: f"ID{number:010d}",
        Field.IBAN: f"DE{number % 97:02d}{number:018d}",
        Field.COUNTRY: _of(_COUNTRIES, number),
        Field.PARTNER: f"IB{number % 500}",
    }
    return FileRow(f"C{number:09d}", values, _KYC[number % len(_KYC)])


def sample_rows(count: int, changed_every: int = 0) -> Iterator[FileRow]:
    """Yield clients; every so many with a new telephone number if ``changed_every`` is not 0."""
    for number in range(count):
        row = sample_row(number)
        if changed_every and number % changed_every == 0:
            values = {**row.values, Field.PHONE: f"+44 20 {number:08d}"}
            row = FileRow(row.external_id, values, row.kyc_state)
        yield row


def _of(choices: tuple[str, ...], number: int) -> str:
    return choices[number % len(choices)]
