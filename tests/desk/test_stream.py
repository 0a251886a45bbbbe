"""Fan-out: newest wins, nothing cumulative is lost, silence is told."""

import asyncio

import orjson
import pytest

from dealing.desk.options import DeskOptions
from dealing.desk.stream import HEARTBEAT_S, Stream, Subscriber
from exposure.errors import InvariantError
from tests.desk.scripted_book import START, FakeSource, ScriptedBook

FULL = b"full"


def full():
    return FULL


class Clock:
    def __init__(self):
        self.ns = START

    def __call__(self):
        return self.ns


def test_a_new_browser_begins_with_a_full_frame():
    async def story():
        subscriber = Subscriber(full)
        subscriber.offer(b"1", 0)
        return await subscriber.take()

    assert asyncio.run(story()) == FULL


def test_a_browser_that_keeps_up_gets_every_tick():
    async def story():
        subscriber = Subscriber(full)
        taken = []
        for message in (b"1", b"2", b"3"):
            subscriber.offer(message, 0)
            taken.append(await subscriber.take())
            subscriber.shown()
        return taken

    assert asyncio.run(story()) == [FULL, b"2", b"3"]


@pytest.mark.parametrize(("seconds", "expected"), [(4, b"40"), (9, FULL)])
def test_a_slow_browser_gets_the_newest_tick_or_after_long_a_full_frame(seconds, expected):
    async def story():
        subscriber = Subscriber(full)
        subscriber.offer(b"1", 0)
        await subscriber.take()
        subscriber.shown()
        for tenth in range(10 * seconds + 1):
            subscriber.offer(b"%d" % tenth, tenth * 100_000_000)
        first = await subscriber.take()
        subscriber.shown()
        subscriber.offer(b"next", 0)
        return first, await subscriber.take()

    assert asyncio.run(story()) == (expected, b"next")


def test_a_browser_gets_nothing_more_before_it_has_drawn_the_last_message():
    async def story():
        subscriber = Subscriber(full)
        subscriber.offer(b"1", 0)
        await subscriber.take()
        subscriber.offer(b"2", 0)
        waiting = asyncio.create_task(subscriber.take())
        await asyncio.sleep(0)
        early = waiting.done()
        subscriber.shown()
        return early, await waiting

    assert asyncio.run(story()) == (False, b"2")


def test_a_heartbeat_never_displaces_a_tick():
    async def story():
        subscriber = Subscriber(full)
        subscriber.offer(b"1", 0)
        await subscriber.take()
        subscriber.shown()
        subscriber.offer(b"tick", 0)
        subscriber.remind(b"heartbeat", 0)
        return await subscriber.take()

    assert asyncio.run(story()) == b"tick"


def test_a_browser_that_opens_between_frames_is_greeted_with_the_last_one_and_its_age():
    async def story():
        clock, socket = Clock(), FakeSocket()
        stream = Stream(FakeSource(), DeskOptions(), clock)
        stream.show(ScriptedBook(accounts=3, positions=3).frame(sent_at=START))
        clock.ns += 7_000_000_000
        serving = asyncio.create_task(stream.serve(socket))
        message = orjson.loads(await socket.sent.get())
        socket.leave()
        await serving
        return message

    message = asyncio.run(story())
    assert (message["type"], message["age_ms"]) == ("full", 7_000.0)


def test_the_stream_follows_its_source_and_tells_silence():
    async def story():
        clock, socket, source = Clock(), FakeSocket(), FakeSource()
        stream = Stream(source, DeskOptions(), clock)
        running = asyncio.create_task(stream.run())
        serving = asyncio.create_task(stream.serve(socket))
        broker = ScriptedBook(accounts=3, positions=3)
        await asyncio.sleep(0)
        source.publish(broker.frame(sent_at=START))
        kinds = [orjson.loads(await socket.sent.get())]
        clock.ns += 4_000_000_000
        async with asyncio.timeout(3 * HEARTBEAT_S):
            kinds.append(orjson.loads(await socket.sent.get()))
        running.cancel()
        socket.leave()
        await serving
        return kinds

    frame, silence = asyncio.run(story())
    assert frame["type"] == "full"
    assert silence == {"type": "silence", "age_ms": 4_000.0}


def test_a_desk_without_any_frame_says_so():
    async def story():
        socket = FakeSocket()
        stream = Stream(FakeSource(), DeskOptions(), Clock())
        running = asyncio.create_task(stream.run())
        serving = asyncio.create_task(stream.serve(socket))
        async with asyncio.timeout(3 * HEARTBEAT_S):
            message = orjson.loads(await socket.sent.get())
        running.cancel()
        socket.leave()
        await serving
        return message, stream.age_ms()

    assert asyncio.run(story()) == ({"type": "silence", "age_ms": None}, None)


def test_a_browser_that_left_is_forgotten():
    async def story():
        socket = FakeSocket()
        stream = Stream(FakeSource(), DeskOptions(), Clock())
        serving = asyncio.create_task(stream.serve(socket))
        await asyncio.sleep(0)
        before = len(stream._subscribers)
        socket.leave()
        await serving
        return before, len(stream._subscribers)

    assert asyncio.run(story()) == (1, 0)


def test_a_frame_that_cannot_be_shown_ends_the_stream_instead_of_freezing_it():
    async def story():
        source = FakeSource()

        async def broken(_):
            raise InvariantError("impossible state")

        source.next = broken
        await Stream(source, DeskOptions(), Clock()).run()

    with pytest.raises(InvariantError, match="impossible state"):
        asyncio.run(story())


class FakeSocket:
    """The server's end of a browser's connection."""

    def __init__(self):
        self.sent = asyncio.Queue()
        self.said = asyncio.Queue()

    async def accept(self):
        return None

    async def send_bytes(self, message):
        await self.sent.put(message)
        self.said.put_nowait("shown")

    async def receive(self):
        said = await self.said.get()
        kind = "websocket.disconnect" if said is None else "websocket.receive"
        return {"type": kind, "text": said}

    def leave(self):
        self.said.put_nowait(None)
