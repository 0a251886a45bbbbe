"""EventFeed: the fake in memory and the socket keep the same promises."""

import asyncio
from contextlib import aclosing, asynccontextmanager

import pytest

from exposure.errors import DisconnectedError, GapError
from feeds.memory_feed import MemoryEventFeed
from feeds.socket_feed import SocketEventFeed
from tests.feeds.event_samples import flat, quote_batches
from tests.feeds.platform_sockets import served_log

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Source:
    """A feed, and how its far end is moved: publish, drop_before, leave."""

    def __init__(self, feed, publish, drop_before, leave):
        self.feed = feed
        self.publish = publish
        self.drop_before = drop_before
        self.leave = leave


@asynccontextmanager
async def in_memory(_, batches):
    feed = MemoryEventFeed(batches)

    async def leave():
        feed.disconnect()

    yield Source(feed, feed.publish, feed.drop_before, leave)


@asynccontextmanager
async def over_a_socket(path, batches):
    serving = served_log(path, batches)
    served = await serving.__aenter__()
    left = False

    async def leave():
        nonlocal left
        if not left:
            left = True
            await serving.__aexit__(None, None, None)

    feed = SocketEventFeed(path / "socket", lambda: 0)
    yield Source(feed, served.publish, served.drop_before, leave)
    await leave()


@pytest.fixture(params=[in_memory, over_a_socket])
def source(request, tmp_path):
    return lambda *sizes: request.param(tmp_path, quote_batches(*sizes))


async def received(feed, after, events):
    """So many events behind a position, as batches; fails if they do not come."""
    batches, count = [], 0
    async with asyncio.timeout(10), aclosing(feed.batches(after)) as stream:
        while count < events:
            batches.append(await anext(stream))
            count += len(batches[-1].events)
    return batches


async def test_a_feed_begins_at_the_start(source):
    async with source(2, 3, 1) as opened:
        assert await received(opened.feed, 0, 6) == quote_batches(2, 3, 1)


@pytest.mark.parametrize("after", range(6))
async def test_a_feed_resumes_after_any_position(source, after):
    async with source(2, 3, 1) as opened:
        batches = await received(opened.feed, after, 6 - after)
        assert flat(batches) == flat(quote_batches(2, 3, 1))[after:]
        assert batches[0].position - len(batches[0].events) == after
        assert batches[-1].position == 6


async def test_live_events_follow_the_stored_ones(source):
    stored, *live = quote_batches(2, 1, 3, 2)
    async with (
        source(2) as opened,
        asyncio.timeout(10),
        aclosing(opened.feed.batches(1)) as stream,
    ):
        assert flat([await anext(stream)]) == stored.events[1:]
        for batch in live:
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            assert not waiting.done()
            opened.publish(batch)
            assert await waiting == batch


async def test_a_feed_without_events_waits_for_the_first(source):
    (first,) = quote_batches(3)
    async with source() as opened, asyncio.timeout(10), aclosing(opened.feed.batches(0)) as stream:
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        opened.publish(first)
        assert await waiting == first


async def test_events_that_are_gone_are_a_gap(source):
    async with source(*[1] * 8) as opened:
        opened.drop_before(7)
        with pytest.raises(GapError) as e:
            await received(opened.feed, 2, 1)
        assert (e.value.expected, e.value.was) == (3, 7)
        assert flat(await received(opened.feed, 6, 2)) == flat(quote_batches(*[1] * 8))[6:]


async def test_events_that_never_were_are_a_gap(source):
    async with source(2) as opened:
        with pytest.raises(GapError) as e:
            await received(opened.feed, 5, 1)
        assert (e.value.expected, e.value.was) == (6, 3)


async def test_an_end_of_the_source_is_a_disconnection(source):
    async with source(2) as opened, asyncio.timeout(10), aclosing(opened.feed.batches(0)) as stream:
        assert await anext(stream) == quote_batches(2)[0]
        await opened.leave()
        with pytest.raises(DisconnectedError):
            await anext(stream)


async def test_two_readers_do_not_share_their_places(source):
    async with source(2, 2) as opened, asyncio.timeout(10):
        first, second = opened.feed.batches(0), opened.feed.batches(2)
        async with aclosing(first), aclosing(second):
            assert (await anext(first)).position == 2
            assert (await anext(second)).position == 4
            assert (await anext(first)).position == 4
