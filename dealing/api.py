"""What machines ask the desk: is it alive, is it current, and the whole snapshot.

``/healthz`` says that the process answers, ``/readyz`` that its figures are fresh, and
``/api/v1/snapshot`` is the object of semantics.md section 9, live, with every figure's age.
``/api/v1/revenue`` is what the house earned in some server days, by one dimension, and
``/api/v1/clusters`` clients who act as one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from typing import Any, Final, Literal

import msgspec
import orjson
import polars as pl
from fastapi import APIRouter
from starlette.responses import Response

from dealing.flow.ports import FlowQueries
from dealing.ports import EngineFrame, SnapshotSource
from dealing.revenue.export import Form, encoded, report_table
from dealing.revenue.facts import Dimension
from dealing.revenue.periods import custom
from dealing.revenue.ports import Period, Summary
from dealing.revenue.reader import RevenueReader
from dealing.revenue.report import rows, total
from exposure.errors import DisconnectedError, StorageError

FRESH_MS: Final = 3_000.0

AgeMs = Callable[[], float | None]
Encode = Callable[[EngineFrame], bytes]


def api_routes(source: SnapshotSource, age_ms: AgeMs, encode: Encode) -> APIRouter:
    """Return the routes.

    Args:
        source: Where the newest frame is read.
        age_ms: How old it is, None before the first one.
        encode: The snapshot of a frame as JSON, without its age; it may take long.
    """
    router = APIRouter()
    snapshots = _Snapshots(encode)

    async def healthz() -> Response:
        return _json({"status": "alive"})

    async def readyz() -> Response:
        reason = not_ready(age_ms())
        if reason is None:
            return _json({"status": "ready", "age_ms": age_ms()})
        return _json({"status": "not ready", "reason": reason}, HTTPStatus.SERVICE_UNAVAILABLE)

    async def snapshot() -> Response:
        frame = source.latest()
        if frame is None:
            reason = {"status": "not ready", "reason": not_ready(None)}
            return _json(reason, HTTPStatus.SERVICE_UNAVAILABLE)
        body = await snapshots.of(frame)
        head = orjson.dumps(_ages(frame, age_ms()))
        # one object: ours first, then the snapshot's own members, not encoded again
        return Response(head[:-1] + b"," + body[1:], media_type="application/json")

    for path, endpoint in (
        ("/healthz", healthz),
        ("/readyz", readyz),
        ("/api/v1/snapshot", snapshot),
    ):
        router.add_api_route(path, endpoint, methods=["GET"], include_in_schema=False)
    return router


def revenue_routes(reader: RevenueReader) -> APIRouter:
    """Return the route of what the house earned, as JSON or as a file to keep."""
    router = APIRouter()

    async def revenue(
        first: date,
        last: date,
        dimension: Dimension = Dimension.SYMBOL,
        form: Literal["json", "csv", "xlsx", "parquet"] = "json",
    ) -> Response:
        period = custom(first.isoformat(), last.isoformat())
        if period is None:
            reason = {"error": "the last day must not be before the first, nor ten years after it"}
            return _json(reason, HTTPStatus.UNPROCESSABLE_ENTITY)
        try:
            summary = await reader.summary(period, dimension)
        except StorageError as e:
            return _json({"error": str(e)}, HTTPStatus.SERVICE_UNAVAILABLE)
        return await asyncio.to_thread(_revenue_answer, summary, period, dimension, form)

    router.add_api_route("/api/v1/revenue", revenue, methods=["GET"], include_in_schema=False)
    return router


def flow_routes(queries: FlowQueries) -> APIRouter:
    """Return the route of clients who act as one."""
    router = APIRouter()

    async def clusters() -> Response:
        try:
            return _json({"clusters": await queries.clusters()})
        except DisconnectedError as e:
            return _json({"error": str(e)}, HTTPStatus.SERVICE_UNAVAILABLE)

    router.add_api_route("/api/v1/clusters", clusters, methods=["GET"], include_in_schema=False)
    return router


def _revenue_answer(summary: Summary, period: Period, dimension: Dimension, form: str) -> Response:
    made = rows(summary.totals)
    table = report_table([*made, total(made)], dimension)
    if form == "json":
        named = {"first": str(period.first), "last": str(period.last), "dimension": dimension}
        amounts = table.with_columns(pl.selectors.decimal().cast(pl.Float64)).to_dicts()
        return _json({**named, "rows": amounts[:-1], "total": amounts[-1]})
    chosen = Form(form)
    name = f"revenue-{dimension}-{period.first}-{period.last}.{chosen}"
    held = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(encoded(table, chosen), media_type=chosen.media_type, headers=held)


def not_ready(age_ms: float | None) -> str | None:
    """Return why the figures cannot be trusted to be current, None if they can."""
    if age_ms is None:
        return "no figures have come from the engine yet: is it running?"
    if age_ms > FRESH_MS:
        return f"the engine is not responding, the last figures are {age_ms / 1_000:.0f} s old"
    return None


class _Snapshots:
    """The newest frame's JSON, made off the event loop once however many ask."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._lock = asyncio.Lock()
        self._made: tuple[EngineFrame, bytes] | None = None

    async def of(self, frame: EngineFrame) -> bytes:
        async with self._lock:
            if self._made is None or self._made[0] is not frame:
                self._made = frame, await asyncio.to_thread(self._encode, frame)
            return self._made[1]


def _ages(frame: EngineFrame, age_ms: float | None) -> dict[str, Any]:
    return {
        "age_ms": age_ms,
        "sent_at_ms": frame.sent_at / 1_000_000,
        "market": frame.market,
        "speed": frame.speed,
        "delays": None if frame.delays is None else msgspec.to_builtins(frame.delays),
        "components": [
            {"name": c.name, "state": c.state.value, "detail": c.detail, "age_ms": c.age_ms}
            for c in frame.components
        ],
    }


def _json(content: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(content), status.value, media_type="application/json")
