"""Search as you type: by the beginnings of names, logins and ids, and by exact addresses.

Words stand in an ordinary ordered index, the same on both engines. So nothing that a person types
is a query language, and a word that is deleted is gone (a full-text index keeps it until it is
merged some day). Of several words the rarest is walked, and the others are looked up for each
client that it finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, Select, and_, func, select

from crm_sync.clients.fields import PHONE_DIGITS, Field
from crm_sync.clients.personal import with_exactly
from crm_sync.clients.pii import Keyring
from crm_sync.clients.roles import SEARCHES_PERSONS, Hit, Reader, Role
from crm_sync.clients.tables import CLIENT, CLIENT_SEARCH, TRADING_ACCOUNT
from crm_sync.clients.views import ClientViews
from crm_sync.clients.wording import MASK, plain_email, plain_phone, words_of

LIMIT: Final = 20
SHORTEST: Final = 2
"""Characters; a single one finds everybody."""

MOST_WORDS: Final = 6
EXAMINED: Final = 3_000
"""Clients of the rarest word that are looked at: some 20 microseconds each, in a tenth of a second.

Of two words that are both more common some clients may not be found: then it is said, and another
letter makes them rarer.
"""

_LAST: Final = chr(0x10FFFF)


class _Range(NamedTuple):
    first: str
    last: str

    def of(self, column: Column[Any]) -> Any:
        return and_(column >= self.first, column < self.last)


class Found(NamedTuple):
    """Clients that were found; ``is_cut`` where there may be more, because too many were to see."""

    client_ids: list[str]
    is_cut: bool


class ClientSearch:
    """Finds clients for people."""

    def __init__(self, keyring: Keyring, views: ClientViews) -> None:
        """Take the key of blind indexes, and who shows what is found."""
        self._keyring = keyring
        self._views = views

    def search(self, connection: Connection, text: str, reader: Reader) -> list[Hit]:
        """Return at most LIMIT clients, as the reader may see them.

        Names, e-mail addresses and telephone numbers find nothing for roles that may not see them.
        """
        if reader.role is Role.MANAGEMENT:
            return []
        found = self.client_ids(connection, text, reader.role)
        return self._views.hits(connection, found, reader.role)

    def client_ids(self, connection: Connection, text: str, role: Role) -> list[str]:
        """Return the clients found, those first whose id or exact address it is."""
        return self.find(connection, text, role).client_ids

    def find(self, connection: Connection, text: str, role: Role) -> Found:
        """Return the same, and whether there may be more that were not looked at."""
        typed = text.replace("\0", " ").strip()
        if len(typed) < SHORTEST:
            return Found([], is_cut=False)
        found, is_cut = dict.fromkeys(_by_ids(connection, typed)), False
        if role in SEARCHES_PERSONS and len(found) < LIMIT:
            persons = self._by_person(connection, typed)
            found |= dict.fromkeys(persons.client_ids)
            is_cut = persons.is_cut and len(found) < LIMIT
        return Found(list(found)[:LIMIT], is_cut)

    def _by_person(self, connection: Connection, typed: str) -> Found:
        if "@" in typed:
            if MASK in typed:
                return _by_words(connection, [plain_email(typed)])
            exact = with_exactly(connection, self._keyring, Field.EMAIL, typed, LIMIT)
            return Found(exact, is_cut=False)
        found = []
        if len(plain_phone(typed)) in PHONE_DIGITS:
            found = with_exactly(connection, self._keyring, Field.PHONE, typed, LIMIT)
        words = [word for word in words_of(typed) if len(word) >= SHORTEST]
        named = _by_words(connection, words[:MOST_WORDS])
        return Found([*found, *named.client_ids], named.is_cut)


def _by_ids(connection: Connection, typed: str) -> list[str]:
    begins = _beginning(typed)
    by_login = (TRADING_ACCOUNT.c.client_id, TRADING_ACCOUNT.c.login)
    by_external = (CLIENT.c.client_id, CLIENT.c.external_id)
    found: list[str] = []
    for client_id, column in (by_login, by_external):
        asked = select(client_id).where(begins.of(column)).order_by(column).limit(LIMIT)
        found.extend(connection.scalars(asked))
    return found


def _by_words(connection: Connection, words: Sequence[str]) -> Found:
    if not words:
        return Found([], is_cut=False)
    ranges, rarest = [_beginning(word) for word in words], 0
    if len(ranges) > 1:
        counted = sorted((_rarity(connection, one), one) for one in ranges)
        ranges, rarest = [one for _, one in counted], counted[0][0]
    found = list(connection.scalars(_with_all(ranges)))
    return Found(found, is_cut=rarest >= EXAMINED and len(found) < LIMIT)


def _with_all(ranges: Sequence[_Range]) -> Select[Any]:
    word, client_id = CLIENT_SEARCH.c.word, CLIENT_SEARCH.c.client_id
    walked = select(word, client_id).where(ranges[0].of(word)).order_by(word, client_id)
    rarest = walked.limit(EXAMINED if len(ranges) > 1 else LIMIT * MOST_WORDS).subquery()
    asked = select(rarest.c.client_id)
    for place, other in enumerate(ranges[1:]):
        also = CLIENT_SEARCH.alias(f"also_{place}")
        same = also.c.client_id == rarest.c.client_id
        # a value and no EXISTS: PostgreSQL would read all rows of a common word to join them
        found = select(also.c.word).where(same, other.of(also.c.word)).limit(1)
        asked = asked.where(found.scalar_subquery().is_not(None))
    return asked.order_by(rarest.c.word, rarest.c.client_id).limit(LIMIT)


def _rarity(connection: Connection, begins: _Range) -> int:
    some = select(CLIENT_SEARCH.c.word).where(begins.of(CLIENT_SEARCH.c.word)).limit(EXAMINED)
    return connection.scalar(select(func.count()).select_from(some.subquery())) or 0


def _beginning(text: str) -> _Range:
    return _Range(text, text + _LAST)
