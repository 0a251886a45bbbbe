"""The platform's socket: real bytes, slow readers, strangers, and the news."""

import asyncio
import socket
import stat
from contextlib import aclosing

import pytest
from structlog.testing import capture_logs

from exposure.errors import DisconnectedError, GapError, MalformedMessageError, StorageError
from feeds.event_log import EventLog
from feeds.frames import Frame, FrameReader
from feeds.platform_commands import BalanceDeal
from feeds.platform_server import PlatformServer
from feeds.platform_wire import Subscribe, news_in, packed
from feeds.socket_feed import SocketEventFeed, ask_status, balance_deals
from tests.feeds.event_samples import quote_batches
from tests.feeds.platform_sockets import served_log, status, until

pytestmark = pytest.mark.anyio

NOON = 1_700_000_000_000_000_000


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "socket"


@pytest.fixture
def feed(path):
    return SocketEventFeed(path, lambda: NOON)


class RememberingLog(EventLog):
    cursors = ()

    def cursor(self, after):
        self.cursors = [*self.cursors, super().cursor(after)]
        return self.cursors[-1]


async def test_frames_carry_the_bytes_of_the_log_stamped_on_reception(tmp_path, feed):
    batches = quote_batches(2, 3)
    async with served_log(tmp_path, batches), asyncio.timeout(10), aclosing(feed.frames(0)) as got:
        for batch in batches:
            assert await anext(got) == Frame.of(batch).received_at(NOON)


async def test_a_slow_subscriber_is_waited_for_and_gets_everything(tmp_path, path, feed):
    batches = quote_batches(*[2_000] * 40)
    with RememberingLog(tmp_path / "log", segment_bytes=500_000) as log:
        for batch in batches:
            log.append(batch)
        async with PlatformServer(path, log, status(), lambda _: []).serving(), asyncio.timeout(30):
            slow, slow_writer = await asyncio.open_unix_connection(path, limit=1_000)
            slow_writer.write(packed(Subscribe(0)))
            frames = FrameReader()
            received = frames.feed(await slow.readexactly(1_000))
            async with aclosing(feed.batches(0)) as stream:
                quick = [await anext(stream) for _ in batches]
            assert log.cursors[0].position < log.last_position == log.cursors[1].position
            while received[-1].position < log.last_position:
                received += frames.feed(await slow.read(100_000))
            slow_writer.close()
    assert [batch.events for batch in quick] == [batch.events for batch in batches]
    assert news_in(received[0]) == status()
    assert [frame.batch() for frame in received[1:]] == batches


async def test_an_event_is_shown_only_when_the_disk_holds_it(tmp_path, feed):
    first, second = quote_batches(1, 1)
    async with (
        served_log(tmp_path, [first]) as served,
        asyncio.timeout(10),
        aclosing(feed.batches(0)) as stream,
    ):
        assert (await anext(stream)).position == 1
        served.log.append(second)
        waiting = asyncio.ensure_future(anext(stream))
        for news in (status(now=1), status(now=2)):
            served.server.tell(news)
            await until(lambda news=news: feed.status == news)
        assert not waiting.done()
        served.server.release(second.position)
        assert (await waiting).position == 2


async def test_subscribers_hear_the_news_and_anybody_may_ask(tmp_path, path, feed):
    async with served_log(tmp_path) as served, asyncio.timeout(10):
        assert await ask_status(path) == status()
        async with aclosing(feed.batches(0)) as stream:
            waiting = asyncio.ensure_future(anext(stream))
            for news in (status(now=1), status(now=2, exhausted=True)):
                served.server.tell(news)
                await until(lambda news=news: feed.status == news)
            (batch,) = quote_batches(1)
            served.publish(batch)
            assert (await waiting).events == batch.events
        assert await ask_status(path) == status(now=2, exhausted=True)


async def test_what_was_booked_for_a_desk_is_told_to_whoever_asks(tmp_path, path):
    deal = BalanceDeal(deal_id="7", login="1", kind="deposit", amount=5.0, comment="CRM-1", at=NOON)
    with EventLog(tmp_path / "log") as log:
        booked = {"1": [deal]}
        server = PlatformServer(path, log, status(), lambda login: booked.get(login, []))
        async with server.serving(), asyncio.timeout(10):
            assert await balance_deals(path, "1") == [deal]
            assert await balance_deals(path, "2") == []


def test_a_status_is_a_few_words_on_a_screen():
    assert status(speed=60.0, effective_speed=59.0).detail == "speed 60"
    late = status(speed=60.0, effective_speed=23.456)
    assert late.is_late
    assert late.detail == "falls behind: speed 23.5 of 60"
    assert status(exhausted=True, effective_speed=0.0).detail == "recording ended"
    assert not status(exhausted=True, effective_speed=0.0).is_late


async def test_a_refusal_says_what_to_do(tmp_path, feed):
    async with served_log(tmp_path, quote_batches(2)), asyncio.timeout(10):
        with pytest.raises(GapError) as e:
            await anext(feed.batches(9))
    assert str(e.value) == (
        "the feed skipped events: expected position 10, was 3; the platform's events end before "
        "it; start anew with --fresh"
    )


async def test_a_stranger_is_dropped_and_others_are_served(tmp_path, path, feed):
    (batch,) = quote_batches(2)
    stranger_says = [b"GET / HTTP/1.1\r\n" + bytes(40), Frame.of(batch).data]
    async with served_log(tmp_path, [batch]), asyncio.timeout(10):
        for words in stranger_says:
            with capture_logs() as logs:
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(words)
                assert await reader.read() == b""
                writer.close()
            assert logs[0]["event"] == "subscriber dropped"
        _, silent = await asyncio.open_unix_connection(path)
        silent.close()
        async with aclosing(feed.batches(0)) as stream:
            assert (await anext(stream)).position == 2


async def test_a_damaged_log_drops_the_subscriber_and_says_where(tmp_path, feed):
    async with served_log(tmp_path, quote_batches(1, 1)), asyncio.timeout(10):
        (segment,) = (tmp_path / "log").glob("*.frames")
        segment.write_bytes(bytes(segment.stat().st_size))
        with capture_logs() as logs, pytest.raises(DisconnectedError):
            await anext(feed.batches(0))
    assert f"{segment} is damaged at byte 0" in logs[0]["reason"]


async def test_nobody_there_is_a_disconnection_that_names_the_socket(path, feed):
    with pytest.raises(DisconnectedError, match=f"nobody answers on {path} "):
        await anext(feed.batches(0))
    with pytest.raises(DisconnectedError, match="is the platform running"):
        await ask_status(path)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"220 mail.example ready, what do you want to say to me?\r\n", MalformedMessageError),
        (packed(Subscribe(1)), MalformedMessageError),
        (Frame.of(quote_batches(1, 1)[1]).data, GapError),
    ],
)
async def test_a_server_that_is_no_platform_is_refused(path, feed, said, error):
    async def answer(_, writer):
        writer.write(said)
        writer.close()

    async with await asyncio.start_unix_server(answer, path), asyncio.timeout(10):
        with pytest.raises(error):
            await anext(feed.batches(0))
        with pytest.raises(MalformedMessageError):
            await ask_status(path)


async def test_the_socket_is_for_this_user_only_and_goes_with_the_server(tmp_path, path):
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    async with served_log(tmp_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_a_place_where_no_socket_can_be_is_named(tmp_path):
    path = tmp_path / "missing" / "socket"
    refused = pytest.raises(StorageError, match=f"the platform cannot listen on {path}")
    with EventLog(tmp_path / "log") as log, refused:
        async with PlatformServer(path, log, status(), lambda _: []).serving():
            raise AssertionError
