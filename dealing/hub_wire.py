"""What travels between the engine's hub and the desk: one msgpack message per checked frame.

Snapshots carry polars tables as Arrow IPC streams, so a column crosses the socket as it lies in
memory. Arrow believes the lengths in its bytes, even where no machine has so much memory: it gets
none before the frame's checksum is right. Both ends belong to one installation, so there are no
versions.
"""

from __future__ import annotations

import asyncio
import io
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
import polars as pl

from dealing.flow.ports import ClientsAsked, ClientsFound, ShadowTold
from dealing.hedging.ports import HedgeAsked
from dealing.ports import BookTaken, EngineFrame
from exposure.account_books import AccountBooks
from exposure.account_terms import AccountTerms
from exposure.errors import UNDECODABLE, MalformedMessageError
from exposure.model.events import Finding
from feeds.frames import HEADER_SIZE, Frame, FrameKind, checked_frame, parse_header


class Published(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: the newest frame."""

    frame: EngineFrame


class Noticed(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: what just happened, before any frame shows it."""

    findings: list[Finding]


class PositionsOfSymbol(msgspec.Struct, frozen=True, tag=True):
    """Desk to engine: the largest open positions of a symbol, please."""

    id: int
    symbol: str
    limit: int


class PositionsOfAccount(msgspec.Struct, frozen=True, tag=True):
    """Desk to engine: the open positions of a login, please."""

    id: int
    login: str


class TermsOfAccount(msgspec.Struct, frozen=True, tag=True):
    """Desk to engine: what applies to a login, please."""

    id: int
    login: str


class BooksOfAccounts(msgspec.Struct, frozen=True, tag=True):
    """Desk to engine: where new deals of logins and of clients' logins go, please."""

    id: int
    logins: list[str]
    clients: list[str]


class CopyOfBook(msgspec.Struct, frozen=True, tag=True):
    """Desk to engine: a copy of the book, please."""

    id: int


class ClientsRanked(msgspec.Struct, frozen=True, tag=True):
    """Desk to engine: clients by their flow, please."""

    id: int
    asked: ClientsAsked


class CardOfClient(msgspec.Struct, frozen=True, tag=True):
    """Desk to engine: why a client has his score, please."""

    id: int
    client_id: str


class AskedOfHedging(msgspec.Struct, frozen=True, tag=True):
    """Desk to engine: how symbols are hedged, or something to do about it, please."""

    id: int
    asked: HedgeAsked


class ClustersAsked(msgspec.Struct, frozen=True, tag=True):
    """Desk to engine: clients who act as one, please."""

    id: int


class ShadowAsked(msgspec.Struct, frozen=True, tag=True):
    """Desk to engine: how a second policy's books would have done, please."""

    id: int


class Answered(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: the positions that a question asked for."""

    id: int
    answer: pl.DataFrame


class TermsTold(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: the terms that a question asked for."""

    id: int
    answer: AccountTerms


class BooksTold(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: the accounts' books that a question asked for; unknown ones are not there."""

    id: int
    answer: list[AccountBooks]


class CopyTold(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: the copy of the book that a question asked for."""

    id: int
    answer: BookTaken


class ClientsTold(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: the clients that a question asked for."""

    id: int
    answer: ClientsFound


class CardTold(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: the decision card that a question asked for."""

    id: int
    answer: dict[str, Any]


class HedgingTold(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: how symbols are hedged, or what was done."""

    id: int
    answer: dict[str, Any]


class ClustersTold(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: the clusters that a question asked for."""

    id: int
    answer: list[dict[str, Any]]


class ShadowAnswered(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: how they would have done, None without a second policy."""

    id: int
    answer: ShadowTold | None


class Refused(msgspec.Struct, frozen=True, tag=True):
    """Engine to desk: why a question has no answer, in a sentence.

    ``kind`` is "conflict" for what was right once and "storage" for what could not be kept.
    """

    id: int
    reason: str
    kind: str = ""


FlowQuestion = ClientsRanked | CardOfClient | ClustersAsked | ShadowAsked
Question = (
    PositionsOfSymbol
    | PositionsOfAccount
    | TermsOfAccount
    | BooksOfAccounts
    | CopyOfBook
    | AskedOfHedging
    | FlowQuestion
)
Answer = (
    Answered
    | TermsTold
    | BooksTold
    | CopyTold
    | ClientsTold
    | CardTold
    | HedgingTold
    | ClustersTold
    | ShadowAnswered
    | Refused
)
FromEngine = Published | Noticed | Answer
Message = FromEngine | Question
Received = TypeVar("Received")

UNREADABLE_TABLE: Final = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What polars raises on bytes that are no table."""


def packed(message: Message) -> bytes:
    """Return the message as the bytes of one frame."""
    return Frame.of_message(msgspec.msgpack.encode(message, enc_hook=_plain)).data


async def read_question(stream: asyncio.StreamReader) -> Question:
    """Wait for a question.

    Raises:
        MalformedMessageError: The bytes are none.
        asyncio.IncompleteReadError: The other side closed.
    """
    return _unpacked(_QUESTIONS, await _read_frame(stream))


async def read_from_engine(stream: asyncio.StreamReader) -> FromEngine:
    """Wait for a frame or an answer; raises as ``read_question``."""
    return _unpacked(_FROM_ENGINE, await _read_frame(stream))


async def _read_frame(stream: asyncio.StreamReader) -> Frame:
    head = await stream.readexactly(HEADER_SIZE)
    header = parse_header(head)
    if header.kind is not FrameKind.MESSAGE:
        raise MalformedMessageError("the hub's socket carries events instead of messages")
    return checked_frame(header, head + await stream.readexactly(header.length))


def _unpacked(decoder: msgspec.msgpack.Decoder[Received], frame: Frame) -> Received:
    try:
        return decoder.decode(frame.payload)
    except (*UNDECODABLE, *UNREADABLE_TABLE) as e:
        raise MalformedMessageError(f"the hub's socket carries something else: {e}") from e


def _plain(value: object) -> bytes | float:
    if isinstance(value, np.floating):  # a float to Python, but not to msgspec
        return float(value)
    if not isinstance(value, pl.DataFrame):
        raise NotImplementedError(f"no message holds a {type(value).__name__}")
    stream = io.BytesIO()
    value.write_ipc_stream(stream, compression="uncompressed")
    return stream.getvalue()


def _bytes_to_table(_: type, content: bytes) -> pl.DataFrame:
    return pl.read_ipc_stream(io.BytesIO(content))


_QUESTIONS: Final[msgspec.msgpack.Decoder[Question]] = msgspec.msgpack.Decoder(Question)
_FROM_ENGINE: Final[msgspec.msgpack.Decoder[FromEngine]] = msgspec.msgpack.Decoder(
    FromEngine, dec_hook=_bytes_to_table
)
