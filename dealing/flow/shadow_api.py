"""``GET /api/v1/shadow``: how the books of a second policy would have done."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from dealing.flow.ports import FlowQueries, ShadowTold
from exposure.errors import DisconnectedError, DomainError

NONE_YET = (
    "no shadow policy runs, or it has seen nothing yet: name its file in routing.shadow of the "
    "configuration"
)


def shadow_routes(queries: FlowQueries) -> APIRouter:
    """Return the route."""
    router = APIRouter()

    async def shadow() -> Response:
        try:
            told = await queries.shadow()
        except (DisconnectedError, DomainError) as e:
            return _json({"error": str(e)}, HTTPStatus.SERVICE_UNAVAILABLE)
        if told is None:
            return _json({"error": NONE_YET}, HTTPStatus.NOT_FOUND)
        return _json(told, HTTPStatus.OK)

    router.add_api_route("/api/v1/shadow", shadow, methods=["GET"], include_in_schema=False)
    return router


def _json(content: ShadowTold | dict[str, str], status: HTTPStatus) -> Response:
    return Response(msgspec.json.encode(content), status.value, media_type="application/json")
