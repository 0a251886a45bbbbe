"""Where the desk is put together: Dash's pages, the live stream, the API and the door.

Everything is made per call: two desks in one process share nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from zoneinfo import ZoneInfo

from dash import Dash
from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from dealing.api import api_routes, flow_routes, revenue_routes
from dealing.desk import shell, still
from dealing.desk.callbacks import problem_of
from dealing.desk.guard import STREAM_PATH, Guard
from dealing.desk.held_book import BookDesk
from dealing.desk.options import DeskOptions, assets_dir
from dealing.desk.panels import (
    accounts,
    alerts,
    clients,
    drilldown,
    exposure,
    office,
    revenue,
    risk,
    strip,
    watch,
)
from dealing.desk.panels.revenue_view import Sources
from dealing.desk.stream import Stream, end_process_if_failed
from dealing.flow.shadow_api import shadow_routes
from dealing.ports import BookQueries, EngineFrame, SnapshotSource
from dealing.revenue.ports import RevenueStore
from dealing.revenue.reader import RevenueReader
from dealing.server_day import ServerDay
from dealing.snapshot_json import snapshot_json


def create_desk(
    source: SnapshotSource,
    queries: BookQueries,
    store: RevenueStore,
    options: DeskOptions | None = None,
    now: Callable[[], int] = time.time_ns,
    commands: APIRouter | None = None,
) -> ASGIApp:
    """Return the desk as an ASGI application; it follows ``source`` while its lifespan lasts.

    Args:
        source: Where the newest frame is read.
        queries: What answers drill-downs.
        store: Where what the house earned is kept.
        options: Choices of this desk.
        now: Wall clock, ns UTC.
        commands: Where commands come in (``command_routes``); without them the desk only watches.
    """
    options = options or DeskOptions()
    stream = Stream(source, options, now)
    server = FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, lifespan=partial(_follow, stream)
    )
    server.include_router(api_routes(source, stream.age_ms, _encoded))
    server.include_router(shadow_routes(queries))
    sources = revenue_sources(source, store, options, now)
    server.include_router(revenue_routes(sources.reader))
    server.include_router(flow_routes(queries))
    if commands is not None:
        server.include_router(commands)
    server.add_api_websocket_route(STREAM_PATH, stream.serve)
    app = create_dash(server, source, queries, sources, options)
    return Guard(
        server,
        hosts=options.hosts,
        script_hashes=app.csp_hashes(),
        is_callback=partial(problem_of, callbacks=app.callback_map),
    )


def revenue_sources(
    source: SnapshotSource, store: RevenueStore, options: DeskOptions, now: Callable[[], int]
) -> Sources:
    """Return where the revenue screen gets its figures."""
    day = ServerDay(ZoneInfo(options.day_zone), options.day_starts_at_hour)
    return Sources(RevenueReader(store), source, day, now)


def create_dash(
    server: FastAPI,
    source: SnapshotSource,
    queries: BookQueries,
    sources: Sources,
    options: DeskOptions,
) -> Dash:
    """Return the Dash application on ``server``, with its layout and callbacks."""
    app = Dash(
        "plimsoll",
        server=server,  # type: ignore[arg-type]  # Dash's hint leaves out its own ASGI backend
        assets_folder=str(assets_dir()),
        title="Plimsoll",
        update_title="",
        serve_locally=True,
        add_log_handler=False,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    strip.register(app)
    exposure.register(app)
    watch.register(app)
    drilldown.register(app, source, queries)
    revenue.register(app, sources)
    books = BookDesk(queries, sources.day, sources.now, options.providers)
    risk.register(app, books)
    accounts.register(app, books)
    clients.register(app, queries, books.local)
    office.register(app)
    alerts.register(app)
    app.layout, markup = still.split(shell.layout(options), still.living_ids(app))
    app.index_string = shell.page(options, still.block(markup))
    return app


def _encoded(frame: EngineFrame) -> bytes:
    return snapshot_json(frame.snapshot)


@asynccontextmanager
async def _follow(stream: Stream, _: FastAPI) -> AsyncIterator[None]:
    task = asyncio.create_task(stream.run())
    task.add_done_callback(end_process_if_failed)
    try:
        yield
    finally:
        task.cancel()
