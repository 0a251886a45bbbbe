"""Serving the desk: one uvicorn server in one process, which ends when told to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn
from starlette.types import ASGIApp

from dealing.hub import HubClient
from dealing.process import run_until


async def serve_desk(
    app: ASGIApp,
    hub: HubClient,
    listening: socket.socket,
    stop: asyncio.Event,
    *others: Coroutine[Any, Any, None],
) -> None:
    """Serve the desk on a socket that already listens, connected to its engine, until ``stop``.

    ``others`` is what goes on beside it.
    """
    ended = asyncio.Event()
    await run_until(ended, hub.run(), serve(app, listening, stop, ended, "on"), *others)


async def serve(
    app: ASGIApp,
    listening: socket.socket,
    stop: asyncio.Event,
    ended: asyncio.Event,
    lifespan: Literal["on", "off"] = "off",
) -> None:
    """Serve an application on a socket that already listens, until ``stop``; then set ``ended``.

    ``lifespan`` is on for one that has to do something at its start or its end.
    """
    config = uvicorn.Config(
        app,
        lifespan=lifespan,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    ended.set()


class _Server(uvicorn.Server):
    """A server that leaves signals to its process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
