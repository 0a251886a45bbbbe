"""Who said what of one client, kept small: what a whole file said is kept once, the rest by field.

A load of a million clients says ten fields of each with one mark. That mark stands beside the
client with the names of the fields; only a field that somebody else said has a mark of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from crm_sync.clients.fields import Field, FieldPolicy, Mark, newer


class Load(NamedTuple):
    """One file: which source it is from, of which moment, and its id."""

    source: str = ""
    occurred_at_us: int = 0
    event_id: str = ""


class Marks(NamedTuple):
    """The marks of a client's fields: one of a file for all of ``loaded``, and those of their own.

    A field in neither was never said.
    """

    load: Load = Load()
    loaded: frozenset[Field] = frozenset()
    own: Mapping[Field, Mark] = {}

    def all(self, policy: FieldPolicy) -> dict[Field, Mark]:
        """Return the mark of every field that has one."""
        return policy.marks(self.loaded, *self.load) | dict(self.own)


class Merge(NamedTuple):
    """The fields whose new value counts, and the marks after it."""

    won: list[Field]
    marks: Marks


def merge(held: Marks, said: Mapping[Field, Mark], policy: FieldPolicy, load: Load | None) -> Merge:
    """Return what a statement changes.

    Args:
        held: The marks before it.
        said: The marks of the fields that it says.
        policy: Which sources own which fields.
        load: The file that says it, None for a report.
    """
    before = held.all(policy)
    won = newer(before, said)
    if not won:
        return Merge(won, held)
    after = before | {field: said[field] for field in won}
    return Merge(won, packed(after, load or held.load, policy))


def packed(marks: Mapping[Field, Mark], load: Load, policy: FieldPolicy) -> Marks:
    """Return marks in their small form: those of the file together, the others by field."""
    of_load = policy.marks(Field, *load)
    loaded = frozenset(field for field, mark in marks.items() if of_load.get(field) == mark)
    return Marks(load, loaded, {field: m for field, m in marks.items() if field not in loaded})


@lru_cache(maxsize=256)
def listed(fields: frozenset[Field]) -> str:
    """Return fields as the database holds them."""
    return ",".join(sorted(fields))


def from_list(text: str) -> frozenset[Field]:
    """Return the fields of a list that the database holds."""
    return frozenset(Field(name) for name in text.split(",") if name)
