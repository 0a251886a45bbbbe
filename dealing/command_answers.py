"""How the HTTP interfaces of commands answer: JSON; a refusal has a sentence under ``error``."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.responses import Response

from dealing.commands.errors import BadRequestError, ConflictError, UnknownCommandError
from exposure.errors import DeskError, DomainError, FeedError, StorageError

REFUSALS: Final = (DomainError, FeedError, StorageError)
"""What a command may raise; everything else is a bug."""

_STATUSES: Final[dict[type[DeskError], HTTPStatus]] = {
    UnknownCommandError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    DomainError: HTTPStatus.UNPROCESSABLE_ENTITY,
    FeedError: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""What an error means to whoever asked; the first that fits."""


def as_json(content: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return an answer."""
    return Response(orjson.dumps(content), status.value, media_type="application/json")


def refused(status: HTTPStatus, problems: Sequence[str]) -> Response:
    """Return a refusal that lists every problem."""
    return as_json({"error": "; ".join(problems), "problems": list(problems)}, status)


def refusal_of(error: DeskError) -> Response:
    """Return the refusal for one of REFUSALS."""
    if isinstance(error, BadRequestError):
        return refused(HTTPStatus.UNPROCESSABLE_ENTITY, error.problems)
    status = next(status for kind, status in _STATUSES.items() if isinstance(error, kind))
    return refused(status, [str(error)])


def plain(problem: str) -> str:
    """Return what is wrong with a body in words without the decoder's marks."""
    return problem.replace("`", "").replace("$.", "").replace("Object", "the request")
