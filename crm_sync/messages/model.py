"""What travels between the systems and us, before anybody has said what it means."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Final

import msgspec

from crm_sync.events import Reported

_KEY: Final = re.compile(r"[!-~]{1,200}")


class MessageState(StrEnum):
    """What became of a message; one that is dead waits for a person."""

    WAITING = "waiting"
    DONE = "done"
    IGNORED = "ignored"
    DEAD = "dead"
    DROPPED = "dropped"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a request's body.

    The same ``dedupe_key`` is the same message; messages of one ``aggregate`` are taken in order.
    """

    dedupe_key: str
    aggregate: str
    body: bytes


class Method(StrEnum):
    """What a request does at its target."""

    POST = "POST"
    GET = "GET"


class OutMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Something that another system is to be told or asked.

    ``key`` makes a second ``tell`` harmless, here and at the target, so two targets need two keys.
    ``target`` is a name that the composition root knows an address for, ``path`` what follows that
    address. What a target is told of one ``aggregate`` arrives in order. With ``answer_to`` the
    answer goes into the inbox as a message of that provider.
    """

    key: str
    aggregate: str
    target: str
    body: bytes = b""
    method: Method = Method.POST
    path: str = ""
    answer_to: str = ""


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says: reports, questions to ask, or why it says nothing to us."""

    reports: tuple[Reported, ...] = ()
    asks: tuple[OutMessage, ...] = ()
    ignored: str = ""


def digest(body: bytes) -> str:
    """Return the SHA-256 of a message."""
    return hashlib.sha256(body).hexdigest()


def is_key(text: str) -> bool:
    """Return whether a text can be a key: short, and of visible ASCII."""
    return _KEY.fullmatch(text) is not None


def key_of(*parts: object) -> str:
    """Return a key that every database can hold: the parts themselves, or their digest."""
    key = ":".join(str(part) for part in parts)
    return key if is_key(key) else f"sha256:{digest(key.encode())}"


def unread(body: bytes) -> Item:
    """Return a message of which nothing is known but its bytes."""
    key = f"sha256:{digest(body)}"
    return Item(dedupe_key=key, aggregate=key, body=body)
