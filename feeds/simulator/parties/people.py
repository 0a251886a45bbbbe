"""Invented people: the persons behind simulated clients, the same ones for the same client id."""

from __future__ import annotations

import csv
import hashlib
import io
import random
from collections.abc import Iterable
from typing import Final, NamedTuple

_GIVEN: Final = (
    "Adaeze", "Anton", "Beatriz", "Chidi", "Clara", "Daniel", "Elif", "Emeka", "Farid", "Gita",
    "Hanna", "Ines", "Jakub", "Jun", "Kavya", "Lars", "Leila", "Marek", "Mei", "Nadia", "Olena",
    "Omar", "Pavel", "Quentin", "Rosa", "Samir", "Sofia", "Tariq", "Ulla", "Viktor", "Wanjiru",
    "Yusuf", "Zofia",
)  # fmt: skip
_FAMILY: Final = (
    "Abara", "Almeida", "Baranov", "Chen", "Costa", "Demir", "Eriksen", "Fischer", "Garcia",
    "Haddad", "Ivanova", "Jansen", "Kimani", "Kowalski", "Lindqvist", "Mensah", "Moreau",
    "Nakamura", "Novak", "Okafor", "Ozturk", "Papadakis", "Rahman", "Rossi", "Santos", "Schmidt",
    "Tanaka", "Vargas", "Weber", "Yilmaz", "Zhang",
)  # fmt: skip
_STREETS: Final = ("Harbour Street", "Mill Lane", "Station Road", "Park Avenue", "Hill View")

_APPROVED: Final = 0.94
_IN_REVIEW: Final = 0.97


class SimulatedAccount(NamedTuple):
    """What the platform knows of one account and its owner."""

    login: str
    client_id: str
    currency: str
    country: str
    group: str
    leverage: float
    partner: str


class Person(NamedTuple):
    """Who a simulated client says that he is."""

    name: str
    email: str
    phone: str
    birth_date: str
    address: str
    kyc_state: str


def person_of(client_id: str) -> Person:
    """Return the person behind a client id."""
    chance = random.Random(hashlib.sha256(client_id.encode()).digest())  # noqa: S311 (invented)
    given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
    identified = chance.random()
    state = "approved" if identified < _APPROVED else "in_review"
    return Person(
        name=f"{given} {family}",
        email=f"{given}.{family}.{client_id}@example.com".lower(),
        phone=f"+999{chance.randrange(10**8, 10**9)}",
        birth_date=f"{chance.randrange(1950, 2006)}-{chance.randrange(1, 13):02}"
        f"-{chance.randrange(1, 29):02}",
        address=f"{chance.randrange(1, 200)} {chance.choice(_STREETS)}",
        kyc_state=state if identified < _IN_REVIEW else "draft",
    )


def clients_csv(accounts: Iterable[SimulatedAccount]) -> str:
    """Return what the simulated CRM exports: one row per client."""
    owners = {account.client_id: account for account in accounts}
    heads = ("external_id", "name", "email", "phone", "birth_date", "address", "country",
             "partner", "kyc_state")  # fmt: skip
    rows = []
    for client_id, account in owners.items():
        who = person_of(client_id)
        rows.append((client_id, who.name, who.email, who.phone, who.birth_date, who.address,
                     account.country, account.partner, who.kyc_state))  # fmt: skip
    return _csv(heads, rows)


def accounts_csv(accounts: Iterable[SimulatedAccount]) -> str:
    """Return what the simulated CRM exports: one row per trading account."""
    heads = ("login", "client_id", "currency", "account_group", "leverage")
    return _csv(
        heads,
        (
            (one.login, one.client_id, one.currency, one.group, f"{one.leverage:.0f}")
            for one in accounts
        ),
    )


def _csv(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return text.getvalue()
