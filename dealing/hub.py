"""The hub: the engine process publishes frames and answers questions, the desk process listens.

A frame is encoded once for all listeners, and each listener gets the newest one when it is ready
for it: a slow desk skips frames, it never holds the engine up. Findings do not wait for a frame and
are never skipped: a desk that leaves too many of them unread is sent away, and gets a frame that
holds them when it comes back. The desk's end keeps the last frame when the engine goes away, so
that it can be shown as old, and comes back by itself.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, assert_never

import polars as pl
import structlog

from dealing.backoff import Backoff
from dealing.commands.errors import ConflictError
from dealing.flow.ports import ClientsAsked, ClientsFound, ShadowTold
from dealing.hedging.ports import HedgeAsked
from dealing.hub_wire import (
    Answer,
    Answered,
    AskedOfHedging,
    BooksOfAccounts,
    BooksTold,
    CardOfClient,
    CardTold,
    ClientsRanked,
    ClientsTold,
    ClustersAsked,
    ClustersTold,
    CopyOfBook,
    CopyTold,
    FlowQuestion,
    HedgingTold,
    Noticed,
    PositionsOfAccount,
    PositionsOfSymbol,
    Published,
    Question,
    Refused,
    ShadowAnswered,
    ShadowAsked,
    TermsOfAccount,
    TermsTold,
    packed,
    read_from_engine,
    read_question,
)
from dealing.ports import BookQueries, BookTaken, EngineFrame
from exposure.account_books import AccountBooks
from exposure.account_terms import AccountTerms
from exposure.errors import (
    DeskError,
    DisconnectedError,
    DomainError,
    MalformedMessageError,
    StorageError,
)
from exposure.model.events import Finding

ANSWER_WITHIN_S: Final = 5.0
_WAITING_ANSWERS: Final = 16
_WAITING_FINDINGS: Final = 1_024
_PART_BYTES: Final = 64 << 10

_REFUSALS: Final[dict[str, type[DeskError]]] = {
    "conflict": ConflictError,
    "storage": StorageError,
}
"""Refusals that mean something else to whoever asked than a rule that was broken."""

_Gone = (asyncio.IncompleteReadError, ConnectionError)


class SnapshotHubServer:
    """The engine's end: publishes to every listener of a Unix socket and answers questions."""

    def __init__(self, path: Path, queries: BookQueries) -> None:
        """Take the socket's path and who knows the answers."""
        self._path = path
        self._queries = queries
        self._listeners: set[_Listener] = set()
        self._peers: set[asyncio.Task[None]] = set()
        self._newest: EngineFrame | None = None
        self._message: bytes | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen while the block runs."""
        self._path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._meet, self._path)
        self._path.chmod(0o600)
        try:
            yield
        finally:
            server.close()
            for peer in self._peers:
                peer.cancel()
            await asyncio.gather(*self._peers, return_exceptions=True)
            self._path.unlink(missing_ok=True)

    async def publish(self, frame: EngineFrame) -> None:
        """Hand the frame to every listener; without any it is only remembered."""
        self._newest, self._message = frame, None
        if not self._listeners:
            return
        message = await asyncio.to_thread(packed, Published(frame))
        if self._newest is frame:
            self._message = message
            for listener in self._listeners:
                listener.offer(message)

    def announce(self, findings: list[Finding]) -> None:
        """Tell every listener at once what the engine noticed."""
        message = packed(Noticed(findings)) if self._listeners else b""
        for listener in self._listeners:
            listener.tell(message)

    def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = asyncio.create_task(self._attend(reader, writer))
        self._peers.add(peer)
        peer.add_done_callback(self._peers.discard)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        listener = _Listener()
        self._listeners.add(listener)
        if self._newest is not None:
            listener.offer(self._message or packed(Published(self._newest)))
        sending = asyncio.create_task(_send(listener, writer))
        try:
            await self._answer(reader, listener)
        except (*_Gone, MalformedMessageError):
            pass  # the desk went away, or is no desk
        finally:
            self._listeners.discard(listener)
            sending.cancel()
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, listener: _Listener) -> NoReturn:
        while True:
            question = await read_question(reader)
            answer = await self._answer_to(question)
            # a book has megabytes: other answers are not worth a thread
            large = isinstance(answer, CopyTold | ClientsTold)
            await listener.reply(
                await asyncio.to_thread(packed, answer) if large else packed(answer)
            )

    async def _answer_to(self, question: Question) -> Answer:
        try:
            return await self._told(question)
        except (DomainError, StorageError) as e:
            kind = next((name for name, error in _REFUSALS.items() if isinstance(e, error)), "")
            return Refused(question.id, str(e), kind)

    async def _told(self, question: Question) -> Answer:
        ask, number = self._queries, question.id
        answer: Answer
        match question:
            case PositionsOfSymbol(_, symbol, limit):
                answer = Answered(number, await ask.positions_of_symbol(symbol, limit))
            case PositionsOfAccount(_, login):
                answer = Answered(number, await ask.positions_of_account(login))
            case TermsOfAccount(_, login):
                answer = TermsTold(number, await ask.terms_of_account(login))
            case BooksOfAccounts(_, logins, clients):
                answer = BooksTold(number, await ask.books_of(logins, clients))
            case CopyOfBook(_):
                answer = CopyTold(number, await ask.book_copy())
            case AskedOfHedging(_, hedging):
                answer = HedgingTold(number, await ask.hedging(hedging))
            case _:
                answer = await self._told_of_flow(question)
        return answer

    async def _told_of_flow(self, question: FlowQuestion) -> Answer:
        ask, number = self._queries, question.id
        match question:
            case ClientsRanked(_, asked):
                return ClientsTold(number, await ask.clients(asked))
            case CardOfClient(_, client_id):
                return CardTold(number, await ask.client_card(client_id))
            case ClustersAsked(_):
                return ClustersTold(number, await ask.clusters())
            case ShadowAsked(_):
                return ShadowAnswered(number, await ask.shadow())
            case _:
                assert_never(question)


class _Listener:
    """What waits to be sent to one desk: findings and answers in order, and at most one frame."""

    def __init__(self) -> None:
        self._frame: bytes | None = None
        self._replies: deque[bytes] = deque()
        self._findings: deque[bytes] = deque()
        self._room = asyncio.Semaphore(_WAITING_ANSWERS)
        self._filled = asyncio.Event()

    def offer(self, frame: bytes) -> None:
        self._frame = frame
        self._filled.set()

    def tell(self, findings: bytes) -> None:
        self._findings.append(findings)
        self._filled.set()

    async def reply(self, answer: bytes) -> None:
        await self._room.acquire()
        self._replies.append(answer)
        self._filled.set()

    async def next(self) -> bytes:
        while True:
            if len(self._findings) > _WAITING_FINDINGS:
                raise ConnectionAbortedError("too many findings were left unread")
            if self._findings:
                return self._findings.popleft()
            if self._replies:
                self._room.release()
                return self._replies.popleft()
            if self._frame is not None:
                frame, self._frame = self._frame, None
                return frame
            self._filled.clear()
            await self._filled.wait()


async def _send(listener: _Listener, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            rest = memoryview(await listener.next())
            while rest:
                # a frame has megabytes: what the socket cannot take yet is not copied
                writer.write(rest[:_PART_BYTES])
                await writer.drain()
                rest = rest[_PART_BYTES:]
    except ConnectionError:
        writer.transport.abort()


class HubClient:
    """The desk's end: a SnapshotSource and BookQueries over the engine's Unix socket."""

    def __init__(self, path: Path, backoff: Backoff) -> None:
        """Take the engine's socket and the pauses between attempts to reach it."""
        self._path = path
        self._backoff = backoff
        self._latest: EngineFrame | None = None
        self._arrived = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._hearing: set[asyncio.Queue[Finding]] = set()
        self._ids = itertools.count(1)
        self._log = structlog.get_logger()

    async def run(self) -> NoReturn:
        """Stay connected for ever; the engine may come and go."""
        while True:
            try:
                await self._listen()
            except (*_Gone, FileNotFoundError, MalformedMessageError) as e:
                self._log.info("engine away", reason=str(e))
            finally:
                self._disconnect()
            await asyncio.sleep(self._backoff.next_delay_s())

    def latest(self) -> EngineFrame | None:
        """Return the newest frame, None before the first one."""
        return self._latest

    async def next(self, after: EngineFrame | None) -> EngineFrame:
        """Wait for a frame newer than ``after``; frames in between are skipped."""
        while self._latest is None or self._latest is after:
            await self._arrived.wait()
        return self._latest

    async def findings(self) -> AsyncGenerator[Finding]:
        """Yield what the engine notices from now on; frames hold what was missed meanwhile."""
        heard: asyncio.Queue[Finding] = asyncio.Queue()
        self._hearing.add(heard)
        try:
            while True:
                yield await heard.get()
        finally:
            self._hearing.discard(heard)

    async def positions_of_symbol(self, symbol: str, limit: int) -> pl.DataFrame:
        """Return the symbol's largest open positions (columns POSITION_COLUMNS)."""
        table: pl.DataFrame = await self._ask(PositionsOfSymbol(next(self._ids), symbol, limit))
        return table

    async def positions_of_account(self, login: str) -> pl.DataFrame:
        """Return a login's open positions (columns POSITION_COLUMNS)."""
        table: pl.DataFrame = await self._ask(PositionsOfAccount(next(self._ids), login))
        return table

    async def terms_of_account(self, login: str) -> AccountTerms:
        """Return what applies to a login now."""
        terms: AccountTerms = await self._ask(TermsOfAccount(next(self._ids), login))
        return terms

    async def books_of(self, logins: Sequence[str], clients: Sequence[str]) -> list[AccountBooks]:
        """Return where new deals of accounts go, of those that are known, in order of login."""
        asked = BooksOfAccounts(next(self._ids), list(logins), list(clients))
        books: list[AccountBooks] = await self._ask(asked)
        return books

    async def book_copy(self) -> BookTaken:
        """Return a copy of the book, a few seconds old at most."""
        taken: BookTaken = await self._ask(CopyOfBook(next(self._ids)))
        return taken

    async def clients(self, asked: ClientsAsked) -> ClientsFound:
        """Return clients by their flow, most dangerous first or as asked."""
        found: ClientsFound = await self._ask(ClientsRanked(next(self._ids), asked))
        return found

    async def client_card(self, client_id: str) -> dict[str, Any]:
        """Return why a client has his score."""
        card: dict[str, Any] = await self._ask(CardOfClient(next(self._ids), client_id))
        return card

    async def hedging(self, asked: HedgeAsked) -> dict[str, Any]:
        """Return how symbols are hedged, or what was done about it."""
        told: dict[str, Any] = await self._ask(AskedOfHedging(next(self._ids), asked))
        return told

    async def clusters(self) -> list[dict[str, Any]]:
        """Return clients who act as one, the largest cluster first."""
        found: list[dict[str, Any]] = await self._ask(ClustersAsked(next(self._ids)))
        return found

    async def shadow(self) -> ShadowTold | None:
        """Return how a second policy's books would have done, None without one."""
        told: ShadowTold | None = await self._ask(ShadowAsked(next(self._ids)))
        return told

    async def _ask(self, question: Question) -> Any:
        if self._writer is None:
            raise DisconnectedError("the engine is away: try again when it is back")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[question.id] = answer
        try:
            self._writer.write(packed(question))
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await answer
        except TimeoutError as e:
            raise DisconnectedError("the engine does not answer: try again in a moment") from e
        finally:
            del self._asked[question.id]

    async def _listen(self) -> NoReturn:
        reader, self._writer = await asyncio.open_unix_connection(self._path)
        self._log.info("engine reached")
        while True:
            match await read_from_engine(reader):
                case Published(frame):
                    self._backoff.reset()
                    self._show(frame)
                case Noticed(findings):
                    for heard in self._hearing:
                        for finding in findings:
                            heard.put_nowait(finding)
                case (
                    Answered(number, told)
                    | TermsTold(number, told)
                    | CopyTold(number, told)
                    | ClientsTold(number, told)
                    | CardTold(number, told)
                    | ClustersTold(number, told)
                    | BooksTold(number, told)
                    | HedgingTold(number, told)
                    | ClustersTold(number, told)
                    | ShadowAnswered(number, told)
                ):
                    if (answer := self._waiting(number)) is not None:
                        answer.set_result(told)
                case Refused(number, reason, kind):
                    if (answer := self._waiting(number)) is not None:
                        answer.set_exception(_REFUSALS.get(kind, DomainError)(reason))

    def _waiting(self, number: int) -> asyncio.Future[Any] | None:
        answer = self._asked.get(number)
        return None if answer is None or answer.done() else answer

    def _show(self, frame: EngineFrame) -> None:
        self._latest = frame
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()

    def _disconnect(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(DisconnectedError("the engine went away: try again"))
