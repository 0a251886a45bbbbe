"""The desk's ports: the fake in memory and the socket keep the same promises."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import pytest
from polars.testing import assert_frame_equal

from dealing.backoff import Backoff
from dealing.hub import HubClient, SnapshotHubServer
from dealing.hub_wire import read_from_engine
from exposure.errors import DisconnectedError, DomainError
from exposure.model.events import BreakFound, LimitBreached, MarginLevelCrossed
from tests.dealing.hub_fakes import SHADOW, MemoryBookQueries, MemorySnapshotSource, frame

ROWS = [("1000", "EURUSD", 1.0), ("1001", "EURUSD", 5.0), ("1000", "XAUUSD", 2.0)]

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Hub(NamedTuple):
    source: object
    queries: object
    publish: object


@asynccontextmanager
async def in_memory(_path):
    source = MemorySnapshotSource()

    async def publish(frame):
        source.give(frame)

    yield Hub(source, MemoryBookQueries(ROWS), publish)


@asynccontextmanager
async def listening(path):
    client = HubClient(path, Backoff(lambda: 0.5, first_s=0.01, limit_s=0.02))
    task = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def over_a_socket(path):
    server = SnapshotHubServer(path, MemoryBookQueries(ROWS))
    async with server.serving(), listening(path) as client:
        await server.publish(frame(0))
        await soon(client.next(None))
        yield Hub(client, client, server.publish)


@pytest.fixture(params=[in_memory, over_a_socket], ids=["memory", "socket"])
def hub(request, tmp_path):
    return request.param(tmp_path / "hub.sock")


async def ask_for_ever(queries):
    while True:
        await queries.positions_of_account("1000")


async def soon(awaitable):
    async with asyncio.timeout(10):
        return await awaitable


async def test_a_frame_arrives_whole(hub):
    async with hub as h:
        sent = frame(7, accounts=500)
        await h.publish(sent)
        got = await soon(h.source.next(h.source.latest() if h.source.latest() != sent else None))
        while got.sent_at != 7:
            got = await soon(h.source.next(got))
        assert_frame_equal(got.snapshot.accounts, sent.snapshot.accounts)
        assert_frame_equal(got.snapshot.exposure, sent.snapshot.exposure)
        assert got.snapshot.crossings == sent.snapshot.crossings
        assert got.snapshot.breaches == sent.snapshot.breaches
        assert got.snapshot.breaks == sent.snapshot.breaks
        assert got.snapshot.currencies == sent.snapshot.currencies
        assert got.snapshot.house == sent.snapshot.house
        assert h.source.latest() is got


async def test_how_a_second_policy_does_arrives_whole(hub):
    async with hub as h:
        assert await soon(h.queries.shadow()) == SHADOW


async def test_the_newest_frame_wins_and_a_waiter_gets_only_newer_ones(hub):
    async with hub as h:
        for number in range(1, 50):
            await h.publish(frame(number))
        got = await soon(h.source.next(None))
        while got.sent_at != 49:
            older, got = got, await soon(h.source.next(got))
            assert got.sent_at > older.sent_at
        waiting = asyncio.create_task(h.source.next(got))
        await asyncio.sleep(0)
        assert not waiting.done()
        await h.publish(frame(50))
        assert (await soon(waiting)).sent_at == 50


async def test_questions_are_answered_side_by_side(hub):
    async with hub as h:
        of_symbol, of_account = await soon(
            asyncio.gather(
                h.queries.positions_of_symbol("EURUSD", 1), h.queries.positions_of_account("1000")
            )
        )
        assert of_symbol.rows() == [("1001", "EURUSD", 5.0)]
        assert of_account.rows() == [("1000", "EURUSD", 1.0), ("1000", "XAUUSD", 2.0)]


async def test_an_unknown_name_is_refused_with_the_engines_sentence(hub):
    async with hub as h:
        with pytest.raises(DomainError, match=r"^symbol NOSUCH is not known here$"):
            await soon(h.queries.positions_of_symbol("NOSUCH", 1))
        with pytest.raises(DomainError, match=r"^login 9 is not known here$"):
            await soon(h.queries.positions_of_account("9"))
        with pytest.raises(DomainError, match="login 9"):
            await soon(h.queries.terms_of_account("9"))


async def test_the_terms_of_an_account_arrive_whole(hub):
    async with hub as h:
        terms = await soon(h.queries.terms_of_account("1000"))
        assert terms == await MemoryBookQueries(ROWS).terms_of_account("1000")
        assert terms.account.leverage == 500.0
        assert [held.symbol for held in terms.leverages] == ["EURUSD", "XAUUSD"]


async def test_where_accounts_deals_go_arrives_whole(hub):
    async with hub as h:
        told = await soon(h.queries.books_of(["1000", "9"], ["C1"]))
        assert told == await MemoryBookQueries(ROWS).books_of(["1000", "9"], ["C1"])
        assert [one.login for one in told] == ["1000"]
        assert told[0].of_symbol("XAUUSD").book == "C"


async def test_clusters_arrive_as_the_engine_tells_them(hub):
    async with hub as h:
        assert await soon(h.queries.clusters()) == await MemoryBookQueries(ROWS).clusters()


async def test_a_copy_of_the_book_arrives_with_when_and_how_long_it_was_taken(hub):
    async with hub as h:
        taken = await soon(h.queries.book_copy())
        assert (taken.taken_at, taken.took_ms) == (7, 1.5)
        assert taken.copy.names.columns == ["login", "client_id", "currency", "book"]


async def test_without_an_engine_there_is_no_frame_and_questions_say_so(tmp_path):
    async with listening(tmp_path / "hub.sock") as client:
        assert client.latest() is None
        with pytest.raises(DisconnectedError, match="the engine is away"):
            await client.positions_of_symbol("EURUSD", 1)


async def test_the_last_frame_stays_while_the_engine_is_away_and_new_ones_follow(tmp_path):
    path = tmp_path / "hub.sock"
    async with listening(path) as client:
        first = SnapshotHubServer(path, MemoryBookQueries(ROWS))
        async with first.serving():
            await first.publish(frame(1))
            last = await soon(client.next(None))
        with pytest.raises(DisconnectedError):
            await soon(ask_for_ever(client))
        assert client.latest() is last
        second = SnapshotHubServer(path, MemoryBookQueries(ROWS))
        async with second.serving():
            await second.publish(frame(2))
            assert (await soon(client.next(last))).sent_at == 2
            assert len(await soon(client.positions_of_account("1000"))) == 2


async def test_a_question_under_way_fails_when_the_engine_goes(tmp_path):
    path = tmp_path / "hub.sock"

    class Thoughtful(MemoryBookQueries):
        asked = asyncio.Event()

        async def positions_of_account(self, login):
            self.asked.set()
            await asyncio.Event().wait()

    async with listening(path) as client:
        server = SnapshotHubServer(path, Thoughtful(ROWS))
        async with server.serving():
            await server.publish(frame(1))
            await soon(client.next(None))
            question = asyncio.create_task(client.positions_of_account("1000"))
            await soon(Thoughtful.asked.wait())
        with pytest.raises(DisconnectedError, match="went away"):
            await soon(question)


async def test_a_desk_that_does_not_read_skips_frames_and_holds_nobody_up(tmp_path):
    path = tmp_path / "hub.sock"
    server = SnapshotHubServer(path, MemoryBookQueries(ROWS))
    async with server.serving(), listening(path) as quick:
        slow_reader, slow_writer = await asyncio.open_unix_connection(path, limit=1024)
        for number in range(1, 30):
            await soon(server.publish(frame(number, accounts=20_000)))
        newest = await soon(quick.next(None))
        while newest.sent_at != 29:
            newest = await soon(quick.next(newest))
        seen = [await soon(read_from_engine(slow_reader))]
        while seen[-1].frame.sent_at != 29:
            seen.append(await soon(read_from_engine(slow_reader)))
        assert len(seen) < 10
        slow_writer.close()


async def test_bytes_that_are_no_question_end_only_that_connection(tmp_path):
    path = tmp_path / "hub.sock"
    server = SnapshotHubServer(path, MemoryBookQueries(ROWS))
    async with server.serving(), listening(path) as client:
        await server.publish(frame(1))
        await soon(client.next(None))
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"\x00\x00\x00\x04nope" * 5)
        assert await soon(reader.read(-1)) != b"nope"
        writer.close()
        assert len(await soon(client.positions_of_account("1000"))) == 2


def crossing(position):
    return MarginLevelCrossed(1, position, "1000", "margin_call", 99.5)


async def test_findings_come_at_once_and_in_order(tmp_path):
    server = SnapshotHubServer(tmp_path / "hub.sock", MemoryBookQueries(ROWS))
    async with server.serving(), listening(tmp_path / "hub.sock") as client:
        await server.publish(frame(0))
        await soon(client.next(None))
        heard = client.findings()
        first = asyncio.create_task(anext(heard))
        await asyncio.sleep(0)
        told = [
            crossing(1),
            BreakFound(1, 2, "bad_deal", "no such side", login="1000"),
            LimitBreached(1, 3, "symbol", "EURUSD", "hard", 2e6, 1e6),
        ]
        server.announce(told[:1])
        server.announce(told[1:])
        assert [await soon(first), await soon(anext(heard)), await soon(anext(heard))] == told
        await heard.aclose()
        server.announce([crossing(4)])  # nobody asks any more


async def read_for_ever(reader):
    while True:
        await read_from_engine(reader)


async def test_a_desk_that_leaves_findings_unread_is_sent_away_and_comes_back(tmp_path):
    path = tmp_path / "hub.sock"
    server = SnapshotHubServer(path, MemoryBookQueries(ROWS))
    async with server.serving():
        await server.publish(frame(0))
        reader, writer = await asyncio.open_unix_connection(path, limit=1_024)
        await soon(read_from_engine(reader))
        for position in range(60_000):
            server.announce([crossing(position)])
            if position % 100 == 0:
                await asyncio.sleep(0)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await soon(read_for_ever(reader))
        writer.close()
        async with listening(path) as client:
            assert (await soon(client.next(None))).sent_at == 0
