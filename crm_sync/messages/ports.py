"""What this room needs from others: providers that read their payloads, and who sends requests."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from crm_sync.messages.model import Item, Meaning, OutMessage


class Provider(Protocol):
    """Reads the payloads of one other system."""

    def items(self, body: bytes, delivery: str = "") -> list[Item]:
        """Return the messages of a request's body, each with its key.

        ``delivery`` is the id that the sender gave the request, where it gives one.
        A part that is JSON and nothing that we know is a message too: it is kept.

        Raises:
            MalformedMessageError: It is no JSON.
        """
        ...

    def meaning(self, body: bytes) -> Meaning:
        """Return what one message says.

        Raises:
            MalformedMessageError: It cannot mean anything; the sentence says why and holds nothing
                of the payload that could be personal.
        """
        ...


class Answer(NamedTuple):
    """What a target answered; ``retry_after_s`` is how long it wants to be left alone."""

    status: int
    body: bytes = b""
    retry_after_s: float = 0.0


class Sender(Protocol):
    """Brings messages to their targets."""

    def send(self, message: OutMessage) -> Answer:
        """Send a message once and return the answer.

        Raises:
            DeliveryError: It may or may not have arrived.
            ConfigError: Nobody knows the target.
        """
        ...


class Page(NamedTuple):
    """Some messages of a stream; ``next_cursor`` is "" on the last page of a round.

    Units: ``newest_us`` is the newest time that the page holds, 0 if it holds none.
    """

    bodies: tuple[bytes, ...]
    newest_us: int
    next_cursor: str = ""


class PullSource(Protocol):
    """A stream of another system that can be asked for what changed."""

    def page(self, since_us: int, cursor: str) -> Page:
        """Return a page of what changed at or after a time; "" asks for the first one.

        Raises:
            DeliveryError: It cannot be asked now.
        """
        ...
