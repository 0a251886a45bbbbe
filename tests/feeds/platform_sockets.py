"""A served log for tests: appended to by hand instead of by a platform."""

import asyncio
from contextlib import asynccontextmanager

from feeds.event_log import EventLog
from feeds.platform_server import PlatformServer
from feeds.platform_wire import PlatformStatus


def status(**changes):
    fields = {
        "label": "by hand",
        "now": 0,
        "position": 0,
        "speed": 1.0,
        "effective_speed": 1.0,
        "quotes_per_s": 0.0,
        "exhausted": False,
    }
    return PlatformStatus(**(fields | changes))


class ServedLog:
    """A log and its server."""

    def __init__(self, log, server):
        self.log = log
        self.server = server

    def publish(self, batch):
        self.log.append(batch)
        self.server.release(batch.position)

    def drop_before(self, position):
        self.log.drop_before(position)


@asynccontextmanager
async def served_log(directory, batches=(), segment_bytes=200):
    """Serve a log on ``directory/socket`` while the block runs."""
    with EventLog(directory / "log", segment_bytes=segment_bytes) as log:
        for batch in batches:
            log.append(batch)
        server = PlatformServer(directory / "socket", log, status(), lambda _: [])
        async with server.serving():
            yield ServedLog(log, server)


async def until(condition):
    """Let everything else run until the condition holds; the caller sets a timeout."""
    while not condition():  # noqa: ASYNC110 (what is waited for tells nobody)
        await asyncio.sleep(0)
