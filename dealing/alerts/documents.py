"""What a store of alerts writes and reads, whatever it is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from dealing.alerts.model import Case, CaseChange
from exposure.errors import UNDECODABLE, InvariantError, StorageError

LONGEST_SEARCH: Final = 200
LONGEST_ERROR: Final = 500

_CASE: Final = msgspec.json.Decoder(Case)
_S = TypeVar("_S", bound=msgspec.Struct)


def document_of(case: Case) -> str:
    """Return a case as JSON.

    Raises:
        InvariantError: One of its figures is no number, which JSON cannot say.
    """
    if not all(map(math.isfinite, _figures(case))):
        raise InvariantError(f"case {case.name} has a figure that is no number")
    return msgspec.json.encode(case).decode()


def case_of(document: str) -> Case:
    """Return the case of a document; fields that it lacks have their defaults.

    Raises:
        StorageError: It holds something else.
    """
    try:
        return _CASE.decode(document)
    except UNDECODABLE as e:
        raise StorageError(
            f"a case in the database cannot be read ({e}): restore the database from a copy, or "
            "use the newer Plimsoll that wrote it"
        ) from e


def words_of(case: Case) -> str:
    """Return what people may search a case by, in small letters."""
    people = [word for one in case.members for word in (one.subject, one.client_id)]
    texts = (case.name, case.rule, case.dedupe_key, case.title, case.headline, case.symbol)
    return searched(" ".join([*texts, case.owner, *people]))


def searched(text: str) -> str:
    """Return a text as searches compare it."""
    return plain(text).casefold()


def changed_us(change: CaseChange) -> int:
    """Return when the newest that a change tells of took place."""
    case = change.case
    moments = (case.opened_us, case.last_us, case.acknowledged_us, case.resolved_us)
    lines = (entry.at_us for entry in change.entries)
    return max(*(moment for moment in moments if moment is not None), *lines)


def plain_texts(one: _S) -> _S:
    """Return a struct whose texts are plain."""
    held = msgspec.structs.asdict(one)
    texts = {name: plain(value) for name, value in held.items() if type(value) is str}
    return msgspec.structs.replace(one, **texts)


def plain(text: str) -> str:
    """Return a text without what PostgreSQL or UTF-8 does not have; nobody means to type it."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _figures(case: Case) -> Iterator[float]:
    yield from (case.at_stake_usd, case.worst_usd, case.outcome_usd)
    for one in case.members:
        yield from (one.value, one.at_stake_usd)
