"""A desk on a real port, fed by a scripted broker, for tests with a real browser.

A ``market`` (flow_market.py) brings a flow book and takes commands as well.
"""

import asyncio
import shutil
import socket
import threading
import time

import uvicorn

from dealing.command_api import command_routes
from dealing.desk import DeskOptions, create_desk
from tests.desk.earned import Earnings
from tests.desk.scripted_book import EngineQueries, FakeSource, ScriptedBook

FRAMES_PER_S = 3
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]  # fmt: skip


def launch(playwright):
    """Start the system's Chromium; Playwright's own is never downloaded."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)


class ServedDesk:
    """The desk process and its engine, in threads: both can go away and come back."""

    def __init__(self, accounts=300, positions=1_200, market=None):
        self.broker = market or ScriptedBook(accounts, positions)
        self.queries = market.queries if market else EngineQueries(self.broker)
        self.routes = command_routes(market.commands, market.store) if market else None
        self.earnings = Earnings(time.time_ns)
        self.earning = self.earnings.go_on
        self.revenue = self.earnings.store
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.options = DeskOptions(version="test")
        self.engine_runs = True
        self.change = lambda frame: frame
        self.meanwhile = []
        self._server = None
        self._thread = None

    def earn(self, symbol="EURUSD", **parts):
        """Let the house earn more today."""
        self.earnings.earn(symbol, parts)

    def start(self):
        """Serve, and feed frames while the engine runs."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        deadline = time.monotonic() + 20
        while not (self._server and self._server.started):
            assert time.monotonic() < deadline, "the desk did not start"
            threading.Event().wait(0.02)

    def stop(self):
        """End the desk process as Ctrl-C does."""
        self._server.should_exit = True
        self._thread.join()
        self._server = None

    async def _serve(self):
        source = FakeSource()
        app = create_desk(source, self.queries, self.revenue, self.options, commands=self.routes)
        config = uvicorn.Config(
            app, port=self.port, log_config=None, lifespan="on", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        feeding = asyncio.create_task(self._feed(source))
        await self._server.serve()
        feeding.cancel()

    async def _feed(self, source):
        while True:
            if self.engine_runs:
                self.broker.apply(*(self.meanwhile.pop() for _ in self.meanwhile[:]))
                self.broker.step()
                source.publish(self.change(self.broker.frame()))
                self.earning()
            await asyncio.sleep(1 / FRAMES_PER_S)
