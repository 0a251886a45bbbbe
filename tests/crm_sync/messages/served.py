"""An application on a real port of this machine, served by uvicorn in a thread."""

import asyncio
import socket
import threading
from contextlib import contextmanager

import uvicorn

UP_WITHIN_S = 20


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self):
        yield


@contextmanager
def served(app, **options):
    """Serve an application while the block runs; gives its port."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", **options)
    server = _Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def wait_until(happened):
    """Wait until something has happened, and fail if it does not."""
    pause = threading.Event()
    for _ in range(UP_WITHIN_S * 100):
        if happened():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")
