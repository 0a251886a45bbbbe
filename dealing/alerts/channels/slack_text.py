"""Texts for Slack: nothing from outside is markup, a link, a mention or a call to a channel.

Wherever Slack offers it, a text is shown literally (``plain_text``, ``rich_text``). Only the line
for notifications, and labels of our own, are read as mrkdwn, and what goes there is escaped.

Source: Slack's documentation of text objects and of formatting text.
"""

from __future__ import annotations

import re
from typing import Final

from dealing.alerts.channels.words import clean, without_pings

LONGEST_FALLBACK: Final = 400
"""What a notification shows is shorter anyway."""

_NOTHING: Final = "\u200b"
"""A space without width: what stands on its two sides is not read together."""

_LOOKED_AT: Final = 8
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

_FORMATS: Final = str.maketrans(
    {
        "*": "\N{ASTERISK OPERATOR}",
        "_": "\N{MODIFIER LETTER LOW MACRON}",
        "~": "\N{TILDE OPERATOR}",
        "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
    }
)
"""Slack has no escape for its marks of formatting: what looks the same stands in their place."""

_LINK: Final = re.compile(r"https?://[!#-;=?-\[\]_a-z~]{1,2000}")
"""Visible ASCII without what would end a link in Slack's markup."""

_USER: Final = re.compile(r"[UW][A-Z0-9]{2,30}")
_SCHEMES: Final = re.compile(r"\bhttps?://|\bmailto:|\btel:", re.IGNORECASE)


def escaped(text: str, limit: int) -> str:
    """Return a text that mrkdwn shows as it is, on one line; ``limit`` is for its escaped form."""
    cut = clean(text[: _LOOKED_AT * limit])
    plain = " ".join(without_pings(cut).translate(_FORMATS).split())
    unlinked = _SCHEMES.sub(lambda found: found[0].replace(":", f":{_NOTHING}"), plain)
    if unlinked.startswith(">"):  # Slack would quote the line
        unlinked = _NOTHING + unlinked
    pieces = [_ESCAPES.get(character, character) for character in unlinked]
    if sum(map(_units, pieces)) <= limit:
        return "".join(pieces)
    return "".join(_fitting(pieces, limit - 1)) + "\u2026"


def is_link(url: str) -> bool:
    """Return whether a text can be the address of a link or a button."""
    return _LINK.fullmatch(url) is not None


def is_user_id(text: str) -> bool:
    """Return whether a text is what Slack calls a person."""
    return _USER.fullmatch(text) is not None


def _fitting(pieces: list[str], limit: int) -> list[str]:
    kept, used = [], 0
    for piece in pieces:
        used += _units(piece)
        if used > limit:
            break
        kept.append(piece)
    return kept


def _units(piece: str) -> int:
    return len(piece.encode("utf-16-le")) // 2
