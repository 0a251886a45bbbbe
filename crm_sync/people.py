"""Who acts: when two names are one person's, as every rule of four eyes has to know."""

from __future__ import annotations

import unicodedata


def same_person(one: str, other: str) -> bool:
    """Whether two names are the same but for spelling: case, spaces, look-alike forms."""
    return plain_name(one) == plain_name(other)


def plain_name(name: str) -> str:
    """Return a name without what is only spelling, "" where nothing is left of it."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
